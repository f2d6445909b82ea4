"""Configuration files with stand-ins, line by line: every line keeps its number and its kind, comments go.

What Asterisk would refuse stays refused: a header without `]`, a line without `=`, an unknown option.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pjsipdiag.asterisk.files.comments import Comments
from pjsipdiag.redact.disguise import Disguise

_ASSIGNMENT = re.compile(r"\s*(.*?)\s*(\+?=>?)\s*(.*)", re.DOTALL)
VERBATIM = frozenset({"sorcery.conf", "extconfig.conf", "modules.conf", "asterisk.conf"})
"""Files that map and switch on; they hold no names of customers."""


def redact_conf(name: str, data: bytes, disguise: Disguise, value: Callable[[str, str], str]) -> bytes:
    """The file `name`; `value` gives the stand-in for (option, value)."""
    comments = Comments()
    shown = []
    for number, line in enumerate(data.split(b"\n"), 1):
        try:
            kept = (comments.strip(line.rstrip(b"\r"), number) or b"").strip()
        except ValueError:
            kept = b""
        text = kept.decode("utf-8", "surrogateescape")
        shown.append(text if name in VERBATIM else _line(text, disguise, value))
    return "\n".join(shown).encode("utf-8", "surrogateescape")


def _line(text: str, disguise: Disguise, value: Callable[[str, str], str]) -> str:
    if not text or text.startswith("#"):
        return text
    if text.startswith("["):
        return _header(text, disguise)
    found = _ASSIGNMENT.fullmatch(text)
    if found is None:
        return "redacted"
    stand = text[found.start(3) :] if found[1].lower() == "type" else value(found[1], found[3])
    return f"{found[1]}{found[2]}{stand}".replace(";", "\\;")


def _header(text: str, disguise: Disguise) -> str:
    title, bracket, after = text[1:].partition("]")
    if not bracket:
        return "[redacted"
    shown = f"[{disguise.section(title)}]"
    if not after.startswith("("):
        return shown
    listed, parenthesis, _ = after[1:].partition(")")
    if not parenthesis:
        return f"{shown}(redacted"
    parts = [part if part == "!" or part.startswith("+") else disguise.section(part) for part in listed.split(",")]
    return f"{shown}({','.join(parts)})"

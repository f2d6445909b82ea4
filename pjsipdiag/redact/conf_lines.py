"""Configuration files with stand-ins, line by line: every line keeps its number and its kind, comments go.

What Asterisk would refuse stays refused: a header without `]`, a line without `=`, an unknown option.
"""

from __future__ import annotations

import re

from pjsipdiag.asterisk.files.comments import Comments
from pjsipdiag.redact.disguise import Disguise
from pjsipdiag.redact.mapping_lines import StandIns, is_named_section, redact_extconfig, redact_sorcery

_ASSIGNMENT = re.compile(r"\s*(.*?)\s*(\+?=>?)\s*(.*)", re.DOTALL)
_MODULES = re.compile(r"\[[\w.-]*\]|[\w.-]+\s*=>?\s*[\w.-]+")
"""The lines that stay of modules.conf; they hold no names of customers."""
_MAPPINGS = {"extconfig.conf": redact_extconfig, "sorcery.conf": redact_sorcery}


def redact_conf(name: str, data: bytes, disguise: Disguise, options: StandIns) -> bytes:
    """The file `name`; `options` gives the stand-ins of options and their values."""
    comments = Comments()
    shown = []
    for number, line in enumerate(data.split(b"\n"), 1):
        try:
            kept = (comments.strip(line.rstrip(b"\r"), number) or b"").strip()
        except ValueError:
            kept = b""
        text = kept.decode("utf-8", "surrogateescape")
        stays = name == "modules.conf" and _MODULES.fullmatch(text)
        shown.append(text if stays else _line(name, text, disguise, options))
    return "\n".join(shown).encode("utf-8", "surrogateescape")


def _line(name: str, text: str, disguise: Disguise, options: StandIns) -> str:
    if not text:
        return text
    if text.startswith("#"):
        return _directive(text)
    if text.startswith("["):
        return text if name in _MAPPINGS and is_named_section(text) else _header(text, disguise, options)
    found = _ASSIGNMENT.fullmatch(text)
    if found is None:
        return "redacted"
    if name in _MAPPINGS:
        return _MAPPINGS[name](found[1], found[2], found[3], disguise, options).replace(";", "\\;")
    stand = options.kind(found[3]) if found[1].lower() == "type" else options.value(found[1], found[3])
    return f"{options.option(found[1])}{found[2]}{stand}".replace(";", "\\;")


def _directive(text: str) -> str:
    """The names of files stay; what a program is given, and what somebody took for a comment, do not."""
    name = text[1:].split(maxsplit=1)[0].lower() if text[1:].strip() else ""
    if name in ("include", "tryinclude"):
        return text
    return "#exec redacted" if name == "exec" else "#redacted"


def _header(text: str, disguise: Disguise, options: StandIns) -> str:
    title, bracket, after = text[1:].partition("]")
    if not bracket:
        return "[redacted"
    shown = f"[{disguise.section(title)}]"
    if not after.startswith("("):
        return shown
    listed, parenthesis, _ = after[1:].partition(")")
    if not parenthesis:
        return f"{shown}(redacted"
    parts = [
        part if part in ("!", "+") else _filter(part, options) if part.startswith("+") else disguise.section(part)
        for part in listed.split(",")
    ]
    return f"{shown}({','.join(parts)})"


def _filter(text: str, options: StandIns) -> str:
    """A filter of sections (`+type=endpoint&TEMPLATES=include`): its words stay."""
    shown = []
    for part in text[1:].split("&"):
        name, equals, value = part.partition("=")
        known = name == "TEMPLATES" or name.lower() == "type"
        kept = value if value.lower() in ("include", "restrict") else options.kind(value)
        shown.append(f"{name}{equals}{kept}" if known else f"{options.option(name)}{equals}{kept}")
    return "+" + "&".join(shown)

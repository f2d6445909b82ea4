"""Bytes of a configuration file as lines, and as text that can be turned back into the same bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pjsipdiag.asterisk.addresses.match import BLANKS

LINE_BUFFER = 8191
"""Bytes that `fgets` takes at once, a line end included (main/config.c, config_text_file_load)."""

BLANK_BYTES = BLANKS.encode()


def split(data: bytes) -> Iterator[bytes]:
    """Lines as `fgets` into 8192 bytes gives them to Asterisk: what is longer comes as its first 8191 bytes."""
    # A text that ends with a line end gives one empty line more: `while (!feof(f)) lineno++` counts it as well, which
    # shows in the line numbers that Asterisk logs for the next file of an #include.
    for line in data.split(b"\n"):
        # A long line is skipped as a whole. strlen() ends at a NUL, though: then the piece that fgets took does not
        # look long, and what is left of the line is read as further lines.
        if len(line) < LINE_BUFFER or b"\0" not in line[:LINE_BUFFER]:
            yield line[:LINE_BUFFER] if len(line) >= LINE_BUFFER else line + b"\n"
        else:
            for start in range(0, len(line) + 1, LINE_BUFFER):
                yield line[start : start + LINE_BUFFER]


_WIDE_MARKS = b"\xff\xfe", b"\xfe\xff"
_WIDE = re.compile(rb"[^\0]\0")
_LOOKED_AT = 4096


def why_no_text(data: bytes) -> str:
    """Why Asterisk finds no line in a file, and what to do; empty where it does, as in all but damaged copies."""
    head = data[:_LOOKED_AT]
    if data and not head.strip(b"\0") and not data.strip(b"\0"):
        return "holds nothing but zeros, as a full disk or a crash leaves them: bring it back from a backup"
    if head.startswith(_WIDE_MARKS) or 5 * len(_WIDE.findall(head)) > len(head):
        return "is UTF-16 or UTF-32 text, as Windows writes it, of which Asterisk reads nothing: save it as UTF-8"
    if b"\n" not in data and data.count(b"\r") > 1:
        return "has carriage returns alone for line ends, so Asterisk reads one line: tr '\\r' '\\n' mends it"
    return ""


TRUE_WORDS = frozenset({"yes", "true", "y", "t", "1", "on"})
FALSE_WORDS = frozenset({"no", "false", "n", "f", "0", "off"})
"""`ast_false` (main/utils.c)."""


def parse_bool(text: str) -> bool:
    """`ast_true` (main/utils.c): everything that is not a word for yes is no."""
    return text.lower() in TRUE_WORDS


def to_text(data: bytes) -> str:
    """Bytes as text that can be turned back into the same bytes."""
    return data.decode("utf-8", "surrogateescape")


def latin(text: str) -> str:
    """Text with one character a byte, as PJSIP's and the C library's functions see it."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def lower(text: str) -> str:
    """`strcasecmp` in the C locale knows ASCII only."""
    return text.lower() if text.isascii() else "".join(c.lower() if c.isascii() else c for c in text)


_DIRECTIVE = re.compile(rb"#([^\x00-\x20\x80-\xff]*)(?:.(.*))?\Z", re.DOTALL)


def split_directive(line: bytes) -> tuple[str, bytes]:
    """The name of the directive of a line that begins with `#`, and its argument."""
    matched = _DIRECTIVE.match(line)
    assert matched is not None
    return to_text(matched[1]), (matched[2] or b"").strip(BLANK_BYTES)

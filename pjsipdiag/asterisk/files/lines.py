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

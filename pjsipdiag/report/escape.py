"""Hostile text made visible: nothing that came from a packet or a file leaves the program as a control character.

Every renderer shows text through `visible` (or `clipped`); the format's own quoting (HTML, JSON, XML, Markdown, CSV)
comes on top of it. Printable text is never changed.
"""

from __future__ import annotations

LONGEST = 300
"""Characters of one value that a person is shown; a header may have 64 KiB."""


def visible(text: str) -> str:
    """`text` with everything that is not printable as a visible escape: control characters and ANSI sequences,
    bidirectional marks, zero-width and private characters, line separators.

    A byte that was not UTF-8 (a lone surrogate of `surrogateescape`) becomes `\\xNN`, as do control characters.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def clipped(text: str, longest: int = LONGEST) -> str:
    """`visible` text, cut after `longest` characters with the length of the whole."""
    shown = visible(text[: longest + 1])
    if len(shown) <= longest:
        return shown
    return f"{shown[:longest]}... ({len(text):,} characters)"


def well_formed(text: str) -> str:
    """`text` with lone surrogates as visible escapes, for formats that can carry everything else themselves."""
    if text.isascii():
        return text
    return "".join(_escape(char) if "\ud800" <= char <= "\udfff" else char for char in text)


def _escape(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if char in _SHORT:
        return _SHORT[char]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

"""Tables with a text in one of their columns (RFC 4180 and its kin), as log databases and spreadsheets write them."""

from __future__ import annotations

import re

_SIMPLE = rb'(?:"(?:[^"\n]|"")*"|[^"\n,;\t]*)'
_OPEN = re.compile(rb'(?:\A|[,;\t])"(?=[^"\n]*-->\r?\Z)[^"\n]*<-{1,4} ?(?:Received|Transmitting) SIP ')
"""A line that announces a message in a field of several lines."""
_DOUBLED, _BACKSLASHED = rb'(^|[,;\t])("(?:[^"]|"")*")', rb'(^|[,;\t])("(?:[^"\\]|\\.)*")'
"""A field between quotation marks, and the two ways to write such a mark in it."""
_REST = re.compile(
    rb'(^|[,;\t])("(?:[^"\n]|"")*+\n(?:[^"]|"")*+")(?:[,;\t]' + _SIMPLE + rb")*(?=\r?\n|\Z)", re.MULTILINE
)
"""A field of several lines, and those behind it."""
_FIELD = re.compile(_DOUBLED + rb"(?=[,;\t\r\n]|\Z)", re.MULTILINE)
_OTHER_FIELD = re.compile(_BACKSLASHED + rb"(?=[,;\t\r\n]|\Z)", re.MULTILINE)
_QUOTED_HEADER = re.compile(
    rb'(?m)(?:^|[,;\t])"(?:[^"\n]{0,120} )?[A-Za-z][A-Za-z-]{0,40}: (?:[^"\n]|"")*"(?=[,;\t\r\n]|\Z)'
)


def strip_cells(text: bytes, sample: bytes) -> bytes:
    """The text without the quotation marks around fields, where messages or objects stand in them.

    What stands behind a field of several lines goes: it would be taken for a part of the last one.
    """
    if b'"{""' in sample:
        return _FIELD.sub(_unquoted, text)
    at = text.find(b" SIP re")
    start, end = text.rfind(b"\n", 0, at) + 1, text.find(b"\n", at)
    if at < 0:
        return text
    line = text[start : end if end >= 0 else len(text)]
    if _OPEN.search(line) is not None:
        return _REST.sub(_unquoted, text)
    is_row = any(mark in line for mark in (b",", b";", b"\t")) and not text.count(b'"', start, at) % 2
    if not is_row or _QUOTED_HEADER.search(text) is None:
        return text
    return (_OTHER_FIELD if b'\\"' in sample else _FIELD).sub(
        lambda found: found[0] if b"\n" in found[2] else _unquoted(found), text
    )


def _unquoted(found: re.Match[bytes]) -> bytes:
    mark = b'\\"' if found.re is _OTHER_FIELD else b'""'
    return found[1] + found[2][1:-1].replace(mark, b'"')

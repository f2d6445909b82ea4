"""Where a SIP message starts: recognised by its first line, never by a port.

A message starts with a status line or a request line (RFC 3261 section 7), after any number of CRLFs (section 7.5).
"""

from __future__ import annotations

import re

_REQUEST = rb"[A-Za-z][A-Za-z0-9.!%*_+`'~-]{0,31} (?i:sips?|tel|urn|im|pres):"
_STATUS = rb"SIP/2\.0 [1-6][0-9][0-9][ \r\n]"
START = re.compile(rb"[\r\n]*(?:" + _STATUS + rb"|" + _REQUEST + rb")")
_WHOLE_LINE = re.compile(
    rb"(?:\A|\n)(" + _STATUS + rb"|" + _REQUEST + rb"[^\r\n ]{0,4096} SIP/2\.0\r?\n)",
)
_BEGINNING = re.compile(
    rb"[\r\n]*(?:SIP/2\.0 [1-6]?[0-9]{0,2}|S|SI|SIP|SIP/|SIP/2|SIP/2\.|SIP/2\.0"
    rb"|[A-Za-z][A-Za-z0-9.!%*_+`'~-]{0,31}(?: [A-Za-z]{0,4})?)\Z"
)

Bytes = bytes | bytearray


def starts_like_sip(payload: Bytes) -> bool:
    """Whether `payload` begins with a status line or a request line, perhaps after CRLFs."""
    return START.match(payload) is not None


def may_start_sip(payload: Bytes) -> bool:
    """Whether `payload` is so short that more bytes are needed to tell: it could become a start line."""
    return len(payload) < 48 and _BEGINNING.match(payload) is not None


def find_start(data: Bytes, at: int = 0) -> int:
    """The offset of the first whole start line at the beginning of a line in `data`, from `at` on, or -1."""
    found = _WHOLE_LINE.search(data, max(at - 1, 0))
    return found.start(1) if found else -1

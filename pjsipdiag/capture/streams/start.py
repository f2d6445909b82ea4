"""Where a SIP message starts: recognised by its first line, never by a port.

A message starts with a status line or a request line (RFC 3261 section 7), after any number of CRLFs (section 7.5).
"""

from __future__ import annotations

import re

_REQUEST = rb"[A-Za-z][A-Za-z0-9.!%*_+`'~-]{0,31} (?i:sips?|tel|urn|im|pres):"
_STATUS = rb"SIP/2\.0 [1-6][0-9][0-9][ \r\n]"
START = re.compile(rb"[\r\n]*(?:" + _STATUS + rb"|" + _REQUEST + rb")")
USUAL = (
    *(b"SIP/2.0 %d " % status for status in (200, 100, 401, 180, 183, 407, 404, 403, 486, 487, 503)),
    *(method + b" sip:" for method in (b"INVITE", b"ACK", b"REGISTER", b"OPTIONS", b"BYE", b"CANCEL")),
)
"""The beginnings of most messages, at most 13 bytes: quicker to compare than START."""
_WHOLE_REQUEST = re.compile(_REQUEST + rb"[^\r\n ]{0,4096} SIP/2\.0\Z")
_KNOWN_METHOD = re.compile(
    rb"(?:INVITE|ACK|BYE|CANCEL|OPTIONS|REGISTER|PRACK|SUBSCRIBE|NOTIFY|PUBLISH|INFO|REFER|MESSAGE|UPDATE)"
    rb" (?:sips?|tel|urn|im|pres):"
)
_VERSION = re.compile(rb"SIP/2\.0(?: [1-6][0-9][0-9][ \r\n]|\r?\n)")
LONGEST_START_LINE = 4096
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
    """The offset of the first whole start line in `data`, from `at` on, or -1.

    A request line stands at the beginning of a line, or after a body that ends without one when the method is known.
    """
    for found in _VERSION.finditer(data, at):
        version = found.start()
        if data[version + 7] == 0x20:
            return version
        line = max(data.rfind(b"\n", at, version) + 1, at, version - LONGEST_START_LINE)
        if _WHOLE_REQUEST.match(data, line, version + 7):
            return line
        method = _KNOWN_METHOD.search(data, line, version)
        if method:
            return method.start()
    return -1

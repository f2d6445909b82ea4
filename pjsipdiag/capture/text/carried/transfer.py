"""Whole texts that were encoded to be carried: percent signs of a URL, base64, messages with their lengths before them,
pieces of a program's output.

Each is an object that takes the bytes of a file as they come, and answers with those of the text.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from urllib.parse import unquote_to_bytes

_ESCAPED = re.compile(rb"%(?:20|3A|5B|5D|2C|3C|3E|22|28|0A|0D)", re.IGNORECASE)
_OF_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_NO_BASE64 = bytes(sign for sign in range(256) if _OF_BASE64.fullmatch(bytes((sign,))) is None)
"""The signs that are none of it: line ends, the `=` that fill its end, and what somebody put in between."""
_SIGNS_OF_LOG = b"SIP/2.0", b"SIP re", b"VERBOSE[", b"NOTICE[", b"SecurityEvent="
_CUT = re.compile(rb"%[0-9A-Fa-f]?\Z")
_FRAME = re.compile(rb"(\d{1,6}) (?=<\d{1,3}>)")
_PIECE = rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} DEBG '[^'\n]{1,100}' std(?:out|err) output:\r?\n"
_HEAD_OF_PIECE = re.compile(_PIECE)
_LINE_OF_PIECE = re.compile(rb"(?<=\n)" + _PIECE)
_AROUND_PIECE = re.compile(rb"\n(?:" + _PIECE + rb")+")
LONGEST_HEAD_OF_PIECE = 160
LONGEST_PIECE = 1 << 20
"""Bytes in which a piece of output ends: supervisord reads no more than 128 KiB at once."""
LONGEST_COUNT = 12
"""Bytes in which the head of a message stands."""


def is_escaped(head: bytes) -> bool:
    """Whether a text that starts with `head` is written as in a URL (RFC 3986, 2.1): without any blank."""
    return b" " not in head and len(_ESCAPED.findall(head)) > 2


def is_base64(head: bytes) -> bool:
    """Whether it is a log in base64 (RFC 4648, 4), as mail carries attachments, and nothing else."""
    start = _without_line_ends(head[:4096])
    start = start[: len(start) // 4 * 4]
    if len(start) < 64 or _OF_BASE64.fullmatch(start) is None:
        return False
    plain = a2b_base64(start)
    return any(sign in plain for sign in _SIGNS_OF_LOG)


def _without_line_ends(data: bytes) -> bytes:
    return data.translate(None, b"\r\n")


def is_counted(head: bytes) -> bool:
    """Whether it may be syslog as it goes over a connection (RFC 6587, 3.4.1): each message behind its length."""
    return _FRAME.match(head) is not None


def is_supervised(head: bytes) -> bool:
    """Whether it is supervisord's log of a program: each piece of output behind a line that says so."""
    return _HEAD_OF_PIECE.match(head) is not None


class PercentDecoder:
    """Puts what stands behind percent signs back as it was; `+` is a blank where no other stands for it."""

    def __init__(self, head: bytes) -> None:
        self._plus = b"%20" not in head
        self._kept = b""

    def decode(self, data: bytes, *, final: bool) -> bytes:
        data = self._kept + data
        cut = None if final else _CUT.search(data)
        self._kept = data[cut.start() :] if cut else b""
        data = data[: cut.start()] if cut else data
        return unquote_to_bytes(data.replace(b"+", b" ") if self._plus else data)


class Base64Decoder:
    """The bytes that base64 stands for."""

    def __init__(self) -> None:
        self._kept = b""

    def decode(self, data: bytes, *, final: bool) -> bytes:
        data = self._kept + data.translate(None, _NO_BASE64)
        whole = len(data) // 4 * 4
        self._kept = data[whole:]
        left = self._kept if final else b""
        # A single sign at the end is no byte.
        return a2b_base64(data[:whole]) + (a2b_base64(left + b"==") if len(left) > 1 else b"")


class FrameDecoder:
    """Each message in lines of its own; from the first on whose length does not lead to the next one, as it stands."""

    def __init__(self) -> None:
        self._kept = b""
        self._broken = False

    def decode(self, data: bytes, *, final: bool) -> bytes:
        data = self._kept + data
        made: list[bytes] = []
        at = 0
        while at < len(data) and not self._broken:
            found = _FRAME.match(data, at)
            end = found.end() + int(found[1]) if found else at
            if not final and len(data) < end + LONGEST_COUNT:
                break
            # A count is believed only if another one follows the message: RFC 6587 frames are told from text that
            # begins with a number.
            if found is None or not (end >= len(data) or _FRAME.match(data, end)):
                self._broken = True
                break
            message = data[found.end() : end]
            made.append(message if message.endswith(b"\n") else message + b"\n")
            at = end
        self._kept = b"" if self._broken or final else data[at:]
        return b"".join(made) + (data[at:] if self._broken or final else b"")


class SupervisorDecoder:
    """The pieces as the program wrote them. supervisord ends each with a line end of its own, so that one may be cut in
    the middle of a line; where each is one line and no more, somebody took those ends out."""

    def __init__(self) -> None:
        self._between: re.Pattern[bytes] | None = None
        self._kept = b"\n"  # so that the first line stands like any other

    def decode(self, data: bytes, *, final: bool) -> bytes:
        data = self._kept + data
        if self._between is None:
            pieces = _LINE_OF_PIECE.split(data)[1 : None if final else -1]
            if not pieces and len(data) < LONGEST_PIECE:
                self._kept = data
                return b""
            one_line = all(piece.count(b"\n") == 1 for piece in pieces)
            self._between = _LINE_OF_PIECE if one_line else _AROUND_PIECE
        cut = left = len(data)
        if not final and (end := data.rfind(b"\n", max(cut - LONGEST_HEAD_OF_PIECE, 0))) >= 0:
            # A line that says so, and what may be the start of one, waits for what follows. Of several such lines the
            # last stands for all, or a file of nothing else would be looked at from its start again and again.
            cut = left = end
            while (start := data.rfind(b"\n", 0, cut)) >= 0 and _HEAD_OF_PIECE.match(data, start + 1, cut + 1):
                left = start if cut == end else left
                cut = start
        self._kept = data[left:]
        return self._between.sub(b"", data[:cut])

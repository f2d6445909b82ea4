"""A stream of bytes -> SIP messages: each ends where its Content-Length says (RFC 3261 section 18.3).

Pure: bytes go in, whole messages come out. After a loss, or bytes that are no SIP, the stream is followed again from
the next start line; what was passed over is counted. Every byte is looked at a bounded number of times, and never
more than `LONGEST_MESSAGE` bytes are kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Self

from pjsipdiag.capture.passed_over import BETWEEN_MESSAGES
from pjsipdiag.capture.streams.start import LONGEST_START_LINE, Bytes, find_start, may_start_sip, starts_like_sip
from pjsipdiag.dataclass import NamedTuple

LONGEST_MESSAGE = 256 * 1024
"""The longest message that is waited for, in bytes; PJSIP as Asterisk builds it takes 65,535 (PJSIP_MAX_PKT_LEN)."""
_CONTENT_LENGTH = re.compile(rb"\n(?:content-length|l)[ \t]*:[ \t]*([0-9]{1,9})[ \t]*\r?\n", re.IGNORECASE)
_BLANKS = re.compile(rb"[\r\n]*")
_VIA = re.compile(rb"\n(?:via|v)[ \t]*:", re.IGNORECASE)
_USUAL = b"\r\nContent-Length: "


class Piece(NamedTuple):
    """One message as far as the stream held it."""

    payload: bytes
    truncated: bool = False


def content_length(head: Bytes) -> int:
    """The Content-Length (or `l`) of a head that ends with its empty line; -1 without a usable one (pjsip_find_msg)."""
    at = head.find(_USUAL)
    if at >= 0:
        digits = head[at + 18 : head.find(b"\r", at + 18)]
        if digits.isdigit() and len(digits) < 10:
            return int(digits)
    found = _CONTENT_LENGTH.search(head)
    return int(found[1]) if found else -1


class MessageStream:
    """One direction of one connection. `joined` streams begin somewhere inside a message."""

    __slots__ = ("_buffer", "_is_sip", "_lost", "_need", "_scanned", "undecoded")

    transport = "TCP"

    def __init__(self, undecoded: Counter[str], joined: bool = False) -> None:
        self.undecoded = undecoded
        self._buffer = bytearray()
        self._is_sip = self._lost = joined
        self._need = 0
        self._scanned = 0

    @classmethod
    def start_between(cls, undecoded: Counter[str]) -> Self:
        """A stream that was read up to the end of a message, without a loss."""
        stream = cls(undecoded)
        stream._is_sip = True
        return stream

    @property
    def is_between(self) -> bool:
        """Whether it was read up to the end of a message, without a loss."""
        return self._is_sip and not (self._buffer or self._lost or self._need or self._scanned)

    @property
    def waiting_bytes(self) -> int:
        """How many bytes of an unfinished message are kept."""
        return len(self._buffer)

    @property
    def is_refused(self) -> bool:
        """The stream began like SIP and turned out not to be: it is of no interest."""
        return self._lost and not self._is_sip

    def receive(self, data: bytes) -> Sequence[Piece]:
        """The messages that `data`, the next bytes of the stream, completes."""
        buffer = self._buffer
        if not buffer:
            pieces, used = self._split(data)
            if used < len(data):
                buffer += data[used:] if used else data
            return pieces
        buffer += data
        if len(buffer) < self._need:
            return ()
        # Nothing new can be found without a line end, and the buffer would be searched again for each segment.
        if self._lost and not self._scanned and b"\n" not in data and len(buffer) <= LONGEST_START_LINE:
            return ()
        pieces, used = self._split(buffer)
        del buffer[:used]
        return pieces

    def lose(self) -> Sequence[Piece]:
        """Gives up the unfinished message, as the bytes after it are missing: its beginning, cut, if that is SIP."""
        whole = not self._lost and starts_like_sip(self._buffer)
        pieces = [Piece(bytes(self._buffer.lstrip(b"\r\n")), truncated=True)] if whole else []
        self._buffer.clear()
        self._need = self._scanned = 0
        self._lost = self._is_sip = True
        return pieces

    def _split(self, data: Bytes) -> tuple[list[Piece], int]:
        """The whole messages at the beginning of `data`, and how many bytes are done with."""
        pieces: list[Piece] = []
        at, size = 0, len(data)
        while at < size:
            if not self._need:
                if self._lost and not self._scanned:
                    found = find_start(data, at)
                    if found < 0:
                        return pieces, self._forget(data, at)
                    at = found
                elif data[at] in b"\r\n":
                    at = _BLANKS.match(data, at).end()  # type: ignore[union-attr]  # it matches nothing, too
                at = self._measure(data, at)
                if not self._need:
                    if self._lost and not self._scanned and at < size:
                        continue
                    break
            end = at + self._need
            if size < end:
                break
            pieces.append(Piece(bytes(data[at:end])))
            at = end
            self._need = 0
        return pieces, at

    def _measure(self, data: Bytes, at: int) -> int:
        """Sets `_need` to the length of the message at `at`, when it can be told, and says where to go on."""
        if not self._scanned and not starts_like_sip(data[at : at + 48]):
            if at < len(data) and not may_start_sip(data[at : at + 48]):
                if self._is_sip:
                    self.undecoded[BETWEEN_MESSAGES] += 1
                self._lost = True
                return at + 1
            return at
        blank = data.find(b"\n\r\n", at + max(self._scanned - 2, 0))
        if blank < 0:
            if len(data) - at <= LONGEST_MESSAGE:
                self._scanned = len(data) - at
                return at
            return self._give_up("SIP over TCP whose headers do not end", len(data))
        self._scanned = 0
        head = data[at : blank + 3]
        # In the middle of a stream a body may hold a start line; a message's head has a Via, a quoted one rarely.
        if self._lost and not _VIA.search(head):
            return blank + 3
        length = content_length(head)
        if length > LONGEST_MESSAGE:
            return self._give_up("SIP over TCP with an absurd Content-Length", blank + 3)
        if length < 0:
            self.undecoded["SIP over TCP without Content-Length"] += 1
        self._lost, self._is_sip = False, True
        self._need = len(head) + max(length, 0)
        return at

    def _give_up(self, reason: str, at: int) -> int:
        self.undecoded[reason] += 1
        self._lost, self._scanned = True, 0
        return at

    def _forget(self, data: Bytes, at: int) -> int:
        """How many bytes need not be kept while no start line is found: everything before the last line."""
        line = data.rfind(b"\n", at) + 1 or at
        return len(data) if len(data) - line > LONGEST_START_LINE else line

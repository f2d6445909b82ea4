"""SIP over WebSocket (RFC 7118): the HTTP upgrade, then one SIP message in each WebSocket message (RFC 6455).

Pure, and one direction of a connection: bytes go in, SIP messages come out. Only streams whose upgrade names the
subprotocol `sip`, or whose first frame holds SIP, are followed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from pjsipdiag.capture.passed_over import OTHER_WEBSOCKET
from pjsipdiag.capture.streams.start import starts_like_sip
from pjsipdiag.capture.streams.stream import LONGEST_MESSAGE, Piece

CONTINUATION, TEXT, BINARY = 0, 1, 2
COMPRESSED = 0x40
"""RSV1 of a message's first frame (RFC 7692 section 6)."""
LONGEST_UPGRADE = 16 * 1024
_UPGRADES = (b"GET ", b"HTTP/1.1 101")
_UPGRADE = re.compile(rb"(?:GET [^\r\n]{1,4096} HTTP/1\.1|HTTP/1\.1 101)")
_SUBPROTOCOL = re.compile(rb"\nsec-websocket-protocol[ \t]*:[^\r\n]*\bsip\b", re.IGNORECASE)


def starts_upgrade(payload: bytes) -> bool:
    """Whether `payload` starts like an HTTP request or answer that may open a WebSocket, as far as it goes."""
    return any(start.startswith(payload[: len(start)]) for start in _UPGRADES)


def starts_frame(payload: bytes) -> bool:
    """Whether `payload` starts with a whole or first WebSocket data frame that holds SIP."""
    if not payload or payload[0] & 0x7F not in (TEXT, BINARY):
        return False
    frame = _frame_header(payload)
    return frame is not None and starts_like_sip(unmask(payload[frame[0] :][:48], frame[2]))


def unmask(data: bytes, mask: bytes) -> bytes:
    """`data` under the 4-byte masking key (RFC 6455 section 5.3), or as it is without one."""
    if not mask:
        return data
    size = len(data)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


def _frame_header(data: bytes | bytearray) -> tuple[int, int, bytes] | None:
    """(header length, payload length, masking key) of the frame at the start of `data`, when its header is whole."""
    if len(data) < 2:
        return None
    short = data[1] & 0x7F
    wide = {126: 2, 127: 8}.get(short, 0)
    masked = 4 if data[1] & 0x80 else 0
    end = 2 + wide + masked
    if len(data) < end:
        return None
    size = int.from_bytes(data[2 : 2 + wide], "big") if wide else short
    return end, size, bytes(data[end - masked : end])


class WebSocketStream:
    """One direction of a WebSocket connection, from its HTTP upgrade or from a frame on."""

    __slots__ = ("_buffer", "_lost", "_message", "_need", "_scanned", "_upgraded", "is_refused", "undecoded")

    transport = "WS"

    def __init__(self, undecoded: Counter[str], upgraded: bool = False) -> None:
        self.undecoded = undecoded
        self._buffer = bytearray()
        self._message = bytearray()
        self._lost = False
        self._need = 0
        self._scanned = 0
        self._upgraded = upgraded
        self.is_refused = False
        """The upgrade is not for SIP: the connection is of no interest."""

    @property
    def waiting_bytes(self) -> int:
        """How many bytes of unfinished frames and messages are kept."""
        return len(self._buffer) + len(self._message)

    def receive(self, data: bytes) -> Sequence[Piece]:
        """The messages that `data`, the next bytes of the stream, completes."""
        if self._lost:
            # Nothing in a frame says where the next one starts; a segment that starts with one nearly always does.
            if not starts_frame(data):
                self.undecoded["WebSocket bytes after a loss"] += 1
                return ()
            self._lost = False
        self._buffer += data
        if not self._upgraded and not self._read_upgrade():
            return ()
        if len(self._buffer) < self._need:
            return ()
        return list(self._frames())

    def lose(self) -> Sequence[Piece]:
        """Gives up the unfinished message, as the bytes after it are missing: its beginning, cut, if that is SIP."""
        head = bytes(self._message)
        if self._upgraded and (frame := _frame_header(self._buffer)):
            head += unmask(bytes(self._buffer[frame[0] :]), frame[2])
        self._buffer.clear()
        self._message.clear()
        self._need, self._lost, self._upgraded = 0, True, True
        return [Piece(head, truncated=True)] if starts_like_sip(head) else []

    def _read_upgrade(self) -> bool:
        blank = self._buffer.find(b"\r\n\r\n", max(self._scanned - 3, 0))
        self._scanned = len(self._buffer)
        if blank < 0:
            self.is_refused = self._scanned > LONGEST_UPGRADE or not starts_upgrade(bytes(self._buffer[:12]))
            return False
        head = self._buffer[:blank]
        self.is_refused = not (_UPGRADE.match(head) and _SUBPROTOCOL.search(head))
        self._upgraded = not self.is_refused
        del self._buffer[: blank + 4]
        return self._upgraded

    def _frames(self) -> Iterator[Piece]:
        at, self._need = 0, 0
        while frame := _frame_header(view := self._buffer[at : at + 14]):
            start, size, mask = frame
            if view[0] & 0x30 or size > LONGEST_MESSAGE or len(self._message) > LONGEST_MESSAGE:
                self.undecoded["WebSocket frame that cannot be read"] += 1
                self.lose()
                return
            if len(self._buffer) < at + start + size:
                self._need = start + size
                break
            opcode, final = view[0] & 0x0F, view[0] & 0x80
            if view[0] & COMPRESSED:
                # Asterisk negotiates no compression (res_http_websocket.c); others may
                self.undecoded["compressed WebSocket message (permessage-deflate)"] += 1
                self._message.clear()
            elif opcode <= BINARY:
                if opcode != CONTINUATION:
                    self._message.clear()
                self._message += unmask(bytes(self._buffer[at + start : at + start + size]), mask)
                if final:
                    yield from self._finish()
            at += start + size
        del self._buffer[:at]

    def _finish(self) -> Iterator[Piece]:
        message = bytes(self._message)
        self._message.clear()
        if starts_like_sip(message):
            yield Piece(message)
        elif message.strip(b"\r\n\0"):
            self.undecoded[OTHER_WEBSOCKET] += 1

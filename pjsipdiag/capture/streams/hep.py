"""HEP, the Homer Encapsulation Protocol: SIP that a proxy or agent mirrors, with the addresses it had there.

Version 3 is a list of chunks (HEP3 network protocol specification), versions 1 and 2 a fixed header. The inner
addresses are those of the call; the time stays that of the packet. Over UDP each datagram is one packet; over TCP
version 3 says how long it is, versions 1 and 2 end where the SIP message inside does.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress

from pjsipdiag.capture.datagram import Datagram, Tally, carried_direction
from pjsipdiag.capture.passed_over import BETWEEN_HEP, HEP_WITHOUT_SIP
from pjsipdiag.capture.streams.start import starts_like_sip
from pjsipdiag.capture.streams.stream import Piece, content_length
from pjsipdiag.capture.streams.via import via_transport

HEP_NOTE = "holds HEP (mirrored SIP): the addresses are those inside, as the mirroring host saw them"
HEP_MAGIC = b"HEP3"
LONGEST, MOST_CHUNKS = 65_535, 1000
_UDP = 17
_PROTOCOL, _SOURCE4, _DESTINATION4, _SOURCE6, _DESTINATION6, _SOURCE_PORT, _DESTINATION_PORT = 2, 3, 4, 5, 6, 7, 8
_MICROSECONDS, _PAYLOAD, _COMPRESSED = 10, 15, 16
_LOOPBACK = (b"\x7f", bytes(15) + b"\x01")
_FIXED_SIZES = {(1, 2): (16,), (1, 10): (40,), (2, 2): (28, 26), (2, 10): (52, 50)}
"""(version, address family) -> the header lengths that are in use: version 2 adds the time, padded or not."""


def looks_like(payload: bytes) -> bool:
    """Whether a UDP payload is HEP; for versions 1 and 2 SIP must follow the header."""
    return payload.startswith(HEP_MAGIC) or (payload[:1] in (b"\1", b"\2") and _fixed(payload) is not None)


def unwrap(datagram: Datagram) -> Datagram | None:
    """The SIP datagram inside; None when it holds something else or is damaged.

    In which direction the packet itself went says nothing about the message; who sent it tells the addresses.
    """
    payload = datagram.payload
    found = _chunks(payload) if payload.startswith(HEP_MAGIC) else _fixed(payload)
    if found is None:
        return None
    protocol, source, destination, inner = found
    transport = "UDP" if protocol == _UDP else via_transport(inner, "TCP")
    direction = carried_direction(datagram.direction, datagram.source[:-2])
    return datagram._replace(
        transport=transport, source=source, destination=destination, payload=inner, direction=direction
    )


def unwrap_noted(datagram: Datagram, tally: Tally) -> Datagram | None:
    """The datagram inside of a HEP packet, or None; either is noted in `tally`."""
    inner = unwrap(datagram)
    if inner is None:
        tally.undecoded[HEP_WITHOUT_SIP] += 1
    else:
        tally.note(HEP_NOTE)
    return inner


def _chunks(payload: bytes) -> tuple[int, bytes, bytes, bytes] | None:
    total = int.from_bytes(payload[4:6], "big")
    chunks: dict[int, bytes] = {}
    at, end = 6, min(total, len(payload))
    for _ in range(MOST_CHUNKS):
        if at + 6 > end:
            break
        vendor, kind, size = (int.from_bytes(payload[at + i : at + i + 2], "big") for i in (0, 2, 4))
        if size < 6:
            return None
        if vendor == 0:
            chunks.setdefault(kind, payload[at + 6 : min(at + size, end)])
        at += size
    inner = chunks.get(_PAYLOAD)
    if inner is None:
        inner = _inflate(chunks.get(_COMPRESSED, b""))
    # Chunks come in any order, and senders leave some out: the first of each kind counts, and without both addresses of
    # one family nothing can be judged.
    source = chunks.get(_SOURCE4) or chunks.get(_SOURCE6) or b""
    destination = chunks.get(_DESTINATION4) or chunks.get(_DESTINATION6) or b""
    ports = chunks.get(_SOURCE_PORT, b"\0\0"), chunks.get(_DESTINATION_PORT, b"\0\0")
    if len(source) not in (4, 16) or len(destination) != len(source) or [len(port) for port in ports] != [2, 2]:
        return None
    if not starts_like_sip(inner):
        return None
    ends = source + ports[0], destination + ports[1]
    if source == destination and _MICROSECONDS in chunks and not source.startswith(_LOOPBACK):
        ends = _without_guess(ends, int.from_bytes(chunks[_MICROSECONDS], "big"))
    return int.from_bytes(chunks.get(_PROTOCOL, b"\x11"), "big"), *ends, inner


def _without_guess(ends: tuple[bytes, bytes], microseconds: int) -> tuple[bytes, bytes]:
    """The ends of a packet that Asterisk mirrored, with its own address blank as in its log.

    Over UDP res_hep_pjsip.c guesses its own side (`pjsip_tpmgr_find_local_addr2`), and may name the peer twice. What it
    received has the time of PJSIP, in milliseconds; what it sent has microseconds (`logging_on_rx_msg`,
    `logging_on_tx_msg`).
    """
    blank = bytes(len(ends[0]))
    return (ends[0], blank) if microseconds % 1000 == 0 else (blank, ends[1])


def _inflate(data: bytes) -> bytes:
    """The specification says "gzip/inflate": senders write zlib, gzip, or neither's head."""
    for form in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):
        with suppress(zlib.error):
            return zlib.decompressobj(form).decompress(data, LONGEST)
    return b""


def _fixed(payload: bytes) -> tuple[int, bytes, bytes, bytes] | None:
    if len(payload) < 16:
        return None
    version, family, protocol = payload[0], payload[2], payload[3]
    sizes = _FIXED_SIZES.get((version, family), ())
    for size in sorted(sizes, key=lambda size: size != payload[1]):
        if starts_like_sip(payload[size : size + 64]):
            wide = 4 if family == 2 else 16
            source, destination = payload[8 : 8 + wide], payload[8 + wide : 8 + 2 * wide]
            return protocol, source + payload[4:6], destination + payload[6:8], payload[size:]
    return None


class HepStream:
    """One direction of a TCP connection that carries HEP; `joined` streams begin somewhere inside a packet.

    The pieces are whole HEP packets.
    """

    __slots__ = ("_buffer", "_lost", "_need", "_scanned", "is_refused", "undecoded")

    transport = "HEP"

    def __init__(self, undecoded: Counter[str], joined: bool = False) -> None:
        self.undecoded = undecoded
        self._buffer = bytearray()
        self._lost = joined
        self._need = 0
        self._scanned = 0
        self.is_refused = False

    @property
    def waiting_bytes(self) -> int:
        """How many bytes of an unfinished packet are kept."""
        return len(self._buffer)

    def receive(self, data: bytes) -> Sequence[Piece]:
        """The packets that `data`, the next bytes of the stream, completes."""
        if self._lost and looks_like(data):
            self._buffer.clear()
            self._lost = False
        self._buffer += data
        return list(self._packets()) if len(self._buffer) >= self._need else ()

    def lose(self) -> Sequence[Piece]:
        """Gives up the unfinished packet, as the bytes after it are missing: its beginning, cut, if that can be
        read."""
        head = bytes(self._buffer)
        whole = not self._lost and looks_like(head)
        self._buffer.clear()
        self._need, self._scanned, self._lost = 0, 0, True
        return [Piece(head, truncated=True)] if whole else []

    def _packets(self) -> Iterator[Piece]:
        buffer, at = self._buffer, 0
        while at < len(buffer):
            if self._lost:
                found = buffer.find(HEP_MAGIC, at)
                at = found if found >= 0 else max(at, len(buffer) - len(HEP_MAGIC) + 1)
                if found < 0 or len(buffer) - at < 12:
                    break
                self._lost = False
            size = self._size(at)
            if size < 0:
                self.undecoded[BETWEEN_HEP] += 1
                self._lost = True
                at += 1
                continue
            if not size or len(buffer) - at < size:
                self._need = size
                break
            yield Piece(bytes(buffer[at : at + size]))
            at += size
            self._need = self._scanned = 0
        del buffer[:at]

    def _size(self, at: int) -> int:
        """The length of the packet at `at` of the buffer; 0 when more bytes are needed to tell, -1 when there is none.

        What waits for more is at the beginning of the buffer when they come.
        """
        head = bytes(self._buffer[at : at + 12])
        if HEP_MAGIC.startswith(head[:4]):
            if len(head) < 12:
                return 0
            total, size = int.from_bytes(head[4:6], "big"), int.from_bytes(head[10:12], "big")
            return total if 6 <= size <= total - 6 else -1
        if head[0] not in (1, 2):
            return -1
        # Versions 1 and 2 tell no length: the packet ends where the SIP message inside does, by its Content-Length.
        start = bytes(self._buffer[at : at + 52 + 64])
        if len(start) < 52 + 64:
            return 0
        fixed = _fixed(start)
        if fixed is None:
            return -1
        blank = self._buffer.find(b"\r\n\r\n", at + max(self._scanned, 16))
        if blank < 0:
            self._scanned = len(self._buffer) - at - 3
            return 0 if len(self._buffer) - at <= LONGEST else -1
        self._scanned = 0
        head = bytes(self._buffer[at : blank + 4])
        size = len(head) + max(content_length(head), 0)
        return size if size <= LONGEST else -1

"""Captures byte by byte, so that a test can say exactly what is odd about one."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable

from pjsipdiag.capture import Tally, read_stream
from pjsipdiag.sip import Address

EPOCH = 1_760_000_000_000_000_000
CLIENT, SERVER = Address("203.0.113.13", 5062), Address("192.0.2.1", 5060)
PHONE = Address("203.0.113.13", 20000)
SYN, RST, PSH, ACK = 2, 4, 8, 16
CLIENT6, SERVER6 = Address("2001:db8::13", 5062), Address("2001:db8::1", 5060)


def sip(number: int, method: str = "INVITE", padding: int = 0) -> bytes:
    """A request whose Call-ID is `number`."""
    lines = (
        f"{method} sip:100@192.0.2.1 SIP/2.0",
        f"Via: SIP/2.0/UDP 203.0.113.13:5062;branch=z9hG4bK{number}",
        "From: <sip:203.0.113.13>;tag=1",
        "To: <sip:100@192.0.2.1>",
        f"Call-ID: {number}",
        f"CSeq: 1 {method}",
        f"Content-Length: {padding}",
        "",
        "x" * padding,
    )
    return "\r\n".join(lines).encode()


def udp(payload: bytes, source: Address = CLIENT, destination: Address = SERVER) -> bytes:
    """An IP packet with one UDP datagram; the checksums are left out."""
    a, b = source.pack(), destination.pack()
    segment = a[-2:] + b[-2:] + struct.pack(">HH", 8 + len(payload), 0) + payload
    if len(a) == 6:
        return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(segment), 1, 0x4000, 64, 17, 0) + a[:4] + b[:4] + segment
    return struct.pack(">IHBB", 0x6B800000, len(segment), 17, 64) + a[:16] + b[:16] + segment


def tcp(  # noqa: PLR0917  (the fields of a segment)
    payload: bytes,
    at: int = 0,
    flags: int = ACK,
    source: Address = CLIENT,
    destination: Address = SERVER,
    acknowledges: int = 0,
) -> bytes:
    """An IP packet with one TCP segment, `at` bytes after the SYN's; the checksums are left out."""
    a, b = source.pack(), destination.pack()
    segment = (
        a[-2:]
        + b[-2:]
        + struct.pack(">IIBBHHH", 7001 + at & 0xFFFFFFFF, acknowledges, 0x50, flags, 1000, 0, 0)
        + payload
    )
    if len(a) == 6:
        return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(segment), 1, 0x4000, 64, 6, 0) + a[:4] + b[:4] + segment
    return struct.pack(">IHBB", 0x6B800000, len(segment), 6, 64) + a[:16] + b[:16] + segment


def unreachable(packet: bytes, kind: int = 3, code: int = 3, teller: Address = SERVER) -> bytes:
    """An IP packet with an ICMP error about `packet`, from `teller`."""
    error = bytes((kind, code)) + bytes(6) + packet
    if packet[0] >> 4 == 4:
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(error), 1, 0x4000, 64, 1, 0)
        return head + teller.pack()[:4] + packet[12:16] + error
    return struct.pack(">IHBB", 0x6B800000, len(error), 58, 64) + SERVER6.pack()[:16] + packet[8:24] + error


def ethernet(packet: bytes, *tags: int) -> bytes:
    """`packet` in an Ethernet frame, behind VLAN tags of these types."""
    kind = 0x0800 if packet[0] >> 4 == 4 else 0x86DD
    return bytes(12) + b"".join(struct.pack(">HH", tag, 7) for tag in tags) + struct.pack(">H", kind) + packet


def media(size: int = 160, source: Address = PHONE) -> bytes:
    """An Ethernet frame with RTP."""
    return ethernet(udp(b"\x80\0" + bytes(10) + b"\xd5" * size, source, Address("192.0.2.1", 10000)))


def pcap(  # noqa: PLR0917  (what varies between captures)
    frames: Iterable[bytes],
    order: str = "<",
    magic: int = 0xA1B2C3D4,
    link: int = 1,
    snap: int = 262_144,
    step: int = 20_000_000,
) -> bytes:
    """A classic capture of `frames`, `step` nanoseconds apart; cut at `snap` bytes each."""
    unit = 1 if magic == 0xA1B23C4D else 1000
    tail = bytes(8) if magic == 0xA1B2CD34 else b""
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap, link)]
    for number, frame in enumerate(frames):
        seconds, rest = divmod(EPOCH + number * step, 1_000_000_000)
        kept = frame[:snap]
        parts.append(struct.pack(order + "IIII", seconds, rest // unit, len(kept), len(frame)) + tail + kept)
    return b"".join(parts)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A pcapng block."""
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(link: int = 1, options: bytes = b"", order: str = "<", snap: int = 0) -> bytes:
    return block(1, struct.pack(order + "HHI", link, 0, snap) + options, order)


def enhanced(frame: bytes, ticks: int, number: int = 0, order: str = "<", options: bytes = b"") -> bytes:
    body = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
    return block(6, body + frame + bytes(-len(frame) % 4) + options, order)


class Capture:
    """Bytes read through the library as a capture."""

    def __init__(self, raw: bytes) -> None:
        self.tally = Tally("capture")
        self.datagrams = list(read_stream(io.BytesIO(raw), self.tally))

    @property
    def calls(self) -> list[tuple[int, str]]:
        """(frame, Call-ID) of each message, in order."""
        return [(datagram.frame, datagram.message().call_id) for datagram in self.datagrams]

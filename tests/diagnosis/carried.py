"""Packets as bytes: plain UDP, and what the adversary puts his own into."""

from __future__ import annotations

import ipaddress
import struct

from pjsipdiag.sip import Address
from tests.capture.streams.test_hep import version3

TUNNELS = ("hep", "ipip", "gre", "vxlan")
"""Carriers whose inner addresses are what their sender says."""
BLIND = ("tcp", "syn", "half", "refused", "reset", "alert", "icmp")
"""TCP without a handshake: data at once, a SYN alone, data that guesses the PBX's number, resets, an alert; and an
ICMP error about a request that was never sent."""
OPEN = "open"
"""TCP with a handshake, which only the owner of an address completes."""
_SEGMENTS = {
    "tcp": (1000, 1, 0x18),
    "syn": (1000, 1, 0x02),
    "syn-ack": (9000, 1001, 0x12),
    "half": (1001, 8999, 0x18),
    "refused": (0, 1001, 0x14),
    "reset": (77_000, 0, 0x04),
    "alert": (77_000, 8999, 0x18),
    "open": (1001, 9001, 0x18),
    "answer": (9001, 1001, 0x18),
}
"""Sequence and acknowledgment number and flags; 9000 is the number that nobody guesses."""
TCP, UDP, GRE = 6, 17, 47


def packet(source: Address, destination: Address, payload: bytes, carrier: str, sender: Address) -> bytes:
    """An IP packet; one that `carrier` holds comes from `sender`, and goes to the host that it is for."""
    if carrier in _SEGMENTS:
        return network(source, destination, TCP, _segment(source, destination, payload, *_SEGMENTS[carrier]))
    if carrier == "icmp":
        quoted = network(destination, source, UDP, datagram(destination, source, payload))
        protocol, unreachable = (58, b"\1\4") if ":" in source.ip else (1, b"\3\3")
        return network(source, destination, protocol, unreachable + bytes(6) + quoted)
    plain = network(source, destination, UDP, datagram(source, destination, payload))
    if carrier not in TUNNELS:
        return plain
    here = Address(destination.ip if ":" not in destination.ip else "192.0.2.1", 9060)
    kind = 6 if ":" in source.ip else 4
    if carrier == "hep":
        return network(sender, here, UDP, datagram(sender, here, version3((source, destination), payload)))
    if carrier == "ipip":
        return network(sender, here, 41 if kind == 6 else 4, plain)
    ethertype = b"\x86\xdd" if kind == 6 else b"\x08\x00"
    if carrier == "gre":
        return network(sender, here, GRE, b"\0\0" + ethertype + plain)
    vxlan = Address(here.ip, 4789)
    inner = b"\x08\0\0\0\0\0\1\0" + bytes(12) + ethertype + plain
    return network(sender, vxlan, UDP, datagram(Address(sender.ip, 4789), vxlan, inner))


def datagram(source: Address, destination: Address, payload: bytes) -> bytes:
    return struct.pack(">HHHH", source.port, destination.port, 8 + len(payload), 0) + payload


def network(source: Address, destination: Address, protocol: int, data: bytes) -> bytes:
    ends = [ipaddress.ip_address(one.ip) for one in (source, destination)]
    addresses = b"".join(end.packed for end in ends)
    if ends[0].version == 6:
        return struct.pack(">IHBB", 6 << 28, len(data), protocol, 64) + addresses + data
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(data), 0, 0, 64, protocol, 0) + addresses + data


def _segment(  # noqa: PLR0917  (as its fields)
    source: Address, destination: Address, payload: bytes, sequence: int, acknowledges: int, flags: int
) -> bytes:
    data = b"" if flags & 6 else b"\x15\3\3\0\2\2\x30" if sequence == 77_000 else payload
    fields = source.port, destination.port, sequence, acknowledges, 5 << 4, flags, 65535, 0, 0
    return struct.pack(">HHIIBBHHH", *fields) + data

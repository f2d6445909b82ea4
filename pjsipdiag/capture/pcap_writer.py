"""Writes messages as a capture: pcap with nanoseconds, Linux cooked where the direction is known, else raw IP.

UDP as it was; messages of any other transport as TCP segments with running sequence numbers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import BinaryIO

from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.capture.packets.ip import TCP, UDP

NANOSECOND_MAGIC = 0xA1B23C4D
LINUX_SLL, RAW = 113, 101
LONGEST_SEGMENT = 60_000
"""Bytes of a message in one TCP segment; a longer one goes into several."""


def write_pcap(datagrams: Iterable[Datagram], stream: BinaryIO) -> int:
    """Writes `datagrams` in order, and how many records that made."""
    listed = list(datagrams)
    cooked = any(datagram.direction in ("in", "out") for datagram in listed)
    stream.write(struct.pack("<IHHiIII", NANOSECOND_MAGIC, 2, 4, 0, 0, 262_144, LINUX_SLL if cooked else RAW))
    sequences: dict[tuple[bytes, bytes], int] = {}
    records = 0
    for datagram in listed:
        for packet in _packets(datagram, sequences):
            frame = _cooked(datagram) + packet if cooked else packet
            seconds, rest = divmod(datagram.time, 1_000_000_000)
            stream.write(struct.pack("<IIII", seconds & 0xFFFFFFFF, rest, len(frame), len(frame)) + frame)
            records += 1
    return records


def _cooked(datagram: Datagram) -> bytes:
    """The LINUX_SLL header: type 4 is a packet that this machine sent."""
    protocol = 0x86DD if len(datagram.source) == 18 else 0x0800
    return struct.pack(">HHH8sH", 4 if datagram.direction == "out" else 0, 1, 6, b"", protocol)


def _packets(datagram: Datagram, sequences: dict[tuple[bytes, bytes], int]) -> Iterable[bytes]:
    source, destination, payload = datagram.source, datagram.destination, datagram.payload
    ports = source[-2:] + destination[-2:]
    if datagram.transport == "UDP":
        yield _ip(datagram, UDP, ports + struct.pack(">HH", 8 + len(payload), 0) + payload)
        return
    for start in range(0, len(payload), LONGEST_SEGMENT):
        part = payload[start : start + LONGEST_SEGMENT]
        sequence = sequences.get((source, destination), 1)
        sequences[source, destination] = sequence + len(part)
        acknowledged = sequences.get((destination, source), 1)
        header = struct.pack(">IIBBHHH", sequence & 0xFFFFFFFF, acknowledged & 0xFFFFFFFF, 5 << 4, 0x18, 65535, 0, 0)
        yield _ip(datagram, TCP, ports + header + part)


def _ip(datagram: Datagram, protocol: int, segment: bytes) -> bytes:
    source, destination = datagram.source[:-2], datagram.destination[:-2]
    if len(source) == 16:
        return struct.pack(">IHBB", 6 << 28, len(segment), protocol, 64) + source + destination + segment
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0x4000, 64, protocol, 0) + source + destination
    checksum = sum(struct.unpack(">10H", header))
    checksum = ~((checksum & 0xFFFF) + (checksum >> 16)) & 0xFFFF
    return header[:10] + struct.pack(">H", checksum) + header[12:] + segment

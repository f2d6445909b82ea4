"""A capture in several files, as tcpdump -C and -G write them."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from pjsipdiag.sip import Address
from tests.capture.build import SYN, ethernet, media, sip, tcp, udp
from tests.capture.packets.test_fragments import pieces
from tests.capture.streams.test_tcp import invite


def stream(data: bytes, size: int, port: int = 40000) -> list[bytes]:
    """A connection that carries `data` in segments of `size`."""
    source = Address("203.0.113.13", port)
    opening = tcp(b"", -1, SYN, source)
    packets = [opening, *(tcp(data[at : at + size], at, source=source) for at in range(0, len(data), size))]
    return [ethernet(packet) for packet in packets]


def records(raw: bytes) -> tuple[bytes, list[bytes]]:
    """What stands before the first packet of a capture, and its packets' records (or blocks)."""
    found, classic = [], raw[:4] == b"\xd4\xc3\xb2\xa1"
    at = first = 24 if classic else 0
    while at < len(raw):
        kind, size = struct.unpack_from("<II", raw, at)
        end = at + (16 + struct.unpack_from("<I", raw, at + 8)[0] if classic else size)
        if classic or kind == 6:
            found.append(raw[at:end])
        else:
            first = end
        at = end
    return raw[:first], found


def cut(raw: bytes, places: Sequence[int], folder: Path, zipped: bool = False) -> Path:
    """`folder` with the capture `raw` in files that end after so many records; their names do not tell the order."""
    folder.mkdir(parents=True, exist_ok=True)
    head, found = records(raw)
    for number, (start, end) in enumerate(pairwise([0, *places, len(found)])):
        part = head + b"".join(found[start:end])
        (folder / f"{-number % 7}-{number}").write_bytes(gzip.compress(part) if zipped else part)
    return folder


def later(raw: bytes, seconds: int) -> bytes:
    """The capture so much later."""
    head, found = records(raw)
    moved = [struct.pack("<I", struct.unpack_from("<I", record)[0] + seconds) + record[4:] for record in found]
    return head + b"".join(moved)


def write_all(folder: Path, *captures: bytes) -> Path:
    folder.mkdir()
    for number, raw in enumerate(captures):
        (folder / f"{number}.pcap").write_bytes(raw)
    return folder


BINARY = b"v=0\r\n" + bytes(range(256)) * 3
FRAMES = [
    *stream(invite(1, b"x" * 300) + invite(2, BINARY) + invite(3), 97),
    media(),
    *(bytes(12) + b"\x08\0" + piece for piece in pieces(udp(sip(4, padding=2000)), [496, 1000])),
    ethernet(udp(sip(5))),
]

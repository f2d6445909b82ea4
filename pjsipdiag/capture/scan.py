"""Capture file -> frames that can hold SIP."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pjsipdiag.capture.compressed import Stream
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.dissect import Dissector
from pjsipdiag.capture.pcapng import ENHANCED, INTERFACE, MAGIC, PACKET, SIMPLE, Interface, interface
from pjsipdiag.errors import CaptureError

MAGICS = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000, 16),
    b"\xa1\xb2\xc3\xd4": (">", 1000, 16),
    b"\x4d\x3c\xb2\xa1": ("<", 1, 16),
    b"\xa1\xb2\x3c\x4d": (">", 1, 16),
    b"\x34\xcd\xb2\xa1": ("<", 1000, 24),
    b"\xa1\xb2\xcd\x34": (">", 1000, 24),
}
PCAPNG = b"\x0a\x0d\x0d\x0a"


def scan(stream: Stream, tally: Tally) -> Iterator[Datagram]:
    head = _exactly(stream, 4)
    if not head:
        raise CaptureError(f"{tally.file}: the file is empty")
    dissector = Dissector(tally)
    if head == PCAPNG:
        yield from _pcapng(stream, tally, dissector)
    elif head in MAGICS:
        yield from _pcap(stream, tally, dissector, MAGICS[head])
    else:
        raise CaptureError(
            f"{tally.file}: neither a capture (pcap, pcapng) nor a log of Asterisk: it starts with {head.hex(' ')}"
        )
    yield from dissector.finish()


def _exactly(stream: Stream, size: int) -> bytes:
    parts = b""
    while len(parts) < size and (more := stream.read(size - len(parts))):
        parts += more
    return parts


def _pcap(stream: Stream, tally: Tally, dissector: Dissector, kind: tuple[str, int, int]) -> Iterator[Datagram]:
    order, unit, size = kind
    rest = _exactly(stream, 20)
    if len(rest) < 20:
        raise CaptureError(f"{tally.file}: the file header is cut short: {4 + len(rest)} of 24 bytes")
    link_type = struct.unpack(order + "I", rest[16:])[0] & 0xFFFF
    at = 24
    header = struct.Struct(order + "IIII")
    while raw := _exactly(stream, size):
        record = tally.records + 1
        if len(raw) < size:
            tally.truncated = f"cut in the middle of record {record} at byte {at}"
            return
        seconds, fraction, captured, _ = header.unpack_from(raw)
        data = _exactly(stream, captured) if captured < 1 << 20 else b""
        if len(data) < captured:
            tally.truncated = f"cut in the middle of record {record} at byte {at}"
            return
        tally.records = record
        at += size + captured
        yield from dissector.frame(seconds * 1_000_000_000 + fraction * unit, record, link_type, data)


def _pcapng(stream: Stream, tally: Tally, dissector: Dissector) -> Iterator[Datagram]:
    order, interfaces, at = "<", [Interface(-1)][:0], 0
    raw = PCAPNG + _exactly(stream, 8)
    while raw:
        record = tally.records + 1
        if len(raw) < 12:
            tally.truncated = f"cut in the middle of record {record} at byte {at}"
            return
        if raw[:4] == PCAPNG:
            if raw[8:12] not in MAGIC:
                raise CaptureError(f"{tally.file}: the section header at byte {at} is damaged")
            order, interfaces = MAGIC[raw[8:12]], []
        kind, length = struct.unpack(order + "II", raw[:8])
        if length < 12 or length % 4 or length > 1 << 24:
            tally.truncated = f"damaged after record {record - 1} at byte {at}"
            return
        body = raw[8:12] + _exactly(stream, length - 12)
        if len(body) < length - 8:
            tally.truncated = f"cut in the middle of record {record} at byte {at}"
            return
        body = body[:-4]
        if kind == INTERFACE:
            interfaces.append(interface(order, body))
        elif kind in (ENHANCED, PACKET) and len(body) >= 20:
            tally.records = record
            number, high, low, captured, _ = struct.unpack_from(
                order + ("IIIII" if kind == ENHANCED else "HxxIIII"), body
            )
            if number < len(interfaces):
                found = interfaces[number]
                data = body[20 : 20 + captured]
                yield from dissector.frame(found.time(high << 32 | low), record, found.link_type, data)
            else:
                tally.undecoded["packet of an interface that is not described"] += 1
        elif kind == SIMPLE and len(body) >= 4 and interfaces:
            tally.records = record
            original = struct.unpack_from(order + "I", body)[0]
            snap = interfaces[0].snap_length or original
            yield from dissector.frame(0, record, interfaces[0].link_type, body[4 : 4 + min(original, snap)])
        at += length
        raw = _exactly(stream, 12)

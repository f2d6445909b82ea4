"""Capture file -> frames that can hold SIP."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pjsipdiag.capture.compressed import Stream
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.dissect import Dissector
from pjsipdiag.capture.pcap import HEADER, MAGICS, Walk, file_header
from pjsipdiag.capture.pcapng import ENHANCED, INTERFACE, MAGIC, PACKET, SIMPLE, Interface, interface
from pjsipdiag.capture.window import Window
from pjsipdiag.errors import CaptureError

PCAPNG = b"\x0a\x0d\x0d\x0a"


def scan(stream: Stream, tally: Tally) -> Iterator[Datagram]:
    """The SIP messages of a capture of either format. Raises CaptureError."""
    window = Window(stream)
    window.advance(0)
    head = bytes(window.buffer[: min(window.end, HEADER)])
    if not head:
        raise CaptureError(f"{tally.file}: the file is empty")
    dissector = Dissector(tally)
    if head[:4] in MAGICS:
        header = file_header(head)
        if header is None:
            raise CaptureError(f"{tally.file}: the file header is cut short or damaged: {head.hex(' ')}")
        walk = Walk(window, HEADER, header, dissector, tally)
        yield from walk.messages()
        if walk.cut is not None:
            tally.truncated = f"cut in the middle of record {tally.records + 1} at byte {walk.cut}"
    elif head[:4] == PCAPNG:
        yield from _pcapng(stream, tally, dissector)
    else:
        raise CaptureError(
            f"{tally.file}: neither a capture (pcap, pcapng) nor a log of Asterisk: it starts with {head[:4].hex(' ')}"
        )
    yield from dissector.finish()


def _exactly(stream: Stream, size: int) -> bytes:
    parts = b""
    while len(parts) < size and (more := stream.read(size - len(parts))):
        parts += more
    return parts


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

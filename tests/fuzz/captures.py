"""What is fuzzed of captures: whole files, packets, and the streams inside of them."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable
from tempfile import NamedTemporaryFile

from pjsipdiag.capture import Dissector, FilePart, Handover, UnjoinableError, join, read_part, read_stream
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.fast import compiled
from pjsipdiag.capture.joining.part_handover import WHOLE
from pjsipdiag.capture.packets import logger
from pjsipdiag.capture.packets.link import LINK_TYPES
from pjsipdiag.capture.packets.rare import RARE
from pjsipdiag.capture.streams import hep
from pjsipdiag.capture.streams.stream import MessageStream
from pjsipdiag.capture.streams.tcp import Reassembler
from pjsipdiag.capture.streams.websocket import WebSocketStream
from pjsipdiag.sip import SipMessage

SOURCE, DESTINATION = bytes((203, 0, 113, 13, 19, 196)), bytes((192, 0, 2, 1, 19, 196))
FUZZED_LINK_TYPES = (*LINK_TYPES, *RARE, 147)
"""All that are known, and one that is not."""


def capture(data: bytes) -> None:
    """A whole file: any format, compression, link type and protocol; both loops find the same."""
    found = [_read(data), _read(data, None)]
    if found[0] != found[1]:
        raise AssertionError(f"compiled {found[0]}, interpreted {found[1]}")


def _read(data: bytes, passed: object = compiled.passed) -> tuple[list[SipMessage], Tally]:
    known, tally = compiled.passed, Tally("fuzz")
    compiled.passed = passed  # type: ignore[assignment]  # None or what it was
    try:
        return [datagram.message() for datagram in read_stream(io.BytesIO(data), tally)], tally
    finally:
        compiled.passed = known


def packets(data: bytes) -> None:
    """Packets of one link type: the first byte chooses it, each length is two bytes."""
    link = FUZZED_LINK_TYPES[data[0] % len(FUZZED_LINK_TYPES)] if data else 1
    capture(_file(link, enumerate(chunks(data[1:]))))


def files(data: bytes) -> None:
    """Packets of raw IP in one file and in two, which end after the packet that the first byte counts.

    Read alone, one after the other, and joined as other processes read them: the messages are the same.
    """
    numbered = [(time, packet) for time, packet in enumerate(chunks(data[1:])) if packet]
    place = data[0] % (len(numbered) + 1) if data else 0
    tally = Tally("whole")
    whole = sorted(read_stream(io.BytesIO(_file(101, numbered)), tally))
    halves = [_file(101, part) for part in (numbered[:place], numbered[place:])]
    start = numbered[place][0] * 10**9 if place < len(numbered) else 0
    for ways in (_in_turn(halves, place, start), _shared(halves, place, start)):
        found, undecoded = ways
        if found != whole or undecoded != tally.undecoded:
            raise AssertionError(f"{whole} {tally.undecoded} in one file, {found} {undecoded} in two")


def _in_turn(halves: list[bytes], place: int, start: int) -> tuple[list[Datagram], Counter[str]]:
    one, two = Tally("one"), Tally("two")
    first = Dissector(one)
    found = [*read_stream(io.BytesIO(halves[0]), one, first), *first.finish(start), *first.late]
    second = Dissector(two, first.take_unfinished())
    after = [*read_stream(io.BytesIO(halves[1]), two, second), *second.finish(), *second.late]
    return _both(found, after, place), one.undecoded + two.undecoded


def _shared(halves: list[bytes], place: int, start: int) -> tuple[list[Datagram], Counter[str]]:
    unfinished, found, undecoded = None, list[list[Datagram]](), Counter[str]()
    for raw, end in zip(halves, (start, None), strict=True):
        with NamedTemporaryFile(prefix="pjsipdiag-fuzz-") as file:
            file.write(raw)
            file.flush()
            tally, rest = Tally("part"), Handover()
            mine = list(read_part(FilePart(file.name, 0, WHOLE), tally, rest))
        try:
            dissector, joined = join([rest], tally, unfinished)
        except UnjoinableError:
            tally = Tally("alone")
            dissector, mine = Dissector(tally, unfinished), []
            joined = list(read_stream(io.BytesIO(raw), tally, dissector))
        found.append([*mine, *joined, *dissector.finish(end), *dissector.late])
        unfinished = dissector.take_unfinished()
        undecoded += tally.undecoded
    return _both(found[0], found[1], place), undecoded


def _both(one: list[Datagram], two: list[Datagram], place: int) -> list[Datagram]:
    return sorted([*one, *(datagram._replace(frame=datagram.frame + place) for datagram in two)])


def _file(link: int, packets: Iterable[tuple[int, bytes]]) -> bytes:
    file = bytearray(bytes.fromhex("d4c3b2a1020004000000000000000000ffff0000") + link.to_bytes(4, "little"))
    for time, packet in packets:
        size = len(packet).to_bytes(4, "little")
        file += time.to_bytes(4, "little") + bytes(4) + size + size + packet
    return bytes(file)


def tcp(data: bytes) -> None:
    """Segments in any order: a byte of flow and flags, two of sequence number, then the payload."""
    reassembler = Reassembler(Tally("fuzz"))
    found: list[Datagram] = []
    for time, part in enumerate(chunks(data)):
        if len(part) < 4:
            continue
        flow = bytes((192, 0, 2, part[0] & 1, 192, 0, 2, 2, 0, 1, 19, 196))
        flags = part[0] >> 3
        payload = part[4:]
        length = len(payload) + part[3] if part[0] & 4 else None
        far = (part[0] & 2) << 29
        sequence = 0xFFFFFF00 + far + int.from_bytes(part[1:3], "big") & 0xFFFFFFFF
        found += reassembler.feed(time * 10**8, time, flow, sequence, flags, payload, length, "", sequence)
    found += reassembler.finish()
    for datagram in found:
        datagram.message()
    if reassembler.waiting:
        raise AssertionError(f"{reassembler.waiting} bytes are waiting after the end")


def messages(data: bytes) -> None:
    """One stream in pieces of the length that the first byte gives: the same messages as in one piece."""
    size = data[0] + 1 if data else 1
    whole, pieces = MessageStream(Counter()), MessageStream(Counter())
    told = list(whole.receive(data[1:]))
    if not whole.is_refused:
        parts = [piece for at in range(1, len(data), size) for piece in pieces.receive(data[at : at + size])]
        if not pieces.is_refused and parts != told:
            raise AssertionError(f"{told} in one piece, {parts} in pieces of {size}")


def websocket(data: bytes) -> None:
    """Frames in pieces, with and without the upgrade."""
    size = data[0] + 1 if data else 1
    for upgraded in (True, False):
        stream = WebSocketStream(Counter(), upgraded)
        for at in range(1, len(data), size):
            stream.receive(data[at : at + size])
        stream.lose()


def mirrored(data: bytes) -> None:
    """HEP in a datagram and in a stream, and the datagrams of Asterisk's own captures."""
    size = data[-1] + 1 if data else 1
    for joined in (True, False):
        stream = hep.HepStream(Counter(), joined)
        for at in range(0, len(data), size):
            stream.receive(data[at : at + size])
        stream.lose()
    datagram = Datagram(0, 1, "UDP", SOURCE, DESTINATION, data)
    hep.looks_like(data)
    inner = hep.unwrap(datagram)
    for found in (inner, logger.restore_transport(datagram)):
        if found is not None:
            found.message()


def chunks(data: bytes) -> Iterable[bytes]:
    """Parts of the bytes, each behind two bytes that say its length."""
    at = 0
    while at + 2 <= len(data):
        size = int.from_bytes(data[at : at + 2], "big") & 0x7FF
        yield data[at + 2 : at + 2 + size]
        at += 2 + size

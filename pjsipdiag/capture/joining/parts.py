"""A capture read by several processes, file by file or a big file in parts, with the answer of one.

`split` cuts at places where a chain of record headers verifies. A part gives the messages that one packet holds whole,
those in fragments that lie in it without any fault, and those of TCP connections whose opening SYN lies in it: these
are its own. Packets whose meaning depends on what was before (other fragments, other TCP) are handed back raw in its
Handover, and `join` reads them in order when all parts are done, beginning with what the file before left. Where that
could differ from one process (damage, sections, too much to hand back) `join` raises UnjoinableError, and `read_on`
reads what is left of the file in one go: so it is never read twice as a whole.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.formats.pcap import HEADER, FileHeader, PcapWalk, file_header
from pjsipdiag.capture.formats.pcapng import BlockWalk, PcapngSection, find_leading_section
from pjsipdiag.capture.formats.reader import CountedFile, read, say_damage
from pjsipdiag.capture.formats.scan import open_walk, say_cut
from pjsipdiag.capture.joining.deferring import DeferringDissector, JoiningDissector, PartEndedError
from pjsipdiag.capture.joining.logs import merge_refusals, read_log, split_log
from pjsipdiag.capture.joining.part_handover import WHOLE, FilePart, Handover, OpenedConnection, UnjoinableError
from pjsipdiag.capture.packets.dissect import Dissector, UnfinishedState
from pjsipdiag.capture.source.compressed import GuardedStream
from pjsipdiag.capture.source.location import open_file, size_of
from pjsipdiag.capture.source.window import Window
from pjsipdiag.capture.streams.tcp_flow import port_pair

SMALLEST, OF_LOGS = 32 << 20, 8
"""Bytes of a part that are worth a process; those of a log take so many times as long."""


def split(path: str | Path, parts: int, smallest: int | None = None) -> list[FilePart]:
    """`path` in at most `parts` pieces of about the same size; a single one when it cannot be cut.

    Raises CaptureError when the file cannot be opened.
    """
    whole = [FilePart(str(path), 0, WHOLE)]
    smallest = smallest or SMALLEST
    size = size_of(str(path)) if parts > 1 and str(path) != "-" else None
    if size is None or size < 2 * smallest // OF_LOGS:
        return whole
    with suppress(OSError), open_file(str(path)) as stream:
        pieces = _split_at(stream, str(path), size, min(parts, size // smallest))
        if len(pieces) < 2:
            pieces = split_log(stream, str(path), size, min(parts, size * OF_LOGS // smallest))
        return pieces or whole
    return whole


def _split_at(stream: BinaryIO | io.RawIOBase, path: str, size: int, parts: int) -> list[FilePart]:
    """The parts; none where the file is of no format that can be split."""
    window = Window(stream)
    window.advance(0)
    header, section = file_header(window.buffer[:HEADER]), None
    if header is None:
        section = find_leading_section(window)
        if section is None:
            return []
    places = [0]
    for number in range(1, parts):
        offset = size * number // parts
        stream.seek(offset)
        place = _walk(Window(stream, offset), header, section, Dissector(Tally(""))).find_sure()
        if place is not None and place > places[-1]:
            places.append(place)
    return [FilePart(path, *ends, header, section) for ends in pairwise([*places, size])]


def _walk(
    window: Window, header: FileHeader | None, section: PcapngSection | None, dissector: Dissector
) -> PcapWalk | BlockWalk:
    window.advance(0)
    if header is not None:
        return PcapWalk(window, 0, header, dissector)
    return BlockWalk(window, dissector, section)


def read_part(part: FilePart, tally: Tally, rest: Handover) -> Iterator[Datagram]:
    """The messages of `part` that need nothing from before it; frames count from 1. `rest` is filled for `join`.

    Raises CaptureError as `read` does.
    """
    if part.log is not None:
        with open_file(part.path, part.start, part.end) as stream:
            yield from read_log(stream, part.end - part.start, part.log, tally, rest)
        return
    dissector = DeferringDissector(tally, rest)
    with suppress(PartEndedError):
        yield from read(part.path, tally, dissector) if part.end == WHOLE else _between(part, tally, rest, dissector)
    dissector.close()


def _between(part: FilePart, tally: Tally, rest: Handover, dissector: Dissector) -> Iterator[Datagram]:
    with open_file(part.path, part.start, part.end) as stream:
        content = CountedFile(stream, tally.on_read) if tally.on_read else stream
        window = Window(content, part.start, part.end - part.start)
        if part.start:
            walk = _walk(window, part.header, part.section, dissector)
        else:
            window.advance(0)
            walk = open_walk(window, dissector, tally)
        try:
            yield from walk.messages()
        except OSError as error:  # to be read as a whole, which says how far
            rest.reason = f"a read error: {error.strerror}"
            return
    rest.cut = walk.cut
    if walk.damaged:
        rest.reason = "the capture is damaged"
    elif isinstance(walk, BlockWalk) and walk.untimed:
        rest.reason, rest.from_start = "packets have no time of their own", True
    elif isinstance(walk, BlockWalk) and PcapngSection(walk.order, tuple(walk.interfaces)) != part.section:
        rest.reason = "interfaces are described in the middle of the capture"
    elif isinstance(walk, PcapWalk) and walk.header != part.header:
        rest.reason = "captures were appended to one another"


def join(
    rests: Sequence[Handover], tally: Tally, unfinished: UnfinishedState | None = None
) -> tuple[Dissector, list[Datagram]]:
    """The messages of fragments and TCP streams of all parts of a file, in order, with the frames of the whole file.

    `tally` has been merged from those of the parts; it is completed. `unfinished` is what the file before left, and
    stays as it is, as the `rests` do. The dissector is to be finished as after reading the file.

    :raises UnjoinableError: what the parts from its number `part` on gave is to be thrown away, and that of the file is
        to be read with `read_on` behind those before it, or with `read`.
    """
    import pickle

    found: list[Datagram] = []
    # A deep copy: joining changes the flows, and after UnjoinableError the file is read once more behind the same ones.
    dissector = JoiningDissector(tally, pickle.loads(pickle.dumps(unfinished)))
    before = 0
    for number, rest in enumerate(rests):
        try:
            found += _join(dissector, rest, before, tally, rest is rests[-1])
        except UnjoinableError as reason:
            reason.part = 0 if rest.is_log or any(one.from_start for one in rests) else number
            raise
        before += rest.records
    if any(rest.is_log for rest in rests):
        merge_refusals(rests, tally)
    return dissector, found


def _join(dissector: JoiningDissector, rest: Handover, before: int, tally: Tally, is_last: bool) -> Iterator[Datagram]:
    """The messages in the packets that the next part handed back; `before` counts the records before it."""
    # TCP that begins no SIP is passed over unless its flow is known. The part did not know the flows that come from
    # before it: if it passed over any segment between their ports, that cannot be made good here.
    carried = {port_pair(flow) for flow in dissector.flows}
    if rest.reason:
        raise UnjoinableError(rest.reason)
    if carried and (rest.any_passed or not carried.isdisjoint(rest.passed_over)):
        raise UnjoinableError("a TCP stream goes on from one part to the next")
    if rest.cut is not None:
        if not is_last:
            raise UnjoinableError("the records do not meet where the capture was split")
        say_cut(tally, before + rest.records, rest.cut)
    # Own flows begin where their SYN was (Opened), in the order of the capture; only then what the part read of them is
    # put in their place, so that a flow that a former connection left is seen first.
    dissector.few.beside(rest)
    for packet in rest.deferred.values():
        if isinstance(packet, OpenedConnection):
            dissector.take_over(packet)
        else:
            yield from dissector.frame(packet.time, packet.frame + before, packet.link_type, packet.data)
    dissector.part(rest, before)


def read_on(part: FilePart, tally: Tally, before: Dissector) -> tuple[Dissector, Iterator[Datagram]]:
    """The messages from the beginning of `part` to the end of its file, behind those that were joined `before`, whose
    frames `tally` counts; and the dissector that is to be finished in its place."""
    dissector = Dissector(tally, before.take_unfinished()._replace(records=0))
    dissector.late += before.late
    return dissector, _to_the_end(part, tally, dissector)


def _to_the_end(part: FilePart, tally: Tally, dissector: Dissector) -> Iterator[Datagram]:
    damage: list[str] = []
    with open_file(part.path, part.start) as stream:
        content = GuardedStream(CountedFile(stream, tally.on_read) if tally.on_read else stream, damage, part.start)
        walk = _walk(Window(content, part.start), part.header, part.section, dissector)
        yield from walk.messages()
    if walk.cut is not None:
        say_cut(tally, tally.records, walk.cut)
    say_damage(tally, damage)

"""A capture read by several processes, file by file or a big file in parts, with the answer of one.

`split` cuts at places where a chain of record headers verifies. A part gives the messages that one packet holds whole,
those in fragments that lie in it without any fault, and those of TCP connections whose opening SYN lies in it: these
are its own. Packets whose meaning depends on what was before (other fragments, other TCP) are handed back raw in its
Rest, and `join` reads them in order when all parts are done, beginning with what the file before left. Where that could
differ from one process (damage, sections, too much to hand back) `join` raises Unjoinable, and the file has to be read
in one go.
"""

from __future__ import annotations

import io
import pickle
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.formats.pcap import HEADER, FileHeader, Walk, file_header
from pjsipdiag.capture.formats.pcapng import BlockWalk, PcapngSection, leading
from pjsipdiag.capture.formats.reader import Watched, read
from pjsipdiag.capture.formats.scan import open_walk
from pjsipdiag.capture.joining.handover import (
    Deferred,
    FewFragments,
    Handover,
    Opened,
    OwnFragments,
    StatefulError,
    Unjoinable,
    number_of,
)
from pjsipdiag.capture.packets.dissect import Dissector, Unfinished
from pjsipdiag.capture.packets.fragments import Key
from pjsipdiag.capture.packets.network import Carried
from pjsipdiag.capture.source.place import open_file, size_of
from pjsipdiag.capture.source.window import Window
from pjsipdiag.capture.streams.flow import port_pair, reverse
from pjsipdiag.capture.streams.tcp import ACK, SYN

SMALLEST = 4 << 20
"""Bytes of a part that are worth a process."""
WHOLE = -1
MOST_DEFERRED = 16 << 20
"""Bytes of packets that a part hands back."""
MOST_FLOWS = 200_000
MOST_WHOLE = 1_000_000
"""Datagrams that a part puts together from fragments."""
OPENED_SIZE = 100
"""Bytes that stand for one Opened."""


@dataclass(frozen=True, slots=True)
class FilePart:
    """Bytes `start` to `end` (WHOLE: all) of a capture, from a record on that `header` or `section` describes."""

    path: str
    start: int
    end: int
    header: FileHeader | None = None
    section: PcapngSection | None = None


class _UnjoinableError(Exception):
    """Stops the reading of a part that cannot be joined any more."""


class _Deferring(Dissector):
    """A dissector that knows nothing from before: what would need it is put into `rest`."""

    def __init__(self, tally: Tally, rest: Handover) -> None:
        self._pieces = OwnFragments(tally.undecoded, rest)
        super().__init__(tally, share=2, fragments=self._pieces)
        self.passed = set()
        self._reassembler.strays = set()
        self.follow, self.direct = self._feed, self._feed_own
        self._own: set[bytes] = set()
        """Flows of connections that were opened in the part; of those in `known` something was handed back."""
        self._rest = rest
        self._number = 0

    def bound(self) -> None:
        super().bound()
        if self.passed is not None and len(self.passed) > MOST_FLOWS:
            self._rest.any_passed, self.passed = True, None

    def close(self) -> None:
        """The part ends: its own flows are handed back as they are."""
        reassembler, rest = self._reassembler, self._rest
        rest.flows, rest.ignored, rest.records = reassembler.flows, reassembler.ignored, self.tally.records
        rest.strays = reassembler.strays or set()
        rest.passed_over = array("I", self.passed or ())
        if reassembler.full:
            rest.reason = "too many TCP flows"

    def frame(
        self, time: int, frame: int, link_type: int, data: bytes, known: Carried | None = None
    ) -> Iterable[Datagram]:
        pieces = self._pieces
        pieces.waiting = pieces.complete = None
        try:
            found = super().frame(time, frame, link_type, data, known)
        except StatefulError:
            self._defer(Deferred(time, frame, link_type, data), len(data))
            if pieces.complete is not None:
                pieces.frames.pop(pieces.complete, None)
            return ()
        if pieces.waiting is not None:
            number = self._defer(Deferred(time, frame, link_type, data), len(data))
            pieces.frames.setdefault(pieces.waiting, []).append(number)
        elif pieces.complete is not None:
            self._withdraw(pieces.complete)
        return found

    def _withdraw(self, key: Key) -> None:
        """Takes back the frames of a datagram that is complete."""
        rest = self._rest
        for number in self._pieces.frames.pop(key, ()):
            packet = rest.deferred.pop(number)
            rest.size -= len(packet.data) if isinstance(packet, Deferred) else 0
        rest.whole.append(number_of(key))
        if len(rest.whole) > MOST_WHOLE:
            self._give_up("too many fragments")

    def _defer(self, what: Deferred | Opened, size: int) -> int:
        """Hands back `what`, under the number that is answered."""
        rest = self._rest
        rest.size += size
        if rest.size > MOST_DEFERRED:
            self._give_up("too many fragments or TCP segments")
        self._number += 1
        rest.deferred[self._number] = what
        return self._number

    def _give_up(self, reason: str) -> NoReturn:
        self._rest.reason = reason
        self._rest.deferred.clear()
        raise _UnjoinableError

    def _feed(  # noqa: PLR0917  (as Reassembler.feed)
        self,
        time: int,
        frame: int,
        flow: bytes,
        sequence: int,
        flags: int,
        payload: bytes,
        length: int | None = None,
        direction: str = "",
        acknowledges: int = 0,
    ) -> Sequence[Datagram]:
        if flow not in self._own:
            if flags & (SYN | ACK) != SYN:
                self.known.add(flow)
                self.ports.add(port_pair(flow))
                raise StatefulError
            both = {flow, reverse(flow)}
            self._own |= both
            self.known -= both
            self._defer(Opened(time, flow, sequence), OPENED_SIZE)
        return self._reassembler.feed(time, frame, flow, sequence, flags, payload, length, direction, acknowledges)

    def _feed_own(self, *segment: Any) -> Sequence[Datagram] | None:
        with suppress(StatefulError):
            return self._feed(*segment)
        return None


class _Joining(Dissector):
    """Reads what parts handed back, one part after the other."""

    def __init__(self, tally: Tally, before: Unfinished | None) -> None:
        self.few = FewFragments(tally.undecoded)
        super().__init__(tally, before, share=2, fragments=self.few)
        self.follow = self._feed
        self._own: set[bytes] = set()

    def opened(self, connection: Opened) -> None:
        """From here on the flows of `connection` are the part's own."""
        time, flow, sequence = connection
        reassembler = self._reassembler
        if reassembler.repeats(time, flow, sequence):
            state = reassembler.flows[flow]
            if state.sequence.next != state.sequence.begin or state.waiting or reverse(flow) in reassembler.flows:
                raise Unjoinable("a TCP stream goes on from one part to the next")
        self._own |= {flow, reverse(flow)}

    def part(self, rest: Handover, frames: int) -> None:
        """A part is done that began after `frames` frames: its own flows are taken, those before as former ones."""
        reassembler = self._reassembler
        flows = reassembler.flows
        before = {flow: known for flow in self._own if (known := flows.pop(flow, None))}
        reassembler.take_up(rest.flows, rest.ignored, frames)
        for flow, known in before.items():
            old, now = known if known.is_begun else known.former, flows.get(flow)
            if old is None:
                continue
            if flow in rest.strays or flow in rest.ignored or old.former or (now and now.former):
                raise Unjoinable("a TCP stream goes on from one part to the next")
            if now is None:
                flows[flow] = old
            else:
                now.former = old
        self._own.clear()
        if reassembler.full:
            raise Unjoinable("too many TCP flows")

    def _feed(self, time: int, frame: int, flow: bytes, *segment: Any) -> Sequence[Datagram]:
        if flow in self._own:
            raise Unjoinable("a TCP segment in IP fragments belongs to a connection outside them")
        return self._reassembler.feed(time, frame, flow, *segment)


def split(path: str | Path, parts: int) -> list[FilePart]:
    """`path` in at most `parts` pieces of about the same size; a single one when it cannot be cut.

    Raises CaptureError when the file cannot be opened.
    """
    whole = [FilePart(str(path), 0, WHOLE)]
    size = size_of(str(path)) if parts > 1 and str(path) != "-" else None
    parts = min(parts, (size or 0) // SMALLEST)
    if parts < 2 or size is None:
        return whole
    with suppress(OSError), open_file(str(path)) as stream:
        return _split_at(stream, str(path), size, parts) or whole
    return whole


def _split_at(stream: BinaryIO | io.RawIOBase, path: str, size: int, parts: int) -> list[FilePart]:
    """The parts; none where the file is of no format that can be split."""
    window = Window(stream)
    window.advance(0)
    header, section = file_header(window.buffer[:HEADER]), None
    if header is None:
        section = leading(window)
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
) -> Walk | BlockWalk:
    window.advance(0)
    if header is not None:
        return Walk(window, 0, header, dissector)
    return BlockWalk(window, dissector, section)


def read_part(part: FilePart, tally: Tally, rest: Handover) -> Iterator[Datagram]:
    """The messages of `part` that need nothing from before it; frames count from 1. `rest` is filled for `join`.

    Raises CaptureError as `read` does.
    """
    dissector = _Deferring(tally, rest)
    with suppress(_UnjoinableError):
        yield from read(part.path, tally, dissector) if part.end == WHOLE else _between(part, tally, rest, dissector)
    dissector.close()


def _between(part: FilePart, tally: Tally, rest: Handover, dissector: Dissector) -> Iterator[Datagram]:
    with open_file(part.path, part.start, part.end) as stream:
        content = Watched(stream, tally.on_read) if tally.on_read else stream
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
    elif isinstance(walk, BlockWalk) and PcapngSection(walk.order, tuple(walk.interfaces)) != part.section:
        rest.reason = "interfaces are described in the middle of the capture"
    elif isinstance(walk, Walk) and walk.header != part.header:
        rest.reason = "captures were appended to one another"


def join(
    rests: Sequence[Handover], tally: Tally, unfinished: Unfinished | None = None
) -> tuple[Dissector, list[Datagram]]:
    """The messages of fragments and TCP streams of all parts of a file, in order, with the frames of the whole file.

    `tally` has been merged from those of the parts; it is completed. `unfinished` is what the file before left, and
    stays as it is. The dissector is to be finished as after reading the file. Raises Unjoinable: then all that the
    parts gave is to be thrown away, and the file read with `read`.
    """
    found: list[Datagram] = []
    dissector = _Joining(tally, pickle.loads(pickle.dumps(unfinished)))
    before = 0
    for rest in rests:
        carried = {port_pair(flow) for flow in dissector.flows}
        if rest.reason:
            raise Unjoinable(rest.reason)
        if carried and (rest.any_passed or not carried.isdisjoint(rest.passed_over)):
            raise Unjoinable("a TCP stream goes on from one part to the next")
        if rest.cut is not None:
            if rest is not rests[-1]:
                raise Unjoinable("the records do not meet where the capture was split")
            tally.truncated = f"cut in the middle of record {before + rest.records + 1} at byte {rest.cut}"
        dissector.few.beside(rest)
        for packet in rest.deferred.values():
            if isinstance(packet, Opened):
                dissector.opened(packet)
            else:
                found += dissector.frame(packet.time, packet.frame + before, packet.link_type, packet.data)
        dissector.part(rest, before)
        before += rest.records
    return dissector, found

"""One big capture read by several processes, with the answer of one.

`split` cuts at places where a chain of record headers verifies. A part gives the messages that one packet holds whole;
packets whose meaning depends on others (fragments, TCP) are handed back raw in its Rest, and `join` reads them in order
when all parts are done. Where that could differ from one process (damage, sections, too much to hand back) `join`
raises Unjoinable, and the capture has to be read in one go.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, cast

from pjsipdiag.capture.compressed import open_file
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.dissect import Dissector
from pjsipdiag.capture.fragments import Fragments
from pjsipdiag.capture.pcap import HEADER, FileHeader, Walk, file_header
from pjsipdiag.capture.pcapng import BlockWalk, Section, leading
from pjsipdiag.capture.reader import Watched, read
from pjsipdiag.capture.scan import open_walk
from pjsipdiag.capture.window import Window

SMALLEST = 4 << 20
"""Bytes of a part that are worth a process."""
WHOLE = -1
MOST_DEFERRED = 16 << 20
"""Bytes of packets that a part hands back."""
MOST_FLOWS = 200_000


class Unjoinable(Exception):  # noqa: N818  (a decision, not a fault)
    """The parts do not add up to what one process would read."""


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes `start` to `end` (WHOLE: all) of a capture, from a record on that `header` or `section` describes."""

    path: str
    start: int
    end: int
    header: FileHeader | None = None
    section: Section | None = None


class Deferred(NamedTuple):
    """A packet that means something only together with others."""

    time: int
    frame: int
    link_type: int
    data: bytes


@dataclass(slots=True)
class Rest:
    """What a part leaves to `join`. `passed_over` are hashes of TCP flows of which something was passed over; where
    they were too many to note, `any_passed` says that it may have been any flow."""

    deferred: list[Deferred] = field(default_factory=list)
    size: int = 0
    records: int = 0
    passed_over: set[int] = field(default_factory=set)
    any_passed: bool = False
    cut: int | None = None
    reason: str = ""
    """Why the parts cannot be joined, if so."""


class _StatefulError(Exception):
    """Stops the dissection of a packet that has to be deferred."""


class _TooMuchError(Exception):
    """Stops the reading of a part that hands too much back."""


class _NoFragments(Fragments):
    def add(self, *_: object) -> bytes | None:
        raise _StatefulError


class _Flows(Collection[bytes]):
    """The TCP flows of which a part handed something back; `others` are those that were asked for in vain."""

    __slots__ = ("known", "others")

    def __init__(self) -> None:
        self.known: set[bytes] = set()
        self.others: set[object] = set()

    def __contains__(self, flow: object) -> bool:
        if flow in self.known:
            return True
        others = self.others
        if len(others) < MOST_FLOWS:
            others.add(flow)
        return False

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.known)

    def __len__(self) -> int:
        return 1  # never empty: each flow has to be asked for


class _Deferring(Dissector):
    """A dissector without memory: what would need one is put into `rest`."""

    direct = False

    def __init__(self, tally: Tally, rest: Rest) -> None:
        super().__init__(tally)
        self.fragments = _NoFragments(tally.undecoded)
        self.streams = self.flows = _Flows()
        self.follow = self._defer
        self._rest = rest

    def frame(self, time: int, frame: int, link_type: int, data: bytes) -> Iterable[Datagram]:
        try:
            return super().frame(time, frame, link_type, data)
        except _StatefulError:
            rest = self._rest
            rest.size += len(data)
            if rest.size > MOST_DEFERRED:
                raise _TooMuchError from None
            rest.deferred.append(Deferred(time, frame, link_type, data))
            return ()

    def _defer(self, _time: int, _frame: int, flow: bytes, *_: object) -> Sequence[Datagram]:
        self.flows.known.add(flow)
        raise _StatefulError


def split(path: str | Path, parts: int) -> list[Part]:
    """`path` in at most `parts` pieces of about the same size; a single one when it cannot be cut.

    Raises CaptureError when the file cannot be opened.
    """
    whole = [Part(str(path), 0, WHOLE)]
    if parts < 2 or str(path) == "-" or not Path(path).is_file():
        return whole
    size = Path(path).stat().st_size
    parts = min(parts, size // SMALLEST)
    if parts < 2:
        return whole
    with open_file(str(path)) as stream:
        window = Window(stream)
        window.advance(0)
        header, section = file_header(window.buffer[:HEADER]), None
        if header is None:
            section = leading(window)
            if section is None:
                return whole
        places = [0]
        for number in range(1, parts):
            offset = size * number // parts
            stream.seek(offset)
            place = _walk(Window(stream, offset), header, section, Dissector(Tally(""))).find_sure()
            if place is not None and place > places[-1]:
                places.append(place)
    return [Part(str(path), *ends, header, section) for ends in pairwise([*places, size])]


def _walk(window: Window, header: FileHeader | None, section: Section | None, dissector: Dissector) -> Walk | BlockWalk:
    window.advance(0)
    if header is not None:
        return Walk(window, 0, header, dissector)
    return BlockWalk(window, dissector, section)


def read_part(part: Part, tally: Tally, rest: Rest) -> Iterator[Datagram]:
    """The messages that one packet of `part` holds whole; frames count from 1. `rest` is filled for `join`.

    Raises CaptureError as `read` does.
    """
    if part.end == WHOLE:
        yield from read(part.path, tally)
        return
    dissector = _Deferring(tally, rest)
    with open_file(part.path) as stream:
        stream.seek(part.start)
        content = Watched(stream, tally.on_read) if tally.on_read else stream
        window = Window(content, part.start, part.end - part.start)
        if part.start:
            walk = _walk(window, part.header, part.section, dissector)
        else:
            window.advance(0)
            walk = open_walk(window, dissector, tally)
        try:
            yield from walk.messages()
        except _TooMuchError:
            rest.deferred.clear()
            rest.reason = "too many fragments or TCP segments"
            return
    rest.passed_over = {zlib.crc32(cast(bytes, flow)) for flow in dissector.flows.others}
    rest.any_passed = len(dissector.flows.others) == MOST_FLOWS
    rest.records, rest.cut = tally.records, walk.cut
    if walk.damaged:
        rest.reason = "the capture is damaged"
    elif isinstance(walk, BlockWalk) and Section(walk.order, tuple(walk.interfaces)) != part.section:
        rest.reason = "interfaces are described in the middle of the capture"
    elif isinstance(walk, Walk) and walk.header != part.header:
        rest.reason = "captures were appended to one another"


def join(rests: Sequence[Rest], tally: Tally) -> list[Datagram]:
    """The messages of fragments and TCP streams of all parts, in order, with the frames of the whole capture.

    `tally` has been merged from those of the parts; it is completed. Raises Unjoinable: then all that the parts gave is
    to be thrown away, and the capture read with `read`.
    """
    found: list[Datagram] = []
    dissector = Dissector(tally)
    before = 0
    for rest in rests:
        carried = {zlib.crc32(flow) for flow in dissector.streams}
        if rest.reason:
            raise Unjoinable(rest.reason)
        if carried & rest.passed_over or (carried and rest.any_passed):
            raise Unjoinable("a TCP stream goes on from one part to the next")
        if rest.cut is not None:
            if rest is not rests[-1]:
                raise Unjoinable("the records do not meet where the capture was split")
            tally.truncated = f"cut in the middle of record {before + rest.records + 1} at byte {rest.cut}"
        for packet in rest.deferred:
            found += dissector.frame(packet.time, packet.frame + before, packet.link_type, packet.data)
        before += rest.records
    found += dissector.finish()
    return found

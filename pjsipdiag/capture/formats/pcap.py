"""Classic pcap: the hot loop from record headers to the records that can hold SIP.

One Struct reads of each record its length and the fields that tell a plain UDP packet whose payload cannot start like
SIP; such a record is passed over, and a run of them with one length at once (`layout.run`). Everything else goes to the
sieve. A header that cannot be true is not believed: the walk goes on where a chain of headers verifies.
Where there is a compiled part, it goes ahead, and the loop sees only the records that it stops at.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from itertools import chain
from struct import Struct
from typing import NamedTuple

from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.capture.fast import compiled
from pjsipdiag.capture.fast.layout import MARGIN, NEVER, TRANSPORTS, Container, run
from pjsipdiag.capture.fast.sieve import DULL, NO_PORT, Sieve
from pjsipdiag.capture.packets.dissect import PSH, QUIET, SPEAKS, SYN, Dissector
from pjsipdiag.capture.packets.link import SLL_DIRECTIONS
from pjsipdiag.capture.source.window import Window
from pjsipdiag.capture.streams.start import STARTS, USUAL

HEADER = 24
LONGEST = 262_144
"""Bytes that libpcap lets a packet have (MAXIMUM_SNAPLEN)."""
CHAIN = 8
"""Headers in a row that make a place in a damaged capture the start of a record, when the file is that long."""
SURE = 64
"""The same for a place where a capture is split."""
MOST_APART = 7 * 86_400
"""Seconds between neighbouring records of such a chain."""
MOST_NOTES = 20
WORTHWHILE, LONGEST_WALK = 16, 4096
"""A run of 16 makes the next one worth trying soon; else up to 4096 records are walked singly between tries."""
LOOKED_AT = SYN | PSH
"""Flags of TCP segments that are looked at closely."""
LINK_HEADER = 20
"""Bytes in which the type of what a link carries lies."""
SWITCH = 8
"""Records in a row of another encapsulation that make it the expected one."""


class Format(NamedTuple):
    """Byte order, nanoseconds in a unit of the fraction, size of a record header."""

    order: str
    unit: int
    header: int


MAGICS = {
    b"\xd4\xc3\xb2\xa1": Format("<", 1000, 16),
    b"\xa1\xb2\xc3\xd4": Format(">", 1000, 16),
    b"\x4d\x3c\xb2\xa1": Format("<", 1, 16),
    b"\xa1\xb2\x3c\x4d": Format(">", 1, 16),
    b"\x34\xcd\xb2\xa1": Format("<", 1000, 24),  # Alexey Kuznetzov's, with the interface in each header
    b"\xa1\xb2\xcd\x34": Format(">", 1000, 24),
}


class FileHeader(NamedTuple):
    """What the first 24 bytes of a capture say."""

    format: Format
    link_type: int

    @property
    def container(self) -> Container:
        little = self.format.order == "<"
        return Container(self.format.order, self.format.header, ((8, "I"),), 8, 14 if little else 12)


def file_header(raw: bytes | bytearray) -> FileHeader | None:
    """The header that `raw` starts with; None when it is none."""
    form = MAGICS.get(bytes(raw[:4]))
    if form is None or len(raw) < HEADER:
        return None
    major, link = Struct(form.order + "4xH14xI").unpack_from(raw)
    return FileHeader(form, link & 0xFFFF) if major == 2 else None


class Walk:
    """The records of `window` from `at` on; `cut` tells afterwards where the record starts that is not whole."""

    def __init__(self, window: Window, at: int, header: FileHeader, dissector: Dissector) -> None:
        self.cut: int | None = None
        self.damaged = False
        self.header = header
        self._window = window
        self._at = at
        self._dissector = dissector
        self._tally = dissector.tally

    def messages(self) -> Iterator[Datagram]:
        """The SIP messages of all records, in order; `tally.records` counts the windows that were read."""
        return chain.from_iterable(self._windows())

    def _windows(self) -> Iterator[list[Datagram]]:
        more = True
        while more:
            more = yield from self._section()

    def _section(self) -> Generator[list[Datagram], None, bool]:  # noqa: PLR0912, PLR0915  (a call costs as much as a record)
        """The messages, window by window, up to the end or to the header of another, appended capture: then True."""
        window, tally = self._window, self._tally
        buffer, size, unit = window.buffer, self.header.format.header, self.header.format.unit
        fractions = 1_000_000_000 // unit
        container, head = self.header.container, Struct(self.header.format.order + "IIII").unpack_from
        passed, plans = compiled.passed, bytearray()
        sieve = Sieve(container, self.header.link_type, self._dissector, unit, plans)
        layout = NEVER
        unpack, first, second, mask, plain, outer, tags = layout[:7]
        detail, ports, over = layout.detail, layout.ports, layout.over
        least, flow, segment = layout.least - size, layout.addresses, layout.segment
        direction_at, dull, speaks, new = sieve.direction_at, DULL.match, SPEAKS.match, tuple.__new__
        longest, silent = LONGEST, frozenset[int]()
        dissector = self._dissector
        view, paired, wants = window.view, dissector.ports, dissector.wants
        at = before = self._at
        frame, walk, streak, stray = tally.records, 2, 0, 0
        while True:
            messages: list[Datagram] = []
            ended, end = window.ended, window.end
            last = end - (size if ended else MARGIN)
            dissector.bound()
            note = dissector.passed.add if dissector.passed is not None else None
            damaged = short = False
            while at <= last and not short:
                if passed and plans:
                    at, before, frame = passed(
                        buffer, at, before, last, end, frame, plans, compiled.TABLES, paired, dissector.passed, messages
                    )
                    walk = 1
                else:
                    step = size + head(buffer, at)[2]
                    jumped = run(buffer, at, end, step, layout)
                    if jumped:
                        frame += jumped
                        at += jumped * step
                        before = at - step
                    walk = 2 if jumped >= WORTHWHILE else min(walk * 2, LONGEST_WALK)
                for frame in range(frame + 1, frame + 1 + walk):  # noqa: B020  (counting goes on)
                    if at > last:
                        frame -= 1  # noqa: PLW2901
                        break
                    captured, one, two, fragment, protocol, byte = unpack(buffer, at)
                    if (  # the most frequent ones by far: what is looked at closely below, with PASSES written out
                        byte > 127
                        and one == first
                        and two == second
                        and protocol == 17
                        and not fragment & mask
                        and least < captured <= longest
                        and byte != 0x88
                        and (plain or outer(buffer, at) == tags)
                    ):
                        before = at
                        at += size + captured
                        continue
                    fits = (
                        one == first
                        and two == second
                        and not fragment & mask
                        and least < captured <= longest
                        and (plain or outer(buffer, at) == tags)
                    )
                    if fits and protocol == 17:
                        payload = at + ports + 8
                        if STARTS[byte] and buffer.startswith(USUAL, payload):
                            seconds, fraction, captured, original = head(buffer, at)
                            room, source, destination, from_port, to_port, length = detail(buffer, at)
                            stop, after = at + size + captured, payload + length - 8
                            if (
                                after <= stop <= end
                                and 21 <= length <= room - over
                                and captured <= original
                                and fraction < fractions
                                and from_port != NO_PORT != to_port
                            ):
                                way = SLL_DIRECTIONS.get(buffer[at + direction_at], "") if direction_at else ""
                                content, time = bytes(view[payload:after]), (seconds * fractions + fraction) * unit
                                ends = source + from_port, destination + to_port
                                messages.append(new(Datagram, (time, frame, "UDP", *ends, content, way, False)))
                                before, at = at, stop
                                continue
                        else:
                            stop = at + size + captured
                            if dull(buffer, at + ports, stop):
                                before, at = at, stop
                                continue
                    elif fits and protocol == 6:
                        room, pair, offset, flags = segment(buffer, at)
                        start, stop = at + ports, at + size + captured
                        data, after = start + (offset >> 2 & 0x3C), start + room - over
                        if after > stop:  # noqa: PLR1730  (min() costs five times as much here)
                            after = stop
                        if (
                            not flags & LOOKED_AT
                            and offset >= 0x50
                            and (
                                data == after
                                or (
                                    data < after
                                    and (QUIET[buffer[data]] or (after <= end and not speaks(buffer, data, after)))
                                    and (
                                        not (note and note(pair))
                                        if pair not in paired
                                        else not wants(bytes(view[at + flow : start + 4]))
                                    )
                                )
                            )
                        ):
                            before, at = at, stop
                            continue
                    seconds, fraction, captured, original = head(buffer, at)
                    stop = at + size + captured
                    damaged = not (0 < captured <= LONGEST and captured <= original and fraction < fractions)
                    if damaged or stop > end:
                        short = True
                        frame -= 1  # noqa: PLW2901
                        break
                    if one in silent and captured >= LINK_HEADER:
                        before, at = at, stop
                        continue
                    tally.records = frame
                    time = (seconds * fractions + fraction) * unit
                    if fits and protocol in TRANSPORTS:
                        messages += sieve.plain(layout, buffer, at, stop, time, frame)
                    else:
                        found, told = sieve.look(buffer, at, stop, time, frame)
                        messages += told
                        if found is not None and found is not layout:
                            streak, stray = (streak + 1 if stray == frame - 1 else 1), frame
                            if streak == SWITCH or layout is NEVER:
                                layout = found
                                unpack, first, second, mask, plain, outer, tags = layout[:7]
                                detail, ports, over = layout.detail, layout.ports, layout.over
                                # the last byte that is looked at is the record's own
                                least, flow, segment = layout.least - size, layout.addresses, layout.segment
                                silent = sieve.silent if layout.names_protocol else frozenset()
                    before, at = at, stop
            tally.records = frame
            yield messages
            if damaged:
                if file_header(buffer[at : at + HEADER]) is not None:
                    break
                odd = self._chain(at, odd=True, earlier=head(buffer, before)[0] if before < at else None)
                if odd:  # only its time or its original length cannot be true
                    seconds, fraction, captured, _ = head(buffer, at)
                    frame += 1
                    tally.records, stop = frame, at + size + captured
                    time = (seconds * fractions + fraction) * unit
                    yield list(sieve.dissect(buffer, at, stop, time, frame))
                    before, at = at, stop
                    continue
                if odd is None and before:
                    window.advance(before)
                    at, before = at - before, 0
                    continue
                at = self._recover(before, at)
                if at < 0:
                    return False
                frame = tally.records
                if file_header(buffer[at : at + HEADER]) is not None:
                    break
                before = at
                continue
            if ended and at == end:
                return False
            if ended:
                start = before if at > end else at
                went_on = self._find(start + size)
                if went_on < 0:
                    tally.records = frame - (at > end)
                    self.cut = window.base + start
                    return False
                self._note(start, went_on)
                at = before = went_on
                continue
            window.advance(before)
            at, before = at - before, 0
        found_header = file_header(buffer[at : at + HEADER])
        assert found_header is not None
        self.header, self._at = found_header, at + HEADER
        return True

    def _recover(self, before: int, at: int) -> int:
        """Where the walk goes on after the header at `at`, which cannot be true; -1 at the end of the file."""
        self.damaged = True
        start = self._window.base + at
        found = self._find(before + self.header.format.header if before < at else at + 1)
        self._note(start - self._window.base, found)
        return found

    def _note(self, start: int, found: int) -> None:
        """Counts damage between two places of the window (`start` may lie before it)."""
        self.damaged = True
        tally, base = self._tally, self._window.base
        tally.undecoded["damaged records"] += 1
        if found < 0:
            tally.truncated = f"damaged after record {tally.records} at byte {base + start}: nothing readable follows"
        elif len(tally.notes) < MOST_NOTES:
            tally.notes.append(f"damaged at byte {base + start}: read on at byte {base + found}")

    def find_sure(self) -> int | None:
        """The offset in the file of the first place from which on a long chain of headers verifies."""
        found = self._find(0, SURE)
        return self._window.base + found if found >= 0 else None

    def _find(self, at: int, chain: int = CHAIN) -> int:
        """The next place from `at` on where records start again; -1 if there is none. Moves the window."""
        window = self._window
        while True:
            place = max(at, window.end - 2 * HEADER)
            for match in self._likely().finditer(window.buffer, at, window.end):
                sure = self._chain(match.start(), chain)
                if sure:
                    return match.start()
                if sure is None:
                    place = match.start()
                    break
            if window.ended:
                return -1
            window.advance(place)
            at = 0

    def _likely(self) -> re.Pattern[bytes]:
        return _LIKELY[self.header.format.order]

    def _chain(self, at: int, chain: int = CHAIN, odd: bool = False, earlier: int | None = None) -> bool | None:
        """Whether a chain of headers, or a file header, starts at `at`; None when the window shows too little of it.

        In `odd` headers only the captured lengths and the seconds have to fit, also to the `earlier` ones before them.
        """
        window, size = self._window, self.header.format.header
        if file_header(window.buffer[at : at + HEADER]) is not None:
            return True
        head = Struct(self.header.format.order + "IIII").unpack_from
        fractions = 1_000_000_000 // self.header.format.unit
        for length in range(chain):
            if at + size > window.end:
                if not window.ended:
                    return True if length > 1 else None
                return length > 1 or (length == 1 and at == window.end)
            seconds, fraction, captured, original = head(window.buffer, at)
            sane = (captured or seconds) if odd else 0 < captured <= original and fraction < fractions
            if captured > LONGEST or not sane:
                return False
            if earlier is not None and abs(seconds - earlier) > MOST_APART:
                return False
            earlier, at = seconds, at + size + captured
        return True


_MAGIC = rb"|".join(re.escape(magic) for magic in MAGICS)
_LIKELY = {
    "<": re.compile(rb"(?s)(?=" + _MAGIC + rb"|.{8}(?!\0\0\0)..[\0-\4]\0..[\0-\4]\0)"),
    ">": re.compile(rb"(?s)(?=" + _MAGIC + rb"|.{8}\0(?!\0\0\0)[\0-\4]..\0[\0-\4])"),
}
"""Where the lengths of a record header are small numbers and not zero, or a file header starts."""

"""pcapng (draft-ietf-opsawg-pcapng): the hot loop over blocks, with the fast path of `pcap` for enhanced packet blocks.

Every section has its own byte order and its own interfaces; every interface its link type, time resolution, time offset
and snap length. Blocks of other types are stepped over. A block is believed when the length at its end repeats the one
at its start; after damage the walk goes on where two such blocks stand in a row.
Where there is a compiled part, it goes ahead, and the loop sees only the blocks that it stops at.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from struct import Struct
from typing import NamedTuple

from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.capture.fast import compiled
from pjsipdiag.capture.fast.layout import MARGIN, NEVER, PASSES, TRANSPORTS, Container, run
from pjsipdiag.capture.fast.sieve import Sieve
from pjsipdiag.capture.formats.interface import Interface, direction_of, interface
from pjsipdiag.capture.formats.pcap import LONGEST, LONGEST_WALK, MOST_NOTES, SWITCH, WORTHWHILE
from pjsipdiag.capture.packets.dissect import Dissector
from pjsipdiag.capture.source.window import Window

SECTION_MAGIC = b"\x0a\x0d\x0d\x0a"
SECTION, INTERFACE, PACKET, SIMPLE, ENHANCED, SECRETS = 0x0A0D0D0A, 1, 2, 3, 6, 10
ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
LONGEST_BLOCK = LONGEST + 65_536
"""Bytes of a packet block: the packet and its options; other blocks may be as long as LONGEST_OTHER."""
LONGEST_OTHER = 64 << 20
CHAIN, SURE = 2, 8
"""Blocks in a row that make a place the start of one after damage, and where a capture is split."""
MOST_INTERFACES = 4096
END_OF_TIME = 1 << 63
"""Nanoseconds: the year 2262. A message after it is taken for as old as the one before."""
SECRETS_NOTE = "holds TLS secrets: `--reader wireshark` decrypts with them"


class Section(NamedTuple):
    """Byte order and interfaces in the middle of a section."""

    order: str
    interfaces: tuple[Interface, ...]


class BlockWalk:
    """The blocks of `window` from its first byte on, which starts a section unless `section` says what it is inside of.

    `cut` tells afterwards where the block starts that is not whole.
    """

    def __init__(self, window: Window, dissector: Dissector, section: Section | None = None) -> None:
        self.cut: int | None = None
        self.damaged = False
        self.order, self.interfaces = "<", list[Interface]()
        self._window = window
        self._at = 0
        self._inside = section is not None
        if section is not None:
            self.order, self.interfaces = section.order, list(section.interfaces)
        self._dissector = dissector
        self._tally = dissector.tally
        self._sieves: dict[int, Sieve] = {}
        self._plans = bytearray()
        self._time = 0

    def messages(self) -> Iterator[Datagram]:
        """The SIP messages of all blocks, in order; `tally.records` counts packets while they are read."""
        more = True
        while more:
            more = yield from self._section()

    def _section(self) -> Generator[Datagram, None, bool]:  # noqa: PLR0912, PLR0915  (a call costs as much as a block)
        """The blocks up to the end, or up to the next section: then True, and `_at` is where it starts."""
        window, tally = self._window, self._tally
        buffer = window.buffer
        self._enter_section()
        head, packet = Struct(self.order + "II").unpack_from, Struct(self.order + "8xIIIII").unpack_from
        layout, number = NEVER_BLOCK, -1
        unpack, first, second, mask, plain, outer, tags = layout[:7]
        least = layout.least
        at = before = self._at
        frame, walk, streak, stray = tally.records, 2, 0, 0
        passed, plans, paired = compiled.passed, self._plans, self._dissector.ports
        while True:
            ended, end = window.ended, window.end
            last = end - (12 if ended else MARGIN)
            self._dissector.bound()
            noted = self._dissector.passed
            damaged = short = False
            while at <= last and not short:
                if passed and plans:
                    batch: list[Datagram] = []
                    at, before, frame = passed(
                        buffer, at, before, last, end, frame, plans, compiled.TABLES, paired, noted, batch
                    )
                    walk = 1
                    if batch:
                        self._time = batch[-1].time
                        yield from batch
                else:
                    step = head(buffer, at)[1]
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
                    kind, total, where, one, two, fragment, protocol, byte = unpack(buffer, at)
                    if (
                        PASSES[byte]
                        and protocol == 17
                        and one == first
                        and two == second
                        and kind == ENHANCED
                        and where == number
                        and not fragment & mask
                        and least <= total <= LONGEST_BLOCK
                        and (plain or outer(buffer, at) == tags)
                    ):
                        before = at
                        at += total
                        continue
                    kind, total = head(buffer, at)
                    stop = at + total
                    if kind == SECTION and bytes(buffer[at + 8 : at + 12]) in ORDERS:
                        tally.records, self._at = frame - 1, at
                        return True
                    if total > LONGEST_BLOCK or stop > end or not self._whole(at):
                        damaged = not self._believable(at)
                        short = True
                        frame -= 1  # noqa: PLW2901
                        break
                    before = at
                    if kind not in (ENHANCED, PACKET):
                        frame -= 1  # noqa: PLW2901
                        if kind == SIMPLE:
                            frame += 1  # noqa: PLW2901
                            yield from self._simple(at, stop, frame)
                        else:
                            self._describe(kind, at, stop)
                        at = stop
                        break
                    tally.records = frame
                    where, high, low, captured, _ = packet(buffer, at)
                    if kind == PACKET:
                        where = where & 0xFFFF if self.order == "<" else where >> 16
                    sieve = self._sieve(where)
                    if sieve is None or captured > total - 32:
                        reason = "packet of an interface that is not described" if sieve is None else "damaged records"
                        tally.undecoded[reason] += 1
                        at = stop
                        continue
                    time = self.interfaces[where].time(high << 32 | low)
                    untrue = not 0 <= time < END_OF_TIME
                    if untrue:
                        time = self._time
                    ends = at + 28 + captured
                    if (
                        one == first
                        and two == second
                        and where == number
                        and protocol in TRANSPORTS
                        and not fragment & mask
                        and (plain or outer(buffer, at) == tags)
                    ):
                        messages = sieve.plain(layout, buffer, at, ends, time, frame)
                    else:
                        found, messages = sieve.look(buffer, at, ends, time, frame)
                        if found is not None and found is not layout:
                            streak, stray = (streak + 1 if stray == frame - 1 else 1), frame
                            if streak == SWITCH or layout is NEVER_BLOCK:
                                layout, number, least = found, where, found.least
                                unpack, first, second, mask, plain, outer, tags = layout[:7]
                    told = ends + (-captured & 3)
                    if told + 8 <= stop - 4 and messages:
                        way = direction_of(self.order, bytes(buffer[told : stop - 4]))
                        messages = [message._replace(direction=message.direction or way) for message in messages]
                    if messages:
                        if untrue:
                            tally.undecoded["time that cannot be true"] += 1
                        self._time = time
                        yield from messages
                    at = stop
            tally.records = frame
            if damaged:
                found_at = self._find(before + 12 if before < at else at + 1)
                self._note(at, found_at)
                if found_at < 0:
                    return False
                at = before = found_at
                continue
            if ended and at == end:
                return False
            if ended:
                start = before if at > end else at
                found_at = self._find(start + 12)
                if found_at < 0:
                    tally.records = frame - (at > end)
                    self.cut = window.base + start
                    return False
                self._note(start, found_at)
                at = before = found_at
                continue
            if short and at + head(buffer, at)[1] > before + LONGEST_BLOCK * 2:
                before = at = window.skip(at + head(buffer, at)[1])
                continue
            window.advance(before)
            at, before = at - before, 0

    def _enter_section(self) -> None:
        if self._inside:
            self._inside = False
            return
        window = self._window
        if self._at + 28 > window.end:
            window.advance(self._at)
            self._at = 0
        self.order = ORDERS.get(bytes(window.buffer[self._at + 8 : self._at + 12]), "<")
        self.interfaces, self._sieves, self._plans = [], {}, bytearray()
        total: int = Struct(self.order + "4xI").unpack_from(window.buffer, self._at)[0]
        # a damaged length must not keep the walk in place: the fixed part of a section header is 28 bytes
        self._at += total if 28 <= total <= LONGEST_OTHER and not total % 4 else 28
        while self._at > window.end and not window.ended:
            self._at = window.skip(self._at)

    def _whole(self, at: int) -> bool:
        """Whether the block at `at`, which lies in the window, repeats its length at its end."""
        buffer = self._window.buffer
        total = Struct(self.order + "4xI").unpack_from(buffer, at)[0]
        return total >= 12 and not total % 4 and buffer[at + 4 : at + 8] == buffer[at + total - 4 : at + total]

    def _believable(self, at: int) -> bool:
        """Whether the block at `at`, which reaches out of the window, may be one: of a sane length, for its type."""
        kind, total = Struct(self.order + "II").unpack_from(self._window.buffer, at)
        longest = LONGEST_BLOCK if kind in (ENHANCED, PACKET, SIMPLE) else LONGEST_OTHER
        inside = at + total <= self._window.end
        return not inside and total >= 12 and not total % 4 and total <= longest

    def _describe(self, kind: int, at: int, stop: int) -> None:
        """A block that holds no packet."""
        if kind == INTERFACE and len(self.interfaces) < MOST_INTERFACES:
            self.interfaces.append(interface(self.order, bytes(self._window.buffer[at + 8 : stop - 4])))
        elif kind == SECRETS:
            self._tally.note(SECRETS_NOTE)

    def _simple(self, at: int, stop: int, frame: int) -> Iterator[Datagram]:
        """A simple packet block is of the first interface and has no time: that of the message before it is taken."""
        self._tally.records = frame
        if not self.interfaces:
            self._tally.undecoded["packet of an interface that is not described"] += 1
            return
        found, buffer = self.interfaces[0], self._window.buffer
        original = Struct(self.order + "8xI").unpack_from(buffer, at)[0]
        size = min(original, found.snap_length or original, stop - at - 16)
        data = bytes(buffer[at + 12 : at + 12 + max(size, 0)])
        yield from self._dissector.frame(self._time, frame, found.link_type, data)

    def _sieve(self, number: int) -> Sieve | None:
        sieve = self._sieves.get(number)
        if sieve is None and number < len(self.interfaces):
            little = self.order == "<"
            kind, name = (value.to_bytes(4, "little" if little else "big") for value in (ENHANCED, number))
            fixed = [(index, kind[index : index + 1]) for index in range(4)]
            fixed += [(8 + index, name[index : index + 1]) for index in range(4)]
            fields = ((0, "I"), (4, "I"), (8, "I"))
            container = Container(self.order, 28, fields, 4, 26 if little else 24, tuple(fixed))
            link_type, numerator, denominator, offset, _ = self.interfaces[number]
            unit = numerator if denominator == 1 and not offset else 0
            sieve = self._sieves[number] = Sieve(container, link_type, self._dissector, unit, self._plans)
        return sieve

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
        """The offset in the file of the first place from which on a long chain of blocks verifies."""
        found = self._find(0, SURE)
        return self._window.base + found if found >= 0 else None

    def _find(self, at: int, chain: int = CHAIN) -> int:
        """The next place from `at` on where blocks start again; -1 if there is none. Moves the window."""
        window = self._window
        while True:
            place = max(at, window.end - 12)
            for match in _LIKELY[self.order].finditer(window.buffer, at, window.end):
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

    def _chain(self, at: int, chain: int) -> bool | None:
        """Whether `chain` whole blocks in a row start at `at`; None when the window shows fewer than two of them."""
        window = self._window
        if window.buffer[at : at + 4] == SECTION_MAGIC:
            return bytes(window.buffer[at + 8 : at + 12]) in ORDERS
        for length in range(chain):
            if window.ended and at == window.end:
                return True
            kind, total = Struct(self.order + "II").unpack_from(window.buffer, at)
            if total < 12 or total % 4 or total > LONGEST_BLOCK or kind > 0xFFFF:
                return False
            if at + total > window.end:
                return length > 1 if window.ended or length > 1 else None
            if not self._whole(at):
                return False
            at += total
        return True


def leading(window: Window) -> Section | None:
    """What the blocks before the first packet of the file in `window` describe; None when it is no pcapng."""
    found = _leading(window)
    return None if found is None else found[0]


def first_time(window: Window) -> int:
    """The time of the first packet of the file in `window` in nanoseconds, 0 when it has none."""
    found = _leading(window)
    if found is None or found[1] + 20 > window.end:
        return 0
    order, interfaces = found[0]
    at = found[1]
    kind, where, high, low = Struct(order + "I4xIII").unpack_from(window.buffer, at)
    if kind != ENHANCED or where >= len(interfaces):
        return 0
    first: Interface = interfaces[where]
    return first.time(high << 32 | low)


def _leading(window: Window) -> tuple[Section, int] | None:
    """The section that starts the file and the place of its first packet."""
    buffer = window.buffer
    if buffer[:4] != SECTION_MAGIC or bytes(buffer[8:12]) not in ORDERS:
        return None
    order = ORDERS[bytes(buffer[8:12])]
    at, interfaces = 0, list[Interface]()
    while at + 12 <= window.end:
        kind, total = Struct(order + "II").unpack_from(buffer, at)
        if kind in (PACKET, SIMPLE, ENHANCED) or total < 12 or at + total > window.end:
            break
        if kind == INTERFACE:
            interfaces.append(interface(order, bytes(buffer[at + 8 : at + total - 4])))
        at += total
    return Section(order, tuple(interfaces)), at


_LIKELY = {
    "<": re.compile(rb"(?=[\x01-\x0a]\0\0\0.{2}[\0-\5]\0|\x0a\x0d\x0d\x0a)", re.DOTALL),
    ">": re.compile(rb"(?=\0\0\0[\x01-\x0a]\0[\0-\5]|\x0a\x0d\x0d\x0a)", re.DOTALL),
}
"""Where a block of a standard type starts."""


def _never(_buffer: bytearray, _at: int) -> tuple[int, ...]:
    return 0, 0, 0, -1, -1, 0, 0, 0


NEVER_BLOCK = NEVER._replace(unpack=_never)

"""pcapng (draft-ietf-opsawg-pcapng): from blocks to the packets that can hold SIP.

Every section has its own byte order and its own interfaces; every interface its link type, time resolution, time offset
and snap length. Blocks of other types are stepped over. A block is believed when the length at its end repeats the one
at its start; after damage the walk goes on where two such blocks stand in a row.
Where there is a compiled part, it goes ahead, and the loop sees only the blocks that it stops at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from struct import Struct

from pjsipdiag.capture.datagram import END_OF_TIME, Datagram
from pjsipdiag.capture.fast import compiled
from pjsipdiag.capture.fast.layout import MARGIN, Container
from pjsipdiag.capture.fast.sieve import Sieve
from pjsipdiag.capture.formats.pcapng_interface import Interface, direction_of, interface
from pjsipdiag.capture.formats.records import LONGEST_PACKET, ZEROS, RecordWalk
from pjsipdiag.capture.packets.dissect import Dissector
from pjsipdiag.capture.source.window import Window
from pjsipdiag.dataclass import NamedTuple

SECTION_MAGIC = b"\x0a\x0d\x0d\x0a"
SECTION, INTERFACE, PACKET, SIMPLE, ENHANCED, SECRETS = 0x0A0D0D0A, 1, 2, 3, 6, 10
ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
LONGEST_BLOCK = LONGEST_PACKET + 65_536
"""Bytes of a packet block: the packet and its options; other blocks may be as long as LONGEST_OTHER."""
LONGEST_OTHER = 64 << 20
MOST_INTERFACES = 4096
SECRETS_NOTE = "holds TLS secrets: `--reader wireshark` decrypts with them"


class PcapngSection(NamedTuple):
    """Byte order and interfaces in the middle of a section."""

    order: str
    interfaces: tuple[Interface, ...]


class BlockWalk(RecordWalk):
    """The blocks of `window` from its first byte on, which starts a section unless it is inside of `section`."""

    step = kept_bytes = 12
    chain = 2
    sure = 8

    def __init__(self, window: Window, dissector: Dissector, section: PcapngSection | None = None) -> None:
        super().__init__(window, 0, dissector)
        self.order, self.interfaces = "<", list[Interface]()
        self._inside = section is not None
        if section is not None:
            self.order, self.interfaces = section.order, list(section.interfaces)
        self._sieves: dict[int, Sieve] = {}
        self._plans = bytearray()
        self._time = 0
        self.untimed = False
        """Whether packets took the time of the message before them, which may lie in an earlier part."""

    def _windows(self) -> Iterator[list[Datagram]]:
        window = self._window
        self._enter_section()
        while True:
            messages: list[Datagram] = []
            damaged = self._read(messages)
            yield messages
            if damaged is None:
                continue
            if damaged:
                if not self._pass_damage():
                    return
            elif self._is_section():
                self._enter_section()
            elif not window.ended:
                self._go_on()
            elif self._at == window.end or not self._pass_cut():
                return

    def _read(self, messages: list[Datagram]) -> bool | None:
        """Takes blocks that are whole in the window, up to the next section; None when some are left, True when the one
        at which it stops cannot be one."""
        window, tally, dissector = self._window, self._tally, self._dissector
        buffer, end, passed, plans = window.buffer, window.end, compiled.passed, self._plans
        last = end - (12 if window.ended else MARGIN)
        head = Struct(self.order + "II").unpack_from
        dissector.trim()
        at, before, frame, damaged = self._at, self._before, tally.records, False
        while at <= last and len(messages) < compiled.MESSAGES_AT_ONCE:
            # The compiled part goes as far as it knows the blocks; the one at which it stops is read below.
            if passed and plans:
                known = len(messages)
                at, before, frame, taken = passed(
                    buffer, at, before, last, end, frame, plans, compiled.TABLES, dissector, tally.taker, messages,
                )  # fmt: skip
                if len(messages) > known:
                    self._time = messages[-1].time
                elif taken >= 0:
                    self._time = taken
                if at > last or len(messages) >= compiled.MESSAGES_AT_ONCE:
                    break
            kind, total = head(buffer, at)
            stop = at + total
            # The next section may have another byte order, so its length cannot be read by this one's.
            if kind == SECTION and bytes(buffer[at + 8 : at + 12]) in ORDERS:
                break
            if total > LONGEST_BLOCK or stop > end or not self._whole(at):
                damaged = not self._believable(at)
                break
            if kind in (ENHANCED, PACKET, SIMPLE):
                frame += 1
                tally.records = frame
                messages += self._simple(at, stop, frame) if kind == SIMPLE else self._packet(kind, at, stop, frame)
            else:
                self._describe(kind, at, stop)
            before, at = at, stop
        tally.records, self._at, self._before = frame, at, before
        return damaged or (None if at <= last and len(messages) >= compiled.MESSAGES_AT_ONCE else False)

    def _is_section(self) -> bool:
        """Whether another section starts at hand. Its whole first part is in the window, or it is looked at again."""
        buffer, at = self._window.buffer, self._at
        return (
            at + 12 <= self._window.end
            and buffer[at : at + 4] == SECTION_MAGIC
            and bytes(buffer[at + 8 : at + 12]) in ORDERS
        )

    def _go_on(self) -> None:
        """Shows more of the file: without the block at hand, if it holds no packet and is longer than the window."""
        total = Struct(self.order + "4xI").unpack_from(self._window.buffer, self._at)[0]
        if self._at + 12 <= self._window.end and self._at + total > self._before + LONGEST_BLOCK * 2:
            self._before = self._at = self._window.skip(self._at + total)
        else:
            if not self._before:  # the window is full of sections without blocks: none of them is looked at again
                self._before = self._at
            self._move()

    def _packet(self, kind: int, at: int, stop: int, frame: int) -> Iterable[Datagram]:
        """The messages of an enhanced packet block, or of an (obsolete) packet block."""
        buffer, tally = self._window.buffer, self._tally
        number, high, low, captured = Struct(self.order + "8xIIII").unpack_from(buffer, at)
        if kind == PACKET:
            number = number & 0xFFFF if self.order == "<" else number >> 16
        sieve = self._sieve(number)
        if sieve is None or captured > stop - at - 32:
            reason = "packet of an interface that is not described" if sieve is None else "damaged records"
            tally.undecoded[reason] += 1
            return ()
        time = self.interfaces[number].time(high << 32 | low)
        # A message whose time cannot be true is taken for as old as the one before.
        untrue = not 0 <= time < END_OF_TIME
        if untrue:
            time, self.untimed = self._time, True
        ends = at + 28 + captured
        messages = sieve.look(buffer, at, ends, time, frame)
        options = ends + (-captured & 3)
        if options + 8 <= stop - 4 and messages:
            way = direction_of(self.order, bytes(buffer[options : stop - 4]))
            messages = [message._replace(direction=message.direction or way) for message in messages]
        if messages:
            if untrue:
                tally.undecoded["time that cannot be true"] += 1
            self._time = time
        return messages

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
        self.untimed = True
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
            container = Container(self.order, 28, 26 if little else 24, tuple(fixed))
            link_type, numerator, denominator, offset, _ = self.interfaces[number]
            unit = numerator if denominator == 1 and not offset else 0
            sieve = self._sieves[number] = Sieve(container, link_type, self._dissector, unit, self._plans)
        return sieve

    def _likely(self) -> re.Pattern[bytes]:
        return _LIKELY[self.order]

    def _verify(self, at: int, length: int) -> bool | None:
        """Whether `length` whole blocks in a row start at `at`; None when the window shows fewer than two of them."""
        window = self._window
        if window.buffer[at : at + 4] == SECTION_MAGIC:
            return bytes(window.buffer[at + 8 : at + 12]) in ORDERS
        for count in range(length):
            if window.ended and at == window.end:
                return True
            kind, total = Struct(self.order + "II").unpack_from(window.buffer, at)
            if total < 12 or total % 4 or total > LONGEST_BLOCK or kind > 0xFFFF:
                return False
            if at + total > window.end:
                return count > 1 if window.ended or count > 1 else None
            if not self._whole(at):
                return False
            at += total
        return True


def find_leading_section(window: Window) -> PcapngSection | None:
    """The section that the blocks before the first packet of the file in `window` describe; None when it is no
    pcapng."""
    found = _leading(window)
    return None if found is None else found[0]


def first_time(window: Window) -> int:
    """The time of the first packet of the file in `window` in nanoseconds, at least 1; 0 when it has none."""
    found = _leading(window)
    if found is None or found[1] + 20 > window.end:
        return 0
    order, interfaces = found[0]
    at = found[1]
    kind, where, high, low = Struct(order + "I4xIII").unpack_from(window.buffer, at)
    if kind != ENHANCED or where >= len(interfaces):
        return 0
    first: Interface = interfaces[where]
    return max(first.time(high << 32 | low), 1)


def _leading(window: Window) -> tuple[PcapngSection, int] | None:
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
    return PcapngSection(order, tuple(interfaces)), at


_LIKELY = {
    "<": re.compile(ZEROS + rb"|(?=[\x01-\x0a]\0\0\0.{2}[\0-\5]\0|\x0a\x0d\x0d\x0a)", re.DOTALL),
    ">": re.compile(ZEROS + rb"|(?=\0\0\0[\x01-\x0a]\0[\0-\5]|\x0a\x0d\x0d\x0a)", re.DOTALL),
}
"""Where a block of a standard type starts."""

"""Classic pcap: from record headers to the records that can hold SIP.

Where there is a compiled part, it goes ahead, and the loop sees only the records that it stops at; each of these goes
to the sieve. A header that cannot be true is not believed: the walk goes on where a chain of headers verifies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from struct import Struct

from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.capture.fast import compiled
from pjsipdiag.capture.fast.layout import MARGIN, Container
from pjsipdiag.capture.fast.sieve import Sieve
from pjsipdiag.capture.formats.records import LONGEST_PACKET, ZEROS, RecordWalk
from pjsipdiag.capture.packets.dissect import Dissector
from pjsipdiag.capture.source.window import Window
from pjsipdiag.dataclass import NamedTuple

HEADER = 24
MOST_APART = 7 * 86_400
"""Seconds between neighbouring records of such a chain."""


class PcapFormat(NamedTuple):
    """`order` as struct writes it, `unit` nanoseconds in one of the fraction, `header` bytes of a record header."""

    order: str
    unit: int
    header: int


MAGICS = {
    b"\xd4\xc3\xb2\xa1": PcapFormat("<", 1000, 16),
    b"\xa1\xb2\xc3\xd4": PcapFormat(">", 1000, 16),
    b"\x4d\x3c\xb2\xa1": PcapFormat("<", 1, 16),
    b"\xa1\xb2\x3c\x4d": PcapFormat(">", 1, 16),
    b"\x34\xcd\xb2\xa1": PcapFormat("<", 1000, 24),  # Alexey Kuznetzov's, with the interface in each header
    b"\xa1\xb2\xcd\x34": PcapFormat(">", 1000, 24),
}


class FileHeader(NamedTuple):
    """The first 24 bytes of a capture, read."""

    format: PcapFormat
    link_type: int

    @property
    def container(self) -> Container:
        little = self.format.order == "<"
        return Container(self.format.order, self.format.header, 14 if little else 12)


def file_header(raw: bytes | bytearray) -> FileHeader | None:
    """The header that `raw` starts with; None when it is none."""
    form = MAGICS.get(bytes(raw[:4]))
    if form is None or len(raw) < HEADER:
        return None
    major, link = Struct(form.order + "4xH14xI").unpack_from(raw)
    return FileHeader(form, link & 0xFFFF) if major == 2 else None


class PcapWalk(RecordWalk):
    """The records of classic pcap, and of captures that are appended to it."""

    kept_bytes = 2 * HEADER
    chain = 8
    sure = 64

    def __init__(self, window: Window, at: int, header: FileHeader, dissector: Dissector) -> None:
        super().__init__(window, at, dissector)
        self._enter(header)

    def _enter(self, header: FileHeader) -> None:
        self.header = header
        self.step, self._unit = header.format.header, header.format.unit
        self._head = Struct(header.format.order + "IIII").unpack_from
        self._plans = bytearray()
        self._sieve = Sieve(header.container, header.link_type, self._dissector, self._unit, self._plans)

    def _windows(self) -> Iterator[list[Datagram]]:
        window = self._window
        while True:
            messages: list[Datagram] = []
            damaged = self._read(messages)
            yield messages
            if damaged is None:
                continue
            if damaged:
                if not self._enter_appended():
                    # Some writers leave a wrong time or original length in a sound record: if the records after it fit,
                    # it is read.
                    odd = self._verify_odd()
                    if odd:  # only its time or its original length cannot be true
                        yield list(self._take())
                    elif odd is None and self._before:
                        self._move()
                    elif not self._pass_damage():
                        return
                    else:
                        self._enter_appended()
            elif not window.ended:
                self._move()
            elif self._at == window.end or not self._pass_cut():
                return

    def _read(self, messages: list[Datagram]) -> bool | None:
        """Takes records that are whole in the window; None when some are left, True when the header at which it stops
        cannot be true."""
        window, tally, dissector = self._window, self._tally, self._dissector
        buffer, end = window.buffer, window.end
        last = end - (self.step if window.ended else MARGIN)
        head, step, look, plans, passed = self._head, self.step, self._sieve.look, self._plans, compiled.passed
        layouts = self._sieve.layouts
        unit, fractions = self._unit, 1_000_000_000 // self._unit
        dissector.trim()
        at, before, frame, damaged = self._at, self._before, tally.records, False
        while at <= last and len(messages) < compiled.MESSAGES_AT_ONCE:
            if passed and plans:
                at, before, frame, _ = passed(
                    buffer, at, before, last, end, frame, plans, compiled.TABLES, dissector, tally.taker, messages,
                )  # fmt: skip
                if at > last or len(messages) >= compiled.MESSAGES_AT_ONCE:
                    break
            seconds, fraction, captured, original = head(buffer, at)
            stop = at + step + captured
            # Damage is told by this header alone, never by the next one: the next one may be the damaged one.
            damaged = not (0 < captured <= LONGEST_PACKET and captured <= original and fraction < fractions)
            if damaged or stop > end:
                break
            frame += 1
            if not (layouts and layouts[0].is_media(buffer, at, stop)):
                tally.records = frame
                messages += look(buffer, at, stop, (seconds * fractions + fraction) * unit, frame)
            before, at = at, stop
        tally.records, self._at, self._before = frame, at, before
        return damaged or (None if at <= last and len(messages) >= compiled.MESSAGES_AT_ONCE else False)

    def _take(self) -> Iterator[Datagram]:
        """The messages of the record at hand, whatever its header says of its time."""
        seconds, fraction, captured, _ = self._head(self._window.buffer, self._at)
        at, stop = self._at, self._at + self.step + captured
        time = (seconds * (1_000_000_000 // self._unit) + fraction) * self._unit
        self._tally.records += 1
        self._before, self._at = at, stop
        yield from self._sieve.dissect(self._window.buffer, at, stop, time, self._tally.records)

    def _enter_appended(self) -> bool:
        """Whether the walk stands at the header of another capture, which it enters then."""
        header = file_header(self._window.buffer[self._at : self._at + HEADER])
        if header is not None:
            self._enter(header)
            self._at = self._before = self._at + HEADER
        return header is not None

    def _likely(self) -> re.Pattern[bytes]:
        return _LIKELY[self.header.format.order]

    def _verify(self, at: int, length: int) -> bool | None:
        return self._chained(at, length)

    def _verify_odd(self) -> bool | None:
        """Whether only the time or the original length of the header at hand cannot be true."""
        before, at = self._before, self._at
        return self._chained(
            at, self.chain, odd=True, earlier=self._head(self._window.buffer, before)[0] if before < at else None
        )

    def _chained(self, at: int, chain: int, odd: bool = False, earlier: int | None = None) -> bool | None:
        """Whether a chain of headers, or a file header, starts at `at`; None when the window shows too little of it.

        In `odd` headers only the captured lengths and the seconds have to fit, also to the `earlier` ones before them.
        """
        window, size, head = self._window, self.step, self._head
        if file_header(window.buffer[at : at + HEADER]) is not None:
            return True
        fractions = 1_000_000_000 // self._unit
        for length in range(chain):
            if at + size > window.end:
                if not window.ended:
                    return True if length > 1 else None
                return length > 1 or (length == 1 and at == window.end)
            seconds, fraction, captured, original = head(window.buffer, at)
            # Zeros would be a chain of empty records without end; disks leave runs of them in files cut short.
            sane = (captured or seconds) if odd else 0 < captured <= original and fraction < fractions
            if captured > LONGEST_PACKET or not sane:
                return False
            if earlier is not None and abs(seconds - earlier) > MOST_APART:
                return False
            earlier, at = seconds, at + size + captured
        return True


_MAGIC = rb"|".join(re.escape(magic) for magic in MAGICS)
_LIKELY = {
    "<": re.compile(rb"(?s)" + ZEROS + rb"|(?=" + _MAGIC + rb"|.{8}(?!\0\0\0)..[\0-\4]\0..[\0-\4]\0)"),
    ">": re.compile(rb"(?s)" + ZEROS + rb"|(?=" + _MAGIC + rb"|.{8}\0(?!\0\0\0)[\0-\4]..\0[\0-\4])"),
}
"""Where the lengths of a record header are small numbers and not zero, or a file header starts."""

"""The walk over records that pcap and pcapng share: where it is, and how it goes on behind damage.

A header that cannot be true is not believed: the walk goes on where a chain of headers verifies, and says so.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import chain

from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.capture.packets.dissect import Dissector
from pjsipdiag.capture.source.window import Window

LONGEST_PACKET = 262_144
"""Bytes that libpcap lets a packet have (MAXIMUM_SNAPLEN)."""
MOST_NOTES = 20
ZEROS = rb"\0\0{63}\0*(?=\0{24})"
"""Zeros as disks leave them in files cut short, but for those that may begin a record: passed over at once. (The first
alone lets `re` see quickly where there are none.)"""


class RecordWalk(ABC):
    """The records of `window` from `at` on; `cut` tells afterwards where the record starts that is not whole."""

    step: int
    """Bytes that any record has at least."""
    kept_bytes: int
    """Bytes at the end of a window that may begin what is searched for."""
    chain: int
    """Headers in a row that make a place in a damaged capture the start of a record."""
    sure: int
    """Headers in a row that make a place at which a capture is split the start of a record."""

    def __init__(self, window: Window, at: int, dissector: Dissector) -> None:
        self.cut: int | None = None
        self.damaged = False
        self._window = window
        self._at = self._before = at
        self._dissector = dissector
        self._tally = dissector.tally

    def messages(self) -> Iterator[Datagram]:
        """The SIP messages of all records, in order; `tally.records` counts the windows that were read."""
        return chain.from_iterable(self._windows())

    def find_sure(self) -> int | None:
        """The offset in the file of the first place from which on a long chain of headers verifies."""
        found = self._find(0, self.sure)
        return self._window.base + found if found >= 0 else None

    @abstractmethod
    def _windows(self) -> Iterator[list[Datagram]]:
        """The messages, some at a time."""

    @abstractmethod
    def _likely(self) -> re.Pattern[bytes]:
        """The looks of a record that may start a chain, cheap to find and verified afterwards, and ZEROS."""

    @abstractmethod
    def _verify(self, at: int, length: int) -> bool | None:
        """Whether a chain of `length` headers starts at `at`; None when the window shows too little of it."""

    def _move(self) -> None:
        """Shows more of the file; the last record that was taken stays in the window."""
        self._window.advance(self._before)
        self._at, self._before = self._at - self._before, 0

    def _pass_damage(self) -> bool:
        """Goes on behind the header that cannot be true; False when nothing readable follows."""
        start = self._window.base + self._at
        found = self._find(self._before + self.step if self._before < self._at else self._at + 1)
        self._note(start, found)
        self._at = self._before = found
        return found >= 0

    def _pass_cut(self) -> bool:
        """Whether records start again behind the header of one that is not whole, at the end of the file."""
        start = self._window.base + self._at
        found = self._find(self._at + self.step)
        if found < 0:
            self.cut = start
            return False
        self._note(start, found)
        self._at = self._before = found
        return True

    def _note(self, start: int, found: int) -> None:
        """Counts damage between an offset in the file and a place of the window."""
        self.damaged = True
        tally = self._tally
        tally.undecoded["damaged records"] += 1
        if found < 0:
            tally.truncated = f"damaged after record {tally.records} at byte {start}: nothing readable follows"
        elif len(tally.notes) < MOST_NOTES:
            tally.notes.append(f"damaged at byte {start}: read on at byte {self._window.base + found}")

    def _find(self, at: int, length: int = 0) -> int:
        """The next place from `at` on where records start again; -1 if there is none. Moves the window."""
        window = self._window
        while True:
            place = max(at, window.end - self.kept_bytes)
            for match in self._likely().finditer(window.buffer, at, window.end):
                if match.end() > match.start():
                    continue  # zeros
                verified = self._verify(match.start(), length or self.chain)
                if verified:
                    return match.start()
                if verified is None:
                    place = match.start()
                    break
            if window.ended:
                return -1
            window.advance(place)
            at = 0

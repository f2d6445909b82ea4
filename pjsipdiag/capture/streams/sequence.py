"""One direction of a TCP connection: segments in any order -> bytes in order, and where some are missing.

The law is RFC 9293 section 3.4: sequence numbers count bytes modulo 2**32. Of two copies of a byte the first one seen
counts. A gap is waited for as long as a sender would repeat a segment, then given up.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from pjsipdiag.dataclass import NamedTuple

MOST_AHEAD = 64
"""Segments that wait behind one gap."""
LONGEST_GAP = 10 * 1_000_000_000
"""Nanoseconds that a gap is waited for: several retransmission timeouts (RFC 6298)."""
WINDOW = 1 << 20
"""A segment further away than this is not of the same run of bytes: much was lost, or the ports are used again."""


class RunKind(Enum):
    """The kind of a run of bytes."""

    NEXT = "next"
    EARLIER = "earlier"
    """From before the place where the capture met the connection, and not seen yet."""
    GAP = "gap"
    """Bytes were sent here that the capture does not have."""
    CUT = "cut"
    """The snap length cut bytes off here."""


class Run(NamedTuple):
    """Bytes in order, or the place where bytes are missing (`data` is empty)."""

    kind: RunKind
    data: bytes = b""


class Direction:
    """The order of one direction. `next` is the sequence number that comes next, `begin` the first one known.

    `opened` says that `begin` follows a SYN; else bytes from before it may still arrive. `waiting` counts the bytes
    that are kept behind a gap.
    """

    __slots__ = ("_ahead", "_since", "begin", "next", "opened", "waiting")

    def __init__(self, begin: int, opened: bool) -> None:
        self.begin = self.next = begin
        self.opened = opened
        self.waiting = 0
        self._ahead: dict[int, tuple[bytes, int]] = {}
        self._since = 0

    @property
    def has_gap(self) -> bool:
        """Whether segments wait behind a gap."""
        return bool(self._ahead)

    def usual(self, sequence: int) -> bool:
        """Whether a segment with that number is simply the next one."""
        return sequence == self.next and not self._ahead

    def is_far(self, sequence: int) -> bool:
        """Whether a segment with that number is of another run of bytes."""
        return abs(distance(self.next, sequence)) > WINDOW

    def holds(self, number: int) -> bool:
        """Whether it comes after bytes that are known, as the acknowledgment of them does."""
        return 0 <= distance(self.begin, number) <= distance(self.begin, self.next)

    def place(self, time: int, sequence: int, payload: bytes, length: int) -> Iterator[Run]:
        """The runs that a segment of `length` bytes, of which `payload` was captured, adds at `time` (nanoseconds)."""
        offset = distance(self.next, sequence)
        if offset > 0:
            self._wait(time, sequence, payload, length)
            if len(self._ahead) >= MOST_AHEAD or not 0 <= time - self._since < LONGEST_GAP:
                yield from self._skip(time)
        elif length + offset > 0:
            yield from self._advance(payload[-offset:], length + offset)
            yield from self._follow(time)
        elif not self.opened and distance(self.begin, sequence) + length <= 0:
            self.begin = sequence
            yield Run(RunKind.EARLIER, payload)

    def rest(self) -> Iterator[Run]:
        """The runs that wait behind gaps which nothing will fill any more."""
        while self._ahead:
            yield from self._skip(self._since)

    def forget(self) -> None:
        """Drops what waits."""
        self._ahead.clear()
        self.waiting = 0

    def _wait(self, time: int, sequence: int, payload: bytes, length: int) -> None:
        if not self._ahead:
            self._since = time
        kept, known = self._ahead.get(sequence, (b"", 0))
        if known < length:
            self.waiting += len(payload) - len(kept)
            self._ahead[sequence] = payload, length

    def _skip(self, time: int) -> Iterator[Run]:
        yield Run(RunKind.GAP)
        self.next = min(self._ahead, key=lambda sequence: distance(self.next, sequence))
        yield from self._follow(time)

    def _follow(self, time: int) -> Iterator[Run]:
        """The waiting segments that are no longer ahead of a gap."""
        for sequence in sorted(self._ahead, key=lambda sequence: distance(self.next, sequence)):
            offset = distance(self.next, sequence)
            if offset > 0:
                break
            payload, length = self._ahead.pop(sequence)
            self.waiting -= len(payload)
            if length + offset > 0:
                yield from self._advance(payload[-offset:], length + offset)
        self._since = time

    def _advance(self, payload: bytes, length: int) -> Iterator[Run]:
        self.next = self.next + length & 0xFFFFFFFF
        if payload:
            yield Run(RunKind.NEXT, payload)
        if length > len(payload):
            yield Run(RunKind.CUT)


def distance(origin: int, sequence: int) -> int:
    """How far `sequence` lies after `origin`, modulo 2**32; negative when it lies before."""
    return (sequence - origin + 0x80000000 & 0xFFFFFFFF) - 0x80000000

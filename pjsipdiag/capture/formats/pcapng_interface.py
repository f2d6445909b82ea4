"""Reads what pcapng has beside packets: interfaces, and the options that stand at the end of a block."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from pjsipdiag.dataclass import NamedTuple

FLAG_DIRECTIONS = {1 | how << 2: "in" for how in range(4)} | {2 | how << 2: "out" for how in range(5)}
"""The lowest five bits of epb_flags: the direction, and how the packet was received."""


class Interface(NamedTuple):
    """An interface description block; a tick is `numerator / denominator` nanoseconds, `offset` (nanoseconds) is added
    to each time, `snap_length` counts bytes (0: no limit)."""

    link_type: int
    numerator: int = 1000
    denominator: int = 1
    offset: int = 0
    snap_length: int = 0

    def time(self, ticks: int) -> int:
        """Nanoseconds since the epoch."""
        return ticks * self.numerator // self.denominator + self.offset


def options(order: str, body: bytes) -> Iterator[tuple[int, bytes]]:
    """(code, value) of the options that stand at the end of a block."""
    option, at = Struct(order + "HH").unpack_from, 0
    while at + 4 <= len(body):
        code, size = option(body, at)
        if code == 0:
            return
        yield code, body[at + 4 : at + 4 + size]
        at += 4 + (size + 3 & ~3)


def direction_of(order: str, body: bytes) -> str:
    """Where a packet went, as epb_flags among its options says: "in", "out", or "" where nothing does.

    What an interface in promiscuous mode heard of others (reception type 4) is neither.
    """
    flags = next((value for code, value in options(order, body) if code == 2 and len(value) == 4), bytes(4))
    return FLAG_DIRECTIONS.get((flags[0] if order == "<" else flags[3]) & 0b11111, "")


def interface(order: str, body: bytes) -> Interface:
    """The interface that the body of an interface description block describes."""
    if len(body) < 8:
        return Interface(-1)
    link_type, snap_length = Struct(order + "H2xI").unpack_from(body)
    numerator, denominator, offset = 1000, 1, 0
    for code, value in options(order, body[8:]):
        if code == 9 and value:  # if_tsresol: a negative power of 2 or of 10
            if value[0] & 0x80:
                numerator, denominator = 1_000_000_000, 1 << (value[0] & 0x7F)
            elif value[0] <= 9:
                numerator, denominator = int(10 ** (9 - value[0])), 1
            else:
                numerator, denominator = 1, int(10 ** (value[0] - 9))
        elif code == 14 and len(value) >= 8:  # if_tsoffset, in seconds
            offset = int.from_bytes(value[:8], "little" if order == "<" else "big", signed=True) * 1_000_000_000
    return Interface(link_type, numerator, denominator, offset, snap_length)

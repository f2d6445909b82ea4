"""pcapng (draft-ietf-opsawg-pcapng): sections, interfaces, and the blocks that hold packets.

Every section has its own byte order and its own list of interfaces; every interface its link type, time resolution,
time offset and snap length. Blocks of other types are passed over.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

SECTION, INTERFACE, PACKET, SIMPLE, ENHANCED, SECRETS = 0x0A0D0D0A, 1, 2, 3, 6, 10
MAGIC = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}


class Interface(NamedTuple):
    """What an interface description block says; `tick` are nanoseconds as a fraction (numerator, denominator)."""

    link_type: int
    numerator: int = 1000
    denominator: int = 1
    offset: int = 0
    snap_length: int = 0

    def time(self, ticks: int) -> int:
        """Nanoseconds since the epoch."""
        return ticks * self.numerator // self.denominator + self.offset


def interface(order: str, body: bytes) -> Interface:
    """The interface that the body of an interface description block describes."""
    if len(body) < 8:
        return Interface(-1)
    link_type, _, snap_length = struct.unpack_from(order + "HHI", body)
    numerator, denominator, offset, at = 1000, 1, 0, 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + "HH", body, at)
        value = body[at + 4 : at + 4 + size]
        if code == 0:
            break
        if code == 9 and value:  # if_tsresol
            base, exponent = (2, value[0] & 127) if value[0] & 128 else (10, value[0])
            numerator, denominator = 1_000_000_000, base**exponent
            if base == 10 and exponent <= 9:
                numerator, denominator = 10 ** (9 - exponent), 1
        elif code == 14 and len(value) >= 8:  # if_tsoffset
            offset = struct.unpack_from(order + "q", value)[0] * 1_000_000_000
        at += 4 + (size + 3 & ~3)
    return Interface(link_type, numerator, denominator, offset, snap_length)

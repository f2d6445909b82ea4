"""The compiled part (`_records.c`): a loop over records that need no closer look. It is not built everywhere.

A plan says to it where the fields of a Layout lie, the tables what bytes mean. It knows the plans of all encapsulations
that were met, so that a capture of several ones is as quick as one of one. The messages are the same with it and
without: then the sieve looks at every record.
"""

from __future__ import annotations

import string
from collections.abc import Iterable
from struct import Struct

from pjsipdiag.capture.datagram import ConnectedDatagram, Datagram
from pjsipdiag.capture.fast.layout import HEP_BYTES, MARGIN, PASSES, Container, Layout
from pjsipdiag.capture.packets.dissect import CANNOT_START_SIP
from pjsipdiag.capture.packets.link import SLL_DIRECTIONS
from pjsipdiag.capture.packets.tunnels import UDP_TUNNELS
from pjsipdiag.capture.streams.start import USUAL
from pjsipdiag.capture.streams.stream import MessageStream
from pjsipdiag.extensions import is_used

try:
    from pjsipdiag.capture.fast import _records
except ImportError:
    passed = None
else:
    passed = _records.passed if is_used(_records) else None

MOST_PLANS, MOST_CHECKS = 16, 32
MESSAGES_AT_ONCE = 64
"""That are told at once: so few that they are still in the processor's cache when it is their turn, and their memory
there is used again."""
LATEST = MARGIN - 8 - 32
"""Where UDP or TCP has to begin, so that the ports, the length and the longest method are within MARGIN."""
_HEAD, _CHECK = Struct("=14i"), Struct("=HBB")
_SIZE = _HEAD.size + MOST_CHECKS * _CHECK.size
MEDIA, DULL, LETTER, LOOK = range(4)


def _first(byte: int) -> int:
    """The verdict on the first byte of a UDP payload."""
    if PASSES[byte]:
        return MEDIA
    if byte in HEP_BYTES or byte in b"\r\n":
        return LOOK
    return LETTER if chr(byte) in string.ascii_letters else DULL


def _flags(size: int, chosen: Iterable[int]) -> bytes:
    """A table of `size` bytes in which the chosen ones are 1."""
    table = bytearray(size)
    for at in chosen:
        table[at] = 1
    return bytes(table)


TABLES = (
    bytes(map(_first, range(256))),
    CANNOT_START_SIP,
    _flags(256, (string.ascii_letters + string.digits + ".!%*_+`'~-").encode()),
    _flags(65536, UDP_TUNNELS),
    USUAL,
    tuple(SLL_DIRECTIONS.get(byte, "") for byte in range(256)),
    "UDP",
    MessageStream.transport,
    Datagram,
    ConnectedDatagram,
    MessageStream,
)


def add_plan(plans: bytearray, layout: Layout, container: Container, unit: int, link: tuple[int, int]) -> None:
    """Adds a plan for `layout` to `plans`, where the compiled loop can follow it.

    `unit` is the number of nanoseconds in a unit of the fraction, or in a tick of a pcapng interface; 0 for a tick that
    is none. `link` is its type, and where it says a direction.
    """
    link_type, direction_at = link
    four = layout.version == 4
    passed_over = (layout.protocol_at, layout.fragment_at + 1) if four else (layout.protocol_at,)
    checks = [(at, 0xFF, value[0]) for at, value in layout.columns if at not in passed_over]
    if not unit or layout.ports >= LATEST or len(checks) > MOST_CHECKS or len(plans) >= MOST_PLANS * _SIZE:
        return
    plans += _HEAD.pack(
        bool(container.fixed),
        container.order == ">",
        unit,
        container.header,
        layout.protocol_at,
        container.header + layout.ip + (2 if four else 4),
        layout.over,
        layout.addresses,
        4 if four else 16,
        layout.ports,
        direction_at,
        layout.fragment_at if four else 0,
        link_type,
        len(checks),
    )
    plans += b"".join(_CHECK.pack(*check) for check in checks).ljust(MOST_CHECKS * _CHECK.size, b"\0")

"""Where the fields that decide lie when every header before UDP or TCP has its usual length.

There is one Layout per encapsulation met (Ethernet, with a VLAN tag, PPPoE, cooked, raw; IPv4 or IPv6), learnt from the
first such packet. One precompiled Struct reads all fields that tell a plain packet, at once.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any

from pjsipdiag.capture.packets.link import PPPOE, VLAN_TAGS
from pjsipdiag.capture.packets.network_layer import IPV4, NetworkLayer
from pjsipdiag.dataclass import NamedTuple

MARGIN = 160
"""Bytes after the start of a record in which all fields of a layout lie."""
TRANSPORT_PROTOCOLS = frozenset({6, 17})
PASSES = bytes(int(byte >= 0x80 and byte != 0x88) for byte in range(256))
"""First bytes of a UDP payload that neither SIP, HEP nor a tunnel can have (0x88: VXLAN with a group policy)."""
HEP_BYTES = frozenset({0x01, 0x02, 0x48})
"""First bytes of HEP."""
UNFRAGMENTED = bytes(int(byte in (0x00, 0x40)) for byte in range(256))
"""The first byte of IPv4's fragment field when it says that the packet is whole."""
PROTOCOL_AT = {1: (12, 14), 113: (14, 16), 276: (0, 20)}
"""Link type -> where the type of what it carries stands, and where that begins."""


class Container(NamedTuple):
    """How a file frames its packets: `header` bytes before each. `fixed` bytes are alike in all its records (offset,
    byte); `zero_at` are two bytes that are zero in any sane record."""

    order: str
    header: int
    zero_at: int
    fixed: tuple[tuple[int, bytes], ...] = ()


class Layout(NamedTuple):
    """`unpack` reads two fields that must be `first` and `second`, the fragment field (zero under `mask`) and the
    protocol. Unless `plain`, `outer` reads the outer link headers, which must be
    `tags`. Offsets are from the start of the record. `columns` are bytes that every plain UDP packet has alike.
    """

    is_media: Callable[[bytearray, int, int], bool]
    """Whether the record at a place, which stops at another one, is a plain UDP packet whose first byte PASSES."""
    unpack: Callable[[bytearray, int], tuple[Any, ...]]
    first: int
    second: int
    mask: int
    plain: bool
    outer: Callable[[bytearray, int], tuple[Any, ...]]
    tags: tuple[int, ...]
    ip: int
    addresses: int
    ports: int
    detail: Callable[[bytearray, int], tuple[int, bytes, bytes, bytes, bytes, int]]
    """The IP length, both addresses, both ports and the UDP length."""
    over: int
    """Bytes that the IP length counts beside the transport packet: IPv4's header, nothing in IPv6."""
    columns: tuple[tuple[int, bytes], ...]
    fragment_at: int
    protocol_at: int
    version: int

    def fits(self, buffer: bytearray, at: int) -> bool:
        """Whether the record at `at` is a plain UDP or TCP packet of this encapsulation."""
        first, second, fragment, protocol = self.unpack(buffer, at)
        return (
            first == self.first
            and second == self.second
            and protocol in TRANSPORT_PROTOCOLS
            and not fragment & self.mask
            and (self.plain or self.outer(buffer, at) == self.tags)
        )


def learn(link_type: int, frame: bytes, found: NetworkLayer, container: Container) -> Layout | None:
    """The layout of packets that are encapsulated as `frame` is, `found` being its IP packet; else None."""
    marks = _marks(link_type, frame, found.offset)
    if marks is None:
        return None
    ip, four = found.offset, found.kind == IPV4
    if len(frame) < ip + (28 if four else 48):
        return None
    if (four and frame[ip] != 0x45) or (not four and frame[ip] >> 4 != 6):
        return None
    if frame[ip + (9 if four else 6)] not in (6, 17) or (
        four and UNFRAGMENTED[frame[ip + 6]] + (not frame[ip + 7]) != 2
    ):
        return None
    return _build(container, marks, frame, ip, four)


def _marks(link_type: int, frame: bytes, ip: int) -> tuple[tuple[int, int], ...] | None:
    """(offset, size) of the fields of the link headers that say what follows; None for what has no fixed ones."""
    if link_type in (12, 14, 101, 228, 229):
        return ()
    if link_type in (0, 108):
        return ((0, 4),)
    if link_type not in PROTOCOL_AT:
        return None
    first, at = PROTOCOL_AT[link_type]
    marks = [(first, 2)]
    while at < ip:
        kind = int.from_bytes(frame[at - 2 : at] if link_type != 276 or at > 20 else frame[0:2], "big")
        if kind in VLAN_TAGS:
            marks, at = [*marks, (at + 2, 2)], at + 4
        elif kind in PPPOE:
            marks, at = [*marks, (at + 6, 2)], at + 8
        else:
            return None
    return tuple(marks) if at == ip else None


def _build(container: Container, marks: tuple[tuple[int, int], ...], frame: bytes, ip: int, four: bool) -> Layout:
    # Two of the fields go into `unpack` with the fragment field and the protocol, so that one struct call tells a plain
    # packet; further link headers (VLAN, PPPoE) are compared only after that.
    little, head = container.order == "<", container.header
    zero, version = (container.zero_at, "H", 0), (head + ip, "B", frame[ip])
    outer = [_field(head + at, size, frame[at : at + size], little) for at, size in marks]
    last = outer.pop() if outer else None
    if last is None:
        first, second = zero, version
    else:
        first, second = (last, version) if four else (zero, last)
    fragment, protocol = (ip + 6, ip + 9) if four else (ip + 4, ip + 6)
    fields = (first[:2], second[:2], (head + fragment, "H"), (head + protocol, "B"))
    columns = [*container.fixed, (head + protocol, b"\x11")]
    if four:
        columns.append((head + fragment + 1, b"\0"))
    for at, code, value in (*outer, last or zero, version):
        if (at, code) == version[:2] and not four and last is not None:
            continue
        size = {"B": 1, "H": 2, "I": 4}[code]
        raw = value.to_bytes(size, "little" if little else "big")
        columns += [(at + index, raw[index : index + 1]) for index in range(size)]
    unpack, unpack_outer = _struct(container.order, fields), _struct(container.order, tuple(one[:2] for one in outer))
    tags, mask = tuple(field[2] for field in outer), (0xFF3F if little else 0x3FFF) if four else 0
    ports = head + ip + (20 if four else 40)
    return Layout(
        is_media=_media(unpack, (first[2], second[2], mask), unpack_outer, tags, ports + 8),
        unpack=unpack,
        first=first[2],
        second=second[2],
        mask=mask,
        plain=not outer,
        outer=unpack_outer,
        tags=tags,
        ip=ip,
        addresses=head + ip + (12 if four else 8),
        ports=ports,
        detail=Struct(f">{head + ip + 2}xH8x4s4s2s2sH" if four else f">{head + ip + 4}xH2x16s16s2s2sH").unpack_from,
        over=20 if four else 0,
        columns=tuple(columns),
        fragment_at=head + fragment,
        protocol_at=head + protocol,
        version=4 if four else 6,
    )


def _media(
    unpack: Callable[[bytearray, int], tuple[Any, ...]],
    expected: tuple[int, int, int],
    outer: Callable[[bytearray, int], tuple[Any, ...]],
    tags: tuple[int, ...],
    payload: int,
) -> Callable[[bytearray, int, int], bool]:
    """`Layout.is_media`: without the compiled part nearly all records are asked it, and no more."""
    left, right, mask = expected

    def is_media(buffer: bytearray, at: int, stop: int) -> bool:
        first, second, fragment, protocol = unpack(buffer, at)
        return (
            protocol == 17
            and first == left
            and second == right
            and not fragment & mask
            and at + payload < stop
            and bool(PASSES[buffer[at + payload]])
            and (not tags or outer(buffer, at) == tags)
        )

    return is_media


def _field(at: int, size: int, raw: bytes, little: bool) -> tuple[int, str, int]:
    return at, {2: "H", 4: "I"}[size], int.from_bytes(raw, "little" if little else "big")


def _struct(order: str, fields: tuple[tuple[int, str], ...]) -> Callable[[bytearray, int], tuple[Any, ...]]:
    parts, reached = [order], 0
    for at, code in fields:
        parts.append(f"{at - reached}x{code}")
        reached = at + {"B": 1, "H": 2, "I": 4}[code]
    return Struct("".join(parts)).unpack_from

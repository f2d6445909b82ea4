"""Link types that are met now and then: switches, capture cards, tunnels of the kernel, old networks.

Each row of RARE knows one of them, as LINK_TYPES does. Others are asked of scapy; what it does not know either is
searched for an IP header that proves itself by its checksum and lengths, as the headers before it hold no secret that
matters here.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pjsipdiag.capture.packets.link import (
    LINK_TYPES,
    cisco_hdlc,
    frame_relay,
    inner,
    ppp_kind,
    protocol_of_family,
    raw,
)
from pjsipdiag.capture.packets.network_layer import (
    ETHERNET_BRIDGED,
    IPV4,
    IPV6,
    NO_NETWORK_LAYER,
    NetworkLayer,
    UndecodableError,
    ethernet,
    llc,
    number,
    snap,
)

MOST_BEFORE_IP = 128
"""Bytes before an IP header that is searched for."""
_HEADER = re.compile(rb"[\x45-\x4f\x60-\x6f]")
_UPPER = frozenset({0, 4, 6, 17, 41, 43, 44, 47, 51, 60})


def rare(link_type: int, frame: bytes) -> NetworkLayer:
    """The network layer in a frame of a link type that LINK_TYPES does not know. Raises UndecodableError."""
    decode = RARE.get(link_type)
    if decode is not None:
        return decode(frame)
    found = _by_scapy(link_type, frame) or search(frame)
    if found is None:
        raise UndecodableError(f"link type {link_type} without IP")
    return found


def search(frame: bytes, offset: int = 0) -> NetworkLayer | None:
    """The first IP header at or after `offset` that is one beyond doubt."""
    for place in _HEADER.finditer(frame, offset, offset + MOST_BEFORE_IP):
        at = place.start()
        if (_is_ipv4 if frame[at] >> 4 == 4 else _is_ipv6)(frame, at):
            return NetworkLayer(IPV4 if frame[at] >> 4 == 4 else IPV6, at)
    return None


def _is_ipv4(frame: bytes, at: int) -> bool:
    size, total = (frame[at] & 15) * 4, number(frame, at + 2) if at + 4 <= len(frame) else 0
    header = frame[at : at + size]
    if len(header) < size or total < size or header[9] not in _UPPER:
        return False
    words = sum(int.from_bytes(header[place : place + 2], "big") for place in range(0, size, 2))
    if header[10:12] == b"\0\0":  # left to the network card
        return 0 <= len(frame) - at - total <= 8
    return words % 0xFFFF == 0


def _is_ipv6(frame: bytes, at: int) -> bool:
    if at + 40 > len(frame) or frame[at + 6] not in _UPPER:
        return False
    if 0 <= len(frame) - at - 40 - number(frame, at + 4) <= 8:
        return True
    return all(frame[place] >> 5 == 1 or frame[place] in (0xFC, 0xFD, 0xFE) for place in (at + 8, at + 24))


def _by_scapy(link_type: int, frame: bytes) -> NetworkLayer | None:
    """scapy's layers tell where IP starts."""
    import logging

    logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
    import scapy.all  # 0.75 s

    layer = scapy.all.conf.l2types.num2layer.get(link_type)
    if layer is None:
        return None
    try:
        packet = layer(frame)
        found = packet.getlayer("IP") or packet.getlayer("IPv6")
        offset = len(frame) - len(found.original) if found is not None else 0
    except Exception:  # scapy's dissectors raise anything on hostile bytes
        return None
    return None if found is None else NetworkLayer(IPV4 if found.name == "IP" else IPV6, offset)


def _searched(frame: bytes, offset: int = 0) -> NetworkLayer:
    found = search(frame, offset)
    if found is None:
        raise UndecodableError("no IP header found in the frame")
    return found


def _within(link_type: int, frame: bytes, at: int, direction: str = "") -> NetworkLayer:
    """A frame of a common link type that starts at `at`."""
    decode = LINK_TYPES.get(link_type)
    if decode is None or not 0 < at <= len(frame):
        raise UndecodableError(f"link type {link_type} inside another one")
    found = decode(frame[at:])
    found = inner(frame[at:], found.kind, found.offset, direction or found.direction)
    return found._replace(offset=found.offset + at) if found.kind else found


def _tagged(size: int) -> Callable[[bytes], NetworkLayer]:
    """A switch's tag of `size` bytes stands between the addresses and the EtherType."""
    return lambda frame: NetworkLayer(number(frame, 12 + size), 14 + size)


def _ethernet_at(offset: int) -> Callable[[bytes], NetworkLayer]:
    return lambda frame: ethernet(frame, offset)


def _token_ring(frame: bytes) -> NetworkLayer:
    """A source address with its first bit set announces a routing field."""
    routed = len(frame) > 14 and frame[8] & 0x80
    return llc(frame, 14 + (frame[14] & 0x1F if routed else 0))


def _fddi(frame: bytes) -> NetworkLayer:
    return llc(frame, 13) if frame[:1] and frame[0] & 0xF0 == 0x50 else NO_NETWORK_LAYER


def _atm(frame: bytes, offset: int = 0) -> NetworkLayer:
    """RFC 2684: routed or bridged behind LLC, PPP behind LLC (RFC 2364), or one protocol for the circuit."""
    head = frame[offset : offset + 4]
    if head[:2] == b"\xaa\xaa":
        return snap(frame, offset + 3, pad=2)
    if head == b"\xfe\xfe\x03\xcf":
        return NetworkLayer(*ppp_kind(frame, offset + 4))
    if head[:2] == b"\0\0":
        return NetworkLayer(ETHERNET_BRIDGED, offset + 2)
    return raw(frame, offset) if head and head[0] >> 4 in (4, 6) else llc(frame, offset)


def _sunatm(frame: bytes) -> NetworkLayer:
    direction = "out" if frame[:1] and frame[0] & 0x80 else "in"
    return _atm(frame, 4)._replace(direction=direction)


def _fibre_channel(frame: bytes) -> NetworkLayer:
    return llc(frame, 16)


def _enc(frame: bytes) -> NetworkLayer:
    """OpenBSD's IPsec interface: address family in the machine's byte order, SPI, flags."""
    return NetworkLayer(protocol_of_family(frame), 12)


def _docsis(frame: bytes) -> NetworkLayer:
    """FC, parameter, length, an extended header of as many bytes as the parameter says, checksum."""
    if len(frame) < 6:
        raise UndecodableError("link header cut short")
    return ethernet(frame, 6 + (frame[1] if frame[0] & 1 else 0)) if frame[0] >> 6 == 0 else NO_NETWORK_LAYER


def _directed(decode: Callable[[bytes, int], NetworkLayer]) -> Callable[[bytes], NetworkLayer]:
    """A byte with the direction stands before the frame."""

    def found(frame: bytes) -> NetworkLayer:
        return decode(frame, 1)._replace(direction="out" if frame[:1] not in (b"", b"\0") else "in")

    return found


def _ppp_with_direction(frame: bytes, offset: int) -> NetworkLayer:
    offset += {b"\xff\x03": 2}.get(frame[offset : offset + 2], 1 if frame[offset : offset + 1] == b"\x03" else 0)
    return NetworkLayer(*ppp_kind(frame, offset))


def _mpls(_frame: bytes) -> NetworkLayer:
    return NetworkLayer(0x8847, 0)


def _ipnet(frame: bytes) -> NetworkLayer:
    """Solaris: the second byte is its address family."""
    return NetworkLayer({2: IPV4, 26: IPV6}.get(frame[1] if len(frame) > 1 else 0, 0), 24)


def _nflog(frame: bytes) -> NetworkLayer:
    """Attributes in the byte order of the machine that captured; the packet is NFULA_PAYLOAD."""
    family, at = frame[:1], 4
    while at + 4 <= len(frame):
        sizes = [int.from_bytes(frame[at : at + 2], "little"), int.from_bytes(frame[at : at + 2], "big")]
        size = min(sizes) if min(sizes) >= 4 else max(sizes)
        if 9 in frame[at + 2 : at + 4] and not frame[at + 2] & frame[at + 3]:
            kind = {b"\x02": IPV4, b"\x0a": IPV6}.get(family)
            return NetworkLayer(kind, at + 4) if kind else raw(frame, at + 4)
        at += max(size + 3 & ~3, 4)
    return NO_NETWORK_LAYER


def _ipoib(frame: bytes) -> NetworkLayer:
    return NetworkLayer(number(frame, 40), 44)


def _infiniband(frame: bytes) -> NetworkLayer:
    """Local and perhaps global route header, base and datagram transport header; then as RFC 4391 has it."""
    at = 8 + (40 if frame[1:2] and frame[1] & 3 == 3 else 0) + 20
    return NetworkLayer(number(frame, at), at + 4)


def _pktap(frame: bytes) -> NetworkLayer:
    """macOS: length of this header, link type of the frame after it, direction in the flags."""
    at, link, flags = (int.from_bytes(frame[place : place + 4], "little") for place in (0, 8, 36))
    return _within(link, frame, at, {1: "in", 2: "out"}.get(flags & 3, ""))


def _ppi(frame: bytes) -> NetworkLayer:
    return _within(int.from_bytes(frame[4:8], "little"), frame, number(frame, 2, "little"))


def tzsp(frame: bytes) -> NetworkLayer:
    """TaZmen Sniffer Protocol: version, type, what it holds; then tags up to the one that ends them."""
    at = 4
    while at < len(frame) and frame[at] != 1:
        at += 1 if frame[at] == 0 else 2 + (frame[at + 1] if at + 1 < len(frame) else 0)
    link = {1: 1, 18: 105, 119: 119, 127: 163}.get(number(frame, 2), 0)
    if not link:
        return NO_NETWORK_LAYER
    return _within(link, frame, at + 1)


def _erf(frame: bytes) -> NetworkLayer:
    """Endace's capture cards: 16 bytes, extension headers of 8 as long as the first bit says so."""
    at, more, kind = 16, 8, frame[8] & 0x7F if len(frame) > 16 else 0
    while at < len(frame) and frame[more] & 0x80:
        more, at = at, at + 8
    if kind in (2, 11, 16, 20):
        return ethernet(frame, at + 2)
    if kind in (1, 10, 15, 17):
        return _within(50 if frame[at : at + 2] == b"\xff\x03" else 104, frame, at)
    return raw(frame, at) if kind in (22, 23) else NO_NETWORK_LAYER


def _vpp(frame: bytes) -> NetworkLayer:
    """VPP's dispatch trace: so many strings, then the packet as the graph node has it."""
    at = 8
    for _ in range(frame[2] if len(frame) > 8 else 0):
        at = frame.find(b"\0", at) + 1
        if not at:
            raise UndecodableError("link header cut short")
    hint = frame[3] if len(frame) > 8 else 0
    return ethernet(frame, at) if hint == 1 else raw(frame, at) if hint in (2, 3) else _searched(frame, at)


def _juniper(after: Callable[[bytes, int], NetworkLayer]) -> Callable[[bytes], NetworkLayer]:
    """`MGC`, flags (bit 0: direction in, bit 1: no link header but a protocol, bit 7: extensions and their length)."""

    def found(frame: bytes) -> NetworkLayer:
        if frame[:3] != b"MGC" or len(frame) < 8:
            raise UndecodableError("link header cut short")
        at = 6 + number(frame, 4) if frame[3] & 0x80 else 4
        if frame[3] & 2:
            protocol = int.from_bytes(frame[at : at + 4], "little")
            inside = NetworkLayer({2: IPV4, 3: IPV4, 6: IPV6, 7: IPV6}.get(protocol, 0), at + 4)
        else:
            inside = after(frame, at)
        return inside._replace(direction="in" if frame[3] & 1 else "out")

    return found


RARE: dict[int, Callable[[bytes], NetworkLayer]] = {
    6: _token_ring,
    10: _fddi,
    100: _atm,
    106: raw,
    109: _enc,
    122: _fibre_channel,
    123: _sunatm,
    128: tzsp,
    143: _docsis,
    166: _directed(_ppp_with_direction),
    167: _juniper(ethernet),
    178: _juniper(ethernet),
    179: _juniper(_ppp_with_direction),
    180: _juniper(frame_relay),
    181: _juniper(cisco_hdlc),
    192: _ppi,
    197: _erf,
    205: _directed(cisco_hdlc),
    206: _directed(frame_relay),
    219: _mpls,
    226: _ipnet,
    239: _nflog,
    240: _ethernet_at(4),
    241: _ethernet_at(12),
    242: _ipoib,
    247: _infiniband,
    258: _pktap,
    259: _ethernet_at(8),
    274: _ethernet_at(8),
    280: _vpp,
    281: _tagged(4),
    282: _ethernet_at(4),
    284: _tagged(4),
    285: _tagged(8),
    **dict.fromkeys((130, 131, 132, 133, 134, 135, 136, 137, 168, 194, 200, 238), _juniper(_searched)),
}
"""Link type -> what follows its header. The cookies of Juniper's service cards differ: there IP is searched for."""

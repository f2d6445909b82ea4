"""From an IP packet to transport payloads: IPv4, IPv6, fragments, tunnels, UDP and TCP headers.

Addresses are those of the innermost packet. A tunnel is recognised by its protocol or port and by its own header; SIP
is recognised by content before a tunnel is tried. Everything that cannot be decoded raises or counts its reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pjsipdiag.capture.fragments import Fragments
from pjsipdiag.capture.link import ETHERNET_BRIDGED, IPV4, IPV6, Undecodable, inner, ppp_kind

TCP, UDP = 6, 17
MAX_DEPTH = 8
MISSING = 65_535
"""Bytes that are missing at most where only the beginning of a packet is there."""
AH = 51
EXTENSIONS = frozenset({0, 43, 60, 135, 139, 140})
MAX_EXTENSIONS = 32


class Segment(NamedTuple):
    """One transport packet: `protocol` is UDP or TCP, `header` starts at the ports.

    `source` and `destination` are IP bytes, `data` the transport header with its payload as far as it was captured,
    `missing` how many bytes the snap length cut off.
    """

    protocol: int
    source: bytes
    destination: bytes
    data: bytes
    missing: int
    reassembled: bool


class Packet(NamedTuple):
    """An IP packet whose payload is whole (fragments are together)."""

    protocol: int
    source: bytes
    destination: bytes
    data: bytes
    missing: int
    reassembled: bool


def unwrap(kind: int, data: bytes, time: int, fragments: Fragments) -> Segment | None:
    """The innermost UDP or TCP packet of `data`, an IP packet of EtherType `kind`; None when there is none.

    Raises Undecodable.
    """
    reassembled = False
    for _ in range(MAX_DEPTH):
        packet = (_ipv4 if kind == IPV4 else _ipv6)(data, time, fragments)
        if packet is None:
            return None
        reassembled = reassembled or packet.reassembled
        if packet.protocol in (TCP, UDP):
            return Segment(packet.protocol, packet.source, packet.destination, packet.data, packet.missing, reassembled)
        tunnel = _protocol_tunnel(packet)
        if tunnel is None:
            return None
        kind, data = tunnel
    raise Undecodable("tunnels nested too deep")


def _ipv4(data: bytes, time: int, fragments: Fragments) -> Packet | None:
    """RFC 791. A total length of 0 is what segmentation offload leaves: the frame's length counts."""
    if len(data) < 20:
        raise Undecodable("IPv4 header cut short")
    if data[0] >> 4 != 4:
        raise Undecodable("IPv4 header of another version")
    size = (data[0] & 15) * 4
    total = int.from_bytes(data[2:4], "big") or len(data)
    if size < 20 or total < size:
        raise Undecodable("IPv4 header length")
    if len(data) < size:
        raise Undecodable("IPv4 header cut short")
    protocol, source, destination = data[9], data[12:16], data[16:20]
    missing = max(0, total - len(data))
    fragment = int.from_bytes(data[6:8], "big")
    payload = data[size:total]
    if not fragment & 0x3FFF:
        protocol, payload = _authenticated(protocol, payload)
        return Packet(protocol, source, destination, payload, missing, False)
    if missing:
        if fragment & 0x1FFF:
            raise Undecodable("IP fragment cut by the snap length")
        return Packet(protocol, source, destination, payload, MISSING, False)
    key = source + destination, protocol, int.from_bytes(data[4:6], "big")
    whole = fragments.add(key, time, (fragment & 0x1FFF) * 8, bool(fragment & 0x2000), payload)
    if whole is None:
        return None
    protocol, whole = _authenticated(protocol, whole)
    return Packet(protocol, source, destination, whole, 0, True)


def _authenticated(protocol: int, payload: bytes) -> tuple[int, bytes]:
    """What follows an authentication header (RFC 4302)."""
    if protocol != AH:
        return protocol, payload
    if len(payload) < 12:
        raise Undecodable("authentication header cut short")
    return payload[0], payload[(payload[1] + 2) * 4 :]


def _ipv6(data: bytes, time: int, fragments: Fragments) -> Packet | None:
    """RFC 8200: fixed header, extension headers in any order, fragment header."""
    if len(data) < 40:
        raise Undecodable("IPv6 header cut short")
    if data[0] >> 4 != 6:
        raise Undecodable("IPv6 header of another version")
    length = int.from_bytes(data[4:6], "big") or len(data) - 40
    missing = max(0, 40 + length - len(data))
    source, destination, protocol = data[8:24], data[24:40], data[6]
    rest, reassembled = data[40 : 40 + length], False
    for _ in range(MAX_EXTENSIONS):
        if protocol in EXTENSIONS or protocol == AH:
            if len(rest) < 8:
                raise Undecodable("IPv6 extension header cut short")
            size = (rest[1] + 2) * 4 if protocol == AH else (rest[1] + 1) * 8
            protocol, rest = rest[0], rest[size:]
        elif protocol == 44:
            place = int.from_bytes(rest[2:4], "big")
            if len(rest) < 8 or (missing and place & 0xFFF8):
                raise Undecodable("IP fragment cut by the snap length")
            protocol, number, piece = rest[0], int.from_bytes(rest[4:8], "big"), rest[8:]
            if missing and place & 1:
                missing = MISSING
            elif place & 0xFFF9:  # RFC 6946: an atomic fragment is whole
                # RFC 8200 section 4.5: the protocol is not part of the key, the first fragment's counts
                key = source + destination, protocol, number
                whole = fragments.add(key, time, place & 0xFFF8, bool(place & 1), piece)
                if whole is None:
                    return None
                piece, reassembled = whole, True
            rest = piece
        else:
            return Packet(protocol, source, destination, rest, missing, reassembled)
    raise Undecodable("too many IPv6 extension headers")


def _protocol_tunnel(packet: Packet) -> tuple[int, bytes] | None:
    """IP in IP (RFC 2003), 6in4 (RFC 4213), GRE and ERSPAN, MPLS in IP (RFC 4023), EtherIP (RFC 3378), L2TPv3."""
    data = packet.data
    if packet.protocol == 4:
        return IPV4, data
    if packet.protocol == 41:
        return IPV6, data
    if packet.protocol == 47:
        return _network(*_gre(data))
    if packet.protocol == 137:
        return _network(data, 0x8847, 0)
    if packet.protocol == 97:
        return _network(data, ETHERNET_BRIDGED, 2)
    if packet.protocol == 115:
        return _searched(data)
    if packet.protocol == 50:
        raise Undecodable("encrypted IPsec (ESP)")
    return None


def _network(data: bytes, kind: int, offset: int) -> tuple[int, bytes] | None:
    found = inner(data, kind, offset)
    return (found.kind, data[found.offset :]) if found.kind else None


def _gre(data: bytes) -> tuple[bytes, int, int]:
    """RFC 2784 and 2890; version 1 is PPTP's (RFC 2637)."""
    if len(data) < 4:
        raise Undecodable("GRE header cut short")
    flags, kind = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
    sequence = bool(flags & 0x1000)
    if flags & 7 == 1:
        offset = 8 + 4 * sequence + 4 * bool(flags & 0x80)
        if kind != 0x880B or len(data) <= offset:
            return data, 0, 0
        # the PPP protocol follows, with or without address and control bytes
        offset += 2 if data[offset : offset + 2] == b"\xff\x03" else 0
        size = 1 if data[offset : offset + 1] and data[offset] & 1 else 2
        protocol = int.from_bytes(data[offset : offset + size], "big")
        return data, {0x21: IPV4, 0x57: IPV6}.get(protocol, 0), offset + size
    if flags & 0x4000:
        raise Undecodable("GRE with source routes")
    offset = 4 + 4 * bool(flags & 0x8000) + 4 * bool(flags & 0x2000) + 4 * sequence
    if kind == 0x88BE:  # ERSPAN: type I has neither sequence number nor header of its own
        return data, ETHERNET_BRIDGED, offset + 8 * sequence
    if kind == 0x22EB:
        options = len(data) > offset + 11 and data[offset + 11] & 1
        return data, ETHERNET_BRIDGED, offset + 12 + 8 * options
    if kind == 0x883E:  # WCCP: version 2 has a header of four bytes
        offset += 0 if data[offset : offset + 1] and data[offset] >> 4 == 4 else 4
        kind = IPV4
    return data, kind, offset


def udp_tunnel(source_port: int, destination_port: int, payload: bytes) -> tuple[int, bytes] | None:
    """What a UDP payload carries when a port is that of a tunnel, and its header says so: (EtherType, packet)."""
    for port in (destination_port, source_port):
        decode = UDP_TUNNELS.get(port)
        if decode is not None and len(payload) > 8:
            try:
                found = decode(payload)
            except Undecodable:
                continue  # a port alone proves no tunnel
            if found is not None:
                return found
    return None


def _vxlan(payload: bytes) -> tuple[int, bytes] | None:
    """RFC 7348."""
    return _network(payload, ETHERNET_BRIDGED, 8) if payload[0] & 0x08 and not payload[7] else None


def _vxlan_gpe(payload: bytes) -> tuple[int, bytes] | None:
    """draft-ietf-nvo3-vxlan-gpe: the next protocol is named."""
    kind = {1: IPV4, 2: IPV6, 3: ETHERNET_BRIDGED, 5: 0x8847}.get(payload[3], 0)
    return _network(payload, kind, 8) if payload[0] & 0xCC == 0x0C and not payload[7] else None


def _geneve(payload: bytes) -> tuple[int, bytes] | None:
    """RFC 8926."""
    if payload[0] >> 6:
        return None
    return _network(payload, int.from_bytes(payload[2:4], "big"), 8 + (payload[0] & 63) * 4)


def _mpls(payload: bytes) -> tuple[int, bytes] | None:
    """RFC 7510."""
    return _network(payload, 0x8847, 0)


def _l2tp(payload: bytes) -> tuple[int, bytes] | None:
    """RFC 2661 section 3.1: a data message of version 2, in which PPP follows; of version 3 IP is searched for."""
    flags = int.from_bytes(payload[:2], "big")
    if flags & 0x8000 or flags & 15 not in (2, 3):
        return None
    if flags & 15 == 3:
        return _searched(payload)
    at = 6 + 2 * bool(flags & 0x4000) + 4 * bool(flags & 0x0800)
    if flags & 0x0200:
        at += 2 + int.from_bytes(payload[at : at + 2], "big")
    at += 2 if payload[at : at + 2] == b"\xff\x03" else 0
    kind, at = ppp_kind(payload, at)
    return _network(payload, kind, at)


def _teredo(payload: bytes) -> tuple[int, bytes] | None:
    """RFC 4380 section 5.1.1: perhaps behind authentication and origin indications."""
    at = 0
    if payload[:2] == b"\0\1":
        at = 13 + payload[2] + payload[3]
    if payload[at : at + 2] == b"\0\0":
        at += 8
    return (IPV6, payload[at:]) if payload[at : at + 1] and payload[at] >> 4 == 6 else None


def _tzsp(payload: bytes) -> tuple[int, bytes] | None:
    """What a router's sniffer sends; the network layer inside stays as it is."""
    from pjsipdiag.capture.rare import tzsp

    if payload[0] != 1:
        return None
    found = tzsp(payload)
    found = inner(payload, found.kind, found.offset)
    return (found.kind, payload[found.offset :]) if found.kind else None


def _searched(payload: bytes) -> tuple[int, bytes] | None:
    """Headers whose length only the two ends know."""
    from pjsipdiag.capture.rare import search

    found = search(payload)
    return (found.kind, payload[found.offset :]) if found else None


def _gtp(payload: bytes) -> tuple[int, bytes] | None:
    """GTP-U (3GPP TS 29.281): a G-PDU, perhaps with extension headers."""
    if payload[0] & 0xF0 != 0x30 or payload[1] != 255:
        return None
    offset = 8
    if payload[0] & 7:
        offset, kind = 12, payload[11] if len(payload) > 11 else 0
        if not payload[0] & 4:
            kind = 0
        while kind:
            size = payload[offset] * 4 if offset < len(payload) else 0
            if not size or offset + size > len(payload):
                return None
            kind, offset = payload[offset + size - 1], offset + size
    version = payload[offset] >> 4 if offset < len(payload) else 0
    return ({4: IPV4, 6: IPV6}[version], payload[offset:]) if version in (4, 6) else None


UDP_TUNNELS: dict[int, Callable[[bytes], tuple[int, bytes] | None]] = {
    1701: _l2tp,
    2152: _gtp,
    3544: _teredo,
    4789: _vxlan,
    4790: _vxlan_gpe,
    5247: _searched,  # CAPWAP, the data of wireless access points
    6081: _geneve,
    6635: _mpls,
    8472: _vxlan,
    37008: _tzsp,
}
"""Port -> what is in its payload."""

"""Tunnels: what an IP protocol or a UDP port carries, when its own header says so.

SIP is recognised by content before a tunnel is tried, and a port alone proves none.
"""

from __future__ import annotations

from collections.abc import Callable

from pjsipdiag.capture.packets.link import inner, ppp_kind
from pjsipdiag.capture.packets.network_layer import ETHERNET_BRIDGED, IPV4, IPV6, UndecodableError


def protocol_tunnel(protocol: int, data: bytes) -> tuple[int, bytes] | None:
    """IP in IP (RFC 2003), 6in4 (RFC 4213), GRE and ERSPAN, MPLS in IP (RFC 4023), EtherIP (RFC 3378), L2TPv3."""
    if protocol == 4:
        return IPV4, data
    if protocol == 41:
        return IPV6, data
    if protocol == 47:
        return _network(*_gre(data))
    if protocol == 137:
        return _network(data, 0x8847, 0)
    if protocol == 97:
        return _network(data, ETHERNET_BRIDGED, 2)
    if protocol == 115:
        return _searched(data)
    if protocol == 50:
        raise UndecodableError("encrypted IPsec (ESP)")
    return None


def _network(data: bytes, kind: int, offset: int) -> tuple[int, bytes] | None:
    found = inner(data, kind, offset)
    return (found.kind, data[found.offset :]) if found.kind else None


def _gre(data: bytes) -> tuple[bytes, int, int]:
    """RFC 2784 and 2890; version 1 is PPTP's (RFC 2637)."""
    if len(data) < 4:
        raise UndecodableError("GRE header cut short")
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
        raise UndecodableError("GRE with source routes")
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
    """The (EtherType, packet) in a UDP payload when a port is that of a tunnel, and its header says so."""
    for port in (destination_port, source_port):
        decode = UDP_TUNNELS.get(port)
        if decode is not None and len(payload) > 8:
            try:
                found = decode(payload)
            except UndecodableError:
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
    """The frame that a router's sniffer sends; the network layer inside stays as it is."""
    from pjsipdiag.capture.packets.rare import tzsp

    if payload[0] != 1:
        return None
    found = tzsp(payload)
    found = inner(payload, found.kind, found.offset)
    return (found.kind, payload[found.offset :]) if found.kind else None


def _searched(payload: bytes) -> tuple[int, bytes] | None:
    """Headers whose length only the two ends know."""
    from pjsipdiag.capture.packets.rare import search

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

"""From an IP packet to transport payloads: IPv4, IPv6, fragments, UDP and TCP headers.

Addresses are those of the innermost packet (`tunnels`). Everything that cannot be decoded raises or counts its reason.
"""

from __future__ import annotations

from struct import Struct

from pjsipdiag.capture.packets.fragments import Fragments
from pjsipdiag.capture.packets.network_layer import IPV4, UndecodableError
from pjsipdiag.capture.packets.tunnels import protocol_tunnel
from pjsipdiag.dataclass import NamedTuple

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
LOOKED_INTO = frozenset({TCP, UDP, ICMP, ICMP6})
"""Protocols that are looked into."""
MAX_DEPTH = 8
MOST_MISSING = 65_535
"""Bytes that are missing at most where only the beginning of a packet is there."""
AH = 51
EXTENSIONS = frozenset({0, 43, 60, 135, 139, 140})
MAX_EXTENSIONS = 32
_FOUR = Struct(">BxHHHxB2x4s4s").unpack_from
"""Version and header length, total length, identification, fragment field, protocol, source and destination."""


class TcpSegment(NamedTuple):
    """The content of one IP packet: a transport packet, when `protocol` is UDP or TCP, or an ICMP message.

    `source` and `destination` are IP bytes, `data` the transport header with its payload as far as it was captured,
    `missing` how many bytes the snap length cut off; `is_reassembled` says that it came in fragments, `carrier` is the
    source of the outermost packet around it, if there is one.
    """

    protocol: int
    source: bytes
    destination: bytes
    data: bytes
    missing: int
    is_reassembled: bool
    carrier: bytes = b""


def unwrap(kind: int, data: bytes, time: int, fragments: Fragments) -> TcpSegment | None:
    """The innermost UDP, TCP or ICMP packet of `data`, an IP packet of EtherType `kind`; None when there is none.

    Raises UndecodableError.
    """
    reassembled, carrier = False, b""
    for _ in range(MAX_DEPTH):
        packet = (_ipv4 if kind == IPV4 else _ipv6)(data, time, fragments)
        if packet is None:
            return None
        if packet.protocol in LOOKED_INTO:
            return (
                packet._replace(is_reassembled=reassembled or packet.is_reassembled, carrier=carrier)
                if carrier
                else packet
            )
        reassembled, carrier = reassembled or packet.is_reassembled, carrier or packet.source
        tunnel = protocol_tunnel(packet.protocol, packet.data)
        if tunnel is None:
            return None
        kind, data = tunnel
    raise UndecodableError("tunnels nested too deep")


def _ipv4(data: bytes, time: int, fragments: Fragments) -> TcpSegment | None:
    """RFC 791. A total length of 0 is what segmentation offload leaves: the frame's length counts."""
    if len(data) < 20:
        raise UndecodableError("IPv4 header cut short")
    start, total, number, fragment, protocol, source, destination = _FOUR(data)
    if start >> 4 != 4:
        raise UndecodableError("IPv4 header of another version")
    size, total = (start & 15) * 4, total or len(data)
    if size < 20 or total < size:
        raise UndecodableError("IPv4 header length")
    if len(data) < size:
        raise UndecodableError("IPv4 header cut short")
    missing, payload = max(0, total - len(data)), data[size:total]
    if not fragment & 0x3FFF:
        protocol, payload = _authenticated(protocol, payload)
        return TcpSegment(protocol, source, destination, payload, missing, False)
    if missing:
        if fragment & 0x1FFF:
            raise UndecodableError("IP fragment cut by the snap length")
        return TcpSegment(protocol, source, destination, payload, MOST_MISSING, False)
    key = source + destination, protocol, number
    whole = fragments.add(key, time, (fragment & 0x1FFF) * 8, bool(fragment & 0x2000), payload)
    if whole is None:
        return None
    protocol, whole = _authenticated(protocol, whole)
    return TcpSegment(protocol, source, destination, whole, 0, True)


def _authenticated(protocol: int, payload: bytes) -> tuple[int, bytes]:
    """The protocol and bytes behind an authentication header (RFC 4302), if there is one."""
    if protocol != AH:
        return protocol, payload
    if len(payload) < 12:
        raise UndecodableError("authentication header cut short")
    return payload[0], payload[(payload[1] + 2) * 4 :]


def _ipv6(data: bytes, time: int, fragments: Fragments) -> TcpSegment | None:
    """RFC 8200: fixed header, extension headers in any order, fragment header."""
    if len(data) < 40:
        raise UndecodableError("IPv6 header cut short")
    if data[0] >> 4 != 6:
        raise UndecodableError("IPv6 header of another version")
    # 0 is a jumbogram (RFC 2675) or what segmentation offload leaves: the frame's length counts.
    length = int.from_bytes(data[4:6], "big") or len(data) - 40
    missing = max(0, 40 + length - len(data))
    source, destination, protocol = data[8:24], data[24:40], data[6]
    rest, reassembled = data[40 : 40 + length], False
    for _ in range(MAX_EXTENSIONS):
        if protocol in EXTENSIONS or protocol == AH:
            if len(rest) < 8:
                raise UndecodableError("IPv6 extension header cut short")
            size = (rest[1] + 2) * 4 if protocol == AH else (rest[1] + 1) * 8
            protocol, rest = rest[0], rest[size:]
        elif protocol == 44:
            place = int.from_bytes(rest[2:4], "big")
            if len(rest) < 8 or (missing and place & 0xFFF8):
                raise UndecodableError("IP fragment cut by the snap length")
            protocol, number, piece = rest[0], int.from_bytes(rest[4:8], "big"), rest[8:]
            # The first fragment, cut: what is there is read at once, as the rest cannot be joined to it.
            if missing and place & 1:
                missing = MOST_MISSING
            elif place & 0xFFF9:  # RFC 6946: an atomic fragment is whole
                # RFC 8200 section 4.5: the protocol is not part of the key, the first fragment's counts
                key = source + destination, protocol, number
                whole = fragments.add(key, time, place & 0xFFF8, bool(place & 1), piece)
                if whole is None:
                    return None
                piece, reassembled = whole, True
            rest = piece
        else:
            return TcpSegment(protocol, source, destination, rest, missing, reassembled)
    raise UndecodableError("too many IPv6 extension headers")

"""Link layers: from a captured frame to the IP packet inside it.

Each row of LINK_TYPES knows one link type of libpcap (https://www.tcpdump.org/linktypes.html) and answers with what
follows its header: an EtherType, the offset, and the direction where the header tells it. What the table does not know
is left to `rare`. A frame that cannot hold IP (ARP, spanning tree) is no loss; what cannot be read raises
`UndecodableError`.
"""

from __future__ import annotations

from collections.abc import Callable

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
from pjsipdiag.capture.packets.wireless import avs, ieee80211, prism, radiotap

VLAN_TAGS = frozenset({0x8100, 0x88A8, 0x9100, 0x9200, 0x9300})
MPLS = frozenset({0x8847, 0x8848})
PPPOE = frozenset({0x8863, 0x8864})
PPP_PROTOCOLS = {0x0021: IPV4, 0x0057: IPV6, 0x0281: 0x8847, 0x0283: 0x8848}
WITHOUT_IP = frozenset(
    {
        0x0806,  # ARP
        0x8035,  # RARP
        0x8808,  # pause frames
        0x8809,  # LACP
        0x888E,  # EAPOL
        0x88B5,  # experimental
        0x88B6,
        0x88B7,
        0x88CC,  # LLDP
        0x88E1,  # HomePlug
        0x88F7,  # PTP
        0x8899,  # Realtek loop detection
        0x8912,
        0x893A,  # IEEE 1905
        0x9000,  # loopback test
    }
)
MAX_TAGS = 16


def network(link_type: int, frame: bytes) -> NetworkLayer:
    """The IP packet inside `frame`; `kind` is IPV4, IPV6 or 0. Raises UndecodableError."""
    decode = LINK_TYPES.get(link_type)
    if decode is None:
        from pjsipdiag.capture.packets.rare import rare  # for rare captures only

        found = rare(link_type, frame)
    else:
        found = decode(frame)
    return inner(frame, found.kind, found.offset, found.direction)


def inner(frame: bytes, kind: int, offset: int, direction: str = "") -> NetworkLayer:
    """Steps over VLAN tags, MPLS labels, PPPoE and bridged Ethernet, in any order. Raises UndecodableError."""
    for _ in range(MAX_TAGS):
        if kind in (IPV4, IPV6):
            return NetworkLayer(kind, offset, direction)
        if kind in VLAN_TAGS:
            kind, offset = number(frame, offset + 2), offset + 4
        elif kind in MPLS:
            kind, offset = _after_labels(frame, offset)
        elif kind in PPPOE:
            kind, offset = ppp_kind(frame, offset + 6) if kind == 0x8864 else (0, 0)
        elif kind == ETHERNET_BRIDGED:
            kind, offset, _ = ethernet(frame, offset)
        elif kind in BACKBONE:
            kind, offset, _ = BACKBONE[kind](frame, offset)
        else:
            break
    else:
        raise UndecodableError("too many link headers")
    if kind in WITHOUT_IP or kind == 0:
        return NO_NETWORK_LAYER
    raise UndecodableError(f"EtherType 0x{kind:04x}")


def _backbone(_frame: bytes, offset: int) -> NetworkLayer:
    """IEEE 802.1ah: a service tag of four bytes, then the customer's Ethernet."""
    return NetworkLayer(ETHERNET_BRIDGED, offset + 4)


def _macsec(frame: bytes, offset: int) -> NetworkLayer:
    """IEEE 802.1AE: readable where only the integrity is protected."""
    flags = number(frame, offset) >> 8
    if flags & 0x08:
        raise UndecodableError("encrypted link (MACsec)")
    at = offset + (14 if flags & 0x20 else 6)
    return NetworkLayer(number(frame, at), at + 2)


def _trill(frame: bytes, offset: int) -> NetworkLayer:
    """RFC 6325: the length of the options stands in the header of six bytes."""
    return NetworkLayer(ETHERNET_BRIDGED, offset + 6 + (number(frame, offset) >> 6 & 0x1F) * 4)


def _service(frame: bytes, offset: int) -> NetworkLayer:
    """RFC 8300, the network service header: its length in words, and what follows it."""
    size, following = (number(frame, offset) & 0x3F) * 4, number(frame, offset + 2) & 0xFF
    kind = {1: IPV4, 2: IPV6, 3: ETHERNET_BRIDGED, 5: 0x8847}.get(following, 0)
    return NetworkLayer(kind, offset + max(size, 8))


BACKBONE = {0x88E7: _backbone, 0x88E5: _macsec, 0x22F3: _trill, 0x894F: _service}


def _after_labels(frame: bytes, offset: int) -> tuple[int, int]:
    for at in range(offset, offset + 4 * MAX_TAGS, 4):
        if at + 5 > len(frame):
            raise UndecodableError("MPLS labels cut short")
        if frame[at + 2] & 1:
            first = frame[at + 4] >> 4
            if first in (4, 6):
                return (IPV4 if first == 4 else IPV6), at + 4
            # RFC 4385: a pseudowire's control word starts with a zero nibble, as many an Ethernet address does
            controlled = first == 0 and int.from_bytes(frame[at + 20 : at + 22], "big") in VLAN_TAGS | {IPV4, IPV6}
            return ETHERNET_BRIDGED, at + (8 if controlled else 4)
    raise UndecodableError("too many MPLS labels")


def ppp_kind(frame: bytes, offset: int) -> tuple[int, int]:
    """A PPP protocol field, one byte when it is compressed (RFC 1661 section 6.5)."""
    if offset >= len(frame):
        raise UndecodableError("link header cut short")
    protocol, size = (frame[offset], 1) if frame[offset] & 1 else (number(frame, offset), 2)
    return PPP_PROTOCOLS.get(protocol, 0), offset + size


def ppp(frame: bytes) -> NetworkLayer:
    kind, offset = ppp_kind(frame, 2 if frame[:2] == b"\xff\x03" else 0)
    return NetworkLayer(kind, offset)


def _ppp_with_direction(frame: bytes) -> NetworkLayer:
    kind, offset = ppp_kind(frame, 3 if frame[1:3] == b"\xff\x03" else 1)
    return NetworkLayer(kind, offset, "out" if frame[0] else "in")


def _ppp_ether(frame: bytes) -> NetworkLayer:
    kind, offset = ppp_kind(frame, 6)
    return NetworkLayer(kind, offset)


SLL_DIRECTIONS = {0: "in", 1: "in", 2: "in", 4: "out"}


def _linux_sll(frame: bytes) -> NetworkLayer:
    direction = SLL_DIRECTIONS.get(number(frame, 0), "")
    return _cooked(frame, number(frame, 2), number(frame, 14), 16, direction)


def _linux_sll2(frame: bytes) -> NetworkLayer:
    if len(frame) < 20:
        raise UndecodableError("link header cut short")
    return _cooked(frame, number(frame, 8), number(frame, 0), 20, SLL_DIRECTIONS.get(frame[10], ""))


def _cooked(frame: bytes, hardware: int, kind: int, offset: int, direction: str) -> NetworkLayer:
    """ARPHRD_NETLINK, _IPGRE and the like say another thing in the protocol field; IP stays recognisable."""
    if hardware == 824:  # ARPHRD_NETLINK
        return NO_NETWORK_LAYER
    if kind == 4:  # LINUX_SLL_P_802_2
        return llc(frame, offset)._replace(direction=direction)
    if kind == 1 or kind < 16:  # 802.3 without LLC, CAN, ...
        return NO_NETWORK_LAYER
    return NetworkLayer(kind, offset, direction)


def raw(frame: bytes, offset: int = 0) -> NetworkLayer:
    version = frame[offset] >> 4 if offset < len(frame) else 0
    if version not in (4, 6):
        raise UndecodableError("raw IP of unknown version")
    return NetworkLayer(IPV4 if version == 4 else IPV6, offset)


def _raw4(_frame: bytes) -> NetworkLayer:
    return NetworkLayer(IPV4, 0)


def _raw6(_frame: bytes) -> NetworkLayer:
    return NetworkLayer(IPV6, 0)


FAMILIES = {2: IPV4, 10: IPV6, 24: IPV6, 28: IPV6, 30: IPV6}
"""AF_INET and AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, and macOS."""


def protocol_of_family(frame: bytes) -> int:
    """The EtherType for an address family, which has the byte order of the machine that captured: the smaller reading
    is right."""
    return FAMILIES.get(min(int.from_bytes(frame[:4], "big"), int.from_bytes(frame[:4], "little")), 0)


def _null(frame: bytes) -> NetworkLayer:
    if len(frame) < 4:
        raise UndecodableError("link header cut short")
    return NetworkLayer(protocol_of_family(frame), 4)


def cisco_hdlc(frame: bytes, offset: int = 0) -> NetworkLayer:
    return NetworkLayer(number(frame, offset + 2), offset + 4)


def _pflog(frame: bytes) -> NetworkLayer:
    if len(frame) < 61:
        raise UndecodableError("link header cut short")
    return NetworkLayer(FAMILIES.get(frame[1], 0), frame[0] + 3 & ~3, {1: "in", 2: "out"}.get(frame[60], ""))


def frame_relay(frame: bytes, offset: int = 0) -> NetworkLayer:
    """An address of 2 to 4 bytes; then an NLPID (RFC 2427), or an EtherType as Cisco writes it."""
    at = offset + 1
    while at < min(len(frame), offset + 3) and not frame[at] & 1:
        at += 1
    at += 1
    if frame[at : at + 1] != b"\x03":
        return NetworkLayer(number(frame, at), at + 2)
    at += 2 if frame[at + 1 : at + 2] == b"\0" else 1
    nlpid = frame[at] if at < len(frame) else 0
    if nlpid == 0x80:
        return snap(frame, at + 1)
    return NetworkLayer({0xCC: IPV4, 0x8E: IPV6}.get(nlpid, 0), at + 1)


LINK_TYPES: dict[int, Callable[[bytes], NetworkLayer]] = {
    0: _null,
    1: ethernet,
    9: ppp,
    12: raw,  # DLT_RAW of most systems, written by mistake as a link type
    14: raw,  # the same of OpenBSD
    50: ppp,
    51: _ppp_ether,
    101: raw,
    104: cisco_hdlc,
    105: ieee80211,
    107: frame_relay,
    108: _null,
    113: _linux_sll,
    117: _pflog,
    119: prism,
    127: radiotap,
    163: avs,
    204: _ppp_with_direction,
    228: _raw4,
    229: _raw6,
    276: _linux_sll2,
}

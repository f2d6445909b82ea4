"""Link layers: from a captured frame to the IP packet inside it.

Each row of LINK_TYPES knows one link type of libpcap (https://www.tcpdump.org/linktypes.html) and answers with what
follows its header: an EtherType, the offset, and the direction where the header tells it. What the table does not know
is left to scapy. A frame that cannot hold IP (ARP, spanning tree) is no loss; one that cannot be read is `Undecodable`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

IPV4, IPV6 = 0x0800, 0x86DD
ETHERNET_BRIDGED = 0x6558
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
        0x88E5,  # MACsec
        0x88F7,  # PTP
        0x8899,  # Realtek loop detection
        0x8912,
        0x893A,  # IEEE 1905
        0x9000,  # loopback test
    }
)
MAX_TAGS = 16


class Undecodable(Exception):  # noqa: N818  (a reason that is counted, not a fault)
    """A packet cannot be decoded; the text is the reason that the report counts."""


class Network(NamedTuple):
    """What a frame carries: `kind` is an EtherType (0: certainly no IP), `offset` where that layer starts."""

    kind: int
    offset: int
    direction: str = ""


NOTHING = Network(0, 0)


def network(link_type: int, frame: bytes) -> Network:
    """The IP packet inside `frame`; `kind` is IPV4, IPV6 or 0. Raises Undecodable."""
    decode = LINK_TYPES.get(link_type)
    if decode is None:
        return _by_scapy(link_type, frame)
    found = decode(frame)
    return inner(frame, found.kind, found.offset, found.direction)


def inner(frame: bytes, kind: int, offset: int, direction: str = "") -> Network:
    """Steps over VLAN tags, MPLS labels, PPPoE and bridged Ethernet, in any order. Raises Undecodable."""
    for _ in range(MAX_TAGS):
        if kind in (IPV4, IPV6):
            return Network(kind, offset, direction)
        if kind in VLAN_TAGS:
            kind, offset = _number(frame, offset + 2), offset + 4
        elif kind in MPLS:
            kind, offset = _after_labels(frame, offset)
        elif kind in PPPOE:
            kind, offset = _ppp_kind(frame, offset + 6) if kind == 0x8864 else (0, 0)
        elif kind == ETHERNET_BRIDGED:
            kind, offset, _ = _ethernet(frame, offset)
        else:
            break
    else:
        raise Undecodable("too many link headers")
    if kind in WITHOUT_IP or kind == 0:
        return NOTHING
    raise Undecodable(f"EtherType 0x{kind:04x}")


def _number(frame: bytes, offset: int, order: str = "big") -> int:
    if offset + 2 > len(frame):
        raise Undecodable("link header cut short")
    return int.from_bytes(frame[offset : offset + 2], "big" if order == "big" else "little")


def _ethernet(frame: bytes, offset: int = 0) -> Network:
    kind = _number(frame, offset + 12)
    return Network(kind, offset + 14) if kind > 1500 else _llc(frame, offset + 14)


def _llc(frame: bytes, offset: int) -> Network:
    """IEEE 802.2: only SNAP and its own code for IP carry IP; spanning tree and the like do not."""
    if frame[offset : offset + 2] == b"\xaa\xaa":
        return Network(_number(frame, offset + 6), offset + 8)
    if frame[offset : offset + 3] == b"\x06\x06\x03":
        return Network(IPV4, offset + 3)
    return NOTHING


def _after_labels(frame: bytes, offset: int) -> tuple[int, int]:
    for at in range(offset, offset + 4 * MAX_TAGS, 4):
        if at + 5 > len(frame):
            raise Undecodable("MPLS labels cut short")
        if frame[at + 2] & 1:
            first = frame[at + 4] >> 4
            if first in (4, 6):
                return (IPV4 if first == 4 else IPV6), at + 4
            # RFC 4385: a pseudowire's control word starts with a zero nibble, as many an Ethernet address does
            controlled = first == 0 and int.from_bytes(frame[at + 20 : at + 22], "big") in VLAN_TAGS | {IPV4, IPV6}
            return ETHERNET_BRIDGED, at + (8 if controlled else 4)
    raise Undecodable("too many MPLS labels")


def _ppp_kind(frame: bytes, offset: int) -> tuple[int, int]:
    """A PPP protocol field, one byte when it is compressed (RFC 1661 section 6.5)."""
    if offset >= len(frame):
        raise Undecodable("link header cut short")
    protocol, size = (frame[offset], 1) if frame[offset] & 1 else (_number(frame, offset), 2)
    return PPP_PROTOCOLS.get(protocol, 0), offset + size


def _ppp(frame: bytes) -> Network:
    kind, offset = _ppp_kind(frame, 2 if frame[:2] == b"\xff\x03" else 0)
    return Network(kind, offset)


def _ppp_with_direction(frame: bytes) -> Network:
    kind, offset = _ppp_kind(frame, 3 if frame[1:3] == b"\xff\x03" else 1)
    return Network(kind, offset, "out" if frame[0] else "in")


def _ppp_ether(frame: bytes) -> Network:
    kind, offset = _ppp_kind(frame, 6)
    return Network(kind, offset)


SLL_DIRECTIONS = {0: "in", 1: "in", 2: "in", 4: "out"}


def _linux_sll(frame: bytes) -> Network:
    direction = SLL_DIRECTIONS.get(_number(frame, 0), "")
    return _cooked(frame, _number(frame, 2), _number(frame, 14), 16, direction)


def _linux_sll2(frame: bytes) -> Network:
    if len(frame) < 20:
        raise Undecodable("link header cut short")
    return _cooked(frame, _number(frame, 8), _number(frame, 0), 20, SLL_DIRECTIONS.get(frame[10], ""))


def _cooked(frame: bytes, hardware: int, kind: int, offset: int, direction: str) -> Network:
    """ARPHRD_NETLINK, _IPGRE and the like say another thing in the protocol field; IP stays recognisable."""
    if hardware == 824:  # ARPHRD_NETLINK
        return NOTHING
    if kind == 4:  # LINUX_SLL_P_802_2
        return _llc(frame, offset)._replace(direction=direction)
    if kind == 1 or kind < 16:  # 802.3 without LLC, CAN, ...
        return NOTHING
    return Network(kind, offset, direction)


def _raw(frame: bytes) -> Network:
    version = frame[0] >> 4 if frame else 0
    if version not in (4, 6):
        raise Undecodable("raw IP of unknown version")
    return Network(IPV4 if version == 4 else IPV6, 0)


def _raw4(_frame: bytes) -> Network:
    return Network(IPV4, 0)


def _raw6(_frame: bytes) -> Network:
    return Network(IPV6, 0)


FAMILIES = {2: IPV4, 10: IPV6, 24: IPV6, 28: IPV6, 30: IPV6}
"""AF_INET and AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, and macOS."""


def _null(frame: bytes) -> Network:
    """The address family in the byte order of the machine that captured: the smaller reading is the right one."""
    if len(frame) < 4:
        raise Undecodable("link header cut short")
    family = min(int.from_bytes(frame[:4], "big"), int.from_bytes(frame[:4], "little"))
    return Network(FAMILIES.get(family, 0), 4)


def _cisco_hdlc(frame: bytes) -> Network:
    return Network(_number(frame, 2), 4)


def _ieee80211(frame: bytes, offset: int = 0) -> Network:
    """Data frames without encryption: IEEE 802.11-2020 section 9.3.2, then LLC and SNAP."""
    control = _number(frame, offset)
    first, second = control >> 8, control & 0xFF
    if first >> 2 & 3 != 2 or first & 0x40:  # not data, or without data
        return NOTHING
    if second & 0x40:
        raise Undecodable("encrypted wireless frame")
    size = 24 + (6 if second & 3 == 3 else 0)
    if first & 0x80:
        size += 2 + (4 if second & 0x80 else 0)
    return _llc(frame, offset + size)


def _radiotap(frame: bytes) -> Network:
    return _ieee80211(frame, _number(frame, 2, "little"))


def _prism(frame: bytes) -> Network:
    return _ieee80211(frame, 144)


def _avs(frame: bytes) -> Network:
    return _ieee80211(frame, min(int.from_bytes(frame[4:8], "big"), len(frame)))


def _pflog(frame: bytes) -> Network:
    if len(frame) < 61:
        raise Undecodable("link header cut short")
    return Network(FAMILIES.get(frame[1], 0), frame[0] + 3 & ~3, {1: "in", 2: "out"}.get(frame[60], ""))


def _frame_relay(frame: bytes) -> Network:
    """RFC 2427: two address bytes, UI, then an NLPID."""
    at = 4 if frame[3:4] == b"\0" else 3
    nlpid = frame[at] if at < len(frame) else 0
    if nlpid == 0x80:
        return Network(_number(frame, at + 4), at + 6)
    return Network({0xCC: IPV4, 0x8E: IPV6}.get(nlpid, 0), at + 1)


def _atm_rfc1483(frame: bytes) -> Network:
    return _llc(frame, 0)


def _ip_over_fc(frame: bytes) -> Network:
    return _llc(frame, 16)


def _juniper_ethernet(frame: bytes) -> Network:
    """`MGC`, flags (bit 0: direction in, bit 7: extensions with their length after it)."""
    if frame[:3] != b"MGC" or len(frame) < 6:
        raise Undecodable("link header cut short")
    offset = 6 + _number(frame, 4) if frame[3] & 0x80 else 4
    return _ethernet(frame, offset)._replace(direction="in" if frame[3] & 1 else "out")


def _by_scapy(link_type: int, frame: bytes) -> Network:
    """scapy knows more link types than the table; its layers tell where IP starts."""
    import logging

    logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
    import scapy.all  # 0.75 s, for rare captures only

    layer = scapy.all.conf.l2types.num2layer.get(link_type)
    if layer is None:
        raise Undecodable(f"link type {link_type}")
    try:
        packet = layer(frame)
        found = packet.getlayer("IP") or packet.getlayer("IPv6")
        offset = len(frame) - len(found.original) if found is not None else 0
    except Exception as error:  # scapy's dissectors raise anything on hostile bytes
        raise Undecodable(f"link type {link_type}: scapy cannot read it") from error
    if found is None:
        raise Undecodable(f"link type {link_type} without IP")
    return Network(IPV4 if found.name == "IP" else IPV6, offset)


LINK_TYPES: dict[int, Callable[[bytes], Network]] = {
    0: _null,
    1: _ethernet,
    9: _ppp,
    12: _raw,  # DLT_RAW of most systems, written by mistake as a link type
    14: _raw,  # the same of OpenBSD
    50: _ppp,
    51: _ppp_ether,
    100: _atm_rfc1483,
    101: _raw,
    104: _cisco_hdlc,
    105: _ieee80211,
    107: _frame_relay,
    108: _null,
    113: _linux_sll,
    117: _pflog,
    119: _prism,
    122: _ip_over_fc,
    127: _radiotap,
    163: _avs,
    178: _juniper_ethernet,
    204: _ppp_with_direction,
    228: _raw4,
    229: _raw6,
    276: _linux_sll2,
}

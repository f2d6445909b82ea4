"""The network layer in a frame, and the steps that most link layers share: Ethernet, LLC and SNAP (IEEE 802.2)."""

from __future__ import annotations

from pjsipdiag.dataclass import NamedTuple

IPV4, IPV6 = 0x0800, 0x86DD
ETHERNET_BRIDGED = 0x6558


class UndecodableError(Exception):
    """A packet cannot be decoded; the text is the reason that the report counts."""


class NetworkLayer(NamedTuple):
    """The network layer of a frame: `kind` is an EtherType (0: certainly no IP), `offset` where that layer starts."""

    kind: int
    offset: int
    direction: str = ""


NO_NETWORK_LAYER = NetworkLayer(0, 0)


def number(frame: bytes, offset: int, order: str = "big") -> int:
    if offset + 2 > len(frame):
        raise UndecodableError("link header cut short")
    return int.from_bytes(frame[offset : offset + 2], "big" if order == "big" else "little")


def ethernet(frame: bytes, offset: int = 0) -> NetworkLayer:
    kind = number(frame, offset + 12)
    return NetworkLayer(kind, offset + 14) if kind > 1500 else llc(frame, offset + 14)


def llc(frame: bytes, offset: int) -> NetworkLayer:
    """IEEE 802.2: only SNAP and its own code for IP carry IP; spanning tree and the like do not."""
    if frame[offset : offset + 2] == b"\xaa\xaa":
        return snap(frame, offset + 3)
    if frame[offset : offset + 3] == b"\x06\x06\x03":
        return NetworkLayer(IPV4, offset + 3)
    return NO_NETWORK_LAYER


def snap(frame: bytes, offset: int, pad: int = 0) -> NetworkLayer:
    """An EtherType, or Ethernet behind `pad` bytes (RFC 2684 section 5.2); other organisations carry no IP."""
    organisation, kind = frame[offset : offset + 3], number(frame, offset + 3)
    if organisation in (b"\0\0\0", b"\0\0\xf8"):
        return NetworkLayer(kind, offset + 5)
    if organisation == b"\0\x80\xc2" and kind in (1, 7):
        return NetworkLayer(ETHERNET_BRIDGED, offset + 5 + pad)
    return NO_NETWORK_LAYER

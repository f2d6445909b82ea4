"""Who sent a message to whom, as a text says it: addresses as Asterisk and viewers write them."""

from __future__ import annotations

from functools import lru_cache

from pjsipdiag.capture.text.hidden import stand_in
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.sip import Address


class Way(NamedTuple):
    """From where to where a message went, packed, zeros for the own side. Without a `source` it cannot be told;
    `hidden` then is what stands in place of an address, if anything does."""

    source: bytes = b""
    destination: bytes = b""
    direction: str = ""
    transport: str = ""
    hidden: str | None = None


@lru_cache(maxsize=1 << 14)
def way_of(sent_from: bytes | None, sent_to: bytes | None, transport: bytes) -> Way:
    """The way that an announcing line names: a log names the same few again and again."""
    known: list[bytes] = []
    for end, multicast in ((sent_from, False), (sent_to, True)):
        found = place(end)
        address = b"" if found is None else found.pack()
        if end and (not address or is_no_sender(address, multicast=multicast)):
            return Way(hidden=stand_in(end.decode("utf-8", "replace").strip()))
        known.append(address)
    source, destination = known
    direction = "" if source and destination else "in" if source else "out"
    blank = bytes(len(source or destination))
    return Way(source or blank, destination or blank, direction, transport.decode().upper())


def place(text: bytes | None) -> Address | None:
    """`IP:port`, before Asterisk 15 an IPv6 address without brackets, or `IP.port` as tcpdump writes it."""
    if not text:
        return None
    host, mark, port = text.decode("ascii", "replace").strip().rpartition(":")
    if not mark or "." in port:
        host, _, port = (host + mark + port).rpartition(".")
    try:
        found = Address(host.strip("[]").partition("%")[0], _SERVICES.get(port) or int(port))
        return Address.unpack(found.pack())
    except (ValueError, OverflowError):
        return None


def is_no_sender(address: bytes, *, multicast: bool = False) -> bool:
    """Whether no packet can come from a packed address, for it is none of a host (RFC 1122, 3.2.1.3); `multicast`
    may be where it goes to."""
    return len(address) == 6 and (not address[0] or address[0] >= (240 if multicast else 224))


_SERVICES = {"sip": 5060, "sips": 5061, "sip-tls": 5061}
"""Names that tcpdump writes in place of ports."""

"""The law of an address rule: which sources it takes, and what it spans.

Law: a rule fits a source of its family when the masked address is its network and its port is 0 or that of the source;
of the rules of a list the last one that fits decides, and a `!` rule then denies (`struct ast_ha`, `ast_apply_ha`,
main/acl.c). IPv4-mapped IPv6 counts as IPv4 (`ast_sockaddr_ipv4_mapped`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from functools import lru_cache

from pjsipdiag.asterisk.addresses.sockaddr import NumericAddress, text_of, unmap
from pjsipdiag.asterisk.config import AddressRule, Identify
from pjsipdiag.sip import Address, Ip, Network, ip_text

SourceSocket = NumericAddress
"""The address and port that a packet came from, as Asterisk compares it."""

BITS = {4: 32, 6: 128}
"""Bits of an address."""
MAPPED = bytes(10) + b"\xff\xff"
"""The 12 bytes before an IPv4 address that is written as IPv6 (`::ffff:a.b.c.d`)."""


@lru_cache(maxsize=65536)
def number(ip: str) -> tuple[int, int]:
    """(family, integer) of an address.

    :raises ValueError: the text is none.
    """
    address = ipaddress.ip_address(ip.split("%", 1)[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.version, int(address)


def make_ip(family: int, value: int) -> Ip:
    """The inverse of `number`."""
    return ipaddress.IPv4Address(value) if family == 4 else ipaddress.IPv6Address(value)


def networks_between(family: int, first: int, last: int) -> Iterator[Network]:
    """The fewest networks that hold exactly the addresses from `first` to `last`."""
    return ipaddress.summarize_address_range(make_ip(family, first), make_ip(family, last))


def source(address: Address) -> SourceSocket:
    """The address a packet came from."""
    return SourceSocket(*number(address.ip), address.port)


def unpack_source(packed: bytes) -> SourceSocket:
    """`source` for a packed address (`Address.pack`)."""
    ip, port = packed[:-2], int.from_bytes(packed[-2:], "big")
    if ip.startswith(MAPPED) and len(ip) == 16:
        ip = ip[12:]
    return SourceSocket(4 if len(ip) == 4 else 6, int.from_bytes(ip, "big"), port)


def full_mask(version: int) -> int:
    """The mask of a single address."""
    return (1 << BITS[version]) - 1


def holds(rule: AddressRule, version: int, ip: int) -> bool:
    """Whether the rule's network holds the address; the port is not looked at."""
    return rule.version == version and ip & rule.mask == rule.network


def fits(rule: AddressRule, ip: str) -> bool:
    """`holds` for an address as text."""
    return holds(rule, *number(ip))


def find_deciding(rules: Sequence[AddressRule], source: SourceSocket) -> AddressRule | None:
    """The last rule that fits address and port: it alone decides."""
    for rule in reversed(rules):
        if rule.port in (0, source.port) and holds(rule, source.version, source.ip):
            return rule
    return None


def applies(rules: Sequence[AddressRule], address: NumericAddress) -> bool:
    """`ast_apply_ha`: whether a rule fits the address and the last one is no `!` rule."""
    rule = find_deciding(rules, unmap(address))
    return rule is not None and not rule.deny


def taken_by(identify: Identify, address: Address) -> AddressRule | None:
    """The rule by which the identify matches the source, or None."""
    rule = find_deciding(identify.rules, source(address))
    return rule if rule and not rule.deny else None


def network_of(rule: AddressRule) -> Network:
    """The network of a prefix rule."""
    return ipaddress.ip_network((make_ip(rule.version, rule.network), length(rule)))


def bounds(rule: AddressRule) -> tuple[int, int]:
    """The first and the last address that a prefix rule holds."""
    return rule.network, rule.network | ~rule.mask & full_mask(rule.version)


def is_prefix(rule: AddressRule) -> bool:
    """Whether the mask is a run of ones and then a run of zeros."""
    host = ~rule.mask & full_mask(rule.version)
    return host & (host + 1) == 0


def length(rule: AddressRule) -> int:
    """How many bits the rule fixes: 32 or 128 is one address, 0 is everybody."""
    return rule.mask.bit_count()


def is_whole_world(rule: AddressRule) -> bool:
    """Whether a rule lets in so much that it says nothing about who calls."""
    return length(rule) <= (7 if rule.version == 4 else 15)


def shared_bits(rule: AddressRule, ip: str) -> int:
    """How many leading bits the address has in common with the rule's network; -1 in another family."""
    family, value = number(ip)
    return BITS[family] - (value ^ rule.network).bit_length() if rule.version == family else -1


def canonical(rule: AddressRule) -> str:
    """The rule as `pjsip show` and the manager interface write it: `!203.0.113.0:5061/255.255.255.0`."""
    ip, mask = text_of(rule.version, rule.network), text_of(rule.version, rule.mask)
    if rule.port:
        ip = f"[{ip}]:{rule.port}" if rule.version == 6 else f"{ip}:{rule.port}"
    return f"{'!' if rule.deny else ''}{ip}/{mask}"


def short_text(rule: AddressRule) -> str:
    """The rule in short: no mask for one address, a count of bits where the mask has no holes."""
    address, _, mask = canonical(rule).rpartition("/")
    bits = length(rule)
    if not is_prefix(rule):
        return f"{address}/{mask}"
    return address if bits == BITS[rule.version] else f"{address}/{bits}"


def network_text(rule: AddressRule) -> str:
    """The rule as an administrator would write it."""
    ip = str(make_ip(4, rule.network)) if rule.version == 4 else ip_text(rule.network)
    bits = length(rule)
    return ip if bits == BITS[rule.version] else f"{ip}/{bits}"

"""Addresses stand-ins: public addresses go to the documentation ranges, and what lay in one network still does.

A prefix that a rule names, and every /24 (/64) that an address lies in, is a node of a tree by containment; each node
gets an aligned block of its own size inside its parent's block. So a rule holds for a stand-in exactly when it held for
the address. Inside a /24 the last octet stays, so that "one above the last match=" can still be seen.

Private, loopback, link-local, multicast and unspecified addresses stay: they name nobody, and a diagnosis needs them.
IPv4 blocks come from RFC 5737, then RFC 2544 (198.18.0.0/15), then the reserved 240.0.0.0/4; IPv6 from RFC 3849.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import field

from pjsipdiag.asterisk.addresses.address_rule import BITS, is_prefix, make_ip, network_of
from pjsipdiag.asterisk.addresses.match import parse_rules
from pjsipdiag.asterisk.section import Where
from pjsipdiag.dataclass import dataclass
from pjsipdiag.sip import Ip, Network

_V4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?:/[\d.]+)?(?!\w)")
_V6 = re.compile(
    r"(?<![\w:.])(?=[0-9A-Fa-f]*:[0-9A-Fa-f]*:)[0-9A-Fa-f:.]+[0-9A-Fa-f:](?:/(?:[0-9A-Fa-f]*:[0-9A-Fa-f:]*|\d+))?(?![\w:])"
)

STAYING = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.168.0.0/16", "224.0.0.0/4", "255.255.255.255/32", "::/127", "fc00::/7", "fe80::/10", "ff00::/8",
        ),
    )
)  # fmt: skip
POOLS = {
    4: ("203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24", "198.18.0.0/15", "240.0.0.0/4"),
    6: ("2001:db8::/32",),
}
LEAF = {4: 24, 6: 64}
SHORTEST_PREFIX = {4: 6, 6: 34}
"""Shorter prefixes fit into no pool: a rule that has one becomes one rule for each block below it."""


@dataclass(slots=True)
class _Pool:
    """A block whose free part begins at `free`."""

    first: int
    last: int
    bits: int
    free: int

    @classmethod
    def of(cls, network: Network) -> _Pool:
        first = int(network.network_address)
        return cls(first, int(network.broadcast_address), network.max_prefixlen, first)

    def take(self, length: int) -> int | None:
        """The first address of a free aligned block; None when there is no room."""
        size = 1 << (self.bits - length)
        start = -(-self.free // size) * size
        if start + size - 1 > self.last:
            return None
        self.free = start + size
        return start


@dataclass(slots=True)
class _Node:
    network: Network
    block: Network
    first: int
    """The first address of the block."""
    pool: _Pool
    hosts: dict[int, int] = field(default_factory=dict)


class AddressMap:
    """Stand-ins for addresses and networks known in advance; one that was not known gets a block when asked for."""

    def __init__(self, addresses: Iterable[Ip], networks: Iterable[Network] = ()) -> None:
        self._pools = {version: [_Pool.of(ipaddress.ip_network(pool)) for pool in POOLS[version]] for version in (4, 6)}
        self._nodes: dict[tuple[int, int], dict[int, _Node]] = {}
        """(version, prefix length) -> leading bits -> node."""
        self._roots: dict[int, list[_Node]] = {4: [], 6: []}
        self._rules_inside: set[Network] = set()
        known = sorted(set(addresses), key=lambda ip: (ip.version, int(ip)))
        wanted = {_leaf(ip) for ip in known if not is_kept(ip)}
        for network in networks:
            if _is_kept(network) or network.prefixlen == network.max_prefixlen:
                if not _is_kept(network):
                    wanted.add(_leaf(network.network_address))
            elif network.prefixlen > LEAF[network.version]:
                wanted.add(_leaf(network.network_address))
                self._rules_inside.add(_leaf(network.network_address))
            elif network.prefixlen >= SHORTEST_PREFIX[network.version]:
                wanted.add(network)
        # Larger blocks first: aligned blocks then leave no gaps.
        for network in sorted(wanted, key=lambda n: (n.version, n.prefixlen, int(n.network_address))):
            self._add(network)
        self.known = tuple(known)
        """The addresses known in advance, in order."""
        for ip in known:
            self.address(ip)

    def address(self, ip: Ip) -> Ip:
        """The stand-in of an address."""
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
            inner = self.address(ip.ipv4_mapped)
            return ipaddress.IPv6Address((0xFFFF << 32) | int(inner))
        if is_kept(ip):
            return ip
        hidden = ip.max_prefixlen - LEAF[ip.version]
        node = self._nodes.get((ip.version, LEAF[ip.version]), {}).get(int(ip) >> hidden) or self._add(_leaf(ip))
        offset = int(ip) & ((1 << hidden) - 1)
        if ip.version == 6 and node.network not in self._rules_inside:
            # The lower half of an IPv6 address may hold a hardware address.
            offset = node.hosts.setdefault(offset, len(node.hosts) + 1)
        return type(ip)(node.first + offset)

    def network(self, network: Network) -> list[Network]:
        """The stand-ins of a rule's network, several when it also covers addresses that stay or is very wide."""
        if not network.prefixlen or _is_kept(network):
            return [network]
        if network.prefixlen == network.max_prefixlen:
            return [ipaddress.ip_network(self.address(network.network_address))]
        staying = [other for other in STAYING if other.version == network.version and other.subnet_of(network)]  # type: ignore[arg-type]  # one version
        leaf = LEAF[network.version]
        if network.prefixlen > leaf:
            first = self._find(_leaf(network.network_address)) or self._add(_leaf(network.network_address))
            offset = int(network.network_address) - int(first.network.network_address)
            return [_network(network.version, int(first.block.network_address) + offset, network.prefixlen), *staying]
        if network.prefixlen < SHORTEST_PREFIX[network.version]:
            below = [node.block for node in self._roots[network.version] if _inside(node.network, network)]
            return [*below, *staying]
        node = self._find(network) or self._add(network)
        return [node.block, *staying]

    def _find(self, network: Network) -> _Node | None:
        bits = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
        return self._nodes.get((network.version, network.prefixlen), {}).get(bits)

    def _parent(self, network: Network) -> _Node | None:
        """The smallest node that the network lies in."""
        for length in range(network.prefixlen - 1, -1, -1):
            bits = int(network.network_address) >> (network.max_prefixlen - length)
            node = self._nodes.get((network.version, length), {}).get(bits)
            if node is not None:
                return node
        return None

    def _add(self, network: Network) -> _Node:
        parent = self._parent(network)
        start = parent.pool.take(network.prefixlen) if parent else None
        if start is None:
            start = self._take(network)
        block = _network(network.version, start, network.prefixlen)
        node = _Node(network, block, start, _Pool.of(block))
        bits = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
        self._nodes.setdefault((network.version, network.prefixlen), {})[bits] = node
        if parent is None:
            self._roots[network.version].append(node)
        return node

    def _take(self, network: Network) -> int:
        """A block of a pool, another one than the network itself while there is a choice."""
        for pool in self._pools[network.version]:
            before = pool.free
            start = pool.take(network.prefixlen)
            if start == int(network.network_address) and pool.last - pool.free < 256:
                pool.free = before
            elif start is not None:
                return start
        raise ValueError(f"no room for a stand-in of {network}")


def is_kept(ip: Ip) -> bool:
    """Whether an address stays as it is."""
    number = int(ip)
    return any(version == ip.version and first <= number <= last for version, first, last in _RANGES)


_RANGES = tuple((n.version, int(n.network_address), int(n.broadcast_address)) for n in STAYING)


def _is_kept(network: Network) -> bool:
    return any(_inside(network, other) for other in STAYING)


def _inside(network: Network, other: Network) -> bool:
    return network.version == other.version and network.subnet_of(other)  # type: ignore[arg-type]  # one version


def _leaf(ip: Ip) -> Network:
    return ipaddress.ip_network((ip, LEAF[ip.version]), strict=False)


def _network(version: int, first: int, length: int) -> Network:
    return ipaddress.ip_network((make_ip(version, first), length))


def address_map(addresses: Iterable[Ip], texts: Iterable[str]) -> AddressMap:
    """Stand-ins for `addresses` and for every address and network that `texts` hold."""
    known, networks = set(addresses), set[Network]()
    for text in texts:
        for network in _networks(text):
            if network.prefixlen == network.max_prefixlen:
                known.add(network.network_address)
            else:
                networks.add(network)
    return AddressMap(known, networks)


def _networks(text: str) -> Iterator[Network]:
    for found in (*_V4.findall(text), *_V6.findall(text)):
        rules, _ = parse_rules(found, ports=True, deny=False, where=Where("", 0))
        for rule in rules:
            yield network_of(rule) if is_prefix(rule) else _network(rule.version, rule.network, BITS[rule.version])

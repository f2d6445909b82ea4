"""The address rules of all identifies, found by address.

Law: `AddressIndex.first` answers what asking every identify in turn would answer (`walk`); it only looks at the rules
whose network holds the address. One dictionary per mask in use: the cost of a lookup grows with the number of
different masks, not with the number of identifies.
Replays ast_apply_ha() of main/acl.c as ip_identify_match_check() of res_pjsip_endpoint_identifier_ip.c calls it.
"""

from __future__ import annotations

import ipaddress
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from pjsipdiag.asterisk.config import Identify, Rule
from pjsipdiag.sip import Address

NEAR = 8
"""How far from a network, in addresses, a source is still called near it."""

MOST_PLACES = 4096


class Source(NamedTuple):
    """A source address as `struct ast_sockaddr` compares it: IPv4-mapped IPv6 is IPv4."""

    version: int
    ip: int
    port: int


class Hit(NamedTuple):
    """A rule of an identify whose network holds the address: positions in the order in which they are asked."""

    identify: int
    rule: int


class Near(NamedTuple):
    """A rule that just misses: `distance` addresses above (or, negative, below) its network."""

    identify: Identify
    rule: Rule
    distance: int


@lru_cache(maxsize=65536)
def _numeric(ip: str) -> tuple[int, int]:
    parsed = ipaddress.ip_address(ip)
    if parsed.version == 6 and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return parsed.version, int(parsed)


def source(address: Address) -> Source:
    """The address a packet came from."""
    return Source(*_numeric(address.ip.split("%", 1)[0]), address.port)


def unpacked(packed: bytes) -> Source:
    """The same of a packed address (`Address.pack`)."""
    ip, port = packed[:-2], int.from_bytes(packed[-2:], "big")
    if ip.startswith(MAPPED) and len(ip) == 16:
        ip = ip[12:]
    return Source(4 if len(ip) == 4 else 6, int.from_bytes(ip, "big"), port)


MAPPED = bytes(10) + b"\xff\xff"


def covers(rule: Rule, source: Source) -> bool:
    """Whether the rule applies to the source; a port 0 in the rule is any port."""
    return rule.version == source.version and source.ip & rule.mask == rule.network and rule.port in (0, source.port)


def deciding(rules: Sequence[Rule], source: Source) -> Rule | None:
    """The last rule that applies: it alone decides (ast_apply_ha)."""
    return next((rule for rule in reversed(rules) if covers(rule, source)), None)


def walk(identifies: Sequence[Identify], source: Source) -> int | None:
    """The position of the first identify that takes the source, asking each in turn."""
    for position, identify in enumerate(identifies):
        rule = deciding(identify.rules, source)
        if rule is not None and not rule.deny:
            return position
    return None


@dataclass(frozen=True)
class AddressIndex:
    """`identifies` as they are asked; `networks` maps (version, mask) to network to hits in that order."""

    identifies: tuple[Identify, ...]
    networks: dict[tuple[int, int], dict[int, list[Hit]]]
    edges: dict[int, tuple[list[int], list[tuple[int, Rule]], list[int], list[tuple[int, Rule]]]]

    @classmethod
    def build(cls, identifies: Sequence[Identify]) -> AddressIndex:
        networks: dict[tuple[int, int], dict[int, list[Hit]]] = {}
        starts: dict[int, list[tuple[int, int, Rule]]] = {4: [], 6: []}
        ends: dict[int, list[tuple[int, int, Rule]]] = {4: [], 6: []}
        for position, identify in enumerate(identifies):
            for number, rule in enumerate(identify.rules):
                by_network = networks.setdefault((rule.version, rule.mask), {})
                by_network.setdefault(rule.network, []).append(Hit(position, number))
                last = rule.network | ~rule.mask & _all(rule.version)
                if not rule.deny and _contiguous(rule):
                    starts[rule.version].append((rule.network, position, rule))
                    ends[rule.version].append((last, position, rule))
        edges = {}
        for version in (4, 6):
            first = sorted(starts[version], key=lambda edge: edge[0])
            final = sorted(ends[version], key=lambda edge: edge[0])
            edges[version] = (
                [edge[0] for edge in first],
                [edge[1:] for edge in first],
                [edge[0] for edge in final],
                [edge[1:] for edge in final],
            )
        return cls(tuple(identifies), networks, edges)

    @cached_property
    def places(self) -> frozenset[bytes] | None:
        """The first two bytes of every IPv4 address that a rule holds or nearly holds; None for too many of them."""
        found: set[int] = set()
        for (version, mask), by_network in self.networks.items():
            size = ~mask & _all(version)
            if version == 6:
                continue
            if size & (size + 1) or size >= 1 << 24 or len(found) > MOST_PLACES:
                return None
            for network in by_network:
                found.update(range(network - NEAR >> 16, (network + size + NEAR >> 16) + 1))
        return frozenset(place.to_bytes(2, "big") for place in found if 0 <= place <= 0xFFFF)

    def hits(self, source: Source) -> list[Hit]:
        """Every rule whose network holds the address, whatever its port, in the order of the walk."""
        found: list[Hit] = []
        for (version, mask), by_network in self.networks.items():
            if version == source.version:
                found += by_network.get(source.ip & mask, ())
        found.sort()
        return found

    def deciding(self, source: Source) -> Iterator[tuple[int, Rule, bool]]:
        """(position, rule, applies) for each identify with a rule for the address, in order: the rule that decides,
        or, where none applies, the last one that only the port keeps away."""
        decided: dict[int, tuple[Rule, bool]] = {}
        for hit in self.hits(source):
            rule = self.identifies[hit.identify].rules[hit.rule]
            applies = rule.port in (0, source.port)
            if applies or not decided.get(hit.identify, (rule, False))[1]:
                decided[hit.identify] = (rule, applies)
        for position, (rule, applies) in decided.items():
            yield position, rule, applies

    def first(self, source: Source) -> int | None:
        """The same as `walk(identifies, source)`."""
        return next((at for at, rule, applies in self.deciding(source) if applies and not rule.deny), None)

    def near(self, source: Source) -> Near | None:
        """The network nearest to the address that does not hold it, at most `NEAR` addresses away."""
        starts, above, ends, below = self.edges[source.version]
        found = []
        at = bisect_right(starts, source.ip)
        if at < len(starts) and starts[at] - source.ip <= NEAR:
            found.append(Near(self.identifies[above[at][0]], above[at][1], source.ip - starts[at]))
        at = bisect_left(ends, source.ip) - 1
        if at >= 0 and source.ip - ends[at] <= NEAR:
            found.append(Near(self.identifies[below[at][0]], below[at][1], source.ip - ends[at]))
        return min(found, key=lambda near: abs(near.distance), default=None)


def _all(version: int) -> int:
    return (1 << (32 if version == 4 else 128)) - 1


def _contiguous(rule: Rule) -> bool:
    inverse = ~rule.mask & _all(rule.version)
    return inverse & (inverse + 1) == 0

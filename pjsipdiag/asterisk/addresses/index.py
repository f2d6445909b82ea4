"""The address rules of all identifies, found by address.

Law: it answers what asking every identify in turn would answer (`find_deciding`); it only looks at the rules whose
network holds the address. One dictionary per mask in use: the cost of a lookup grows with the number of
different masks, not with the number of identifies.
Replays ast_apply_ha() of main/acl.c as ip_identify_match_check() of res_pjsip_endpoint_identifier_ip.c calls it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property

from pjsipdiag.asterisk.addresses.address_rule import SourceSocket, bounds, full_mask, is_prefix
from pjsipdiag.asterisk.config import AddressRule, Identify
from pjsipdiag.dataclass import NamedTuple, dataclass

NEAR_ADDRESSES = 8
"""How far from a network, in addresses, a source is still called near it."""

MOST_PLACES = 4096
"""First two bytes of addresses that `AddressIndex.places` lists; for more of them it says nothing."""


class Hit(NamedTuple):
    """A rule of an identify whose network holds the address: positions in the order in which they are asked."""

    identify: int
    rule: int


class NearMiss(NamedTuple):
    """A rule that just misses: `distance` addresses above (or, negative, below) its network."""

    identify: Identify
    rule: AddressRule
    distance: int


@dataclass(frozen=True)
class AddressIndex:
    """`identifies` as they are asked; `networks` maps (version, mask) to network to hits in that order.

    `edges` maps the version to the first addresses of the networks in ascending order, as numbers, and for each the
    position of its identify and its rule; then the same of the last addresses.
    """

    identifies: tuple[Identify, ...]
    networks: dict[tuple[int, int], dict[int, list[Hit]]]
    edges: dict[int, tuple[list[int], list[tuple[int, AddressRule]], list[int], list[tuple[int, AddressRule]]]]

    @classmethod
    def build(cls, identifies: Sequence[Identify]) -> AddressIndex:
        networks: dict[tuple[int, int], dict[int, list[Hit]]] = {}
        starts: dict[int, list[tuple[int, int, AddressRule]]] = {4: [], 6: []}
        ends: dict[int, list[tuple[int, int, AddressRule]]] = {4: [], 6: []}
        for position, identify in enumerate(identifies):
            for number, rule in enumerate(identify.rules):
                by_network = networks.setdefault((rule.version, rule.mask), {})
                by_network.setdefault(rule.network, []).append(Hit(position, number))
                if not rule.deny and is_prefix(rule):
                    first, last = bounds(rule)
                    starts[rule.version].append((first, position, rule))
                    ends[rule.version].append((last, position, rule))
        edges = {}
        for version in (4, 6):
            lower = sorted(starts[version], key=lambda edge: edge[0])
            upper = sorted(ends[version], key=lambda edge: edge[0])
            edges[version] = (
                [edge[0] for edge in lower],
                [edge[1:] for edge in lower],
                [edge[0] for edge in upper],
                [edge[1:] for edge in upper],
            )
        return cls(tuple(identifies), networks, edges)

    @cached_property
    def places(self) -> frozenset[bytes] | None:
        """The first two bytes of every IPv4 address that a rule holds or nearly holds; None for too many of them."""
        found: set[int] = set()
        for (version, mask), by_network in self.networks.items():
            # A mask with holes, or a network as large as a /8, is in too many places to be worth the set.
            size = ~mask & full_mask(version)
            if version == 6:
                continue
            if size & (size + 1) or size >= 1 << 24 or len(found) > MOST_PLACES:
                return None
            for network in by_network:
                found.update(range(network - NEAR_ADDRESSES >> 16, (network + size + NEAR_ADDRESSES >> 16) + 1))
        return frozenset(place.to_bytes(2, "big") for place in found if 0 <= place <= 0xFFFF)

    def hits(self, source: SourceSocket) -> list[Hit]:
        """Every rule whose network holds the address, whatever its port, in the order of the walk."""
        found: list[Hit] = []
        for (version, mask), by_network in self.networks.items():
            if version == source.version:
                found += by_network.get(source.ip & mask, ())
        found.sort()
        return found

    def find_deciding(self, source: SourceSocket) -> Iterator[tuple[int, AddressRule, bool]]:
        """(position, rule, applies) for each identify with a rule for the address, in order: the rule that decides,
        or, where none applies, the last one that only the port keeps away."""
        # ast_apply_ha() lets the last rule that applies decide, and hits come in the order of the rules: a later one
        # takes the place of an earlier one, except where the earlier one applies and the port keeps the later away.
        decided: dict[int, tuple[AddressRule, bool]] = {}
        for hit in self.hits(source):
            rule = self.identifies[hit.identify].rules[hit.rule]
            applies = rule.port in (0, source.port)
            if applies or not decided.get(hit.identify, (rule, False))[1]:
                decided[hit.identify] = (rule, applies)
        for position, (rule, applies) in decided.items():
            yield position, rule, applies

    def near(self, source: SourceSocket) -> NearMiss | None:
        """The network nearest to the address that does not hold it, at most `NEAR_ADDRESSES` addresses away."""
        starts, above, ends, below = self.edges[source.version]
        found = []
        at = bisect_right(starts, source.ip)
        if at < len(starts) and starts[at] - source.ip <= NEAR_ADDRESSES:
            found.append(NearMiss(self.identifies[above[at][0]], above[at][1], source.ip - starts[at]))
        at = bisect_left(ends, source.ip) - 1
        if at >= 0 and source.ip - ends[at] <= NEAR_ADDRESSES:
            found.append(NearMiss(self.identifies[below[at][0]], below[at][1], source.ip - ends[at]))
        return min(found, key=lambda near: abs(near.distance), default=None)

"""The address space as the identifies of a configuration divide it: cells in which every source is treated alike.

Access list semantics (main/acl.c, ast_apply_acl): inside one identify the last rule that fits decides. A cell is a run
of addresses between two neighbouring rule boundaries, with one source port or "any port no rule names"; the same
identifies match everywhere in it. Rules with masks that are not prefixes have no boundaries: they are left out
here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from itertools import pairwise

from pjsipdiag.asterisk.addresses.address_rule import bounds, is_prefix, make_ip, networks_between
from pjsipdiag.asterisk.config import AddressRule, Identify
from pjsipdiag.dataclass import dataclass
from pjsipdiag.sip import short_network

ANY_PORT = 0
"""The port of a cell that stands for every port which no rule names."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Addresses `first` to `last` (integers of IP `version`) and one source port; `identifies` all match it."""

    version: int
    first: int
    last: int
    port: int
    identifies: tuple[Identify, ...]

    def __str__(self) -> str:
        networks = list(networks_between(self.version, self.first, self.last))
        low, high = (make_ip(self.version, end) for end in (self.first, self.last))
        text = f"{low}-{high}" if len(networks) > 1 else short_network(networks[0])
        return f"{text} port {self.port}" if self.port else text


def find_deciding_rule(identify: Identify, cell: Cell) -> AddressRule:
    """The rule of `identify` that matches `cell`: the last one that fits."""
    return [
        rule
        for rule in identify.rules
        if rule.version == cell.version
        and is_prefix(rule)
        and rule.network <= cell.first
        and cell.last <= bounds(rule)[1]
        and rule.port in (0, cell.port)
    ][-1]


def cells(identifies: Sequence[Identify]) -> Iterator[Cell]:
    """Every cell that at least one identify matches, in address order; `Cell.identifies` keeps the order given."""
    for version in (4, 6):
        yield from _cells_of(identifies, version)


class _Fitting:
    """The rules of one identify that fit where the walk is; the last one decides, so each port has a heap of them."""

    def __init__(self, rules: Sequence[AddressRule]) -> None:
        self._rules, self.indexes = rules, set[int]()
        self._heaps: dict[int, list[int]] = {}

    def enter(self, index: int) -> None:
        self.indexes.add(index)
        heappush(self._heaps.setdefault(self._rules[index].port, []), -index)

    @property
    def ports(self) -> list[int]:
        """The ports that a rule names here."""
        return [port for port in [*self._heaps] if port and self._last(port) >= 0]

    def takes(self, port: int) -> bool:
        """Whether a source with that port is let in."""
        last = max(self._last(port), self._last(ANY_PORT))
        return last >= 0 and not self._rules[last].deny

    def _last(self, port: int) -> int:
        heap = self._heaps.get(port, [])
        while heap and -heap[0] not in self.indexes:
            heappop(heap)
        if not heap:
            self._heaps.pop(port, None)
        return -heap[0] if heap else -1


def _cells_of(identifies: Sequence[Identify], version: int) -> Iterator[Cell]:
    starts: dict[int, list[tuple[int, int]]] = defaultdict(list)
    ends: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for place, identify in enumerate(identifies):
        for index, rule in enumerate(identify.rules):
            if rule.version == version and is_prefix(rule):
                starts[rule.network].append((place, index))
                ends[bounds(rule)[1] + 1].append((place, index))
    active: dict[int, _Fitting] = {}
    for first, after in pairwise(sorted({*starts, *ends})):
        for place, index in ends.get(first, ()):
            active[place].indexes.discard(index)
            if not active[place].indexes:
                del active[place]
        for place, index in starts.get(first, ()):
            active.setdefault(place, _Fitting(identifies[place].rules)).enter(index)
        if active:
            yield from _cells_between(identifies, version, first, after - 1, active)


def _cells_between(
    identifies: Sequence[Identify], version: int, first: int, last: int, active: dict[int, _Fitting]
) -> Iterator[Cell]:
    named: dict[int, set[int]] = defaultdict(set)
    for place, fitting in active.items():
        for port in fitting.ports:
            named[port].add(place)
    anywhere = {place for place, fitting in active.items() if fitting.takes(ANY_PORT)}
    for port in sorted({*named, ANY_PORT}):
        places = named.get(port, set())
        taking = anywhere - places | {place for place in places if active[place].takes(port)}
        if taking:
            yield Cell(version, first, last, port, tuple(identifies[place] for place in sorted(taking)))

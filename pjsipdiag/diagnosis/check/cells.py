"""The address space as the identifies of a configuration divide it: cells in which every source is treated alike.

Access list semantics (main/acl.c, ast_apply_acl): inside one identify the last rule that fits decides. A cell is a run
of addresses between two neighbouring rule boundaries, with one source port or "any port no rule names"; the same
identifies match everywhere in it. Rules with masks that are not prefixes have no boundaries: they are left out
here.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pjsipdiag.asterisk.addresses.rule import bounds, is_prefix
from pjsipdiag.asterisk.config import Identify, Rule

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
        make = ipaddress.IPv4Address if self.version == 4 else ipaddress.IPv6Address
        low, high = make(self.first), make(self.last)
        networks = list(ipaddress.summarize_address_range(low, high))
        text = f"{low}-{high}" if len(networks) > 1 else str(networks[0]).removesuffix("/32").removesuffix("/128")
        return f"{text} port {self.port}" if self.port else text


def deciding(identify: Identify, cell: Cell) -> Rule:
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


def _cells_of(identifies: Sequence[Identify], version: int) -> Iterator[Cell]:
    starts: dict[int, list[tuple[int, int]]] = defaultdict(list)
    ends: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for place, identify in enumerate(identifies):
        for index, rule in enumerate(identify.rules):
            if rule.version == version and is_prefix(rule):
                starts[rule.network].append((place, index))
                ends[bounds(rule)[1] + 1].append((place, index))
    active: dict[int, set[int]] = defaultdict(set)
    for first, after in pairwise(sorted({*starts, *ends})):
        for place, index in ends.get(first, ()):
            active[place].discard(index)
            if not active[place]:
                del active[place]
        for place, index in starts.get(first, ()):
            active[place].add(index)
        if active:
            yield from _cells_between(identifies, version, first, after - 1, active)


def _cells_between(
    identifies: Sequence[Identify], version: int, first: int, last: int, active: dict[int, set[int]]
) -> Iterator[Cell]:
    ports = {identifies[place].rules[index].port for place, indexes in active.items() for index in indexes}
    for port in sorted(ports | {ANY_PORT}):
        matching = tuple(
            identifies[place]
            for place in sorted(active)
            if _matches(identifies[place].rules, sorted(active[place]), port)
        )
        if matching:
            yield Cell(version, first, last, port, matching)


def _matches(rules: Sequence[Rule], indexes: Sequence[int], port: int) -> bool:
    deciding = [index for index in indexes if rules[index].port in (0, port)]
    return bool(deciding) and not rules[deciding[-1]].deny

"""Which addresses an endpoint's own lines speak for: those that they name, and a few beside them.

The law: whoever sends a packet chooses where it says it comes from, so being near a known address proves little. It
counts only MOST_STEPS addresses from one that is written out, and inside the smallest network around what the endpoint
has there (at least SMALLEST_PREFIX). A network that somebody used is never let in for that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import field
from functools import lru_cache

from pjsipdiag.asterisk.addresses.address_rule import (
    BITS,
    bounds,
    fits,
    is_prefix,
    is_whole_world,
    length,
    network_text,
    number,
    shared_bits,
)
from pjsipdiag.asterisk.config import AddressRule, Config, Identify
from pjsipdiag.asterisk.section import Where
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.evidence.trunks import Trunks, prefix_of, trunks

MOST_STEPS = 8
"""Addresses between a neighbour and the written one that speaks for it, at most."""
SMALLEST_PREFIX = {4: 29, 6: 125}
"""Prefix length of the smallest network that is taken around the lines of an endpoint: eight addresses."""
PARTY_PREFIX = {4: 24, 6: 64}
"""Prefix length of what is commonly given to one party: lines further apart are not taken together."""
_BUCKET = 4
"""Bits of an address that are left out where written lines are looked up; a bucket is wider than MOST_STEPS."""


@dataclass(frozen=True, slots=True)
class WrittenLine:
    """A line of an endpoint that names at most SMALLEST_PREFIX addresses, `first` to `last` (as numbers); `is_rule`: an
    address rule, no contact."""

    endpoint: str
    first: int
    last: int
    text: str
    where: Where
    is_rule: bool


@dataclass(frozen=True, eq=False)
class Vicinity:
    """`lines` lists lines by (family, leading bits) of the addresses around them, `spans` has the first and the last
    address that an endpoint's lines hold in a PARTY_PREFIX."""

    lines: dict[tuple[int, int], list[WrittenLine]] = field(default_factory=lambda: defaultdict(list))
    spans: dict[tuple[str, int, int], tuple[int, int]] = field(default_factory=dict)


def lines_naming(config: Config, ip: str, *, rules: bool = True) -> Iterator[tuple[str, str, Where]]:
    """(endpoint, words, where) of each line that holds the address itself; `rules`: address rules among them."""
    for steps, line in _near(vicinity(trunks(config)), *number(ip)):
        if not steps and (rules or not line.is_rule):
            yield line.endpoint, line.text, line.where


def lines_beside(config: Config, ip: str) -> Iterator[tuple[str, int, str, Where]]:
    """(endpoint, steps above it, line, where) of each written line that speaks for the address beside it."""
    known, (family, value) = vicinity(trunks(config)), number(ip)
    for steps, line in _near(known, family, value):
        if steps and _is_inside(known, line, family, value):
            yield line.endpoint, steps, line.text, line.where


def is_spoken_for(config: Config, endpoint: str, ip: str) -> bool:
    """Whether the endpoint's own lines name the address, or one that is near enough."""
    return any(known[0] == endpoint for known in (*lines_naming(config, ip), *lines_beside(config, ip)))


def is_taken_out(config: Config, endpoint: str, ip: str) -> bool:
    """Whether somebody wanted the address out: an exception (`match=!`) of the endpoint's identifies holds it, no
    wider than any other rule of theirs for it."""
    known = [rule for one in config.identifies if one.endpoint == endpoint for rule in one.rules if fits(rule, ip)]
    exceptions, others = ([length(rule) for rule in known if rule.deny is deny] for deny in (True, False))
    return bool(exceptions) and max(exceptions) >= max(others, default=0)


def endpoints_that_write(config: Config, rule: AddressRule) -> Iterator[str]:
    """The endpoints whose lines, loaded or not, name all addresses of a rule; whatever their port."""
    for endpoint, known in trunks(config).networks.get(prefix_of(rule), ()):
        same = known.version == rule.version and not known.deny and not is_whole_world(known)
        if same and known.mask & ~rule.mask == 0 and rule.network & known.mask == known.network:
            yield endpoint


def _near(known: Vicinity, family: int, value: int) -> Iterator[tuple[int, WrittenLine]]:
    """The written lines at most MOST_STEPS addresses away, with the steps to it: negative below."""
    for line in known.lines.get((family, value >> _BUCKET), ()):
        steps = value - line.last if value > line.last else min(value - line.first, 0)
        if abs(steps) <= MOST_STEPS:
            yield steps, line


def _is_inside(found: Vicinity, line: WrittenLine, family: int, value: int) -> bool:
    """Whether the smallest network around the endpoint's lines there holds the address, too."""
    low, high = found.spans[line.endpoint, family, line.first >> (BITS[family] - PARTY_PREFIX[family])]
    free = max((low ^ high).bit_length(), BITS[family] - SMALLEST_PREFIX[family])
    return value >> free == low >> free


@lru_cache(maxsize=4)
def vicinity(known: Trunks) -> Vicinity:
    """The index for the trunks of a configuration, built once."""
    found = Vicinity()
    for rules in known.networks.values():
        for endpoint, rule in rules:
            if not is_whole_world(rule) and not rule.deny:
                narrow = length(rule) >= SMALLEST_PREFIX[rule.version] and is_prefix(rule)
                shown = f"match={rule.text}" + (f" ({network_text(rule)})" if rule.host else "")
                _add(found, rule.version, WrittenLine(endpoint, *bounds(rule), shown, rule.where, True), narrow)
    for contacts in known.contacts.values():
        for endpoint, text, address, where in contacts:
            family, value = number(address)
            _add(found, family, WrittenLine(endpoint, value, value, text, where, False), True)
    return found


def _add(found: Vicinity, family: int, line: WrittenLine, narrow: bool) -> None:
    free = BITS[family] - PARTY_PREFIX[family]
    place = line.first >> free
    first, last = line.first, min(line.last, ((place + 1) << free) - 1)
    low, high = found.spans.get((line.endpoint, family, place), (first, last))
    found.spans[line.endpoint, family, place] = min(low, first), max(high, last)
    if narrow:
        for bucket in range(max(line.first - MOST_STEPS, 0) >> _BUCKET, ((line.last + MOST_STEPS) >> _BUCKET) + 1):
            found.lines[family, bucket].append(line)


def nearest_of(config: Config, endpoint: str, ips: Sequence[str]) -> Identify | None:
    """The identify of an endpoint with the rule that is nearest to one of these addresses; the first of equals."""
    found = (identify for identify in config.identifies if identify.endpoint == endpoint)
    return max(found, key=lambda known: _nearness(known, ips), default=None)


def _nearness(identify: Identify, ips: Sequence[str]) -> int:
    return max((shared_bits(rule, ip) for rule in identify.rules if not rule.deny for ip in ips), default=-1)

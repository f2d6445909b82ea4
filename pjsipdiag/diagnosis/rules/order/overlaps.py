"""Several identifies fit, and another wins than the one that was meant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from pjsipdiag.asterisk.addresses.address_rule import is_prefix, length, taken_by
from pjsipdiag.asterisk.config import Config, Identify
from pjsipdiag.asterisk.loading.walk_order import ask_order
from pjsipdiag.asterisk.releases import REPRESENTATIVES, around
from pjsipdiag.diagnosis.evidence.lookup import find_taking
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import Cause, finding_for, listed, who
from pjsipdiag.diagnosis.rules.refusals.otherwise import OF_PEOPLE
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.diagnosis.space.cells import Cell, cells, find_deciding_rule
from pjsipdiag.sip import Address

*_, BY_HASH, BY_NAME = around("identifies_by_name", REPRESENTATIVES[:-1])
"""Releases on either side of the change in `ip_identify_match_check`: sorted by name, and in hash order before it."""
ASKING_ORDERS = ((BY_NAME, "releases that ask by name"), (BY_HASH, "releases that ask in hash order"))

COMPARED_RELEASES = around("identifies_by_name", REPRESENTATIVES)
"""Releases on both sides of each change of the order in which identifies are asked."""


def refusals(group: CallGroup) -> int:
    """Calls with a final answer that is a failure, and not what somebody chose (busy, declined, cancelled)."""
    return sum(count for status, count in group.statuses.items() if 400 <= status < 700 and status not in OF_PEOPLE)


def of_overlap(situation: Situation, group: CallGroup) -> Cause | None:
    """Another identify that fits as well or better belongs to another endpoint."""
    if group.verdict.identifier != "ip":
        return None
    found = list(find_taking(situation, group))
    won = next(((identify, rule) for identify, rule in found if identify.name == group.verdict.identify), None)
    if won is None:
        return None
    for identify, rule in found:
        other = identify.endpoint != won[0].endpoint and identify.endpoint in situation.config.endpoints
        # Equally narrow rules are no fault while calls get through: two endpoints of one trunk may share its address.
        better = length(rule) > length(won[1]) or (length(rule) == length(won[1]) and refusals(group) > 0)
        if other and better and identify is not won[0]:
            return Cause(won[0].name, won[1].where, identify.name)
    return None


def overlapping_identifies(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    named = {identify.name: identify for identify in situation.config.identifies}
    won, lost = named[cause.name], named[cause.detail]
    source = Address(groups[0].source, (groups[0].ports or (0,))[0])
    won_rule, lost_rule = taken_by(won, source), taken_by(lost, source)
    assert won_rule is not None and lost_rule is not None
    failed = sum(refusals(group) for group in groups)
    more = "more closely" if length(lost_rule) > length(won_rule) else "just as well"
    return finding_for(
        groups,
        Severity.ERROR if failed else Severity.WARNING,
        f"{who(groups, 'fits', 'fit')} both match={won_rule.text} in [{won.name}] ({won_rule.where}) and"
        f" match={lost_rule.text} in [{lost.name}] ({lost_rule.where}): Asterisk asks [{won.name}] first, so endpoint"
        f" {won.endpoint} takes the call, although [{lost.name}] (endpoint {lost.endpoint}) fits {more}",
        won_rule.where,
        "the order is never that of the file, and never the most specific",
        *_winners(situation.config, won, lost),
        advice=f"take the addresses of [{lost.name}] out of [{won.name}], or narrow its network"
        if won_rule.mask != lost_rule.mask
        else "two trunks with one address cannot be told apart by it: tell them apart by source port or match_header,"
        " or let one of them take all calls",
    )


def _winners(config: Config, won: Identify, lost: Identify) -> list[str]:
    """Which of the two other releases ask first."""
    other = []
    for release in COMPARED_RELEASES:
        asked = next(i.name for i in ask_order(config, release) if i.name in (won.name, lost.name))
        if asked == lost.name:
            other.append(release)
    if not other:
        return [f"all of {listed(COMPARED_RELEASES, 9)} ask [{won.name}] first"]
    return [f"Asterisk {listed(other, 9)} would ask [{lost.name}] first: an upgrade moves these calls"]


def overlapping_pairs(config: Config) -> Iterator[Finding]:
    """Pairs of identifies that both fit some address and send it to different endpoints."""
    seen: set[tuple[str, str]] = set()
    orders = {version: _places(ask_order(config, version)) for version in (config.version, BY_NAME, BY_HASH)}
    for cell in cells(ask_order(config, config.version)):
        winner, *losers = cell.identifies
        for loser in losers:
            if loser.endpoint == winner.endpoint or (winner.name, loser.name) in seen:
                continue
            seen.add((winner.name, loser.name))
            yield _overlap(config, cell, winner, loser, orders)


def _places(ordered: Sequence[Identify]) -> dict[str, int]:
    return {identify.name: place for place, identify in enumerate(ordered)}


def _overlap(
    config: Config, cell: Cell, winner: Identify, loser: Identify, orders: dict[str, dict[str, int]]
) -> Finding:
    changes = [words for version, words in ASKING_ORDERS if orders[version][loser.name] < orders[version][winner.name]]
    won, lost = find_deciding_rule(winner, cell), find_deciding_rule(loser, cell)
    less_specific = won.mask.bit_count() < lost.mask.bit_count()
    surprising = less_specific or bool(changes)
    message = (
        f"{cell} fits identify '{winner.name}' (match={won.text}) and '{loser.name}' (match={lost.text}): "
        f"'{winner.name}' wins on {config.version}, so these calls go to endpoint '{winner.endpoint}'"
    )
    if less_specific:
        message += f", although '{loser.name}' is more specific"
    if changes:
        message += f"; '{loser.name}' wins on {' and '.join(changes)}"
    return Finding(
        Severity.WARNING if surprising else Severity.NOTE,
        message,
        won.where,
        evidence=(f"match={lost.text} ({lost.where}) -> endpoint '{loser.endpoint}'",),
        advice="Asterisk asks identifies by name (20.16, 21.11, 22.6, 23.0 and later) or in hash order, never by the "
        "most specific network: make the networks disjoint, for example with match=!ADDRESS after the network.",
    )


def shadowed_identifies(config: Config) -> Iterator[Finding]:
    """Identifies whose address rules another identify always takes first."""
    beaten = [(words, {loser.name for loser, _ in _losers(config, version)}) for version, words in ASKING_ORDERS]
    for identify, winners in _losers(config, config.version):
        if identify.match_header or identify.match_request_uri:
            rest = "only its match_header or match_request_uri can match"
        else:
            rest = "it never matches a call"
        names = ", ".join(f"'{name}'" for name in sorted({winner.name for winner in winners}))
        elsewhere = next((words for words, losers in beaten if identify.name not in losers), "")
        same = all(winner.endpoint == identify.endpoint for winner in winners)
        yield Finding(
            Severity.NOTE if same else Severity.WARNING,
            f"identify '{identify.name}' ({identify.where}): every address it names is taken first by {names}; {rest}"
            + (f", although on {elsewhere} it would" if elsewhere else ""),
            identify.where,
            evidence=tuple(f"'{winner.name}' ({winner.where}) -> endpoint '{winner.endpoint}'" for winner in winners),
            advice="Remove it, or take its addresses out of the identifies that win.",
        )


def _losers(config: Config, version: str) -> list[tuple[Identify, tuple[Identify, ...]]]:
    """The identifies that match some address and win none, each with those that win them."""
    ordered = ask_order(config, version)
    winners: dict[str, dict[str, Identify]] = defaultdict(dict)
    wins: set[str] = set()
    for cell in cells(ordered):
        first, *rest = cell.identifies
        wins.add(first.name)
        for other in rest:
            winners[other.name][first.name] = first
    return [
        (identify, tuple(winners[identify.name].values()))
        for identify in ordered
        if identify.name in winners and identify.name not in wins and _regular(identify)
    ]


def _regular(identify: Identify) -> bool:
    return not identify.unresolved and all(is_prefix(rule) for rule in identify.rules)

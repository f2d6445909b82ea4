"""Address rules that cannot do what they seem to: shadowed, overlapping, repeated, undone, too wide."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterator, Sequence

from pjsipdiag.asterisk.addresses.rule import BITS, bounds, is_prefix
from pjsipdiag.asterisk.config import Config, Identify, Rule
from pjsipdiag.asterisk.loading.order import ask_order
from pjsipdiag.asterisk.releases import REPRESENTATIVES, around
from pjsipdiag.diagnosis.check.cells import Cell, cells, deciding
from pjsipdiag.diagnosis.model import Finding, Severity

*_, BY_HASH, BY_NAME = around("identifies_by_name", REPRESENTATIVES[:-1])
"""Releases on either side of the change in `ip_identify_match_check`: sorted by name, and in hash order before it."""

ORDERS = ((BY_NAME, "releases that ask by name"), (BY_HASH, "releases that ask in hash order"))

MOST_PORTS = 64
"""Lines for one network, each with another port, that are kept apart."""

PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)


def shadowed(config: Config) -> Iterator[Finding]:
    """Identifies whose address rules another identify always takes first."""
    beaten = [(words, {loser.name for loser, _ in _losers(config, version)}) for version, words in ORDERS]
    for identify, winners in _losers(config, config.version):
        if identify.match_header or identify.match_request_uri:
            rest = "only its match_header or match_request_uri can match"
        else:
            rest = "it never matches a call"
        names = ", ".join(f"'{name}'" for name in sorted({winner.name for winner in winners}))
        elsewhere = next((words for words, losers in beaten if identify.name not in losers), "")
        same = all(winner.endpoint == identify.endpoint for winner in winners)
        yield Finding(
            "shadowed-identify",
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


def overlapping(config: Config) -> Iterator[Finding]:
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
    changes = [words for version, words in ORDERS if orders[version][loser.name] < orders[version][winner.name]]
    won, lost = deciding(winner, cell), deciding(loser, cell)
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
        "overlapping-identifies",
        Severity.WARNING if surprising else Severity.NOTE,
        message,
        won.where,
        evidence=(f"match={lost.text} ({lost.where}) -> endpoint '{loser.endpoint}'",),
        advice="Asterisk asks identifies by name (20.16, 21.11, 22.6, 23.0 and later) or in hash order, never by the "
        "most specific network: make the networks disjoint, for example with match=!ADDRESS after the network.",
    )


def duplicates(config: Config) -> Iterator[Finding]:
    """The same rule twice, in one identify or in two."""
    seen: dict[tuple[int, int, int, int, bool], tuple[Identify, Rule]] = {}
    for identify in config.identifies:
        for rule in identify.rules:
            key = (rule.version, rule.network, rule.mask, rule.port, rule.deny)
            earlier = seen.setdefault(key, (identify, rule))
            if earlier[1] is rule or (rule.host and earlier[1].host == rule.host and earlier[0] is identify):
                continue
            yield Finding(
                "duplicate-match",
                Severity.NOTE if earlier[0].endpoint == identify.endpoint else Severity.WARNING,
                f"match={rule.text} of identify '{identify.name}' ({rule.where}) stands already in "
                f"'{earlier[0].name}' ({earlier[1].where})",
                rule.where,
                advice="Keep one of the two.",
            )


def contradictory(config: Config) -> Iterator[Finding]:
    """Exceptions that a later line undoes, and identifies that hold nothing but exceptions."""
    for identify in config.identifies:
        if identify.rules and not identify.unresolved and all(rule.deny for rule in identify.rules):
            yield Finding(
                "contradictory-match",
                Severity.WARNING,
                f"identify '{identify.name}' ({identify.where}) has only exceptions (match=!...): it matches nothing",
                identify.rules[0].where,
                advice="Add the network that the exceptions are taken from, before them.",
            )
            continue
        taken: dict[tuple[int, int, int], list[Rule]] = {}
        masks: set[tuple[int, int]] = set()
        undoing: list[Rule | None] = []
        for rule in reversed(identify.rules):  # from the end: what is in `taken` comes later
            keys = [(version, mask, rule.network & mask) for version, mask in masks] if rule.deny else []
            later = [found for key in keys for found in taken.get(key, ()) if _covers(found, rule)]
            undoing.append(later[-1] if later else None)
            if not rule.deny:
                masks.add((rule.version, rule.mask))
                known = taken.setdefault((rule.version, rule.mask, rule.network), [])
                if len(known) < MOST_PORTS:
                    known.append(rule)
        for rule, undone in zip(identify.rules, reversed(undoing), strict=True):
            if undone is not None:
                yield Finding(
                    "contradictory-match",
                    Severity.WARNING,
                    f"match={rule.text} of identify '{identify.name}' ({rule.where}) has no effect: "
                    f"match={undone.text} ({undone.where}) comes later, and the last line that fits decides",
                    rule.where,
                    advice="Put the exception after the network that it is taken from.",
                )


def _covers(later: Rule, rule: Rule) -> bool:
    return (
        not later.deny
        and later.version == rule.version
        and later.mask & rule.mask == later.mask
        and rule.network & later.mask == later.network
        and later.port in (0, rule.port)
    )


def wide(config: Config) -> Iterator[Finding]:
    """Rules that let in everybody, or every private address."""
    for identify in config.identifies:
        for rule in identify.rules:
            if rule.deny or not is_prefix(rule):
                continue
            length = rule.mask.bit_count()
            if length < (8 if rule.version == 4 else 16):
                yield _wide(identify, rule, Severity.ERROR, "lets strangers in: it fits " + _share(rule, length))
            elif any(_inside(network, rule) for network in PRIVATE):
                yield _wide(identify, rule, Severity.WARNING, "fits every private address of a range")


def _inside(network: ipaddress.IPv4Network | ipaddress.IPv6Network, rule: Rule) -> bool:
    return (
        network.version == rule.version
        and rule.network <= int(network.network_address)
        and int(network.broadcast_address) <= bounds(rule)[1]
    )


def _share(rule: Rule, length: int) -> str:
    return f"every IPv{rule.version} address" if length == 0 else f"2^{BITS[rule.version] - length} addresses"


def _wide(identify: Identify, rule: Rule, severity: Severity, what: str) -> Finding:
    return Finding(
        "wide-match",
        severity,
        f"match={rule.text} of identify '{identify.name}' ({rule.where}) {what}; "
        f"all of them reach endpoint '{identify.endpoint}'",
        rule.where,
        advice="Name the provider's networks only.",
    )


def match_ports(config: Config) -> Iterator[Finding]:
    """match= of an identify with a port: it fits that source port only."""
    for identify, rule in _with_port(config):
        if not identify.wizard:
            yield _one_port("match-port", Severity.NOTE, "match", rule, "")


def wizard_ports(config: Config) -> Iterator[Finding]:
    """remote_hosts= of a wizard with a port: meant for outbound calls, it also limits inbound ones."""
    for identify, rule in _with_port(config):
        if identify.wizard:
            instead = " (identify/match=ADDRESS in the wizard section overrides it)"
            yield _one_port("wizard-port", Severity.WARNING, "remote_hosts", rule, instead)


def _with_port(config: Config) -> Iterator[tuple[Identify, Rule]]:
    for identify in config.identifies:
        for rule in identify.rules:
            if rule.port and not rule.deny:
                yield identify, rule


def _one_port(name: str, severity: Severity, option: str, rule: Rule, instead: str) -> Finding:
    return Finding(
        name,
        severity,
        f"{option}={rule.text} ({rule.where}) fits source port {rule.port} only: calls from any other port of that "
        "address are not matched",
        rule.where,
        advice=f"Leave the port out unless the provider always sends from it{instead}.",
    )

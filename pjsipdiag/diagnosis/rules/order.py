"""Another identifier or identify takes the call than the one that was meant for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from pjsipdiag.asterisk.addresses.rule import is_whole_world, length, taken_by
from pjsipdiag.asterisk.config import Config, Identify, Where
from pjsipdiag.asterisk.loading.order import ask_order
from pjsipdiag.asterisk.releases import REPRESENTATIVES, around
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.asterisk.verdict import IDENTIFIER_NAMES, Outcome
from pjsipdiag.diagnosis.evidence.lookup import taking
from pjsipdiag.diagnosis.evidence.signs import best
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import Cause, answers, calls, counted, listed, sources, verb, who
from pjsipdiag.diagnosis.rules.unmatched import is_unmatched
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.sip import Address

RELEASES = around("identifies_by_name", REPRESENTATIVES)
"""Releases on both sides of each change of the order in which identifies are asked."""


def refusals(group: CallGroup) -> int:
    """Calls with a final answer that is a failure (487 is the caller's own cancelling)."""
    return sum(
        count for status, count in group.statuses.items() if 400 <= status < 700 and status not in (486, 487, 600, 603)
    )


def of_user(situation: Situation, group: CallGroup) -> Cause | None:
    """The From (or Authorization) user took the call, although its address belongs to another endpoint."""
    verdict = group.verdict
    if verdict.identifier not in ("username", "auth_username"):
        return None
    for identify, rule in taking(situation, group):
        if identify.endpoint != verdict.endpoint and not is_whole_world(rule):
            return Cause(verdict.endpoint, _order_line(situation.config, verdict.endpoint), identify.name)
    if _registered(situation, group.source):
        return None
    owner = next(iter(best(situation, group)), None)
    if (
        owner
        and owner.endpoint != verdict.endpoint
        and verdict.outcome is Outcome.CHALLENGED
        and not group.credentialed
    ):
        return Cause(verdict.endpoint, _order_line(situation.config, verdict.endpoint), "")
    for other in situation.groups:
        if other.source == group.source and other is not group and other.verdict.identifier != verdict.identifier:
            owner = next(iter(best(situation, other)), None)
            if owner and owner.endpoint != verdict.endpoint:
                return Cause(verdict.endpoint, _order_line(situation.config, verdict.endpoint), "")
    return None


def _registered(situation: Situation, source: str) -> bool:
    """Whether the PBX took a registration from there: anybody can ask for one under another's address."""
    return any(one.method == "REGISTER" and one.client == source and one.succeeded > 0 for one in situation.exchanges)


def identified_by_user(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    callers = listed(sorted({caller for group in groups for caller in group.callers}))
    order = situation.config.globals.endpoint_identifier_order
    if cause.detail:
        identify = next(known for known in situation.config.identifies if known.name == cause.detail)
        meant = f"[{cause.detail}] ({identify.where}) has its address for endpoint {identify.endpoint}"
        why = f"endpoint_identifier_order={order} asks username before ip"
        advice = "let ip come before username in endpoint_identifier_order"
    else:
        owners = {owner.endpoint for group in groups for owner in best(situation, group)} - {cause.name}
        meant = (
            f"the source belongs to {listed(sorted(owners))}" if owners else "other calls from there belong to a trunk"
        )
        why = "no identify has its address, so the From user decides"
        advice = "have the provider's address in an identify, and ip before username in endpoint_identifier_order"
    failed = sum(refusals(group) for group in groups) > 0
    # Where other calls from there find nobody, the address is missing, and that is told as the cause.
    missing = any(is_unmatched(group) and group.source in sources(groups) for group in situation.groups)
    return Finding(
        "identified-by-user",
        Severity.ERROR if cause.detail or (failed and not missing) else Severity.WARNING,
        f"{who(groups, 'calls', 'call')} with From user {callers}, which is the name of endpoint {cause.name}, so"
        f" {cause.name}"
        f" takes the call; {meant}",
        cause.where,
        sources(groups),
        calls(groups),
        (
            why,
            *_blanks(situation.config),
            f"the calls get context={situation.config.endpoints[cause.name].context} of {cause.name}",
            f"observed answers: {answers(groups)}",
        ),
        advice=advice,
    )


def of_overlap(situation: Situation, group: CallGroup) -> Cause | None:
    """Another identify that fits as well or better belongs to another endpoint."""
    if group.verdict.identifier != "ip":
        return None
    found = list(taking(situation, group))
    won = next(((identify, rule) for identify, rule in found if identify.name == group.verdict.identify), None)
    if won is None:
        return None
    for identify, rule in found:
        other = identify.endpoint != won[0].endpoint and identify.endpoint in situation.config.endpoints
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
    return Finding(
        "overlapping-identifies",
        Severity.ERROR if failed else Severity.WARNING,
        f"{who(groups, 'fits', 'fit')} both match={won_rule.text} in [{won.name}] ({won_rule.where}) and"
        f" match={lost_rule.text} in [{lost.name}] ({lost_rule.where}): Asterisk asks [{won.name}] first, so endpoint"
        f" {won.endpoint} takes the call, although [{lost.name}] (endpoint {lost.endpoint}) fits {more}",
        won_rule.where,
        sources(groups),
        calls(groups),
        (
            "the order is never that of the file, and never the most specific",
            *_winners(situation.config, won, lost),
            f"observed answers: {answers(groups)}",
        ),
        advice=f"take the addresses of [{lost.name}] out of [{won.name}], or narrow its network"
        if won_rule.mask != lost_rule.mask
        else "two trunks with one address cannot be told apart by it: tell them apart by source port or match_header,"
        " or let one of them take all calls",
    )


def of_unreachable(situation: Situation, group: CallGroup) -> Cause | None:
    """A header, request-URI or auth_username identifier would take the call if its turn came."""
    if group.verdict.identifier in ("", "header", "request_uri", "auth_username"):
        return None
    for name in _late(situation):
        first = replay_as(situation, name).verdict(group.sample)
        if first.identifier == name and first.endpoint != group.verdict.endpoint:
            where = next((check.where for check in first.trace if check.step == name and check.endpoint), None)
            return Cause(first.identify or first.endpoint, where, name)
    return None


@lru_cache(maxsize=2)
def _late(situation: Situation) -> tuple[str, ...]:
    """The identifiers beside ip and username that something in the configuration waits for."""
    config = situation.config
    waiting = {
        "header": any(identify.match_header for identify in config.identifies),
        "request_uri": any(identify.match_request_uri for identify in config.identifies),
        "auth_username": any("auth_username" in endpoint.identify_by for endpoint in config.endpoints.values()),
    }
    return tuple(name for name in config.identifiers if waiting.get(name))


def unreachable_identifier(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    verdict = groups[0].verdict
    order = situation.config.globals.endpoint_identifier_order
    took = f"{verdict.identifier} ({f'[{verdict.identify}], ' if verdict.identify else ''}endpoint {verdict.endpoint})"
    return Finding(
        "unreachable-identifier",
        Severity.ERROR,
        f"{who(groups, 'fits', 'fit')} {cause.detail} of [{cause.name}], but {took} takes the call first:"
        f" endpoint_identifier_order={order} never lets {cause.detail} through",
        cause.where,
        sources(groups),
        calls(groups),
        (
            "identifiers that the list does not name run after those that it names, and the first that finds an"
            " endpoint decides",
            *_blanks(situation.config),
            f"observed answers: {answers(groups)}",
        ),
        advice=f"name {cause.detail} before {verdict.identifier} in endpoint_identifier_order of the [global] section",
    )


def of_anonymous(situation: Situation, group: CallGroup) -> Cause | None:
    """The call reaches the dialplan through an endpoint that takes everybody."""
    if group.verdict.outcome is not Outcome.ACCEPTED:
        return None
    if group.verdict.identifier == "anonymous":
        return Cause(group.verdict.endpoint, situation.config.endpoints[group.verdict.endpoint].where, "")
    for identify, rule in taking(situation, group):
        if identify.name == group.verdict.identify and is_whole_world(rule):
            return Cause(group.verdict.endpoint, rule.where, identify.name)
    return None


def anonymous_accepted(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    context = situation.config.endpoints[cause.name].context
    through = f"[{cause.detail}] ({cause.where})" if cause.detail else f"the endpoint {cause.name} ({cause.where})"
    known = sorted(
        {owner.endpoint for group in groups for owner in best(situation, group) if owner.endpoint != cause.name}
    )
    belongs = (
        [f"some of the calls may be meant for {listed(known)}, whose identifies lack the address"] if known else []
    )
    return Finding(
        "anonymous-accepted",
        Severity.ERROR,
        f"{counted(len(sources(groups)), 'source')} ({listed(sources(groups))}) {verb(groups, 'reaches', 'reach')}"
        f" the dialplan through"
        f" {through}, which takes everybody: context={context}",
        cause.where,
        sources(groups),
        calls(groups),
        (*belongs, f"observed answers: {answers(groups)}"),
        advice="keep the context free of anything that costs money, or remove what takes everybody and match by"
        " address",
    )


@lru_cache(maxsize=8)
def replay_as(situation: Situation, first: str) -> Replay:
    """The same configuration with one identifier asked before all others."""
    names = (first, *(name for name in situation.config.identifiers if name != first))
    return Replay(replace(situation.config, identifiers=names))


def _order_line(config: Config, endpoint: str) -> Where:
    variable = config.globals.option("endpoint_identifier_order")
    return variable.where if variable else config.endpoints[endpoint].where


def _blanks(config: Config) -> list[str]:
    """What blanks do in the order."""
    names = [name for name in config.globals.endpoint_identifier_order.split(",") if name != name.strip()]
    return [
        f"the blank in '{name}' makes it an unknown name: {name.strip()} is asked after all that are listed"
        for name in names
        if name.strip() in IDENTIFIER_NAMES
    ]


def _winners(config: Config, won: Identify, lost: Identify) -> list[str]:
    """Which of the two other releases ask first."""
    other = []
    for release in RELEASES:
        asked = next(i.name for i in ask_order(config, release) if i.name in (won.name, lost.name))
        if asked == lost.name:
            other.append(release)
    if not other:
        return [f"all of {listed(RELEASES, 9)} ask [{won.name}] first"]
    return [f"Asterisk {listed(other, 9)} would ask [{lost.name}] first: an upgrade moves these calls"]

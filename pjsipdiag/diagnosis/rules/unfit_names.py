"""Names in match= that were meant for a source: they stand for other addresses, for none, or for unknown ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter

from pjsipdiag.asterisk.addresses.address_rule import network_text
from pjsipdiag.asterisk.config import Identify
from pjsipdiag.asterisk.verdict import Match, Outcome
from pjsipdiag.diagnosis.evidence.lookup import has_one_identify, identify_named, lookup, meant_endpoint
from pjsipdiag.diagnosis.evidence.owners import best
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import Cause, finding_for, listed, sources, who, with_status
from pjsipdiag.diagnosis.rules.hints import reasons
from pjsipdiag.diagnosis.rules.unmatched import is_unmatched
from pjsipdiag.diagnosis.situation import CallGroup, Situation


def names_are_dead(situation: Situation) -> bool:
    """Whether the answers show that the names in `match=` which nobody resolved here did not help when Asterisk loaded.

    A call that an identify with such a name takes for certain, or might take without `auth=`, and that got nothing but
    401, was matched by none: the name stood for other addresses, or did not resolve, which drops the identify.
    """
    named = {identify.name: identify.endpoint for identify in situation.config.identifies if identify.unresolved}
    if not named:
        return False
    # Two facts are needed: somebody whom the name should have taken got 401 alone, and nobody got anything else. A call
    # with credentials says nothing: 401 is then its endpoint's own challenge.
    refused = answered = False
    for group in situation.groups:
        asked = {
            check.identify: check for check in group.verdict.trace if check.step == "ip" and check.identify in named
        }
        maybe = any(check.match is Match.UNKNOWN for check in asked.values())
        open_door = all(
            endpoint.auth == ()
            for name in asked
            if (endpoint := situation.config.endpoints.get(named[name])) is not None
        )
        if group.verdict.identify in named or (maybe and open_door and not group.verdict.endpoint):
            succeeded = any(status not in (0, 401) for status in group.statuses) and _is_shown(situation, group)
            seen = situation.find_shown(group) if group.credentialed else None
            alone = seen.group if seen else group
            answered |= succeeded
            refused |= with_status(alone, 401) > 0 and not alone.credentialed and not succeeded
    return refused and not answered


def _is_shown(situation: Situation, group: CallGroup) -> bool:
    """Whether other answers than a refusal are more than what somebody wrote under the PBX's address: nothing refused
    such calls, or they were acknowledged."""
    known = group.verdict.endpoint and not with_status(group, 401)
    return bool(known) or any(
        row.observed_status not in (None, 401) for row in situation.acknowledged_calls(group.source)
    )


def of_hostname(situation: Situation, group: CallGroup) -> Cause | None:
    """A name in `match=` that was meant for this source and stands for other addresses, none, or unknown ones."""
    if not is_unmatched(group) and not (
        group.verdict.outcome is Outcome.UNKNOWN and with_status(group, 401) > 0 and not group.credentialed
    ):
        return None
    unknown = {check.endpoint for check in group.verdict.unknown}
    # An identify alone in the files is meant for whoever calls, with evidence or without.
    likely = {owner.endpoint for owner in best(situation, group)} or unknown
    alone = not likely and has_one_identify(situation)
    for causes in (_by_host_names(situation), _by_dead_names(situation)):
        meant = causes.values() if alone else [causes[endpoint] for endpoint in likely if endpoint in causes]
        if meant:
            return min(meant, key=itemgetter(0))[1]
    return None if likely or not is_unmatched(group) else _only_dead_name(situation)


@lru_cache(maxsize=2)
def _by_host_names(situation: Situation) -> Mapping[str, tuple[int, Cause]]:
    """Endpoint -> the first identify of it that lives on host names, with its place among them."""
    found: dict[str, tuple[int, Cause]] = {}
    for place, identify in enumerate(situation.config.identifies):
        named = next((rule for rule in identify.rules if rule.host and not rule.deny), None)
        if identify.unresolved:
            name = identify.unresolved[0]
            found.setdefault(identify.endpoint, (place, Cause(identify.name, name.where, name.host)))
        elif named and _mostly_names(identify):
            found.setdefault(identify.endpoint, (place, Cause(identify.name, named.where, named.host)))
    return found


@lru_cache(maxsize=2)
def _by_dead_names(situation: Situation) -> Mapping[str, tuple[int, Cause]]:
    """The same of identifies that were dropped."""
    found: dict[str, tuple[int, Cause]] = {}
    for place, (known, host) in enumerate(lookup(situation).hosts):
        cause = Cause(known.name, known.where, host)
        found.setdefault(meant_endpoint(situation.config, known), (place, cause))
    return found


@lru_cache(maxsize=2)
def _only_dead_name(situation: Situation) -> Cause | None:
    """The one identify that was dropped for a name; None where there are several."""
    dead = {known.name: Cause(known.name, known.where, host) for known, host in lookup(situation).hosts}
    return next(iter(dead.values())) if len(dead) == 1 else None


def hostname_mismatch(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    rules = [rule for identify in situation.config.identifies for rule in identify.rules if rule.host == cause.detail]
    stands = listed(list(dict.fromkeys(network_text(rule) for rule in rules)))
    identify = identify_named(situation.config, cause.name)
    if rules:
        meaning = f"that name stands for {stands}"
    elif identify is None:
        meaning = "that name stood for other addresses, or for none, which drops the whole identify"
    else:
        meaning = "what that name stood for when Asterisk loaded it is not known here"
    evidence = ["Asterisk resolves names when it loads or reloads, never for a call"]
    if identify and identify.srv_lookups and ":" not in cause.detail:
        evidence.append(
            "if the name has SRV records, Asterisk takes their targets and never the name's own addresses"
            " (srv_lookups=yes)"
        )
    if not rules and identify:
        evidence.append("give --hosts FILE or --resolve to replay with the name's addresses")
    return finding_for(
        groups,
        Severity.ERROR,
        f"{who(groups)} not among the addresses of match={cause.detail} in [{cause.name}] ({cause.where}): {meaning}",
        cause.where,
        *evidence,
        *reasons(situation, groups),
        *_by_elimination(situation, groups),
        advice="add the addresses themselves; a name in match= follows neither failover nor DNS changes",
    )


def _by_elimination(situation: Situation, groups: Sequence[CallGroup]) -> list[str]:
    strange = [group for group in groups if not best(situation, group)]
    if not strange or has_one_identify(situation):
        return []
    return [
        f"nothing but elimination ties {listed(sources(strange))} to it: no other identify is without its addresses;"
        " ask who calls from there"
    ]


def _mostly_names(identify: Identify) -> bool:
    named = sum(1 for rule in identify.rules if rule.host)
    return named * 2 >= len(identify.rules)

"""Sources that no identifier takes: the port differs, a name means other addresses, or the address is not there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from pjsipdiag.asterisk.addresses.address_rule import source
from pjsipdiag.asterisk.config import Endpoint
from pjsipdiag.asterisk.replay.admission import denial
from pjsipdiag.asterisk.verdict import Match, Outcome
from pjsipdiag.diagnosis.evidence.lookup import find_holding
from pjsipdiag.diagnosis.evidence.owners import best, best_of_all
from pjsipdiag.diagnosis.evidence.trunks import trunks
from pjsipdiag.diagnosis.evidence.vicinity import is_taken_out, nearest_of
from pjsipdiag.diagnosis.evidence.without_effect import places_without_effect
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import Cause, calls, counted, finding_for, listed, sources, verb, who, with_status
from pjsipdiag.diagnosis.rules.hints import (
    misfits,
    nearest_misses,
    others_of,
    passing_on,
    reasons,
    unloaded_identifies,
    unrun_programs,
)
from pjsipdiag.diagnosis.rules.tried_identifies import identifies_of_log
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.sip import Address

MOST_LOOKED_FOR = 8
"""Sources of one cause that are looked for in comments and in files that nothing includes."""


LOG_IN = "see that it answers the challenge: user name and password of auth= of [{name}] belong into the telephone"
"""Advice for whom credentials find."""


def is_unmatched(group: CallGroup) -> bool:
    return group.verdict.outcome is Outcome.NO_MATCH


def of_port(situation: Situation, group: CallGroup) -> Cause | None:
    """The rule whose network holds the source and whose port does not."""
    if not is_unmatched(group):
        return None
    found = [
        (identify.endpoint, Cause(identify.name, rule.where, rule.text))
        for identify, rule in find_holding(situation, group.source)
        if rule.port and not rule.deny and rule.port not in group.ports
    ]
    likely = {owner.endpoint for owner in best(situation, group)}
    return next((cause for endpoint, cause in sorted(found, key=lambda known: known[0] not in likely)), None)


def port_mismatch(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    ports = sorted({port for group in groups for port in group.ports})
    shown = f"{'ports' if ports[1:] else 'port'} {listed([str(port) for port in ports], 6)}"
    return finding_for(
        groups,
        Severity.ERROR,
        f"{who(groups, 'sends', 'send')} from {shown}, but match={cause.detail} in [{cause.name}] takes another"
        f" source port only ({cause.where})",
        cause.where,
        "the port in match= is compared with the port that the call comes from, not with the one it is sent to",
        *_other_ports(situation, cause, groups),
        advice="drop the port, unless several trunks share the address and differ in their source port",
    )


def _other_ports(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> list[str]:
    """Rules of other identifies for the same address and other ports: the call may be meant for them."""
    found = [known for ip in sources(groups)[:8] for known in find_holding(situation, ip)]
    others = [(identify, rule) for identify, rule in found if identify.name != cause.name and rule.port]
    texts = (f"match={rule.text} in [{known.name}] ({rule.where}) has another port of it" for known, rule in others)
    return list(dict.fromkeys(texts))[:4]


def of_registration(situation: Situation, group: CallGroup) -> Cause | None:
    """A registration with `line=yes` as the only way in: the call would need its token."""
    asked = any(check.step == "line" for check in group.verdict.unknown)
    if group.verdict.endpoint or not (asked or is_unmatched(group)):
        return None
    likely = {owner.endpoint for owner in best(situation, group)}
    found = _lines(situation)
    # A call that brings a token and was refused may be for any registration that gives one out.
    meant = found if asked and not likely and with_status(group, 401) else ()
    return next((cause for cause in found if cause.detail in likely), next(iter(meant), None))


@lru_cache(maxsize=2)
def _lines(situation: Situation) -> list[Cause]:
    """Registrations with `line=yes` whose endpoint has no identify."""
    identified = {identify.endpoint for identify in situation.config.identifies}
    return [
        Cause(registration.name, registration.where, endpoint)
        for registration in situation.config.registrations.values()
        if registration.line and (endpoint := trunks(situation.config).registered.get(registration.name))
        if endpoint not in identified
    ]


def registration_only(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    known = any(owner.endpoint == cause.detail for group in groups for owner in best(situation, group))
    belongs = who(groups, "belongs", "belong") if known else f"{listed(sources(groups))} may belong"
    others = [] if known else [f"[{one.name}] ({one.where})" for one in _lines(situation) if one.name != cause.name]
    asked = any(check.step == "line" for group in groups for check in group.verdict.trace)
    failed = any(with_status(group, 401) > 0 or is_unmatched(group) for group in groups)
    if not failed:
        token = "its request URI or To carries a line parameter; that it is the right one only the answers show"
    elif asked and any(group.verdict.outcome is Outcome.UNKNOWN for group in groups):
        token = "its request URI or To carries a line parameter that is not (or no longer) the token: the answer is 401"
    else:
        token = "neither its request URI nor its To carries the line parameter of the Contact that Asterisk registered"
    return finding_for(
        groups,
        Severity.ERROR if failed else Severity.NOTE,
        f"{belongs} to registration [{cause.name}] ({cause.where}), and endpoint"
        f" {cause.detail} can be"
        " reached by its line token only: no identify names its address",
        cause.where,
        token,
        *([f"line=yes has {listed(others)} as well"] if others else []),
        advice=f"add an identify with the addresses of the provider for {cause.detail}; it works beside line=yes",
    )


def of_address(situation: Situation, group: CallGroup) -> Cause | None:
    """Every other source that nothing takes, by the endpoint it belongs to."""
    if not is_unmatched(group):
        return None
    # An address that somebody took out on purpose is told before any owner that evidence names.
    for known, rule in reversed(find_holding(situation, group.source)):
        if rule.deny and known.endpoint in situation.config.endpoints:
            return Cause(known.endpoint, rule.where, known.name)
    found = best(situation, group)
    if len(found) != 1:
        return Cause("", None, "nobody" if not found else "several")
    endpoint = situation.config.endpoints[found[0].endpoint]
    identify = nearest_of(situation.config, endpoint.name, [group.source])
    if identify:
        pattern = identify.option("match_header") or identify.option("match_request_uri")
        last = pattern.where if pattern else identify.where
        return Cause(
            endpoint.name, max((rule.where for rule in identify.rules if not rule.deny), default=last), identify.name
        )
    by_name = endpoint.option("identify_by") if passed_over(group) == endpoint.name else None
    return Cause(endpoint.name, by_name.where if by_name else endpoint.where, "")


def passed_over(group: CallGroup) -> str:
    """The endpoint that the From user names, and whose identify_by keeps it from being found by it."""
    return next((check.endpoint for check in group.verdict.trace if check.step == "username" and check.endpoint), "")


def awaits_credentials(endpoint: Endpoint, group: CallGroup) -> bool:
    """Whether the endpoint that From names is found by credentials, and none came: the 401 is what asks for them."""
    by_login = "auth_username" in endpoint.identify_by and passed_over(group) == endpoint.name
    return by_login and not group.credentialed


def unmatched_source(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    they, them = verb(groups, "it", "they"), verb(groups, "it", "them")
    count = counted(calls(groups), "call")
    nowhere = f"{who(groups)} in no match= of any identify ({count})"
    named = situation.config.endpoints.get(cause.name)
    asks = named is not None and awaits_credentials(named, groups[0])
    taken_out = next((rule for _, rule in find_holding(situation, groups[0].source) if rule.where == cause.where), None)
    if taken_out and taken_out.deny:
        message = (
            f"{who(groups)} taken out of [{cause.detail}] by match={taken_out.text} ({cause.where}), and no other"
            f" identify has {them} ({count})"
        )
    elif cause.name and cause.detail:
        message = f"{nowhere}; {they} may belong to [{cause.detail}]"
        rules = next(known.rules for known in situation.config.identifies if known.name == cause.detail)
        message += f", whose lines end at {cause.where}" if rules else f", whose pattern ({cause.where}) does not fit"
    elif cause.name and passed_over(groups[0]) == cause.name:
        by = ",".join(situation.config.endpoints[cause.name].identify_by)
        message = f"{nowhere}, and identify_by={by} ({cause.where}) keeps the From user from finding {cause.name}" + (
            ": it is found by credentials, which this 401 asks for, and none came" if asks else ""
        )
    elif cause.name:
        message = f"{nowhere}: endpoint {cause.name} ({cause.where}) has no identify at all"
    elif cause.detail == "several":
        names = sorted(best_of_all(situation, groups))
        message = f"{nowhere}; {they} may belong to {listed(names)}: nothing says which"
    else:
        message = f"{nowhere}, and nothing ties {them} to an endpoint"
    return finding_for(
        groups,
        Severity.ERROR,
        message,
        cause.where,
        *identifies_of_log(situation, groups),
        *passing_on(situation, groups),
        *misfits(situation, cause, groups),
        *_denied_by_list(situation, cause, groups),
        *[text for ip in sources(groups)[:MOST_LOOKED_FOR] for text in places_without_effect(situation.config, ip)],
        *unloaded_identifies(situation, groups),
        *nearest_misses(situation, groups),
        *reasons(situation, groups),
        *(() if cause.name else others_of(situation, groups)),
        *(["a file that is missing here may have a rule for it"] if situation.config.missing_files else []),
        *unrun_programs(situation),
        # Reports show the suggested lines themselves where a finding has no advice.
        advice=f"if these calls are wanted after all, take match={taken_out.text} out ({cause.where}): somebody wanted"
        " the address excluded"
        if taken_out and is_taken_out(situation.config, cause.name, groups[0].source)
        else f"if these calls are wanted, permit {listed(sources(groups))} in the access list of {cause.name} as well"
        " as in its match= lines"
        if any(_denied_by_list(situation, cause, groups))
        else LOG_IN.format(name=cause.name)
        if asks
        else ""
        if cause.name
        else "ask who calls from there before you add anything: whoever is matched gets the endpoint's context",
    )


def _denied_by_list(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Iterator[str]:
    """The parts of the endpoint's own access list that would refuse the calls once a match= line takes them."""
    endpoint = situation.config.endpoints.get(cause.name)
    if endpoint is None:
        return
    for ip in sources(groups)[:8]:
        refused = denial(endpoint.acl, source(Address(ip, 0)), situation.config)
        if refused and refused[0] is Match.NO_MATCH:
            yield f"the access list of {endpoint.name} refuses {ip} behind a match= line: {refused[1]}"

"""The From user takes the call instead of the address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pjsipdiag.asterisk.addresses.address_rule import is_whole_world
from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.verdict import CALLER_IDENTIFIERS, Outcome
from pjsipdiag.diagnosis.evidence.lookup import find_taking
from pjsipdiag.diagnosis.evidence.owners import best, best_of_all
from pjsipdiag.diagnosis.evidence.seen import groups_of
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import Cause, finding_for, listed, sources, who
from pjsipdiag.diagnosis.rules.order.overlaps import refusals
from pjsipdiag.diagnosis.rules.order.turns import blanks_say, order_line
from pjsipdiag.diagnosis.rules.unmatched import is_unmatched
from pjsipdiag.diagnosis.situation import CallGroup, Situation


def of_user(situation: Situation, group: CallGroup) -> Cause | None:
    """The From (or Authorization) user took the call, although its address belongs to another endpoint."""
    verdict = group.verdict
    if verdict.identifier not in CALLER_IDENTIFIERS:
        return None
    for identify, rule in find_taking(situation, group):
        if identify.endpoint != verdict.endpoint and not is_whole_world(rule):
            return Cause(verdict.endpoint, order_line(situation.config, verdict.endpoint), identify.name)
    if _registered(situation, group.source):
        return None
    owner = next(iter(best(situation, group)), None)
    if (
        owner
        and owner.endpoint != verdict.endpoint
        and verdict.outcome is Outcome.CHALLENGED
        and not group.credentialed
    ):
        return Cause(verdict.endpoint, order_line(situation.config, verdict.endpoint), "")
    for other in groups_of(situation, group.source):
        if other.verdict.identifier != verdict.identifier:
            owner = next(iter(best(situation, other)), None)
            if owner and owner.endpoint != verdict.endpoint:
                return Cause(verdict.endpoint, order_line(situation.config, verdict.endpoint), "")
    return None


def _registered(situation: Situation, source: str) -> bool:
    """Whether the PBX took a registration from there: anybody can ask for one under another's address."""
    return any(one.method == "REGISTER" and one.client == source and one.successes > 0 for one in situation.exchanges)


def identified_by_user(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    callers = listed(sorted({caller for group in groups for caller in group.callers}))
    order = situation.config.globals.endpoint_identifier_order
    if cause.detail:
        identify = next(known for known in situation.config.identifies if known.name == cause.detail)
        meant = f"[{cause.detail}] ({identify.where}) has its address for endpoint {identify.endpoint}"
        why = f"endpoint_identifier_order={order} asks username before ip"
        advice = "let ip come before username in endpoint_identifier_order"
    else:
        owners = best_of_all(situation, groups) - {cause.name}
        meant = (
            f"the source belongs to {listed(sorted(owners))}" if owners else "other calls from there belong to a trunk"
        )
        why = "no identify has its address, so the From user decides"
        advice = "have the provider's address in an identify, and ip before username in endpoint_identifier_order"
    failed = sum(refusals(group) for group in groups) > 0
    # Where other calls from there find nobody, the address is missing, and that is told as the cause.
    missing = any(is_unmatched(other) for source in sources(groups) for other in groups_of(situation, source))
    return finding_for(
        groups,
        Severity.ERROR if cause.detail or (failed and not missing) else Severity.WARNING,
        f"{who(groups, 'calls', 'call')} with From user {callers}, which is the name of endpoint {cause.name}, so"
        f" {cause.name}"
        f" takes the call; {meant}",
        cause.where,
        why,
        *blanks_say(situation.config),
        f"the calls get context={situation.config.endpoints[cause.name].context} of {cause.name}",
        advice=advice,
    )


def extension_names(config: Config) -> Iterator[Finding]:
    """Endpoints named like an extension that a caller's number can equal, while `username` is asked before `ip`."""
    order = config.identifiers
    if "username" not in order or "ip" not in order or order.index("ip") < order.index("username"):
        return
    trunks = {identify.endpoint for identify in config.identifies}
    named = [
        endpoint
        for name, endpoint in sorted(config.endpoints.items())
        if name.isdigit() and "username" in endpoint.identify_by and name not in trunks
    ]
    if named and trunks:
        names = ", ".join(endpoint.name for endpoint in named[:5]) + (", ..." if len(named) > 5 else "")
        yield Finding(
            Severity.WARNING,
            f"username is asked before ip: a trunk call whose From user is {names} is taken for that extension",
            named[0].where,
            advice="Set endpoint_identifier_order=ip,username,anonymous.",
        )

"""Why nothing identifies a request of another method than INVITE: the causes that calls have, and that its files show.

A telephone is known by its From user, everybody else by its address. So a section of that name is looked at first, and
the rules on addresses are not asked about a REGISTER.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from pjsipdiag.asterisk.loading.sources.modules import USER
from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.diagnosis.model import Finding
from pjsipdiag.diagnosis.rule import Rule
from pjsipdiag.diagnosis.rules import hints, shared_rows
from pjsipdiag.diagnosis.rules.cause import Cause
from pjsipdiag.diagnosis.rules.methods.explanations import RefusalReason, let_name_find
from pjsipdiag.diagnosis.rules.methods.refused_requests import Refusal, from_user
from pjsipdiag.diagnosis.rules.unloaded import absent, drops, rejected_files
from pjsipdiag.diagnosis.rules.unmatched import LOG_IN, awaits_credentials, passed_over
from pjsipdiag.diagnosis.situation import CallGroup, Names, Situation

BY_ADDRESS = (
    shared_rows.MODULE_NOT_LOADED,
    shared_rows.NOT_LOADED,
    shared_rows.ENDPOINT_MISSING,
    shared_rows.PORT_MISMATCH,
    shared_rows.HOSTNAME_MISMATCH,
    shared_rows.TRANSLATED_SOURCE,
)
"""The rules on calls that nothing takes which say why from the files alone, in the order in which they are asked."""
CORRECTED = (shared_rows.NOT_LOADED, shared_rows.ENDPOINT_MISSING, shared_rows.PORT_MISMATCH)
"""The rules of BY_ADDRESS whose repair corrects a line, and adds no address."""
NEVER_ADDED = shared_rows.TRANSLATED_SOURCE
"""The rule of BY_ADDRESS whose sources stand for others: no line may take their address."""


def as_group(refusal: Refusal) -> CallGroup | None:
    """The refused requests as a group of calls, for the rules on these."""
    group = refusal.exchange.group
    if group is None:
        return None
    return replace(
        group,
        verdict=refusal.verdict,
        calls=refusal.times,
        statuses={refusal.status: refusal.times},
        read_sample=lambda: refusal.requests[0],
        read_names=lambda: Names(callers=tuple(dict.fromkeys(map(from_user, refusal.requests)))),
    )


class BlamedRule(NamedTuple):
    """A rule on calls that takes the blame for other requests, what it blames, and these as a group."""

    rule: Rule
    cause: Cause
    group: CallGroup


def blamed_rule(situation: Situation, refusal: Refusal) -> BlamedRule | None:
    """The rule on addresses that takes the blame for requests which nothing identifies."""
    group = as_group(refusal)
    if group is None or refusal.method == "REGISTER" or refusal.verdict.outcome is not Outcome.NO_MATCH:
        return None
    for rule in BY_ADDRESS:
        cause = rule.blames(situation, group) if rule.blames else None
        if cause is not None:
            return BlamedRule(rule, cause, group)
    return None


def find_why(situation: Situation, refusal: Refusal) -> RefusalReason | None:
    """The reason that the files have; None where they have nothing that could have taken it."""
    group = as_group(refusal)
    if group is None:
        return None
    names = [name for name in group.callers if name]
    found = next((why for find in NAMED_BUT_UNFOUND if (why := find(situation, group, names))), None)
    blamed = None if found else blamed_rule(situation, refusal)
    if blamed and blamed.rule.tells:
        return _as_why(blamed.rule.tells(situation, blamed.cause, [blamed.group]))
    return found


def alike_names(situation: Situation, refusal: Refusal) -> Sequence[str]:
    """Endpoints that differ from the sender in their domain or in case."""
    group = as_group(refusal)
    return hints.others_of(situation, [group]) if group else ()


def _as_why(finding: Finding) -> RefusalReason:
    # The last evidence of each is what was observed, in calls.
    return RefusalReason(finding.message, finding.where, finding.advice, finding.evidence[:-1])


def _passed_over(situation: Situation, group: CallGroup, _names: Sequence[str]) -> RefusalReason | None:
    endpoint = situation.config.endpoints.get(passed_over(group))
    line = endpoint.line_of("identify_by") if endpoint else None
    if endpoint is None:
        return None
    if awaits_credentials(endpoint, group):
        return RefusalReason(
            f"identify_by={','.join(endpoint.identify_by)} ({line}) has credentials find endpoint {endpoint.name}, and"
            " none came: this 401 asks for them",
            line,
            LOG_IN.format(name=endpoint.name),
        )
    return RefusalReason(
        f"identify_by={','.join(endpoint.identify_by)} ({line}) keeps the From user from finding endpoint"
        f" {endpoint.name}",
        line,
        let_name_find(endpoint),
    )


def _unasked(situation: Situation, _group: CallGroup, names: Sequence[str]) -> RefusalReason | None:
    gone = next((one for one in situation.config.absent_modules if one.module == USER), None)
    if gone is None or not any(name in situation.config.endpoints for name in names):
        return None
    helps = f"{absent.say_remedy(gone)}, then restart Asterisk"
    return RefusalReason(f"{gone.reason}; so no From user finds its endpoint", gone.where, helps)


def _dropped(situation: Situation, group: CallGroup, _names: Sequence[str]) -> RefusalReason | None:
    cause = drops.of_dropped_name(situation, group)
    return _as_why(drops.not_loaded(situation, cause, [group])) if cause else None


def _misspelt(situation: Situation, _group: CallGroup, names: Sequence[str]) -> RefusalReason | None:
    found = drops.misspelt(section for section in situation.config.sections if section.name in names)
    return next((RefusalReason(one.message, one.where, one.advice) for one in found), None)


def _cut_off(situation: Situation, _group: CallGroup, names: Sequence[str]) -> RefusalReason | None:
    found = rejected_files.find_lost(situation.config, names)
    if found is None:
        return None
    problem, place = found
    return RefusalReason(
        f"[{place.section}] stands at {place}, and Asterisk reads {place.file} only up to line {problem.where.line}:"
        f" {problem.reason}",
        problem.where,
        f"correct {problem.where.phrase}, then reload",
    )


NAMED_BUT_UNFOUND: tuple[Callable[[Situation, CallGroup, Sequence[str]], RefusalReason | None], ...] = (
    _passed_over,
    _unasked,
    _dropped,
    _misspelt,
    _cut_off,
)
"""The reasons why a section of the sender's name is not found."""

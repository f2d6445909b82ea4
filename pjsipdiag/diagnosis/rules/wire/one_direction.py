"""Captures that hold answers to calls without their INVITEs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.diagnosis.calls.rows import CHALLENGES
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rule import Blamed
from pjsipdiag.diagnosis.rules.cause import counted, is_cut_off, listed
from pjsipdiag.diagnosis.rules.methods.refused_requests import asked_for
from pjsipdiag.diagnosis.situation import Situation

MEANING = "it has answers to calls, and none of their INVITEs: it shows one direction only"
MOST_ANSWERED = 8
"""Hosts and statuses that are told."""


def say_who_was_answered(situation: Situation) -> Iterator[str]:
    """Sentences on who was answered what, and on what the files do with an INVITE from there."""
    unasked = [(one.first, one.calls) for one in situation.lone_answers() if not one.is_again]
    for answer, calls in unasked[:MOST_ANSWERED]:
        said = f"{answer.destination.ip} got {answer.status} for {counted(calls, 'INVITE')} not in the capture"
        verdict = situation.replay(asked_for(answer))
        if verdict.outcome is Outcome.NO_MATCH:
            said += ", and no identifier of the files takes it by its address and From user"
        elif verdict.endpoint:
            said += f", and by the files it is {verdict.endpoint}'s ({verdict.identifier})"
        yield said


def of_lost_invites(situation: Situation, _blamed: Blamed) -> Iterable[Finding]:
    """Strangers that were challenged beside whole calls, and whose INVITEs no capture holds: one finding for all."""
    if not situation.calls or situation.filter_text or any(map(is_cut_off, situation.groups)):
        return
    told = {group.source for group in situation.groups if group.verdict.outcome is Outcome.NO_MATCH}
    challenged = [(one.first, one.calls) for one in situation.lone_answers() if one.first.status in CHALLENGES]
    lost = [
        (answer, calls)
        for answer, calls in challenged
        if answer.destination.ip not in told and situation.replay(asked_for(answer)).outcome is Outcome.NO_MATCH
    ]
    if not lost:
        return
    found = list(dict.fromkeys(answer.destination.ip for answer, _ in lost))
    statuses = listed([str(status) for status in sorted({answer.status for answer, _ in lost})])
    yield Finding(
        Severity.WARNING,
        f"{listed(found)} got {statuses} for {counted(sum(calls for _, calls in lost), 'INVITE')} that the capture"
        " lost, and no identifier of the files takes such a call by its address and From user",
        sources=tuple(found[:16]),
        evidence=("the answers alone tell of these calls: no count of calls has them",),
        advice=f"if that is your provider, add match={found[0]} to its identify (the provider can confirm the address);"
        " record again to see the whole call",
    )

"""Requests that PJSIP's parser, or a check before identification, refuses."""

from __future__ import annotations

from collections.abc import Sequence

from pjsipdiag.asterisk.replay.arrival import check_listening
from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import Cause, answers, finding_for, listed, sources
from pjsipdiag.diagnosis.rules.gaps.difference import BLANK_ADDRESSES, contradicts
from pjsipdiag.diagnosis.situation import CallGroup, Situation

ANSWERED = "answered"
"""Calls that Asterisk would have dropped, and that were answered."""
LOGGED = "logged"
"""Calls that Asterisk would have dropped unseen, and that its own SIP logger shows."""


def of_parser(situation: Situation, group: CallGroup) -> Cause | None:
    """A request that does not get as far as identification."""
    if group.verdict.outcome is not Outcome.NOT_IDENTIFIED or group.verdict.status == 403:
        return None
    if check_listening(group.transport, group.sample.destination, situation.config):
        return None
    check = next((check for check in group.verdict.trace if check.result is Outcome.NOT_IDENTIFIED), None)
    answered = sum(contradicts(group).values()) == group.calls
    logged = not group.verdict.status and group.sample.destination.ip in BLANK_ADDRESSES
    detail = ANSWERED if answered else LOGGED if logged else ""
    return Cause("", check.where if check else None, detail, why=check.why if check else None)


def _not_as_sent(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    """Answers to what Asterisk would drop without any, or its logger's word that it could be read: Asterisk got
    something else than what is at hand."""
    text = situation.are_texts
    shown = (
        f"it was answered {answers(groups)}" if cause.detail == ANSWERED else "its SIP logger shows what it could read"
    )
    return finding_for(
        groups,
        Severity.ERROR,
        f"the INVITE of {listed(sources(groups))} cannot have reached Asterisk as it {'reads' if text else 'looks'}"
        f" here: {cause.why or ''}, which Asterisk drops without an answer, and {shown}",
        cause.where,
        "who would be identified is not known: what is at hand was changed, or something else than Asterisk answers",
        advice="bring the log as Asterisk wrote it (/var/log/asterisk/full), or a capture of `tcpdump`"
        if text
        else "record again where Asterisk runs, and see what stands before it (a proxy, a gateway that rewrites SIP)",
    )


def dropped_by_parser(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    if cause.detail in (ANSWERED, LOGGED):
        return _not_as_sent(situation, cause, groups)
    status = groups[0].verdict.status
    what = f"Asterisk answers {status}" if status else "Asterisk drops it without an answer"
    return finding_for(
        groups,
        Severity.ERROR,
        f"the INVITE of {listed(sources(groups))} does not get as far as identification: {cause.why or ''}; {what}",
        cause.where,
        "no match= line can change that: the message is refused before any endpoint is looked for",
        advice="have the sender corrected; "
        + (
            "`pjsip set logger on` shows the message and its answer"
            if status
            else "`pjsip set logger on` does not show such a message, a WARNING of sip_transport.c does"
        ),
    )

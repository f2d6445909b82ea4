"""Captures that hold answers to calls and none of their INVITEs."""

from __future__ import annotations

from collections.abc import Iterator

from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.diagnosis.rules.cause import counted
from pjsipdiag.diagnosis.rules.methods.refused_requests import asked_for
from pjsipdiag.diagnosis.situation import Situation

MEANING = "it has answers to calls, and none of their INVITEs: it shows one direction only"
MOST_ANSWERED = 8
"""Hosts and statuses that are told."""
"""Hosts and statuses that are told."""


def say_who_was_answered(situation: Situation) -> Iterator[str]:
    """Sentences on who was answered what, and on what the files do with an INVITE from there."""
    for answer, calls in situation.lone_answers()[:MOST_ANSWERED]:
        said = f"{answer.destination.ip} was answered {answer.status} to {counted(calls, 'INVITE')} not in the capture"
        verdict = situation.replay(asked_for(answer))
        if verdict.outcome is Outcome.NO_MATCH:
            said += ", and no identifier of the files takes it by its address and From user"
        elif verdict.endpoint:
            said += f", and by the files it is {verdict.endpoint}'s ({verdict.identifier})"
        yield said

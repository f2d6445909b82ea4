"""A call that the dialplan refused: by a number that no extension takes, or by what its extension does.

404 and 484 of a missing extension go out before a 100, everything else after it (`new_invite` of res_pjsip_session.c).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from pjsipdiag.asterisk.config import Endpoint
from pjsipdiag.asterisk.dialplan.find import Presence
from pjsipdiag.diagnosis.evidence.seen import with_calls
from pjsipdiag.diagnosis.model import Finding
from pjsipdiag.diagnosis.rule import Blamed
from pjsipdiag.diagnosis.rules.cause import Cause, finding_for, listed, who, with_status
from pjsipdiag.diagnosis.rules.refusals.hangup_causes import DIALPLAN_ANSWERS
from pjsipdiag.diagnosis.rules.refusals.missing_extension import (
    Advice,
    explain_missing,
    look_up,
    say_contact_user,
    show_command,
    show_where,
)
from pjsipdiag.diagnosis.rules.refusals.refused import DIALPLAN, codes, count, of_dialplan, severity
from pjsipdiag.diagnosis.rules.taker import say_how_sure
from pjsipdiag.diagnosis.situation import CallGroup, Situation

NO_EXTENSION = (404, 484)
"""The answers where no extension takes a number: missing, or incomplete."""
MOST_NUMBERS_TRIED = 32
MOST_EXPLAINED = 3
"""Answers of one endpoint that are explained."""
_FOUND = Presence.FOUND


def dialplan_rejected(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    endpoint = situation.config.endpoints[cause.name]
    numbers = _numbers(groups)
    dialled = f" when calling {listed(numbers)}" if numbers else ""
    unset = "" if endpoint.option("context") else " (no context= is set)"
    missing = sum(_early(groups, status) for status in NO_EXTENSION)
    others = count(groups, DIALPLAN) - missing
    evidence, advices = list[str](), list[Advice]()
    absent = _absent_numbers(situation, endpoint, groups) if missing > 0 and others > 0 else []
    if missing > 0:
        known, advice = explain_missing(situation, endpoint, groups, absent or numbers)
        evidence += known
        advices.append(say_contact_user(situation, absent or numbers) or advice)
    if others > 0 or not missing:
        known, advice = _explain_answers(situation, endpoint, groups, numbers, absent)
        evidence += known
        advices.append(say_contact_user(situation, numbers) or advice)
    if missing > 0 and others > 0:
        why = (
            f"its context {endpoint.context}{unset} has no such extension for {missing:,} of them, and what the"
            f" dialplan does there ends the {'other' if others == 1 else 'others'}"
        )
    elif missing > 0:
        why = f"its context {endpoint.context}{unset} has no such extension"
    else:
        why = f"what the dialplan does in context {endpoint.context}{unset} ends in that answer"
    return finding_for(
        groups,
        severity(groups, DIALPLAN),
        f"{who(groups)} matched to endpoint {cause.name} and let in, then refused{dialled}"
        f" ({codes(groups, DIALPLAN)}): {why} ({cause.where})",
        cause.where,
        *evidence,
        *_unseen_list(situation, endpoint, groups),
        say_how_sure(situation, groups),
        *_log_lines(situation, groups),
        count=count(groups, DIALPLAN),
        advice="; as to the others, ".join(dict.fromkeys(advice.text for advice in advices)),
        changes=advices[0].changes,
    )


def _early(groups: Sequence[CallGroup], status: int) -> int:
    """Calls with a status that came before a 100: so a missing extension is answered, and nothing that Dial() asked."""
    return sum(with_status(group, status) - group.tried.get(status, 0) for group in groups)


def _absent_numbers(situation: Situation, endpoint: Endpoint, groups: Sequence[CallGroup]) -> list[str]:
    """The numbers that lack an extension, where others were refused for another reason."""
    refused = [user for group in groups for user, status in group.refused_numbers if status in NO_EXTENSION]
    numbers = list(dict.fromkeys(refused))[:MOST_NUMBERS_TRIED]
    found = look_up(situation, endpoint, groups, numbers) if numbers else []
    return [user for user, one in found if one.presence is not Presence.FOUND] or numbers


def _unseen_list(situation: Situation, endpoint: Endpoint, groups: Sequence[CallGroup]) -> Iterator[str]:
    """A list that may be what refuses, for nobody knows what is in it: the dialplan refuses behind a 100 only."""
    acl = endpoint.option("acl")
    early = sum(with_status(group, 403) - group.tried.get(403, 0) for group in groups)
    if early > 0 and acl and not situation.config.has_acls:
        yield (
            f"no 100 came before the 403, and acl={acl.value} ({acl.where}) names a list of acl.conf, which is not"
            " among the files: that list may be what refuses (Asterisk's log has `Not match Endpoint ACL` then)"
        )


def besides(situation: Situation, blamed: Blamed) -> Iterator[Finding]:
    """Calls that the dialplan refused of sources of which other calls are refused over media."""
    partly: dict[Cause, list[CallGroup]] = defaultdict(list)
    for group in (group for groups in blamed["media-rejected"].values() for group in groups):
        if cause := of_dialplan(situation, group):
            partly[cause].append(group)
    for cause, groups in partly.items():
        yield with_calls(dialplan_rejected(situation, cause, groups), groups, DIALPLAN)


def _explain_answers(
    situation: Situation,
    endpoint: Endpoint,
    groups: Sequence[CallGroup],
    numbers: Sequence[str],
    absent: Sequence[str],
) -> tuple[list[str], Advice]:
    """Evidence on the answers where an extension took the call, the most frequent first, and the advice."""
    missing = {status: max(_early(groups, status), 0) for status in NO_EXTENSION}
    told = {status: count(groups, (status,)) - missing.get(status, 0) for status in DIALPLAN_ANSWERS}
    ranked = sorted((status for status, calls in told.items() if calls > 0), key=lambda status: -told[status])
    users = {status: _refused_with(groups, status, absent) for status in ranked}
    first = (users[ranked[0]] if ranked else []) or numbers
    ran = f"{show_command(first, endpoint)} has the lines that ran"
    found = look_up(situation, endpoint, groups, first)[:1]
    took = [
        f"the extension was found: {one.reason}{show_where(one.where)}" for _, one in found if one.presence is _FOUND
    ]
    took += _unopened(endpoint, groups)
    if not ranked:
        advice = "chan_pjsip has no hangup cause for this answer: another SIP server that Dial() asks gave it"
        return took, Advice(f"{advice}; {ran}")
    if len(ranked) == 1:
        answer = DIALPLAN_ANSWERS[ranked[0]]
        return [f"{ranked[0]} means: {answer.cause}", *took], Advice(f"{answer.advice}; {ran}")
    shown = ranked[:MOST_EXPLAINED]
    who_got = {status: f" ({listed(users[status])})" if users[status] else "" for status in shown}
    means = [f"{status}{who_got[status]} means: {DIALPLAN_ANSWERS[status].cause}" for status in shown]
    advice = "; ".join(f"{status}: {DIALPLAN_ANSWERS[status].advice}" for status in shown)
    return [*means, *_unopened(endpoint, groups)], Advice(f"{advice}; {ran}")


def _unopened(endpoint: Endpoint, groups: Sequence[CallGroup]) -> list[str]:
    """That a transport may not be open, where calls were answered 500 before a 100."""
    line = endpoint.option("transport")
    if line is None or not line.value or _early(groups, 500) <= 0:
        return []
    return [
        f"no 100 came before the 500: if `pjsip show transports` does not show {line.value}, which transport="
        f" ({line.where}) names, that is the cause, and the dialplan was not asked"
    ]


def _refused_with(groups: Sequence[CallGroup], status: int, absent: Sequence[str]) -> list[str]:
    """The numbers that an extension took, and which were answered so."""
    told = (user for group in groups for user, given in group.refused_numbers if given == status)
    return [user for user in dict.fromkeys(told) if user not in absent]


def _numbers(groups: Sequence[CallGroup]) -> list[str]:
    """The numbers that were refused, as far as they are known."""
    found = [
        user
        for group in groups
        for user in _refused_users(group) or (group.numbers if all(code >= 400 for code in group.statuses) else ())
        if user
    ]
    return list(dict.fromkeys(found))[:MOST_NUMBERS_TRIED]


def _refused_users(group: CallGroup) -> list[str]:
    return [user for user, status in group.refused_numbers if status in DIALPLAN]


def _log_lines(situation: Situation, groups: Sequence[CallGroup]) -> list[str]:
    endpoints = {group.verdict.endpoint for group in groups}
    lines = (line for lines in situation.log_lines.values() for line in lines)
    return [
        f"Asterisk's log: {line}"
        for line in lines
        if "rejected because extension not found" in line and any(name in line for name in endpoints)
    ][:2]

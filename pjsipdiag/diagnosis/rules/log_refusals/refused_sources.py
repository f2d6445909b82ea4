"""Findings of a log: refusals that only Asterisk's sentences tell, without the SIP, and messages that cannot be
judged."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pjsipdiag.asterisk.secrets import hide_secrets
from pjsipdiag.capture.datagram import LoggedRefusal
from pjsipdiag.capture.passed_over import BROKEN, CUT_SENTENCE, HIDDEN_ADDRESS
from pjsipdiag.diagnosis.evidence.owners import nearby
from pjsipdiag.diagnosis.model import CallMarks, Finding, Severity
from pjsipdiag.diagnosis.rules.cause import clock, counted, listed
from pjsipdiag.diagnosis.rules.log_refusals.in_files import look_in_files
from pjsipdiag.diagnosis.rules.log_refusals.refusal_words import GIVEN_UP, HIDE_ALIKE, TO_HAVE_THEM, find_words
from pjsipdiag.diagnosis.rules.methods.own_registrations import (
    MEANINGS,
    NO_ANSWER,
    NO_CALLS_THEN,
    OTHER_ANSWER,
    describe_registration,
    try_again,
)
from pjsipdiag.diagnosis.situation import Situation
from pjsipdiag.sip import Address

NO_MORE_TRIES = (
    "it is given up: the provider refused it for a time, or did not answer, more than max_retries times",
    "look at the lines before it: they tell the answers",
)
"""The meaning of the sentence that no registration is tried any more, and what helps."""
MOST_TOLD = 40
"""Refused sources that have a finding of their own; of the others one sentence tells."""


def find(situation: Situation) -> Iterable[Finding]:
    """Refusals that the log tells without SIP, and what was made unreadable."""
    yield from _unreadable(situation)
    each: dict[tuple[str, str], list[LoggedRefusal]] = defaultdict(list)
    for refused in situation.logged_refusals:
        each[refused.source, find_words(refused.reason).rule].append(refused)
    by = _without_repetitions(each)
    told = _told(situation, by)
    for source, rule in told:
        if rule == "registration-refused":
            yield from (_registration(situation, one) for one in by[source, rule][:MOST_TOLD])
            yield from _other_registrations(by[source, rule][MOST_TOLD:])
        else:
            yield _refused(situation, source, rule, by[source, rule])
    for rule in dict.fromkeys(rule for _, rule in by):
        rest = {source: found for (source, kind), found in by.items() if kind == rule and (source, kind) not in told}
        if rest:
            yield _others(rule, rest)


def _without_repetitions(
    by: Mapping[tuple[str, str], Sequence[LoggedRefusal]],
) -> dict[tuple[str, str], Sequence[LoggedRefusal]]:
    """Leaves out refused credentials of requests that were refused before as nobody's, or by an access list: these are
    held against an endpoint that no password satisfies (digest_check_auth of res_pjsip_authenticator_digest.c)."""
    left: dict[tuple[str, str], Sequence[LoggedRefusal]] = {}
    for (source, rule), found in by.items():
        kinds = ("unmatched-source", "denied-by-acl") if rule == "challenged-by-auth" else ()
        known = {call_id for kind in kinds for one in by.get((source, kind), ()) for call_id in one.call_ids}
        if ones := [one for one in found if not one.call_ids or not known.issuperset(one.call_ids)]:
            left[source, rule] = ones
    return left


def _told(situation: Situation, by: Mapping[tuple[str, str], Sequence[LoggedRefusal]]) -> list[tuple[str, str]]:
    """The sources that have a finding of their own, in order: those beside a line of the files, then the busiest."""
    if len(by) <= MOST_TOLD:
        return list(by)
    is_near = nearby(situation.config)

    def rank(key: tuple[str, str]) -> tuple[bool, int]:
        source, _ = key
        return not (source and is_near(Address(source, 0).pack()[:-2])), -sum(one.count for one in by[key])

    return sorted(by, key=rank)[:MOST_TOLD]


def _others(rule: str, rest: Mapping[str, Sequence[LoggedRefusal]]) -> Finding:
    """The sources that have none: a log of some days tells of thousands who try."""
    said = [one for found in rest.values() for one in found]
    lines = sum(one.count for one in said)
    first, last = min(one.first for one in said), max(one.last for one in said)
    names = [source for source in rest if source]
    return Finding(
        Severity.ERROR,
        f"{counted(len(rest), 'more source')} {'was' if len(rest) == 1 else 'were'} refused alike:"
        f" {counted(lines, 'line')} of the log",
        sources=tuple(names[:16]),
        calls=lines,
        evidence=("known from the log only, which has no SIP of them", f"among them {listed(names[:4])}")
        if names
        else (),
        advice=f"look for one that you know: `grep ADDRESS` in the log; {TO_HAVE_THEM}",
        seen=CallMarks(first, last, (), (), ()),
        rule=rule,
    )


def _registration(situation: Situation, said: LoggedRefusal) -> Finding:
    """A registration of the PBX itself that failed."""
    status = _status(said.reason)
    other = NO_MORE_TRIES if find_words(said.reason) is GIVEN_UP else OTHER_ANSWER if status else NO_ANSWER
    meaning, advice = MEANINGS.get(status, other)
    own = situation.config.registrations.values()
    known = next((one for one in own if hide_secrets(one.client_uri) == said.sender), None)
    name = describe_registration(known)
    return Finding(
        Severity.ERROR,
        f"the PBX's own registration fails, {counted(said.count, 'line')} of the log: {said.reason}; {meaning}; it is"
        f" {name}",
        where=known.where if known else None,
        evidence=("known from the log only", NO_CALLS_THEN),
        advice=try_again(advice, known),
        seen=CallMarks(said.first, said.last, (), (), ()),
        rule="registration-refused",
    )


def _other_registrations(rest: Sequence[LoggedRefusal]) -> Iterator[Finding]:
    """One finding for the registrations beyond those that are told one by one."""
    if rest:
        lines = counted(sum(one.count for one in rest), "line")
        yield Finding(
            Severity.ERROR,
            f"{counted(len(rest), 'more registration')} of the PBX {'fails' if len(rest) == 1 else 'fail'}: {lines} of"
            " the log",
            evidence=("known from the log only",),
            advice="`asterisk -rx 'pjsip show registrations'` lists all with their state",
            seen=CallMarks(min(one.first for one in rest), max(one.last for one in rest), (), (), ()),
            rule="registration-refused",
        )


def _status(words: str) -> int:
    """The answer that Asterisk names in its log, 0 without one."""
    found = re.match(r"\D*\b(\d{3})\b.* received", words)
    return int(found[1]) if found else 0


def _refused(situation: Situation, source: str, rule: str, found: Sequence[LoggedRefusal]) -> Finding:
    # A SECURITY event and a sentence about one request say the same: it is counted once.
    lines = [one for one in found if not one.is_event] or found
    names = {name for one in lines for name in one.call_ids}
    count = sum(one.count for one in lines)
    methods = listed(sorted({one.method or "request of unknown method" for one in lines}))
    senders = list(dict.fromkeys(one.sender for one in lines if one.sender))
    reason = lines[0].reason
    endpoints = listed(list(dict.fromkeys(one.endpoint for one in lines if one.endpoint)))
    who = source or f"{endpoints or 'somebody'}, from where Asterisk does not say,"
    message = f"{who} was refused ({methods}): {counted(count, 'line')} of the log"
    message += f" about {counted(len(names), 'request')}" if names else ""
    others = " or the like" if len({one.reason for one in lines}) > 1 else ""
    message += f" {'say' if count > 1 else 'says'} '{reason}'{others}"
    evidence = [f"known from the log only, which has no SIP of {'it' if len(names) == 1 else 'them'}", lines[0].text]
    first, last = min(one.first for one in lines), max(one.last for one in lines)
    if first:
        evidence.append(f"at {clock(first)}" if first == last else f"from {clock(first)} to {clock(last)}")
    if senders:
        evidence.append(f"From: {listed(senders)}")
    replayed, advice = look_in_files(situation, lines[0], rule, senders)
    evidence += [*replayed, f"Call-ID: {listed(sorted(names)[:4])}"] if names else replayed
    return Finding(
        Severity.ERROR,
        message,
        sources=(source,) if source else (),
        calls=len(names) or count,
        evidence=tuple(evidence),
        advice=advice,
        seen=CallMarks(first, last, (), tuple(senders[:8]), tuple(sorted(names)[:4])),
        rule=rule,
    )


def _unreadable(situation: Situation) -> Iterator[Finding]:
    for (reason, detail), count in situation.unread_messages.items():
        if reason == HIDDEN_ADDRESS:
            yield Finding(
                Severity.ERROR,
                f"{counted(count, 'line')} of the log cannot be judged: the"
                f" address was replaced by {detail!r} before the text was handed over",
                evidence=("the source address decides who is identified; what is left is judged",),
                advice=HIDE_ALIKE,
                rule="no-invite",
            )
    weight = Severity.WARNING if situation.groups else Severity.ERROR
    if lost := situation.unread_messages.get((CUT_SENTENCE, ""), 0):
        yield Finding(
            weight,
            f"{counted(lost, 'line')} of the log about refused requests cannot be judged: a part of each was cut off,"
            " or changed",
            evidence=("the request was refused; from where, or why, is not there to be read",),
            advice="bring the log file itself as Asterisk wrote it: copy the file instead of the screen",
            rule="no-invite",
        )
    others = (HIDDEN_ADDRESS, CUT_SENTENCE)
    cut = sum(count for (reason, _), count in situation.unread_messages.items() if reason not in others)
    width = next((detail for (reason, detail) in situation.unread_messages if reason == BROKEN and detail), "")
    why = (
        f"its lines were cut after {width} columns"
        if width
        else "the text ends, or was changed, behind the line that announces each"
    )
    if cut:
        yield Finding(
            weight,
            f"{counted(cut, 'message')} of the log cannot be read: {why}",
            evidence=("these count as unread, not as missing",),
            advice="bring the log file itself as Asterisk wrote it (/var/log/asterisk/full, see logger.conf): copy the"
            " file instead of the screen",
            rule="no-invite",
        )

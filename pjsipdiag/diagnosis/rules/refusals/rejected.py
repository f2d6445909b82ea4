"""A call that the dialplan refused: by a number that no extension takes, or by what its extension does.

404 and 484 of a missing extension go out before a 100, everything else after it (`new_invite` of res_pjsip_session.c);
DIALPLAN_ANSWERS is `hangup_cause2sip` of channels/chan_pjsip.c, read backwards.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from pjsipdiag.asterisk.config import Endpoint
from pjsipdiag.asterisk.dialplan.contexts import Dialplan
from pjsipdiag.asterisk.dialplan.extensions_conf import EXTENSIONS_FILE
from pjsipdiag.asterisk.dialplan.find import Destination, Presence
from pjsipdiag.asterisk.reasons.files import FileReason
from pjsipdiag.asterisk.section import Where
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.diagnosis.evidence.called_numbers import contexts_with, find_destination, number, spelt_otherwise
from pjsipdiag.diagnosis.evidence.seen import with_calls
from pjsipdiag.diagnosis.model import Finding
from pjsipdiag.diagnosis.rule import Blamed
from pjsipdiag.diagnosis.rules.cause import Cause, finding_for, listed, who, with_status
from pjsipdiag.diagnosis.rules.refusals.refused import DIALPLAN, codes, count, of_dialplan, severity
from pjsipdiag.diagnosis.rules.taker import say_how_sure
from pjsipdiag.diagnosis.situation import CallGroup, Situation

_PLAIN = re.compile(r"(?!_)[\w+*#.()-]+")
"""A number or name that may stand in a command and in the dialplan: a caller chooses it, and `_X.` takes all."""
NO_EXTENSION = (404, 484)
"""The answers where no extension takes a number: missing, or incomplete."""
MOST_NUMBERS_TRIED = 32


class Advice(NamedTuple):
    """A step that helps, and the type of what that changes where it is not the dialplan (`Finding.changes`)."""

    text: str
    changes: str = ""


class DialplanAnswer(NamedTuple):
    """The reason of an answer where an extension took the call, and where to look."""

    cause: str
    advice: str


DIALPLAN_ANSWERS: dict[int, DialplanAnswer] = {
    403: DialplanAnswer("the call was rejected (cause 21)", "who was dialled, or Hangup(21), rejects the call"),
    404: DialplanAnswer(
        "what was dialled does not exist (cause 1, 2 or 3)", "the number that Dial() passes on is unknown there"
    ),
    408: DialplanAnswer(
        "who was dialled never answered its call (cause 18)", "check that the other side of Dial() is there"
    ),
    410: DialplanAnswer("the number was changed (cause 22)", "who was dialled has another number"),
    480: DialplanAnswer(
        "nobody answers, or nobody is registered (cause 19, 20 or 31)",
        "`pjsip show contacts` shows whether the telephone that Dial() rings is registered",
    ),
    484: DialplanAnswer(
        "the number has another format than who was dialled takes (cause 28)", "see what Dial() passes on"
    ),
    500: DialplanAnswer(
        "the call could not be carried out (cause 38 or 127)",
        "see WARNING and ERROR lines of Asterisk's log about this call: an application that failed, or no channel",
    ),
    501: DialplanAnswer("a facility was rejected (cause 29)", "see what Dial() asks of the other side"),
    502: DialplanAnswer("the destination is out of order (cause 27)", "check the trunk or telephone that Dial() uses"),
    503: DialplanAnswer(
        "there was congestion, or no channel could be made (cause 34, 42 or 66)",
        "check what Dial() uses: a trunk that is down, Congestion(), or a technology that is not loaded",
    ),
    603: DialplanAnswer(
        "the dialplan ended with a cause that SIP has no answer for (cause 16 as a rule): Hangup(), or its last line",
        "see which line ends the call before anybody is rung: a condition that sends it there, or a missing Dial()",
    ),
}
"""Status -> its reason."""


def dialplan_rejected(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    endpoint = situation.config.endpoints[cause.name]
    numbers = _numbers(groups)
    dialled = f" when calling {listed(numbers)}" if numbers else ""
    unset = "" if endpoint.option("context") else " (no context= is set)"
    found = _look_up(situation, endpoint, groups, numbers)
    # A missing extension is answered before a 100; the same statuses behind a 100 come from what Dial() asked.
    missing = sum(
        with_status(group, *NO_EXTENSION) - sum(group.tried.get(s, 0) for s in NO_EXTENSION) for group in groups
    )
    others = count(groups, DIALPLAN) - missing
    if missing > 0 and others > 0:
        why = (
            f"its context {endpoint.context}{unset} has no such extension for {missing:,} of them, and what the"
            f" dialplan does there ends the {'other' if others == 1 else 'others'}"
        )
    elif missing > 0:
        why = f"its context {endpoint.context}{unset} has no such extension"
    else:
        why = f"what the dialplan does in context {endpoint.context}{unset} ends in that answer"
    known, found_out = (
        _explain_missing(situation, endpoint, groups, numbers, found)
        if missing > 0
        else _explain_answer(endpoint, groups, numbers, found)
    )
    advice = _contact_user(situation, numbers) or found_out
    return finding_for(
        groups,
        severity(groups, DIALPLAN),
        f"{who(groups)} matched to endpoint {cause.name} and let in, then refused{dialled}"
        f" ({codes(groups, DIALPLAN)}): {why} ({cause.where})",
        cause.where,
        *known,
        *_unseen_list(situation, endpoint, groups),
        say_how_sure(situation, groups),
        *_log_lines(situation, groups),
        count=count(groups, DIALPLAN),
        advice=advice.text,
        changes=advice.changes,
    )


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


def _look_up(
    situation: Situation, endpoint: Endpoint, groups: Sequence[CallGroup], numbers: Sequence[str]
) -> tuple[str, Destination] | None:
    """The first of the numbers that the files do not simply take, else the first, and what they have for it."""
    dialplan = situation.config.dialplan()
    if dialplan is None:
        return None
    message = groups[0].sample
    users = numbers or (number(situation.config, message.request_uri),)
    each = [(user, find_destination(dialplan, endpoint, user, message)) for user in users]
    return next((pair for pair in each if pair[1].presence is not Presence.FOUND), each[0])


def _explain_answer(
    endpoint: Endpoint, groups: Sequence[CallGroup], numbers: Sequence[str], found: tuple[str, Destination] | None
) -> tuple[list[str], Advice]:
    """Evidence on the answer where an extension took the call, and the advice."""
    shown = _show_command(numbers, endpoint)
    status = max(DIALPLAN_ANSWERS, key=lambda code: sum(with_status(group, code) for group in groups))
    said, advice = DIALPLAN_ANSWERS[status]
    evidence = [f"{status} means: {said}"] if any(with_status(group, status) for group in groups) else []
    if not evidence:
        advice = "chan_pjsip has no hangup cause for this answer: another SIP server that Dial() asks gave it"
    if found and found[1].presence is Presence.FOUND:
        evidence.append(f"the extension was found: {found[1].reason}{_at(found[1].where)}")
    return evidence, Advice(f"{advice}; {shown} has the lines that ran")


def _explain_missing(
    situation: Situation,
    endpoint: Endpoint,
    groups: Sequence[CallGroup],
    numbers: Sequence[str],
    found: tuple[str, Destination] | None,
) -> tuple[list[str], Advice]:
    """Evidence from the files on a number that was not found, and the advice."""
    shown = _show_command(numbers, endpoint)
    if found is None:
        return [f"the files have no {EXTENSIONS_FILE}: what its contexts hold is unknown"], _spell(shown, numbers)
    user, what = found
    if what.presence is Presence.FOUND:
        return [
            f"the files take {user or 'it'} ({what.reason}{_at(what.where)}): Asterisk ran another dialplan than theirs"
        ], Advice(f"`dialplan reload`, then compare {shown} with {EXTENSIONS_FILE}")
    if what.presence is Presence.UNKNOWN:
        unsaid = f"whether the files take {user or 'it'} is unknown: {what.reason}{_at(what.where)}"
        return [unsaid, *_to_have_it(situation, what)], _spell(shown, numbers or (user,))
    return [f"{what.reason}{_at(what.where)}"], _repair(situation, endpoint, groups, numbers or (user or "s",), what)


def _to_have_it(situation: Situation, what: Destination) -> list[str]:
    """How to bring what a program writes while Asterisk loads."""
    dialplan = situation.config.dialplan()
    unread = dialplan.unknown_sources if isinstance(dialplan, Dialplan) else ()
    is_program = any(one.why.kind is FileReason.PROGRAM and one.where == what.where for one in unread)
    return ["put what the program prints in the place of its line in a copy of the files to know"] if is_program else []


def _repair(
    situation: Situation, endpoint: Endpoint, groups: Sequence[CallGroup], numbers: Sequence[str], what: Destination
) -> Advice:
    """Advice that makes a number taken which the files do not have: another spelling, context, or a new extension."""
    dialplan = situation.config.dialplan()
    assert isinstance(dialplan, Dialplan)
    message = groups[0].sample
    shown = _show_command(numbers, endpoint)
    option = endpoint.option("context")
    others = list(contexts_with(situation.config, dialplan, endpoint, numbers, message))
    known = dialplan.contexts.get(endpoint.context)
    place = (
        f"[{endpoint.context}]{_at(known.where)}"
        if known
        else f"a new context [{endpoint.context}] in {EXTENSIONS_FILE}"
    )
    plain, with_options, _ = numbers[0].partition(";")
    if _PLAIN.fullmatch(plain) is None:
        return Advice(
            f"see who calls: the number has signs that mean something else in a command or in a line of the dialplan;"
            f" {shown} tells"
        )
    written = f"write `exten => {plain},1,...` in {place}"
    if with_options:
        taken = find_destination(dialplan, endpoint, plain, message)
        is_taken = taken.presence is Presence.FOUND
        then = f"which the files take ({taken.reason}{_at(taken.where)})" if is_taken else f"and {written}"
        return Advice(
            f"set ignore_uri_user_options=yes in [global]: then Asterisk leaves out what stands behind `;` in the user,"
            f" and looks for {plain}, {then}; `dialplan show {plain}@{endpoint.context}` tells",
            "global",
        )
    if others:
        where = f" ({option.where})" if option else ""
        return Advice(
            f"set context={others[0]}{where}, which takes the number, or {written}; {shown} tells", "endpoint"
        )
    if what.presence is Presence.INCOMPLETE:
        return Advice(f"have the whole number sent ({what.reason}), or {written}; {shown} tells")
    other = spelt_otherwise(dialplan, endpoint, numbers[0], message)
    if other:
        form, taken = other
        return Advice(
            f"the files take {form} ({taken.reason}{_at(taken.where)}), and {numbers[0]} is dialled: have it sent so,"
            f" or {written}; {shown} tells"
        )
    return Advice(f"{written}{_as_sent(numbers)}; {shown} tells")


def _show_command(numbers: Sequence[str], endpoint: Endpoint) -> str:
    return f"`dialplan show {next(filter(_PLAIN.fullmatch, numbers), 'NUMBER')}@{endpoint.context}`"


def _spell(shown: str, numbers: Sequence[str]) -> Advice:
    return Advice(f"look at {shown}: {listed(numbers[:4]) or 'the number'} must be written there{_as_sent(numbers)}")


def _as_sent(numbers: Sequence[str]) -> str:
    """How a number may be spelt otherwise; a name, a code and the contact user `s` may not."""
    if list(numbers) == ["s"]:
        return ", or have the caller dial a number: `s` is what Asterisk registers where contact_user is not set"
    if numbers and not any(map(re.compile(r"[+(]?\d[-\d.()]*").fullmatch, numbers)):
        return " letter for letter, or have the caller dial the number that is meant"
    return " as the provider sends it (with or without +, country code, zeros)"


def _at(where: Where | None) -> str:
    return f" ({where})" if where else ""


def _contact_user(situation: Situation, numbers: Sequence[str]) -> Advice | None:
    """Advice for calls to `s`, the user that Asterisk registers where contact_user is not set."""
    unset = [one for one in situation.config.registrations.values() if not one.contact_user]
    if list(numbers) != ["s"] or not unset:
        return None
    shown = listed([f"[{one.name}] ({one.where})" for one in unset])
    return Advice(
        f"the caller dials `s`, the contact user that {shown} registers as long as it has no contact_user: set"
        " contact_user to the number, or write the extension s",
        "registration",
    )


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

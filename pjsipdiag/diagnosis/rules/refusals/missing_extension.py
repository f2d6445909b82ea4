"""A number that no extension takes: what the files have for it, and what would make it taken.

In come the groups of calls and the numbers that were refused; out come sentences and an advice. Nothing is written into
the dialplan but what a person may have meant: names of contexts and numbers as they were dialled, never a pattern.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pjsipdiag.asterisk.config import Endpoint, Problem
from pjsipdiag.asterisk.dialplan.contexts import NO_CONTEXTS, Dialplan
from pjsipdiag.asterisk.dialplan.extensions_conf import EXTENSIONS_FILE
from pjsipdiag.asterisk.dialplan.find import Destination, Presence, find
from pjsipdiag.asterisk.reasons.files import FileReason
from pjsipdiag.asterisk.section import Where
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.diagnosis.edits.place import dialplan_file, is_generated, say_place
from pjsipdiag.diagnosis.evidence.called_numbers import (
    contexts_with,
    find_destination,
    is_slip,
    number,
    spelt_otherwise,
)
from pjsipdiag.diagnosis.rules.cause import listed
from pjsipdiag.diagnosis.rules.unloaded.placeholders import name_placeholders
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.sip import SipMessage

_PLAIN = re.compile(r"(?!_)[\w+*#.()-]+")
"""A number or name that may stand in a command and in the dialplan: a caller chooses it, and `_X.` takes all."""
MOST_OF_A_KIND = 4
"""Lines that only seem to take a number, and further numbers that lack an extension."""


class Advice(NamedTuple):
    """A step that helps, and the type of what that changes where it is not the dialplan (`Finding.changes`)."""

    text: str
    changes: str = ""


def look_up(
    situation: Situation, endpoint: Endpoint, groups: Sequence[CallGroup], numbers: Sequence[str]
) -> list[tuple[str, Destination]]:
    """Each number and what the files have for it, those first that they do not simply take; none without a dialplan."""
    dialplan = situation.config.dialplan()
    if dialplan is None:
        return []
    message = groups[0].sample
    users = numbers or (number(situation.config, message.request_uri),)
    # Asterisk found nothing: so what the files do not have, the optional ones do not have either.
    each = [(user, find_destination(dialplan.without_optional(), endpoint, user, message)) for user in users]
    order = (Presence.INCOMPLETE, Presence.FOUND)
    return sorted(each, key=lambda pair: order.index(pair[1].presence) if pair[1].presence in order else -1)


def explain_missing(
    situation: Situation, endpoint: Endpoint, groups: Sequence[CallGroup], numbers: Sequence[str]
) -> tuple[list[str], Advice]:
    """Evidence from the files on numbers that were not found, and the advice."""
    shown = show_command(numbers, endpoint)
    found = look_up(situation, endpoint, groups, numbers)
    if not found:
        return [f"the files have no {EXTENSIONS_FILE}: what its contexts hold is unknown"], _spell(shown, numbers)
    user, what = found[0]
    if what.presence is Presence.FOUND:
        return _explain_found(situation, user, what, shown)
    dialplan = situation.config.dialplan()
    unread = dialplan.unread_file if isinstance(dialplan, Dialplan) else None
    if what.presence is Presence.UNKNOWN and unread:
        said = f"{unread.reason} ({unread.where}): Asterisk knows no number of it"
        return [said], Advice("have it loaded (`load = pbx_config.so`, and no noload of it), then restart Asterisk")
    if what.presence is Presence.UNKNOWN:
        unsaid = f"whether the files take {user or 'it'} is unknown: {what.reason}{show_where(what.where)}"
        return [unsaid, *_to_have_it(situation, what)], _spell(shown, numbers or (user,))
    alike = [other for other, one in found if one.presence is what.presence]
    short = next((pair for pair in found if pair[1].presence is Presence.INCOMPLETE and pair[0] not in alike), None)
    optional = dialplan.optional_files if isinstance(dialplan, Dialplan) else ()
    evidence = [f"{what.reason}{show_where(what.where)}"]
    evidence += [f"{problem.reason} ({problem.where})" for problem in optional[:MOST_OF_A_KIND]]
    passed = [problem for problem in what.passed if _is_told(situation, problem)]
    evidence += [f"{problem.reason} ({problem.where})" for problem in passed[:MOST_OF_A_KIND]]
    advice = _repair(situation, endpoint, groups, alike if numbers else [user or "s"], what)
    if short:
        evidence.append(f"{short[1].reason}{show_where(short[1].where)}")
        which = short[0] if _PLAIN.fullmatch(short[0]) else "an incomplete one"
        advice = advice._replace(text=f"{advice.text}; have the whole number sent where {which} is dialled")
    return evidence, advice


def _is_told(situation: Situation, passed: Problem) -> bool:
    """Whether it may be what is wrong: FreePBX includes contexts that need not be there, so a name must be a slip."""
    dialplan = situation.config.dialplan()
    if passed.why.kind is not FileReason.INCLUDES_NOTHING or not isinstance(dialplan, Dialplan):
        return True
    return any(is_slip(passed.why["context"], name) for name in dialplan.contexts)


def _explain_found(situation: Situation, user: str, what: Destination, shown: str) -> tuple[list[str], Advice]:
    """A number that the files take: Asterisk ran another dialplan, or none where a file that it includes is missing."""
    dialplan = situation.config.dialplan()
    unread = dialplan.unknown_sources if isinstance(dialplan, Dialplan) else ()
    gone = next((one for one in unread if one.why.kind is FileReason.FILE_IS_MISSING), None)
    taken = f"the files take {user or 'it'} ({what.reason}{show_where(what.where)})"
    compare = f"`dialplan reload`, then compare {shown} with {EXTENSIONS_FILE}"
    if gone is None:
        return [f"{taken}: Asterisk ran another dialplan than theirs"], Advice(compare)
    whole = gone.where.file == EXTENSIONS_FILE
    then = f"rejects {EXTENSIONS_FILE} as a whole" if whole else f"reads {gone.where.file} no further"
    return (
        [f"{taken}, but {gone.reason} ({gone.where}): where the machine lacks it, too, Asterisk {then}"],
        Advice(f"see whether the machine has {gone.why['file']}, and create it where it has not; then {compare}"),
    )


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
    shown = show_command(numbers, endpoint)
    option = endpoint.option("context")
    others = list(contexts_with(situation.config, endpoint, numbers, message))
    known = dialplan.contexts.get(endpoint.context)
    place = (
        f"[{endpoint.context}]{show_where(known.where)}"
        if known
        else f"a new context [{endpoint.context}] in {dialplan_file(situation.config)}"
    )
    holes = name_placeholders(endpoint.context)
    if holes and option:
        return Advice(f"write the name of the context at {option.where}: {holes[0]}", "endpoint")
    if option and known is None and endpoint.context.lower() in NO_CONTEXTS:
        name = others[0] if others else "NAME, the name of another context"
        place = say_place(situation.config, option.where)
        return Advice(f"set context={name}{place}; `dialplan show` lists the contexts", "endpoint")
    plain, with_options, _ = numbers[0].partition(";")
    if _PLAIN.fullmatch(plain) is None:
        return Advice(
            f"see who calls: the number has signs that mean something else in a command or in a line of the dialplan;"
            f" {shown} tells"
        )
    further = [one for one in numbers[1 : 1 + MOST_OF_A_KIND] if _PLAIN.fullmatch(one)]
    written = f"write `exten => {plain},1,...`{f' (and so for {listed(further)})' if further else ''} in {place}"
    if known and is_generated(situation.config, known.where.file):
        written = (
            f"enter {plain} on the page of the program that writes {known.where.file} (FreePBX: an inbound route), for"
            " a line that is written there by hand is lost"
        )
    if option is None and known is None and not others:
        written = f"set context= in [{endpoint.name}] to the context that is for its calls, or {written}"
    template = dialplan.templates.get(endpoint.context)
    if template and known is None:
        return Advice(f"take the (!) out of the head at {template}, or {written}; {shown} tells")
    if with_options:
        return _without_options(dialplan, endpoint, message, plain, written)
    if others:
        where = say_place(situation.config, option.where) if option else ""
        return Advice(
            f"set context={others[0]}{where}, which takes the number, or {written}; {shown} tells", "endpoint"
        )
    if meant := _meant_include(dialplan, what, numbers):
        return Advice(f"{meant}, or {written}; {shown} tells")
    if what.presence is Presence.INCOMPLETE:
        return Advice(f"have the whole number sent ({what.reason}), or {written}; {shown} tells")
    other = spelt_otherwise(dialplan, endpoint, numbers[0], message)
    if other:
        form, taken = other
        return Advice(
            f"the files take {form} ({taken.reason}{show_where(taken.where)}), and {numbers[0]} is dialled: have it"
            f" sent so, or {written}; {shown} tells"
        )
    return Advice(f"{written}{_as_sent(numbers)}; {shown} tells")


def _meant_include(dialplan: Dialplan, what: Destination, numbers: Sequence[str]) -> str:
    """Advice on an include whose context is spelt otherwise than one that takes the numbers; empty without any."""
    for passed in what.passed:
        wanted = passed.why["context"] if passed.why.kind is FileReason.INCLUDES_NOTHING else ""
        alike = (name for name in dialplan.contexts if name.lower() == wanted.lower() or is_slip(wanted, name))
        for name in alike if wanted else ():
            if all(find(dialplan, name, user).presence is Presence.FOUND for user in numbers):
                return f"write [{name}], which takes the number, in the include at {passed.where}"
    return ""


def _without_options(dialplan: Dialplan, endpoint: Endpoint, message: SipMessage, plain: str, written: str) -> Advice:
    """Advice for a user with parameters, of which `plain` is what stands before them."""
    taken = find_destination(dialplan, endpoint, plain, message)
    is_taken = taken.presence is Presence.FOUND
    then = f"which the files take ({taken.reason}{show_where(taken.where)})" if is_taken else f"and {written}"
    return Advice(
        f"set ignore_uri_user_options=yes in [global]: then Asterisk leaves out what stands behind `;` in the user,"
        f" and looks for {plain}, {then}; `dialplan show {plain}@{endpoint.context}` tells",
        "global",
    )


def show_command(numbers: Sequence[str], endpoint: Endpoint) -> str:
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


def show_where(where: Where | None) -> str:
    return f" ({where})" if where else ""


def say_contact_user(situation: Situation, numbers: Sequence[str]) -> Advice | None:
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

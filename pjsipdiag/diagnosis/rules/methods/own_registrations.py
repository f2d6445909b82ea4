"""The PBX's own registrations that somebody refuses or leaves unanswered, always or at times, so that no call comes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pjsipdiag.asterisk.config import Config, Registration
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.diagnosis.calls.outside.kinds import MOST_OF_KIND
from pjsipdiag.diagnosis.calls.rows import CHALLENGES, T1_GIVES_UP
from pjsipdiag.diagnosis.model import CallMarks, Finding, Severity
from pjsipdiag.diagnosis.rules.cause import counted, listed
from pjsipdiag.diagnosis.rules.methods.explanations import user_of
from pjsipdiag.diagnosis.rules.methods.refused_requests import MOST_TOLD_ALONE, TOLD_FIRST, asked_for
from pjsipdiag.diagnosis.rules.methods.sent import answer_lines, part_named, say_more_hosts, was_asked
from pjsipdiag.diagnosis.rules.methods.turned_answers import Turn, say_turn, turn_of
from pjsipdiag.diagnosis.rules.wire import bounces
from pjsipdiag.diagnosis.situation import Exchange, Situation
from pjsipdiag.sip import SipMessage, parameter, parse_uri

_CREDENTIALS = ("the credentials are refused", "compare outbound_auth with what the provider gave you")
MEANINGS: dict[int, tuple[str, str]] = {
    401: _CREDENTIALS,
    403: (
        "the account, its password or this address is refused",
        "compare user name, password and domain (client_uri, outbound_auth) with what the provider gave you; ask it"
        " whether the account is open and the address permitted",
    ),
    404: ("the provider does not know that user", "correct the user in client_uri"),
    407: _CREDENTIALS,
    408: ("the provider's server gave up", "ask the provider"),
    423: ("the interval is too brief", "raise expiration= of the registration"),
    480: ("the provider does not take it now", "ask the provider"),
    503: ("the provider's server is not available", "ask the provider; another server_uri may work"),
}
OTHER_ANSWER = ("the provider refuses it", "ask the provider what that answer means")
NO_ANSWER = (
    "nobody answers",
    "check server_uri, the way there (firewall, DNS, outbound_proxy) and the transport",
)
TOO_BRIEF = 423
"""PJSIP itself registers again for longer then (regc_tsx_callback of pjsip-ua/sip_reg.c)."""
NO_CALLS_THEN = "a provider that refuses the registration sends no calls"


class Failing(NamedTuple):
    """Registrations at one server that fail, the one of the files that they are, the status that tells most (0: no
    answer), and how their answers turned; None where none was a success. `refused` are those of accounts that are
    never accepted beside others that are, `elsewhere` other servers that accept the same accounts afterwards."""

    exchange: Exchange
    known: Registration | None
    status: int
    turn: Turn | None = None
    refused: tuple[SipMessage, ...] = ()
    elsewhere: tuple[str, ...] = ()


def failing(situation: Situation) -> Iterator[Failing]:
    """The PBX's own registrations that are or were refused or without an answer, always or at times."""
    for found in _failing(situation):
        yield found._replace(elsewhere=tuple(_accepted_elsewhere(situation, found)))


def _failing(situation: Situation) -> Iterator[Failing]:
    for one in situation.own_exchanges:
        if one.method != "REGISTER" or not was_asked(situation, one):
            continue
        turn = turn_of(one, situation.end)
        if refused := _never_accepted(one, situation.end):
            requests = tuple(map(asked_for, refused))
            yield Failing(one, _registration(situation.config, requests), refused[0].status, refused=requests)
        elif not one.successes:
            if one.refusals or (one.is_silent and one.requests > 1):
                yield Failing(one, _registration(situation.config, one.samples), _worst(one.refusals))
        elif turn is Turn.STOPPED or not {*one.refusals} <= {TOO_BRIEF}:
            status = 0 if turn is Turn.STOPPED else _worst(one.refusals)
            yield Failing(one, _registration(situation.config, one.samples), status, turn)


def _worst(refusals: Mapping[int, int]) -> int:
    """The status that tells most; 0 without any."""
    return max(refusals, key=lambda status: (status not in CHALLENGES, refusals[status], status), default=0)


def _never_accepted(exchange: Exchange, end: int) -> list[SipMessage]:
    """A refusing answer for each account that asked and was never accepted, where others were and all of these are
    known."""
    asked = {user_of(one) for one in exchange.samples}
    accepted = {user_of(one) for status, seen in exchange.answers.items() if 200 <= status < 300 for one in seen}
    if not accepted or max(len(accepted), len(asked)) >= MOST_OF_KIND:
        return []
    found: dict[str, SipMessage] = {}
    for status in sorted(exchange.answers, key=lambda one: one in CHALLENGES):
        for answer in exchange.answers[status] if status >= 300 and status != TOO_BRIEF else ():
            if user_of(answer) in asked - accepted and end - answer.time > T1_GIVES_UP:
                found.setdefault(user_of(answer), answer)
    return list(found.values())


def registration_refused(situation: Situation) -> Iterable[Finding]:
    """Registrations of the PBX that nobody accepted, or not all of them, or no more."""
    told, rest = part_named(failing(situation), lambda one: one.known.where if one.known else None)
    for one in told:
        yield _finding(situation, one)
    if rest:
        servers = tuple(dict.fromkeys(one.exchange.server for one in rest))
        yield Finding(
            Severity.ERROR,
            f"{say_more_hosts(servers)} refused the PBX's own REGISTER as well, or never answered it"
            f" ({counted(sum(one.exchange.requests for one in rest), 'request')})",
            sources=servers[:MOST_TOLD_ALONE],
            advice=TOLD_FIRST,
        )


def _finding(situation: Situation, found: Failing) -> Finding:
    exchange, known, status, turn, refused, others = found
    meaning, advice = MEANINGS.get(status, OTHER_ANSWER) if status else NO_ANSWER
    whose = f" of {listed(list(dict.fromkeys(map(_registered, refused))))}" if refused else ""
    says_why = True
    if status in CHALLENGES and (not exchange.proven or (refused and _lacks_login(known))):
        meaning, advice = _unproven(known)
        message, says_why = (
            f"{exchange.server} challenges the PBX's own REGISTER{whose} ({status}), and {meaning}",
            False,
        )
    elif refused:
        message = f"{exchange.server} refuses the PBX's own REGISTER{whose} with {status}, and accepts others"
    elif turn is not None:
        message = say_turn(exchange, turn)
    elif status:
        times = counted(exchange.refusals[status], "time")
        message = f"{exchange.server} refuses the PBX's own REGISTER with {status} ({times})"
    else:
        message = f"{exchange.server} never answers the PBX's own REGISTER ({counted(exchange.requests, 'request')})"
    message += f": {meaning}" if status and says_why else ""
    over = turn is Turn.ACCEPTED
    weight = Severity.WARNING if turn is Turn.MIXED or others else Severity.NOTE if over else Severity.ERROR
    return Finding(
        weight,
        f"{message}; it is {describe_registration(known)}",
        where=known.where if known else None,
        sources=(exchange.server,),
        evidence=(
            *(f"{ip} accepts it afterwards: calls may come from there" for ip in others),
            *(() if over or others else (NO_CALLS_THEN,)),
            *(() if refused or not exchange.samples else _users(exchange)),
            *_challenge(exchange),
            *answer_lines(exchange, status),
            *(bounces.about_requests(situation, exchange.server) if exchange.is_silent else ()),
        ),
        advice="" if over else try_again(advice, known),
        seen=_marks(refused) if refused else CallMarks(),
    )


def _registration(config: Config, requests: Iterable[SipMessage]) -> Registration | None:
    return next(filter(None, (registration_of(config, one) for one in requests)), None)


def _accepted_elsewhere(situation: Situation, found: Failing) -> list[str]:
    """The other servers that accept the same accounts afterwards, as where a name has several addresses."""
    here, users = found.exchange, {user_of(one) for one in found.refused or found.exchange.samples}
    asked = (one for one in situation.own_exchanges if one.method == "REGISTER" and one.server != here.server)
    later = (one for one in asked if one.successes and one.last_answer > max(here.last_answer, here.first_time))
    return [one.server for one in later if not users.isdisjoint(map(user_of, one.samples))]


def _marks(requests: Sequence[SipMessage]) -> CallMarks:
    """The marks of some registrations of many between the same hosts."""
    times = [one.time for one in requests]
    users = tuple(filter(None, dict.fromkeys(map(user_of, requests))))
    return CallMarks(min(times), max(times), (), users, tuple(dict.fromkeys(one.call_id for one in requests)))


def _lacks_login(known: Registration | None) -> bool:
    return known is not None and known.option("outbound_auth") is None


def _unproven(known: Registration | None) -> tuple[str, str]:
    if known is not None and _lacks_login(known):
        return "the registration has no outbound_auth", f"write outbound_auth= in [{known.name}] and its type=auth"
    return (
        "no credentials follow",
        "compare realm and algorithm of the challenge with the auth section: one with another realm= is not used, and"
        " SHA-256 needs Asterisk 20.12, 21.7 or 22.2",
    )


def try_again(advice: str, known: Registration | None) -> str:
    """The advice, and the command that tries the registration again."""
    return f"{advice}; then `pjsip send register {known.name if known else '*all'}` tries again"


def describe_registration(known: Registration | None) -> str:
    return f"registration [{known.name}] ({known.where})" if known else "a registration that the files do not have"


def registration_of(config: Config, register: SipMessage) -> Registration | None:
    """The registration that sends this REGISTER: by user and server, else by user alone."""
    sender, server = parse_uri(register.header("To")), parse_uri(register.request_uri)
    if sender is None or server is None:
        return None
    found = []
    for one in config.registrations.values():
        client, target = parse_uri(one.client_uri), parse_uri(one.server_uri)
        if client is not None and client.user == sender.user:
            found.append(((target is not None and target.host == server.host) + (client.host == sender.host), one))
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _registered(register: SipMessage) -> str:
    value = register.header("To")
    return value.partition(";tag")[0] if parse_uri(value) is not None else "what is no SIP URI"


def _users(exchange: Exchange) -> Iterator[str]:
    users = dict.fromkeys(map(_registered, exchange.samples))
    sent = counted(exchange.requests, "request")
    yield f"it registers {listed(list(users))}: {sent}, {exchange.proven} with credentials"


def _challenge(exchange: Exchange) -> Iterator[str]:
    for status in (401, 407):
        for answer in exchange.answers.get(status, ())[:1]:
            values = [*answer.values("WWW-Authenticate"), *answer.values("Proxy-Authenticate")]
            for value in values:
                wanted = ";" + value.partition(" ")[2].replace(",", ";")
                algorithm = parameter(wanted, "algorithm") or "MD5"
                yield f"the challenge asks for realm {parameter(wanted, 'realm')!r} with {algorithm}"

"""Answers of others to the PBX itself: registrations that fail, so that no call comes, calls and other requests."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TypeVar

from pjsipdiag.asterisk.config import Config, Registration
from pjsipdiag.asterisk.section import Where
from pjsipdiag.diagnosis.calls.rows import CHALLENGES
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import counted, enumerated, listed
from pjsipdiag.diagnosis.rules.methods.refused_requests import MOST_TOLD_ALONE, TOLD_FIRST
from pjsipdiag.diagnosis.rules.refusals.otherwise import OF_PEOPLE
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
NO_CALLS_THEN = "a provider that refuses the registration sends no calls"

MOST_ANSWERS_APART = 64
"""Methods with their answers that are told apart."""
MOST_HOSTS_APART = 64
"""Hosts that are told one by one beside those that the files name."""
_Told = TypeVar("_Told")


def _part(found: Iterable[_Told], line_of: Callable[[_Told], Where | None]) -> tuple[list[_Told], list[_Told]]:
    """Parts what is told one by one from the rest: for each line of the files the first, and some others, as anybody
    can send under the PBX's address."""
    told, rest, seen, others = list[_Told](), list[_Told](), set[Where](), 0
    for one in found:
        where = line_of(one)
        if where and where not in seen:
            seen.add(where)
        elif others < MOST_HOSTS_APART:
            others += 1
        else:
            rest.append(one)
            continue
        told.append(one)
    return told, rest


def registration_refused(situation: Situation) -> Iterable[Finding]:
    """Registrations of the PBX that nobody accepted."""
    failed = (one for one in situation.own_exchanges if one.method == "REGISTER" and not one.successes)
    found = (one for one in failed if one.refusals or (one.is_silent and one.requests > 1))
    registrations = [(one, _registration(situation.config, one)) for one in found]
    told, rest = _part(registrations, lambda one: one[1].where if one[1] else None)
    for exchange, known in told:
        yield _finding(situation, exchange, known)
    if rest:
        servers = tuple(dict.fromkeys(one.server for one, _ in rest))
        yield Finding(
            Severity.ERROR,
            f"{_so_many(servers)} refused the PBX's own REGISTER as well, or never answered it"
            f" ({counted(sum(one.requests for one, _ in rest), 'request')})",
            sources=servers[:MOST_TOLD_ALONE],
            advice=TOLD_FIRST,
        )


def own_refused(situation: Situation) -> Iterator[Finding]:
    """Calls and other requests of the PBX that were refused or never answered; where other calls with the same host
    came through, in either direction, or all answers are about who was called, that is a note."""
    alike: dict[tuple[object, ...], list[Exchange]] = defaultdict(list)
    for exchange in situation.own_exchanges:
        silent = exchange.is_silent and exchange.requests > 1
        if exchange.method != "REGISTER" and not exchange.successes and (exchange.refusals or silent):
            kind = exchange.method, *exchange.refusals
            if len(alike) >= MOST_ANSWERS_APART and kind not in alike:  # as forged answers have any status
                kind = exchange.method, *(() if silent and not exchange.refusals else (0,))
            alike[kind].append(exchange)
    for exchanges in alike.values():
        yield _own_requests(situation, exchanges)
    failed: dict[str, list[str]] = defaultdict(list)
    for ip, status, count in unsuccessful(situation):
        how = f"refused {counted(count, 'call')} of the PBX with {status}"
        failed[ip].append(how if status else f"left {counted(count, 'call')} of the PBX without an answer")
    # 404 and the like are about the number that was dialled; they blame the provider's side only where nothing else
    # came through with that host.
    of_pbx = {ip for ip, status, _ in unsuccessful(situation) if status not in _CALLEE}
    through = {ip for ip, status, _ in situation.outbound if 200 <= status < 300}
    through |= {group.source for group in situation.groups if any(200 <= status < 300 for status in group.statuses)}
    told, rest = _part(failed, _places(situation).get)
    for ip in told:
        yield Finding(
            Severity.WARNING if ip in of_pbx - through else Severity.NOTE,
            f"{ip} {listed(failed[ip], MOST_TOLD_ALONE)}",
            where=_places(situation).get(ip),
            sources=(ip,),
            evidence=("who refuses what goes out may send nothing in",)
            if ip in of_pbx
            else ("these answers are about who was called, not about the PBX",),
            advice="look at the number as it is dialled, at from_user, from_domain and outbound_auth of the endpoint,"
            " and at what that host answers: `pjsip set logger on`",
        )
    if rest:
        yield Finding(
            Severity.NOTE if (of_pbx - through).isdisjoint(rest) else Severity.WARNING,
            f"{_so_many(rest)} refused calls of the PBX as well, or left them without an answer",
            sources=tuple(rest[:MOST_TOLD_ALONE]),
            advice=TOLD_FIRST,
        )


def _so_many(hosts: Sequence[str]) -> str:
    return f"{counted(len(hosts), 'more host')} ({listed(hosts)})"


_CALLEE = (404, 410, 480, 484, 604)
"""Not Found, Gone, Temporarily Unavailable, Address Incomplete, Does Not Exist: about who is called
(RFC 3261 21.4, 21.6)."""


def unsuccessful(situation: Situation) -> list[tuple[str, int, int]]:
    """(address, status, count) of the PBX's own calls that were refused, or never answered (0); a challenge refuses
    where no call came through after it, and who is busy, declines or was hung up on refuses nothing."""
    through = {ip for ip, status, _ in situation.outbound if 200 <= status < 300}
    found = (one for one in situation.outbound if 300 <= one[1] < 700 or one[1] == 0)
    return [one for one in found if one[1] not in (0, *CHALLENGES) or one[0] not in through if one[1] not in OF_PEOPLE]


def _own_requests(situation: Situation, alike: Sequence[Exchange]) -> Finding:
    """The finding on requests of one method that met the same, however many hosts they went to; any final answer to
    OPTIONS shows that who gave it is alive (qualify_contact_cb of res_pjsip/pjsip_options.c)."""
    # A PBX may ping hundreds of contacts: what all of them answer alike is one finding.
    first, servers = alike[0], tuple(dict.fromkeys(one.server for one in alike))
    is_ping, silent, several = first.method == "OPTIONS", first.is_silent, len(servers) > 1
    refused = sum((Counter(one.refusals) for one in alike), Counter[int]())
    answers = enumerated([f"{status} ({counted(count, 'time')})" for status, count in sorted(refused.items())])
    done = f"{'refuse' if several else 'refuses'} the PBX's own {first.method} with {answers}"
    if silent:
        count = counted(sum(one.requests for one in alike), "request")
        done = f"never {'answer' if several else 'answers'} the PBX's own {first.method} ({count})"
    meaning = ""
    if is_ping and silent:
        held = "those contacts" if several else "that contact"
        meaning = f": Asterisk holds {held} for unreachable, and calls nobody there"
    elif is_ping:
        meaning = ": Asterisk takes any answer as a sign of life"
    return Finding(
        Severity.NOTE if first.method == "NOTIFY" or (is_ping and not silent) else Severity.WARNING,
        f"{listed(servers)} {done}{meaning}",
        where=next(filter(None, map(_places(situation).get, servers)), None),
        sources=servers,
        evidence=tuple(_answer_lines(first, max(first.refusals, default=0))),
        advice="look at the way there (firewall, DNS, port and transport of the contact); `pjsip show contacts` shows"
        " what Asterisk knows of it"
        if silent
        else "nothing while calls get through; qualify_frequency=0 ends the OPTIONS"
        if is_ping
        else f"ask there what that answer means, or have the PBX send no {first.method}",
    )


@lru_cache(maxsize=2)
def _places(situation: Situation) -> Mapping[str, Where]:
    """The AOR whose contact is at an address, the first for each."""
    found: dict[str, Where] = {}
    for aor in situation.config.aors.values():
        for uri in filter(None, map(parse_uri, aor.contacts)):
            found.setdefault(uri.host.strip("[]"), aor.where)
    return found


def _finding(situation: Situation, exchange: Exchange, known: Registration | None) -> Finding:
    statuses = exchange.refusals
    status = max(statuses, key=lambda code: (code not in (401, 407), statuses[code], code), default=0)
    name = describe_registration(known)
    meaning, advice = MEANINGS.get(status, OTHER_ANSWER)
    if status:
        count = statuses[status]
        message = (
            f"{exchange.server} refuses the PBX's own REGISTER with {status} ({counted(count, 'time')}): {meaning};"
            f" it is {name}"
        )
    else:
        message = (
            f"{exchange.server} never answers the PBX's own REGISTER ({counted(exchange.requests, 'request')}); it is"
            f" {name}"
        )
        advice = NO_ANSWER[1]
    if status in (401, 407) and not exchange.proven:
        meaning, advice = _unproven(known)
        message = f"{exchange.server} challenges the PBX's own REGISTER ({status}), and {meaning}; it is {name}"
    return Finding(
        Severity.ERROR,
        message,
        where=known.where if known else None,
        sources=(exchange.server,),
        evidence=(
            NO_CALLS_THEN,
            *_users(exchange),
            *_challenge(exchange),
            *_answer_lines(exchange, status),
            *(bounces.about_requests(situation, exchange.server) if exchange.is_silent else ()),
        ),
        advice=try_again(advice, known),
    )


def _registration(config: Config, exchange: Exchange) -> Registration | None:
    return next(filter(None, (registration_of(config, one) for one in exchange.samples)), None)


def _unproven(known: Registration | None) -> tuple[str, str]:
    if known is not None and known.option("outbound_auth") is None:
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


def _answer_lines(exchange: Exchange, status: int) -> Iterator[str]:
    for answer in exchange.answers.get(status, ())[:1]:
        yield f"the answer: {answer.first_line}"
        for name in ("Reason", "Warning", "Min-Expires", "Retry-After", "Contact", "Server"):
            if answer.values(name):
                yield f"{name}: {answer.header(name)[:200]}"

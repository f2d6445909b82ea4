"""Answers of others to calls and other requests of the PBX itself; those to its registrations are told elsewhere."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from pjsipdiag.asterisk.section import Where
from pjsipdiag.diagnosis.calls.rows import CHALLENGES
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import counted, enumerated, listed
from pjsipdiag.diagnosis.rules.methods import own_pings
from pjsipdiag.diagnosis.rules.methods.refused_requests import MOST_TOLD_ALONE, TOLD_FIRST
from pjsipdiag.diagnosis.rules.refusals.otherwise import OF_PEOPLE
from pjsipdiag.diagnosis.situation import Exchange, Situation

MOST_ANSWERS_APART = 64
"""Methods with their answers that are told apart."""
MOST_HOSTS_APART = 64
"""Hosts that are told one by one beside those that the files name."""
_Told = TypeVar("_Told")


def part_named(found: Iterable[_Told], line_of: Callable[[_Told], Where | None]) -> tuple[list[_Told], list[_Told]]:
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


def own_refused(situation: Situation) -> Iterator[Finding]:
    """Calls and other requests of the PBX that were refused or never answered; where other calls with the same host
    came through, in either direction, or all answers are about who was called, that is a note."""
    alike: dict[tuple[object, ...], list[Exchange]] = defaultdict(list)
    for exchange in situation.own_exchanges:
        silent = exchange.is_silent and exchange.requests > 1
        if exchange.method == "REGISTER" or not was_asked(situation, exchange):
            continue
        if not exchange.successes and (exchange.refusals or silent):
            kind = exchange.method, own_pings.wants_success(situation, exchange), *exchange.refusals
            if len(alike) >= MOST_ANSWERS_APART and kind not in alike:  # as forged answers have any status
                kind = exchange.method, None, *(() if silent and not exchange.refusals else (0,))
            alike[kind].append(exchange)
    for exchanges in alike.values():
        yield _own_requests(situation, exchanges)
    through = _got_through(situation)
    yield from own_pings.changed(situation, through)
    failed: dict[str, list[str]] = defaultdict(list)
    for ip, status, count in unsuccessful(situation):
        how = f"refused {counted(count, 'call')} of the PBX with {status}"
        failed[ip].append(how if status else f"left {counted(count, 'call')} of the PBX without an answer")
    # 404 and the like are about the number that was dialled; they blame the provider's side only where nothing else
    # came through with that host.
    of_pbx = {ip for ip, status, _ in unsuccessful(situation) if status not in _CALLEE}
    told, rest = part_named(failed, partial(own_pings.aor_line, situation))
    for ip in told:
        yield Finding(
            Severity.WARNING if ip in of_pbx - through else Severity.NOTE,
            f"{ip} {listed(failed[ip], MOST_TOLD_ALONE)}",
            where=own_pings.aor_line(situation, ip),
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
            f"{say_more_hosts(rest)} refused calls of the PBX as well, or left them without an answer",
            sources=tuple(rest[:MOST_TOLD_ALONE]),
            advice=TOLD_FIRST,
        )


def was_asked(situation: Situation, exchange: Exchange) -> bool:
    """Whether the PBX is seen to ask that host, or the captures hold no such request at all: anybody can send it
    answers."""
    return exchange.requests > 0 or not any(one.requests for one in situation.own_exchanges)


def _got_through(situation: Situation) -> set[str]:
    """The hosts with which a call came through, in either direction."""
    through = {ip for ip, status, _ in situation.outbound if 200 <= status < 300}
    return through | {group.source for group in situation.groups if any(200 <= one < 300 for one in group.statuses)}


def say_more_hosts(hosts: Sequence[str]) -> str:
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
    """The finding on requests of one method that met the same, however many hosts they went to."""
    # A PBX may ping hundreds of contacts: what all of them answer alike is one finding.
    first, servers = alike[0], tuple(dict.fromkeys(one.server for one in alike))
    is_ping, silent, several = first.method == "OPTIONS", first.is_silent, len(servers) > 1
    refused = sum((Counter(one.refusals) for one in alike), Counter[int]())
    answers = enumerated([f"{status} ({counted(count, 'time')})" for status, count in sorted(refused.items())])
    done = f"{'refuse' if several else 'refuses'} the PBX's own {first.method} with {answers}"
    if silent:
        count = counted(sum(one.requests for one in alike), "request")
        done = f"never {'answer' if several else 'answers'} the PBX's own {first.method} ({count})"
    strict = own_pings.wants_success(situation, first)
    counts = first.method == "NOTIFY" or (is_ping and not silent and strict is None)
    return Finding(
        Severity.NOTE if counts else Severity.WARNING,
        f"{listed(servers)} {done}{own_pings.meaning(servers, strict, answered=not silent) if is_ping else ''}",
        where=strict or next(filter(None, (own_pings.aor_line(situation, server) for server in servers)), None),
        sources=servers,
        evidence=tuple(answer_lines(first, max(first.refusals, default=0))),
        advice=own_pings.LOOK_AT_THE_WAY
        if silent
        else own_pings.advice(strict)
        if is_ping
        else f"ask there what that answer means, or have the PBX send no {first.method}",
    )


def answer_lines(exchange: Exchange, status: int) -> Iterator[str]:
    """The sentences on what the first answer with that status says."""
    for answer in exchange.answers.get(status, ())[:1]:
        yield f"the answer: {answer.first_line}"
        for name in ("Reason", "Warning", "Min-Expires", "Retry-After", "Contact", "Server"):
            if answer.values(name):
                yield f"{name}: {answer.header(name)[:200]}"

"""When answers stopped, paused or came late, and whether others got theirs: a ban stops them for one, a standstill for
all."""

from __future__ import annotations

import heapq
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial

from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.capture.datagram import TOLD, Datagram, Tally
from pjsipdiag.capture.reread import look_again
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.diagnosis.calls.calls import Calls
from pjsipdiag.diagnosis.calls.rows import LATE_AFTER, T1_GIVES_UP, UNHEARD_FROM
from pjsipdiag.diagnosis.evidence.readable_addresses import show_ip
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rule import Blamed
from pjsipdiag.diagnosis.rules.cause import answers, clock, counted, listed, sources
from pjsipdiag.diagnosis.situation import CallGroup, Exchange, Situation

LONGEST_WAIT = 32_000_000_000
"""Nanoseconds after which nobody waits for an answer any more (64 * T1, RFC 3261 17.1.2.2)."""
MOST_EXCHANGES = 16
"""Exchanges that a finding lists, and that are read for pauses."""
MOST_READ_AGAIN = 300_000
"""Messages of captures that are read again for the pauses of requests outside of calls."""
LONGEST_METHOD = 32
MOST_SILENCES = 2
"""Silences of the same calls that are told one by one."""
STOPPED = "had its last answer at {}, and none since"
OF_ONE = "look for a ban or filter of this address (`fail2ban-client status asterisk`, `iptables -L -n`)"
OF_ALL = "Asterisk, or the way to it, stood still (restart, overload, network; `systemctl status asterisk`)"


class Silence(NamedTuple):
    """Calls without an answer, none of them between two that were answered, and what became of others meanwhile.

    Times are nanoseconds since 1970, 0: none. `others` got an answer meanwhile; `asked_in_vain` tells whether anybody
    else asked and got none, `resumed` when the next answer to anybody came, `heard_again` the next one to these.
    """

    first: int
    last: int
    others: tuple[str, ...]
    asked_in_vain: bool
    resumed: int
    heard_again: int


def silences(situation: Situation, groups: Sequence[CallGroup]) -> tuple[list[Silence], int]:
    """The longest silences of the calls of groups, in the order of time, and how many there are in all."""
    calls = situation.calls
    if not isinstance(calls, Calls):
        first, last = min(group.first_silent for group in groups), max(group.last_silent for group in groups)
        return [Silence(first, last, (), False, 0, 0)], 1
    spans = list[tuple[int, int]]()
    was_answered = True
    for number in sorted(number for group in groups for number in calls.alike(group.first_call)):
        if not calls.status[number]:
            time = calls.answered[number] or calls.time[number]
            spans[len(spans) - (not was_answered) :] = [(time if was_answered else spans[-1][0], time)]
        was_answered = bool(calls.status[number])
    longest = sorted(heapq.nlargest(MOST_SILENCES, spans, key=lambda span: span[1] - span[0]))
    sources = {group.source for group in groups}
    mine = {number for number, ip in enumerate(calls.sources) if show_ip(ip) in sources}
    rows = list(zip(calls.source, calls.time, calls.answered, strict=True))
    own, others = [row for row in rows if row[0] in mine], [row for row in rows if row[0] not in mine]
    asked = [one for one in situation.exchanges if one.client not in sources]
    return [_silence_of(calls, asked, own, others, span) for span in longest], len(spans)


_Row = tuple[int, int, int]
"""Source, time and last answer of a call."""


def _silence_of(
    calls: Calls, asked: Sequence[Exchange], own: Sequence[_Row], others: Sequence[_Row], span: tuple[int, int]
) -> Silence:
    first, last = span
    before = max((answer for answer in calls.answered if answer < first), default=0)
    resumed = min((answer for answer in calls.answered if answer > last), default=0)
    heard_again = min((answer for *_, answer in own if answer > last), default=0)
    in_vain = any(not answer and before < time < (resumed or time + 1) for _, time, answer in others)
    # Whoever else asked in vain meanwhile may have been answered once the silence was over: that is no ban of one.
    stood_still = in_vain and not any(first <= answer <= last for *_, answer in others)
    end = last if stood_still else min(last + LONGEST_WAIT, heard_again or last + LONGEST_WAIT)
    answered = {show_ip(calls.sources[source]): None for source, _, answer in others if first <= answer <= end}
    answered |= dict.fromkeys(one.client for one in asked if first <= one.last_answer <= end)
    return Silence(first, last, tuple(answered), in_vain, resumed, heard_again)


def fallen_silent(situation: Situation, _blamed: Blamed) -> Iterator[Finding]:
    """Findings on hosts whose requests get no answer any more, or never got one while others do; and on late
    answers."""
    exchanges = situation.exchanges
    heard = max((*(one.last_answer for one in exchanges), *(g.last_answer for g in situation.groups)), default=0)
    # Whether others are answered afterwards tells a ban of one address from a standstill of all: that is the advice.
    answered = {one.client for one in exchanges if one.statuses}
    answered |= {group.source for group in situation.groups if group.last_answer}
    found: dict[tuple[str, str], list[Exchange]] = defaultdict(list)
    for one in exchanges:
        if has_stopped(one, situation.end):
            found[STOPPED, OF_ONE if heard > one.last_answer + LONGEST_WAIT else OF_ALL].append(one)
        elif _is_passed_over(one, situation.end) and len(answered) > (one.client in answered):
            found["never got an answer, and others do", OF_ONE].append(one)
        elif one.last_answer > one.last_request + LATE_AFTER and one.unanswered >= 0:
            found["got its last answer more than 30 seconds after it was asked", OF_ALL].append(one)
    for (what, why), ones in found.items():
        others = "others are" if why == OF_ONE else "nobody is"
        yield _silence(what, f": {others} answered later" if what == STOPPED else "", why, ones)
    if late := [group for group in situation.groups if group.late]:
        count = sum(group.late for group in late)
        yield Finding(
            Severity.WARNING,
            f"{counted(count, 'INVITE call')} of {listed(sources(late))} got the first answer more than 30 seconds"
            " after it came: hardly anybody waits that long (timer B of RFC 3261 ends at 32)",
            sources=sources(late),
            calls=count,
            evidence=(f"observed answers: {answers(late)}",),
            advice=f"{OF_ALL}: `core show taskprocessors like pjsip` shows what is behind",
        )


def has_stopped(one: Exchange, end: int) -> bool:
    """Whether answers ended before requests did; a last request that the end of the capture cuts off says nothing."""
    is_behind = 0 < one.last_answer < one.last_request - LONGEST_WAIT
    return is_behind and (one.unanswered > 1 or end - one.last_request > LONGEST_WAIT)


def _is_passed_over(one: Exchange, end: int) -> bool:
    """Whether requests got no answer for so long, or so often, that it says something."""
    insists = one.requests >= UNHEARD_FROM and end - one.last_request > T1_GIVES_UP
    is_taken = one.verdict is not None and one.verdict.outcome is not Outcome.NOT_IDENTIFIED
    return one.is_silent and is_taken and (insists or one.last_request - one.first_time > LONGEST_WAIT)


def _silence(what: str, others: str, why: str, ones: Sequence[Exchange]) -> Finding:
    clients = tuple(dict.fromkeys(one.client for one in ones))
    said = [f"{one.method} of {one.client} {what.format(clock(one.last_answer))}" for one in ones]
    same = [f"{one.method} of {one.client}" for one in ones[1:]]
    rest = f"; so it is with {listed(same)}" if same else ""
    return Finding(
        Severity.WARNING if why == OF_ALL or any(one.successes or _is_known(one) for one in ones) else Severity.NOTE,
        f"{said[0]}{rest}{others}",
        sources=clients,
        evidence=tuple(said[:MOST_EXCHANGES]) if rest else (),
        advice=why,
    )


def _is_known(one: Exchange) -> bool:
    """Whether an endpoint of the files would take it, and not everybody."""
    return one.verdict is not None and one.verdict.identifier not in ("", "anonymous")


class Pause(NamedTuple):
    """Requests of one method from one host that got no answer before one that did (`first` and `last` in nanoseconds
    since 1970), whether others got theirs before them (`is_between`), and who was answered meanwhile."""

    exchange: Exchange
    first: int
    last: int
    requests: int
    is_between: bool
    others: tuple[str, ...]


def with_lost_answers(exchanges: Sequence[Exchange]) -> list[Exchange]:
    """The exchanges that have fewer answers than requests, so that there may be a pause."""
    return [one for one in exchanges if one.statuses and one.unanswered > 1]


def why_unread(tallies: Sequence[Tally]) -> str:
    """Why pauses are not looked for; empty where they are."""
    if sum(tally.sip_messages for tally in tallies) > MOST_READ_AGAIN:
        return f"in more than {MOST_READ_AGAIN:,} messages"
    return "" if all(tally.kept or tally.stamp is not None for tally in tallies) else "on standard input"


def pauses(exchanges: Sequence[Exchange], tallies: Sequence[Tally], mirrors: Collection[str]) -> Iterator[Pause]:
    """The longest pauses of each, read in the captures again. What carriers tell counts where they are `mirrors`, or
    where there is nothing else, as in `merge`."""
    short = with_lost_answers(exchanges)
    if not short or why_unread(tallies):
        return
    seen: dict[tuple[bool, str, str], list[tuple[int, bool]]] = {
        (told, one.client, one.method): [] for one in short for told in (False, True)
    }
    answers: tuple[list[tuple[int, str]], list[tuple[int, str]]] = [], []
    # Whatever carriers tell is kept apart: anybody can write a HEP packet. It counts only if nothing else was seen.
    only_told = True
    for told, time, host, method, is_answer in look_again(tallies, partial(_read_again, frozenset(mirrors))):
        only_told = only_told and told
        if is_answer:
            answers[told].append((time, host))
        if (of := seen.get((told, host, method))) is not None:
            of.append((time, is_answer))
    for one in short:
        found = [pause for pause in _waits(seen[only_told, one.client, one.method]) if _lasts(pause) > LONGEST_WAIT]
        for pause in sorted(heapq.nlargest(MOST_SILENCES, found, key=_lasts)):
            others = dict.fromkeys(
                host for time, host in answers[only_told] if pause[0] <= time <= pause[1] and host != one.client
            )
            yield Pause(one, *pause, tuple(others))


def _lasts(pause: tuple[int, int, int, bool]) -> int:
    return pause[1] - pause[0]


def _read_again(mirrors: Collection[str], datagrams: Iterator[Datagram]) -> Iterator[tuple[bool, int, str, str, bool]]:
    """(whether a carrier told it, time, sender, method) of each message."""
    for datagram in datagrams:
        direction = datagram.direction
        told = direction.startswith(TOLD) and direction.removeprefix(TOLD) not in mirrors
        message = datagram.message()
        host = message.destination.ip if message.status else message.source.ip
        method = sys.intern(message.header("CSeq").rpartition(" ")[2][:LONGEST_METHOD])
        yield told, message.time, sys.intern(host), method, bool(message.status)


def _waits(seen: Iterable[tuple[int, bool]]) -> Iterator[tuple[int, int, int, bool]]:
    """(first, last, count, whether an answer came before) of the requests that wait for an answer which comes at last;
    the last of them may be the one that was answered."""
    waiting: list[int] = []
    was_answered = False
    for time, is_answer in seen:
        if not is_answer:
            waiting.append(time)
            continue
        if len(waiting) > 2:
            yield waiting[0], waiting[-2], len(waiting) - 1, was_answered
        waiting.clear()
        was_answered = True

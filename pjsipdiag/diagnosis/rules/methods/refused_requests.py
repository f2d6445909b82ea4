"""Refusals of requests outside of calls, by what the files do with the requests; those of many strangers at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from functools import lru_cache
from itertools import zip_longest

from pjsipdiag.asterisk.verdict import Outcome, Verdict
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.diagnosis.calls.outside.exchanges import asked_by
from pjsipdiag.diagnosis.calls.rows import CHALLENGES
from pjsipdiag.diagnosis.evidence.owners import is_likely
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import counted, listed
from pjsipdiag.diagnosis.rules.methods.explanations import user_of
from pjsipdiag.diagnosis.rules.scanning import TOOLS
from pjsipdiag.diagnosis.situation import Exchange, Situation
from pjsipdiag.sip import METHODS, SipMessage, parse_uri

MANY_NAMES = 4
"""Senders of one source that are refused as unknown, from which it guesses."""
MOST_TOLD_ALONE = 16
"""Refusals of one kind that are told one by one; more are told together."""
MOST_TOLD_IN_ALL = 100
"""Refusals that are told one by one of those that the files treat alike, whatever their methods and statuses."""
TOLD_FIRST = "deal with those that are told alone first"
AS_IT_SHOULD = ", as it should be: somebody looks for accounts"


class Refusal(NamedTuple):
    """Requests between two hosts that got one refusing status, as far as they are judged alike."""

    exchange: Exchange
    status: int
    times: int
    requests: tuple[SipMessage, ...]
    verdict: Verdict

    @property
    def method(self) -> str:
        return self.exchange.method

    @property
    def senders(self) -> list[str]:
        """Who it is about: of a REGISTER the AOR, of others the From user."""
        users = (user_of(one) if self.method == "REGISTER" else from_user(one) for one in self.requests)
        return list(dict.fromkeys(filter(None, users)))


@lru_cache(maxsize=4)
def refusals(situation: Situation) -> tuple[Refusal, ...]:
    """All refusals, each request replayed once for all rules and repairs that ask."""
    return tuple(
        refusal
        for exchange in situation.exchanges
        for status, count in exchange.refusals.items()
        for refusal in _alike(situation, exchange, status, count)
    )


def _alike(situation: Situation, exchange: Exchange, status: int, count: int) -> Iterator[Refusal]:
    """The refusals with that status by what the files do with the requests."""
    found: dict[tuple[str, Outcome], list[tuple[SipMessage, Verdict]]] = {}
    seen = [(asked_by(exchange, answer) or asked_for(answer)) for answer in exchange.answers.get(status, ())]
    proven = [one for one in exchange.samples if one.values("Authorization") or one.values("Proxy-Authorization")]
    for request in seen if not (status in CHALLENGES and proven) else proven:
        verdict = situation.replay(request)
        found.setdefault((verdict.endpoint, verdict.outcome), []).append((request, verdict))
    # Only some answers are kept (Exchange.answers): the first kind stands for all that were counted.
    for number, alike in enumerate(found.values()):
        requests = tuple(request for request, _ in alike)
        yield Refusal(exchange, status, count if not number else len(alike), requests, alike[0][1])


def asked_for(answer: SipMessage) -> SipMessage:
    """The request that an answer belongs to, made of the answer's headers, where the capture does not show it."""
    to = answer.header("To").rpartition(";tag=")[0] or answer.header("To")
    uri = parse_uri(to)
    lines = [
        f"{answer.method} {uri or 'sip:unknown'} SIP/2.0",
        f"Via: {answer.header('Via')}",
        f"From: {answer.header('From')}",
        f"To: {to}",
        f"Call-ID: {answer.call_id}",
        f"CSeq: {answer.header('CSeq')}",
        f"Contact: <sip:{answer.destination}>",
        "Max-Forwards: 70",
        "Content-Length: 0",
    ]
    raw = "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n"
    return SipMessage(raw, answer.transport, answer.destination, answer.source, answer.time)


def is_attack(refusal: Refusal) -> bool:
    """Whether it is refused as it should be: a scanner's tool, or one source that tries many names."""
    agents = {one.header("User-Agent") for one in refusal.requests}
    guesses = refusal.verdict.outcome is Outcome.NO_MATCH and len(refusal.senders) >= MANY_NAMES
    return any(map(TOOLS.search, agents)) or guesses


def from_user(message: SipMessage) -> str:
    """The user of the From header, by which an endpoint is looked for."""
    uri = message.from_uri
    return uri.user if uri else ""


class RefusedCrowd(NamedTuple):
    """Refusals that are told together behind those of the same kind that are told one by one."""

    first: Refusal
    rest: Sequence[Refusal]
    are_strangers: bool


class _Kind(NamedTuple):
    """The marks of alike refusals; those with the same `treatment` alone are less alike."""

    treatment: tuple[bool, bool, Outcome]
    """Whether nothing names the sender, whether it is an attack, and what the files do with it."""
    endpoint: str
    method: str
    status: int


def part_crowds(situation: Situation, found: Sequence[Refusal]) -> tuple[list[Refusal], list[RefusedCrowd]]:
    """The refusals that are told one by one, and the rest of those that are alike: a scan comes from a thousand
    addresses, and must not bury what was refused of somebody known."""
    names = {name.lower() for name in situation.config.endpoints}
    alike: dict[_Kind, list[Refusal]] = defaultdict(list)
    for one in found:
        alike[_kind(situation, one, names)].append(one)
    told, crowds = list[Refusal](), list[RefusedCrowd]()
    treatments = dict.fromkeys(kind.treatment for kind in alike)
    for treatment in treatments:
        kinds = [ones for kind, ones in alike.items() if kind.treatment == treatment]
        one_by_one = [one for ones in kinds for one in ones[:MOST_TOLD_ALONE]]
        together = [ones for ones in kinds if len(ones) > MOST_TOLD_ALONE]
        if len(one_by_one) + len(together) <= MOST_TOLD_IN_ALL:
            told += one_by_one
            crowds += [RefusedCrowd(ones[0], ones[MOST_TOLD_ALONE:], treatment[0]) for ones in together]
            continue
        # A forged answer may have any status. One of each endpoint comes before the second of any.
        of_endpoints: dict[str, list[Refusal]] = defaultdict(list)
        for one in (one for turn in zip_longest(*kinds) for one in turn if one is not None):
            of_endpoints[one.verdict.endpoint].append(one)
        ranked = [one for turn in zip_longest(*of_endpoints.values()) for one in turn if one is not None]
        told += ranked[:MOST_TOLD_IN_ALL]
        crowds.append(RefusedCrowd(ranked[0], ranked[MOST_TOLD_IN_ALL:], treatment[0]))
    shown, places = {id(one) for one in told}, {id(one): at for at, one in enumerate(found)}
    return [one for one in found if id(one) in shown], sorted(crowds, key=lambda crowd: places[id(crowd.first)])


def _kind(situation: Situation, one: Refusal, names: Set[str]) -> _Kind:
    near = one.exchange.group is not None and is_likely(situation, one.exchange.group)
    is_stranger = one.verdict.outcome is Outcome.NO_MATCH and not near
    is_stranger = is_stranger and names.isdisjoint(map(str.lower, one.senders))
    # A sender can make up a method for each request: those that do not exist are of one kind.
    method = one.method if one.method in METHODS else ""
    treatment = is_stranger, is_attack(one), one.verdict.outcome
    return _Kind(treatment, one.verdict.endpoint, method, one.status)


def say_requests(methods: Sequence[str], whose: str, times: int) -> str:
    """ "the REGISTER of a was", "the OPTIONS and REGISTER requests of a were": the beginning of what became of them."""
    return f"the {listed(methods)} of {whose} was" if times == 1 else f"the {listed(methods)} requests of {whose} were"


def tell_crowd(crowd: RefusedCrowd, first: Finding) -> Finding:
    """One finding for the rest of a crowd; `first` is that of its first refusal."""
    hosts = tuple(dict.fromkeys(one.exchange.client for one in crowd.rest))
    methods = tuple(dict.fromkeys(one.method for one in crowd.rest))
    whose = "source" if crowd.first.exchange.client in hosts else "other source"
    statuses = listed([str(status) for status in sorted({one.status for one in crowd.rest})])
    times = sum(one.times for one in crowd.rest)
    those = say_requests(methods, f"{counted(len(hosts), whose)} ({listed(hosts)})", times)
    message = f"{those} refused with {statuses} ({counted(times, 'time')})"
    found = replace(first, sources=hosts[:MOST_TOLD_ALONE])
    if not crowd.are_strangers:
        message = f"{message}, like those of {crowd.first.exchange.client}"
        if len({(one.verdict.endpoint, one.method, one.status) for one in crowd.rest}) == 1:
            return replace(found, message=message, evidence=())
        return replace(found, message=message, evidence=(), where=None, advice=TOLD_FIRST, changes="")
    exist = not {*methods}.isdisjoint(METHODS)
    each = f"; `--method {methods[0]}` lists each" if len(methods) == 1 else ""
    return replace(
        found,
        severity=Severity.NOTE if is_attack(crowd.first) else Severity.WARNING,
        message=f"{message}{AS_IT_SHOULD if is_attack(crowd.first) else ''}: nothing in the files names them",
        evidence=("so many strangers are a scan as a rule, or forged addresses",),
        advice=f"block unknown senders where packets enter, or let fail2ban do so{each}"
        if exist
        else "block unknown senders where packets enter: no such method exists",
    )

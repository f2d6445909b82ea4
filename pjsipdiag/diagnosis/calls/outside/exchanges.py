"""Requests outside of calls between two hosts, and how they were answered; what the PBX does with those it received."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import field, replace
from functools import lru_cache, partial

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.asterisk.verdict import Verdict
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.calls.fold import GONE, IN_DIALOG
from pjsipdiag.diagnosis.calls.fold_content import MergedFolds
from pjsipdiag.diagnosis.calls.heads import value_of
from pjsipdiag.diagnosis.calls.outside.kinds import WITH_CREDENTIALS, read_kind
from pjsipdiag.diagnosis.calls.rows import COUNT, FIRST_TIME, LAST_TIME, Repeated
from pjsipdiag.diagnosis.calls.selection import Selection
from pjsipdiag.diagnosis.evidence.readable_addresses import show_ip
from pjsipdiag.diagnosis.situation import CallGroup, Exchange
from pjsipdiag.diagnosis.traffic import RequestRow
from pjsipdiag.sip import Address, SipMessage, decode, parameter, parse_uri

MOST_JUDGED_ALONE = 200
"""Exchanges up to which each has a verdict with its own values; beyond, alike requests share one."""
BUSIEST_EXCHANGES = 2000
"""Exchanges that are looked at one by one: the busiest ones."""


@dataclass(slots=True)
class _Found:
    """The requests of one method between two hosts, and their answers, while they are counted."""

    requests: int = 0
    proven: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    asked: list[SipMessage] = field(default_factory=list)
    answers: dict[int, tuple[SipMessage, ...]] = field(default_factory=dict)
    spans: dict[int, tuple[int, int]] = field(default_factory=dict)
    times: list[int] = field(default_factory=list)
    last_request: int = 0
    last_answer: int = 0

    def add(self, what: bytes, repeated: Repeated, messages: Iterable[SipMessage]) -> None:
        self.times += [repeated[FIRST_TIME], repeated[LAST_TIME]]
        _, blank, status = what.partition(b" ")
        if blank:
            self.last_answer = max(self.last_answer, repeated[LAST_TIME])
            self.statuses[int(status)] = repeated[COUNT]
            self.answers[int(status)] = tuple(messages)
            self.spans[int(status)] = repeated[FIRST_TIME], repeated[LAST_TIME]
        else:
            self.last_request = max(self.last_request, repeated[LAST_TIME])
            self.requests += repeated[COUNT]
            self.proven += repeated[COUNT] if what.endswith(WITH_CREDENTIALS) else 0
            self.asked += messages


def exchanges(
    merged: MergedFolds, pbx: Collection[bytes], wanted: Selection, replay: Replay
) -> tuple[tuple[Exchange, ...], tuple[Exchange, ...]]:
    """The exchanges that the PBX received, with their verdicts, and those that it sent."""
    found: dict[tuple[bytes, bytes, bytes], _Found] = defaultdict(_Found)
    for kind, repeated in sorted(merged.others.items()):
        client, server, what = read_kind(kind)
        if wanted.has_source(server if client in pbx else client):
            method = what.partition(b" ")[0].removesuffix(WITH_CREDENTIALS)
            seen = [one.message() for one in merged.seen.get(kind, ())]
            found[client, server, method].add(what, repeated, seen)
    # Whatever has an address of the PBX as its client was sent by it; without any PBX all counts as received.
    received, sent = [], []
    for (client, server, method), known in found.items():
        if method in IN_DIALOG:
            continue
        if client in pbx:
            sent.append(_exchange(client, server, method, known))
        elif server in pbx or not pbx:
            received.append(_exchange(client, server, method, known))
    received = sorted(received, key=lambda one: -one.requests)[:BUSIEST_EXCHANGES]
    received = [one for one in received if wanted_by(one, wanted)]
    verdict = replay.verdict if len(received) <= MOST_JUDGED_ALONE else partial(_brief, replay)
    judged = [_judged(one, verdict) for one in received]
    return tuple(judged), tuple(one for one in sent if wanted_by(one, wanted))


def unknown_calls(merged: MergedFolds, pbx: Collection[bytes], wanted: Selection) -> list[tuple[str, str, int]]:
    """(address, method, how many) of requests inside of calls that the PBX did not know."""
    found = []
    for kind, repeated in sorted(merged.others.items()):
        client, server, what = read_kind(kind)
        method, _, status = what.partition(b" ")
        if status == GONE and method in IN_DIALOG and (server in pbx or not pbx) and wanted.has_source(client):
            found.append((show_ip(client), method.decode(), repeated[COUNT]))
    return found


def _brief(replay: Replay, message: SipMessage) -> Verdict:
    return replay.verdict_of(message.raw, message.transport, _pack(message.source), _pack(message.destination))


_pack = lru_cache(maxsize=4096)(Address.pack)
"""The packed address: a PBX and those who ask it come again and again."""


def wanted_by(exchange: Exchange, wanted: Selection) -> bool:
    """Whether any of its messages has a Call-ID that is asked for."""
    ids = (message.call_id.encode("utf-8", "surrogateescape") for message in messages(exchange))
    return not wanted.call_ids or any(map(wanted.has_call_id, ids))


def messages(exchange: Exchange) -> Iterator[SipMessage]:
    yield from exchange.samples
    for seen in exchange.answers.values():
        yield from seen


def _exchange(client: bytes, server: bytes, method: bytes, found: _Found) -> Exchange:
    return Exchange(
        method.decode("ascii", "backslashreplace"),
        show_ip(client),
        show_ip(server),
        found.requests,
        found.proven,
        dict(sorted(found.statuses.items())),
        tuple(sorted(found.asked, key=lambda one: one.time)),
        found.answers,
        min(found.times),
        max(found.times),
        last_request=found.last_request,
        last_answer=found.last_answer,
        spans=found.spans,
    )


def _judged(exchange: Exchange, replay: Callable[[SipMessage], Verdict]) -> Exchange:
    if not exchange.samples:
        return exchange
    first = exchange.samples[0]
    verdict = replay(first)
    agents = map(decode, dict.fromkeys(value_of(one.head, b"user-agent") for one in exchange.samples))
    group = CallGroup(
        source=exchange.client,
        transport=first.transport,
        verdict=verdict,
        calls=exchange.requests,
        requests=exchange.requests,
        statuses=exchange.statuses,
        challenged=0,
        retried=0,
        ports=tuple(dict.fromkeys(one.source.port for one in exchange.samples)),
        destinations=tuple(dict.fromkeys(str(one.destination) for one in exchange.samples)),
        user_agents=tuple(filter(None, agents)),
        first_time=exchange.first_time,
        last_time=exchange.last_time,
        first_call=0,
        read_sample=lambda: first,
        method=exchange.method,
    )
    return replace(exchange, verdict=verdict, group=group)


def asked_by(exchange: Exchange, answer: SipMessage) -> SipMessage | None:
    """The request that an answer is for: of the same transaction, else the last that was seen of its sender."""
    for alike in (_transaction, _sender):
        found = [one for one in exchange.samples if alike(one) == alike(answer)]
        if found:
            return found[-1]
    return None


def _transaction(message: SipMessage) -> object:
    return message.call_id, message.header("CSeq")


def _sender(message: SipMessage) -> object:
    return message.header("From").partition(";tag=")[0]


def row_of(exchange: Exchange) -> RequestRow:
    """The row of a report for an exchange."""
    observed = {str(status): count for status, count in exchange.statuses.items()}
    return RequestRow(
        exchange.method,
        exchange.client,
        exchange.server,
        exchange.requests,
        exchange.proven,
        observed,
        exchange.verdict,
    )


def other_methods(merged: MergedFolds, pbx: Collection[bytes], wanted: Selection) -> dict[str, dict[str, int]]:
    """How many requests outside of calls each address sent, by method."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for kind, repeated in sorted(merged.others.items()):
        ip, _, what = read_kind(kind)
        if b" " not in what and ip not in pbx and wanted.has_source(ip):
            of_source = found[show_ip(ip)]
            method = what.removesuffix(WITH_CREDENTIALS).decode("ascii", "backslashreplace")
            of_source[method] = of_source.get(method, 0) + repeated[COUNT]
    return found


def find_missing_methods(received: Iterable[Exchange], methods: Iterable[str]) -> list[str]:
    """The methods of which the PBX received nothing."""
    seen = {exchange.method for exchange in received}
    return [method for method in methods if method not in seen and method != "INVITE"]


def own_registrations(merged: MergedFolds, pbx: Collection[bytes]) -> Iterator[SipMessage]:
    """The REGISTER requests that the PBX sent; what comes in under its address is somebody else's."""
    for datagram in merged.registrations.values():
        comes_in = datagram.direction == "in" or datagram.destination[:-2] in pbx
        if datagram.source[:-2] in pbx and not comes_in:
            yield datagram.message()


def tokens(registers: Iterable[SipMessage], config: Config) -> dict[str, str]:
    """Registration name -> the `line` token in the Contact of its REGISTER, by server, user and host of the AOR."""
    found: dict[str, str] = {}
    for register in registers:
        contact = register.header("Contact")
        token = parameter(contact.partition("<")[2].partition(">")[0], "line") or parameter(contact, "line")
        sender, server = register.from_uri, parse_uri(register.request_uri)
        if not token or sender is None or server is None:
            continue
        for registration in config.registrations.values():
            client, target = parse_uri(registration.client_uri), parse_uri(registration.server_uri)
            if not registration.line or client is None or target is None:
                continue
            if (client.user, client.host, target.host) == (sender.user, sender.host, server.host):
                found[registration.name] = token
    return found

"""Captures that hold no inbound call, or none that can be read: what they hold instead, and how that was answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from pjsipdiag.asterisk.verdict import Match, Outcome
from pjsipdiag.capture.datagram import Tally
from pjsipdiag.capture.source.tcpdump import RECORD
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import answers, calls, clock, counted, enumerated, is_cut_off, listed, sources
from pjsipdiag.diagnosis.rules.methods.own_registrations import failing
from pjsipdiag.diagnosis.rules.methods.sent import unsuccessful
from pjsipdiag.diagnosis.rules.methods.turned_answers import Turn
from pjsipdiag.diagnosis.rules.refusals.otherwise import refused_by
from pjsipdiag.diagnosis.rules.tried_identifies import sources_tried
from pjsipdiag.diagnosis.rules.wire.bounces import words
from pjsipdiag.diagnosis.rules.wire.one_direction import MEANING, say_who_was_answered
from pjsipdiag.diagnosis.rules.wire.pauses import (
    MOST_EXCHANGES,
    OF_ALL,
    OF_ONE,
    has_stopped,
    pauses,
    why_unread,
    with_lost_answers,
)
from pjsipdiag.diagnosis.situation import CallGroup, Exchange, Situation
from pjsipdiag.sip import Address, SipMessage

_OF_TRUNKS = frozenset({"ip", "header", "request_uri", "line"})
"""Identifiers that take a trunk's requests; the others take telephones, and anybody."""


def no_invite(situation: Situation) -> Iterable[Finding]:
    """Says what a capture holds instead, when it holds no inbound INVITE, or none that can be read."""
    # Calls, TLS that nobody can read, and refusals that a log tells have findings of their own: "no INVITE" beside them
    # would send people to look for a fault of the capture.
    cut = [group for group in situation.groups if is_cut_off(group)]
    if cut:
        yield _cut_off(situation, cut)
    if (
        situation.groups
        or situation.crowd
        or not situation.captures
        or tls_clients(situation)
        or situation.logged_refusals
        or situation.unread_messages
    ):
        return
    messages = sum(capture.sip_messages for capture in situation.captures)
    records = sum(capture.records for capture in situation.captures)
    unread = _unread(situation)
    methods: Counter[str] = Counter()
    for counts in situation.other_methods.values():
        methods.update(counts)
    evidence = [f"{counted(records, 'record')}, {counted(messages, 'SIP message')}"]
    if methods:
        received = [f"{count} {name}" for name, count in methods.most_common()]
        evidence.append(f"requests received: {enumerated(received)}")
    if situation.outbound_calls:
        evidence.append(f"{counted(situation.outbound_calls, 'call')} made by the PBX itself")
        evidence += [
            f"{ip} answered {status} to {count} of them" if status else f"{ip} never answered {count} of them"
            for ip, status, count in situation.outbound
        ]
    evidence += say_who_was_answered(situation) if situation.responses else ()
    evidence += [_answered(exchange) for exchange in situation.exchanges[:4]]
    evidence += [situation.without_filter] if situation.without_filter else []
    meaning = _meaning(situation, methods, messages, unread)
    silent_log = situation.are_texts and not messages
    yield Finding(
        Severity.ERROR,
        f"the {'log' if silent_log else 'capture'} holds no inbound INVITE{' that could be read' if unread else ''};"
        f" {meaning}",
        sources=tuple(situation.other_methods)[:16],
        evidence=tuple(evidence),
        advice=f"leave out or widen {situation.filter_text}"
        if situation.filter_text
        else "`asterisk -rx 'pjsip set logger on'` while a call is made, with verbose in logger.conf's line of that"
        f" file; or record with `{RECORD}`"
        if silent_log
        else f"{_before_recording(situation)}record with `{RECORD}` while a call is made; if nothing"
        " comes, ask the provider to which address and port it sends calls",
    )


def _before_recording(situation: Situation) -> str:
    """The first thing to do where something is known that keeps calls away."""
    told = any(one.refusals or has_stopped(one, situation.end) for one in situation.exchanges)
    if told or _unregistered(situation):
        return "deal with that refusal or silence first, as the other findings say; then "
    if _unanswered(situation):
        return "see that Asterisk runs and listens (`ss -lnup`, `pjsip show transports`), and what filters; then "
    return ""


def _meaning(situation: Situation, methods: Counter[str], messages: int, unread: str) -> str:
    """The meaning of the absence of calls, by what came instead."""
    # The first of these that holds is the answer, so the order is by what keeps calls away most surely: the PBX's own
    # registration, then refusals, then silence; what merely came instead of calls says least.
    if situation.filter_text:
        return f"the filter leaves none: {situation.filter_text}"
    if kept_away := _unregistered(situation) or _unanswered(situation):
        return kept_away
    if set(methods) == {"REGISTER"} or (set(methods) <= {"REGISTER", "OPTIONS"} and methods["REGISTER"]):
        return "the sources only register: their calls are another matter, and none was made while this was recorded"
    if methods["OPTIONS"]:
        return _only_asked(situation)
    if situation.outbound_calls:
        failed = sum(count for *_, count in unsuccessful(situation))
        return "all calls in it were made by the PBX" + (
            f", and {failed} of them {'was' if failed == 1 else 'were'} refused or not answered" if failed else ""
        )
    if situation.responses and any(not one.is_again for one in situation.lone_answers()):
        return MEANING
    if messages:
        return "no call begins in it: its SIP is of calls that began before, or not about calls"
    if words(situation):
        return "no SIP came through, but connections or packets that were refused or not answered"
    if unread:
        return f"what is in it could not be read: {unread}"
    if tried := sources_tried(situation):
        return (
            f"nor any other SIP; its DEBUG lines tell that requests of {listed(tried)} came, not what they were: the"
            " SIP logger was off, or writes to another file"
        )
    if situation.are_texts:
        return (
            "nor any other SIP, nor a sentence about a refused request: the SIP logger was off, or writes to another"
            " file, so this log does not tell whether calls came"
        )
    return "it holds no SIP: another interface, another port or a filter, or the call never came this far"


def _unregistered(situation: Situation) -> str:
    """Says who refuses the PBX's registration or does not answer it; empty where nobody does."""
    registrations = [one for one in failing(situation) if one.turn is not Turn.ACCEPTED and not one.elsewhere]
    if refusing := list(dict.fromkeys(one.exchange.server for one in registrations if one.status)):
        does = "refuses" if len(refusing) == 1 else "refuse"
        return f"{listed(refusing)} {does} the PBX's registration, which may be why no call comes from there"
    if silent := list(dict.fromkeys(one.exchange.server for one in registrations if one.turn is None)):
        does = "answers" if len(silent) == 1 else "answer"
        return f"{listed(silent)} never {does} the PBX's registration: no call comes from there before that"
    if stopped := list(dict.fromkeys(one.exchange.server for one in registrations)):
        return f"{listed(stopped)} no longer {'answers' if len(stopped) == 1 else 'answer'} the PBX's registration"
    return ""


def _unanswered(situation: Situation) -> str:
    """Says that what came instead of calls was refused or got no answer; empty where neither is so."""
    refused = [one for one in situation.exchanges if one.refusals]
    if refused:
        what = f"{_each(one.method for one in refused)} of {_each(one.client for one in refused)}"
        return f"what came instead was refused ({what}), which may be why no call comes"
    came = situation.exchanges
    if stopped := [one for one in came if has_stopped(one, situation.end)]:
        what = f"{_each(one.method for one in stopped)} of {_each(one.client for one in stopped[:4])}"
        since = clock(min(one.last_answer for one in stopped))
        return f"what came instead got no answer any more ({what}, since {since}), which may be why no call comes"
    if not came or not all(one.is_silent for one in came):
        return ""
    what = f"{_each(one.method for one in came)} of {_each(one.client for one in came[:4])}"
    return f"nothing that came got an answer ({what}): Asterisk does not run or listen, or a filter stands before it"


def _only_asked(situation: Situation) -> str:
    """The meaning of OPTIONS without calls: of a trunk, or of hosts that the files do not know as one."""
    asked = [one for one in situation.exchanges if one.method == "OPTIONS" and one.verdict is not None]
    verdicts = [one.verdict for one in asked if one.verdict is not None]
    if not asked or any(one.outcome is Outcome.UNKNOWN or one.identifier in _OF_TRUNKS for one in verdicts):
        return (
            "the provider reaches the PBX (OPTIONS), but sends no call: it may send calls to another address or account"
        )
    return (
        f"OPTIONS came from {_each(one.client for one in asked[:4])}, which no identify of a trunk takes, and nothing"
        " from a provider: its packets may use another interface, or it sends calls to another address or account"
    )


def pauses_of_answers(situation: Situation, tallies: Sequence[Tally]) -> Iterator[str]:
    """The sentences on pauses of answers to requests outside of calls, and whether others got theirs."""
    exchanges = situation.exchanges[:MOST_EXCHANGES]
    if (why := why_unread(tallies)) and (short := with_lost_answers(exchanges)):
        hosts = listed(list(dict.fromkeys(one.client for one in short)))
        yield (
            f"some requests of {hosts} outside of calls got no answer; whether answers paused for a time is not looked"
            f" at {why}"
        )
    for pause in pauses(exchanges, tallies, situation.mirrors):
        one = pause.exchange
        got = pause.others
        why = f"{listed(got)} got answers meanwhile: {OF_ONE}" if got else f"nobody got one meanwhile: {OF_ALL}"
        yield (
            f"{pause.requests} {one.method} of {one.client} got no answer from {clock(pause.first)} to"
            f" {clock(pause.last)}, and {'before and after' if pause.is_between else 'afterwards'} they did; {why}"
        )


def _each(names: Iterable[str]) -> str:
    return listed(list(dict.fromkeys(names)))


def _unread(situation: Situation) -> str:
    """The records of the captures that could not be read, by reason, in words; empty where all was read."""
    reasons: Counter[str] = Counter()
    for capture in situation.captures:
        reasons.update(capture.unread)
    said = [f"{count} x {reason}" for reason, count in sorted(reasons.items())]
    return ", ".join(said + [capture.truncated for capture in situation.captures if capture.truncated])


def _cut_off(situation: Situation, groups: Sequence[CallGroup]) -> Finding:
    whole = len(groups) < len(situation.groups)
    answered = any(status for group in groups for status, count in group.statuses.items() if count)
    refused = any(refused_by(group) for group in groups)
    return Finding(
        Severity.ERROR if not whole else Severity.WARNING if refused else Severity.NOTE,
        f"{counted(calls(groups), 'INVITE call')} of {listed(sources(groups))} cannot be read: the"
        f" {'text' if situation.are_texts else 'capture'} holds only the start of {'these' if whole else 'all its'}"
        " messages",
        sources=sources(groups),
        calls=calls(groups),
        evidence=("who is identified cannot be told from them", f"observed answers: {answers(groups)}")
        if answered
        else ("neither who is identified nor what was answered can be told from them",),
        advice="bring the log file itself as Asterisk wrote it (/var/log/asterisk/full), no excerpt of it (`grep -A`)"
        if situation.are_texts
        else "record whole packets: `tcpdump -s 0`",
    )


def _answered(exchange: Exchange) -> str:
    counts = [f"{status} ({count})" for status, count in exchange.statuses.items()]
    counts += [f"not at all ({exchange.unanswered})"] if counts and exchange.unanswered > 1 else []
    sent = f"{exchange.requests} {exchange.method}"
    if not exchange.requests:
        sent = f"{exchange.method} that the capture does not have"
    return f"{exchange.client} sent {sent}, answered {', '.join(counts) or 'not at all'}"


def encrypted(situation: Situation) -> Iterable[Finding]:
    """Connections whose SIP cannot be read: who connects, and whether its address alone would be taken."""
    clients = tls_clients(situation)
    if not clients:
        return
    evidence = []
    unknown = []
    for client, server, count in clients.values():
        check = next(
            (
                check
                for check in situation.replay(_probe(client, server)).trace
                if check.step == "ip" and check.match is Match.MATCH
            ),
            None,
        )
        if check is None:
            unknown.append(client.ip)
        taken = (
            f"taken by ip: [{check.identify}], endpoint {check.endpoint}" if check else "in no match= of any identify"
        )
        evidence.append(f"{client.ip} to {server} ({counted(count, 'connection')}): {taken}")
    alone = not situation.groups and not situation.crowd
    yield Finding(
        _weight(bool(unknown), alone),
        f"{counted(len(clients), 'client')} ({listed(list(clients))})"
        f" {'connects' if len(clients) == 1 else 'connect'} over TLS, which cannot be read"
        " without keys;"
        + (
            f" {listed(unknown)} {'is' if len(unknown) == 1 else 'are'} in no match= of any identify"
            if unknown
            else " the address of each is taken by an identify"
        ),
        sources=tuple(clients),
        evidence=tuple(evidence[:16]),
        advice="to read it: `pjsip set logger pcap FILE` in Asterisk writes the SIP decrypted, or give --keylog"
        " FILE; a telephone"
        " that logs in is identified by its user and needs no match=",
    )


def _weight(unknown: bool, alone: bool) -> Severity:
    """An error where nothing else can be read and no identify takes a client."""
    if alone:
        return Severity.ERROR if unknown else Severity.WARNING
    return Severity.WARNING if unknown else Severity.NOTE


def tls_clients(situation: Situation) -> dict[str, tuple[Address, Address, int]]:
    """(client, server, connections) by the client's IP, the PBX's own connections left out."""
    clients: dict[str, tuple[Address, Address, int]] = {}
    for client, server, count in situation.encrypted_connections:
        if client.ip not in situation.pbx:
            known = clients.get(client.ip)
            clients[client.ip] = (client, server, count + (known[2] if known else 0))
    return clients


def _probe(client: Address, server: Address) -> SipMessage:
    raw = (
        f"INVITE sip:probe@{server} SIP/2.0\r\nVia: SIP/2.0/TLS {client};branch=z9hG4bKprobe\r\n"
        f"From: <sip:pjsipdiag-probe@invalid>;tag=1\r\nTo: <sip:probe@{server}>\r\nCall-ID: probe\r\n"
        "CSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContact: <sip:probe@invalid>\r\nContent-Length: 0\r\n\r\n"
    )
    return SipMessage(raw.encode(), "TLS", client, server)

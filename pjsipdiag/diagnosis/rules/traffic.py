"""What the traffic itself is: scanners, encrypted connections, captures without a call."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from pjsipdiag.asterisk.addresses.rule import is_whole_world
from pjsipdiag.asterisk.verdict import Match, Outcome
from pjsipdiag.diagnosis.evidence.lookup import taking
from pjsipdiag.diagnosis.evidence.signs import is_likely
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.admission import is_kept_out
from pjsipdiag.diagnosis.rules.cause import Cause, answers, calls, counted, listed, sources, with_status
from pjsipdiag.diagnosis.rules.order import of_anonymous
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.sip import Address, SipMessage, parse_uri

TOOLS = re.compile(
    r"friendly-(scanner|request)|sip-?vicious|sip-?scan|sipcli|sundayddr|vaxsip|vaxip|pplsip|iwar|sipsak|sivus|smap|"
    r"sipptk|gulp|nsauditor|sipsscuser|gazllove|usaairport|\bnmap\b|zgrab|masscan|scanner",
    re.IGNORECASE,
)
"""User-Agent names of SIP scanners, as published fail2ban and iptables lists have them."""

WELL_KNOWN = re.compile(
    r"(\d{2,4}|admin|test|user|guest|root|anonymous|asterisk|sip|voip|phone|demo|office|a)", re.IGNORECASE
)
"""From users that are guessed: short extensions and default account names."""

LIKELY = 4
"""Points from which a source counts as a scanner."""

MANY = 3
"""Prefixes before one number, or guessed accounts, from which they are no accident."""

PATTERN = 3
"""Calls that are a pattern; fewer can be somebody's who uses the address of another."""

BY_NAME = ("username", "auth_username", "anonymous")
"""Identifiers that take a source for what it says of itself."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """Everything that one source did and that no address of the configuration invited."""

    groups: tuple[CallGroup, ...]
    numbers: tuple[str, ...]
    callers: tuple[str, ...]
    agents: tuple[str, ...]


class Signs(NamedTuple):
    """Points and sentences for a source being a scanner."""

    points: int
    sentences: tuple[str, ...]


@lru_cache(maxsize=2)
def strangers(situation: Situation) -> dict[str, Stranger]:
    """The uninvited by source: matched by nothing for certain, by the name that they give themselves, by a rule that
    takes everybody, or kept out by a type=acl."""
    found: dict[str, list[CallGroup]] = {}
    for group in situation.groups:
        unknown = group.verdict.outcome in (Outcome.NO_MATCH, Outcome.UNKNOWN) or group.verdict.identifier in BY_NAME
        if unknown or is_kept_out(group) or of_anonymous(situation, group):
            found.setdefault(group.source, []).append(group)
    return {
        source: Stranger(
            tuple(groups),
            tuple(dict.fromkeys(number for group in groups for number in group.numbers)),
            tuple(dict.fromkeys(caller for group in groups for caller in group.callers)),
            tuple(dict.fromkeys(agent for group in groups for agent in group.user_agents)),
        )
        for source, groups in found.items()
    }


@lru_cache(maxsize=8192)
def scanner_signs(situation: Situation, source: str) -> Signs:
    """What marks a source as a scanner; a published tool name alone is enough."""
    stranger = strangers(situation)[source]
    signs: list[tuple[int, str]] = []
    agent = next((agent for agent in stranger.agents if TOOLS.search(agent)), "")
    if agent:
        signs.append((LIKELY, f"User-Agent {agent!r} is a known scanning tool"))
    tail, tries = _prefixes(stranger)
    if tries >= MANY:
        signs.append((2, f"it dials …{tail} with {tries} different prefixes, as who looks for an outside line does"))
    guessed = _guessed(stranger)
    if len(guessed) >= MANY:
        signs.append((2, f"it calls itself {listed(guessed)}: guessed accounts"))
    elif guessed and len(stranger.callers) == len(guessed):
        signs.append((1, f"it calls itself {listed(guessed)}"))
    if len(stranger.numbers) >= 10 and len(stranger.callers) >= 10 and calls(stranger.groups) >= 20:
        signs.append((1, f"{len(stranger.numbers)} or more numbers and {len(stranger.callers)} or more callers"))
    refused = sum(with_status(group, 401, 403) for group in stranger.groups)
    if refused >= 5 and not any(group.retried for group in stranger.groups):
        signs.append((1, f"{counted(refused, 'call')} refused, and it goes on"))
    other = situation.other_methods.get(source, {})
    if sum(other.values()) >= 20:
        signs.append((1, f"it also sent {', '.join(f'{count} {method}' for method, count in other.items())}"))
    if LIKELY > sum(points for points, _ in signs) > 0 and _claims_target(stranger):
        signs.append((1, "its From names the address that it calls, as if it came from here"))
    return Signs(sum(points for points, _ in signs), tuple(text for _, text in signs))


def scans(situation: Situation, group: CallGroup) -> bool:
    """Whether the source is uninvited and looks for accounts.

    One packet makes no scanner: anybody can send it in another's name. Nor is it a source that a line takes, or that
    facts tie to an endpoint; what it claims of itself does not clear it.
    """
    stranger = strangers(situation).get(group.source)
    if stranger is None or group not in stranger.groups:
        return False
    if calls(stranger.groups) < PATTERN or scanner_signs(situation, group.source).points < LIKELY:
        return False
    return not is_likely(situation, group) and not any(
        not rule.deny and not is_whole_world(rule) for _, rule in taking(situation, group)
    )


def _prefixes(stranger: Stranger) -> tuple[str, int]:
    """The end of a number that was dialled with the most different prefixes, and how many these were."""
    digits = (re.sub(r"\D", "", text) for text in stranger.numbers)
    found = Counter(text[-9:] for text in digits if len(text) >= 10).most_common(1)
    return found[0] if found else ("", 0)


def _guessed(stranger: Stranger) -> list[str]:
    return [user for user in stranger.callers if WELL_KNOWN.fullmatch(user)]


def of_scanner(situation: Situation, group: CallGroup) -> Cause | None:
    """A scanner, unless an open door lets it in: that is the configuration's fault."""
    if of_anonymous(situation, group) or not scans(situation, group):
        return None
    return Cause("accepted" if group.verdict.outcome is Outcome.ACCEPTED else "")


def scanner(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    found = sources(groups)
    accepted = cause.name == "accepted"
    weight = Severity.NOTE if all(map(is_kept_out, groups)) else Severity.WARNING
    signs = [f"{source}: {sign}" for source in found[:4] for sign in scanner_signs(situation, source).sentences]
    entered = f" and reaches the dialplan as {groups[0].verdict.endpoint}" if accepted else ""
    where = situation.config.endpoints[groups[0].verdict.endpoint].where if accepted else None
    return Finding(
        "scanner",
        Severity.ERROR if accepted else weight,
        f"{listed(found)} {'scan' if len(found) > 1 else 'scans'} for open accounts"
        f" ({counted(calls(groups), 'call')}){entered}:"
        " never add it to match=",
        where,
        found,
        calls(groups),
        (*signs, f"observed answers: {answers(groups)}"),
        advice=f"block it where packets enter, before other rules: {_blocking(found)}; on FreePBX and elsewhere"
        " fail2ban does so itself, once its jail for asterisk is on",
    )


def _blocking(found: Sequence[str]) -> str:
    """One command for each family; `insert` puts the rule before those that accept."""
    commands = []
    for family, ips in (("ip", [ip for ip in found if ":" not in ip]), ("ip6", [ip for ip in found if ":" in ip])):
        if ips:
            them = ips[0] if len(ips) == 1 else f"{{ {', '.join(ips)} }}"
            commands.append(f"nft insert rule inet filter input {family} saddr {them} drop")
    return "; ".join(commands)


def crowd(situation: Situation) -> Iterable[Finding]:
    """The many sources that are not listed one by one."""
    many = situation.crowd
    if many:
        yield Finding(
            "scanner",
            Severity.WARNING,
            f"{many.sources} further sources called {counted(many.calls, 'time')}; no identifier takes any of them"
            " and none is"
            f" near to what the configuration names (for example {listed(many.examples)})",
            None,
            many.examples,
            many.calls,
            (f"User-Agent: {listed([repr(agent) for agent in many.user_agents])}",) if many.user_agents else (),
            advice="limit port 5060 to the addresses of your providers and telephones in the firewall",
        )


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
        "encrypted",
        _weight(bool(unknown), alone),
        f"{counted(len(clients), 'client')} ({listed(list(clients))})"
        f" {'connects' if len(clients) == 1 else 'connect'} over TLS, which cannot be read"
        " without keys;"
        + (
            f" {listed(unknown)} {'is' if len(unknown) == 1 else 'are'} in no match= of any identify"
            if unknown
            else " the address of each is taken by an identify"
        ),
        None,
        tuple(clients),
        0,
        tuple(evidence[:16]),
        advice="to read it: `pjsip set logger pcap FILE` in Asterisk writes the SIP decrypted, or give --keylog"
        " FILE; a telephone"
        " that logs in is identified by its user and needs no match=",
    )


def _weight(unknown: bool, alone: bool) -> Severity:
    """Nothing else to read and a client that no identify takes: an error."""
    if alone:
        return Severity.ERROR if unknown else Severity.WARNING
    return Severity.WARNING if unknown else Severity.NOTE


def tls_clients(situation: Situation) -> dict[str, tuple[Address, Address, int]]:
    """(client, server, connections) by the client's IP, the PBX's own connections left out."""
    clients: dict[str, tuple[Address, Address, int]] = {}
    for client, server, count in situation.encrypted:
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


def _claims_target(stranger: Stranger) -> bool:
    message = stranger.groups[0].sample
    uri = parse_uri(message.header("From"))
    return uri is not None and uri.host == message.destination.ip

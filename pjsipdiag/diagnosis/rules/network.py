"""Causes before identification: silence, translated sources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from pjsipdiag.asterisk.addresses.address_rule import number
from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.capture.passed_over import WITHOUT_THE_REST
from pjsipdiag.diagnosis.calls.rows import T1_GIVES_UP
from pjsipdiag.diagnosis.evidence.lookup import find_holding
from pjsipdiag.diagnosis.evidence.owners import best, hosts_named, is_likely, samples
from pjsipdiag.diagnosis.evidence.readable_addresses import ip_of, is_address, is_private
from pjsipdiag.diagnosis.evidence.seen import groups_of
from pjsipdiag.diagnosis.evidence.trunks import prefix
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import (
    Cause,
    answers,
    calls,
    clock,
    counted,
    finding_for,
    is_cut_off,
    is_silent,
    listed,
    sources,
    with_status,
)
from pjsipdiag.diagnosis.rules.gaps.difference import is_split
from pjsipdiag.diagnosis.rules.log_refusals.refusal_words import HIDE_ALIKE
from pjsipdiag.diagnosis.rules.scanning import scanner_signs, scans
from pjsipdiag.diagnosis.rules.transports import of_transport
from pjsipdiag.diagnosis.rules.unmatched import is_unmatched
from pjsipdiag.diagnosis.rules.wire import bounces, replaced
from pjsipdiag.diagnosis.rules.wire.pauses import OF_ALL, OF_ONE, silences
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.sip import SipMessage

MOST_MEANT = 8
"""Silent sources that get a finding each; more are told together."""
LARGEST_UNCUT = {4: 1472, 6: 1452}
"""Bytes of UDP payload that fit into one packet of an Ethernet (1,500, less the heads of IP and UDP), by family."""


def no_answer(situation: Situation) -> Iterable[Finding]:
    """A finding for each source whose INVITEs stay without any answer; one for all where they tell no more than that.

    Silence says nothing where the capture ends too soon. Strangers whom a firewall keeps out are worth a note, and a
    ban is what refusals led to: they are the cause. What the network says of them is told by `wire.bounces`.
    """
    meant: list[CallGroup] = []
    others: list[CallGroup] = []
    for group in situation.groups if not situation.config.rejected_files else ():
        if not with_status(group, 0):
            continue
        # These have findings of their own that explain the silence; only what nothing explains is told here.
        refused = group.verdict.outcome is Outcome.NOT_IDENTIFIED or of_transport(situation, group)
        told = any(word.is_proven for word in bounces.of_group(situation, group))
        if refused or is_cut_off(group) or ends_early(situation, group) or told:
            continue
        invited = bool(group.verdict.endpoint or best(situation, group)) and not scans(situation, group)
        (meant if invited and is_lasting(situation, group) else others).append(group)
    if len(meant) <= MOST_MEANT:
        for group in meant:
            yield _silence(situation, [group], Severity.WARNING if _banned(situation, [group]) else Severity.ERROR)
    else:
        yield _silence(situation, meant, Severity.ERROR)
    if others:
        yield _silence(situation, others, Severity.NOTE)


SPLIT = "several hosts"


def of_translation(situation: Situation, group: CallGroup) -> Cause | None:
    """A source that stands for others: a NAT, Docker or proxy address before the real callers."""
    if is_split(situation, group):
        return Cause(group.source, None, SPLIT)
    if group.source in situation.replaced_sources:
        return Cause(group.source, None, replaced.REPLACED)
    if group.verdict.outcome not in (Outcome.NO_MATCH, Outcome.UNKNOWN, Outcome.ACCEPTED):
        return None
    if is_unmatched(group) and is_likely(situation, group):
        return None  # what its headers name cannot take away what the files say of it
    is_proxy = is_unmatched(group) and (group.source in situation.pbx or _is_proxy(situation, group))
    if not is_private(group.source) and not is_proxy:
        return None
    behind = {host for _, host in senders(situation, group)}
    if scans(situation, group):  # what comes through it besides must not have it blocked
        behind |= {host for other in groups_of(situation, group.source) for _, host in senders(situation, other)}
    least = 2 if group.verdict.outcome is Outcome.ACCEPTED else 1
    return Cause(group.source, None) if len(behind) >= least else None


def translated_source(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    if cause.detail == SPLIT:
        return Finding(
            Severity.ERROR,
            f"{cause.name} stands for several hosts, it seems: the log has its calls both let in and refused"
            f" ({answers(groups)}), and the files do not tell one host from the other",
            cause.where,
            sources(groups),
            calls(groups),
            (
                "either addresses were replaced before the log was handed over, or it is one host and Asterisk was"
                " reloaded in between",
                "the source address decides who is identified: what the files do with these calls is not known",
            ),
            advice=HIDE_ALIKE,
        )
    if cause.detail == replaced.REPLACED:
        return replaced.tell(situation, cause.name, groups)
    named = {found for group in groups for found in senders(situation, group)}
    behind, headers = sorted({host for _, host in named}), sorted({header for header, _ in named})
    matched = groups[0].verdict.outcome is not Outcome.NO_MATCH
    return finding_for(
        groups,
        Severity.WARNING if matched else Severity.ERROR,
        f"{cause.name} is not where the calls come from: their {listed(headers)}"
        f" {'name' if headers[1:] else 'names'} {listed(behind)}. Something"
        " in between"
        f" (NAT, Docker's gateway, a proxy) replaces the source, so match={cause.name} would let in everybody who comes"
        " through it",
        cause.where,
        _what_is(situation, cause.name),
        *([f"{counted(len(behind), 'sender')} behind one address"] if behind[1:] else []),
        *_scanning(situation, groups),
        advice="keep the source address (Docker: network_mode: host, or userland-proxy off; router: no"
        " masquerading of inbound"
        " SIP; proxy: match by header), then match the real addresses",
    )


def _scanning(situation: Situation, groups: Sequence[CallGroup]) -> Iterable[str]:
    """A sentence where scanners come the same way as the providers: to block the address would block all of them."""
    if any(scans(situation, group) for group in groups):
        signs = scanner_signs(situation, groups[0].source).sentences
        yield f"a scanner comes through it as well ({signs[0]}): a rule for the address lets it in or blocks everybody"


def _insists(group: CallGroup) -> bool:
    """Whether INVITEs without an answer were sent again: their sender got none either."""
    return group.resent > 0


def is_lasting(situation: Situation, group: CallGroup) -> bool:
    """Whether its silence says that calls failed: they were sent again and again, or others were answered."""
    return not ends_early(situation, group) and (_insists(group) or situation.responses > 0)


def ends_early(situation: Situation, group: CallGroup) -> bool:
    """Whether the capture ends before its silence says anything."""
    ended = bool(group.first_silent and situation.end and situation.end - group.first_silent < T1_GIVES_UP)
    return ended and not _insists(group)


def _silence(situation: Situation, groups: Sequence[CallGroup], severity: Severity) -> Finding:
    silent = sum(with_status(group, 0) for group in groups)
    challenged = sum(group.challenged_in_vain for group in groups)
    names = {group.verdict.endpoint for group in groups}
    known = set[str]() if "" in names else names
    destinations = tuple(dict.fromkeys(text for group in groups for text in group.destinations))
    taken = f", although {listed(sorted(known))} would take {'it' if silent == 1 else 'them'}" if known else ""
    by = {group.verdict.identifier for group in groups} - {""}
    return Finding(
        severity,
        f"{counted(silent, 'INVITE call')} of {listed(sources(groups))} to {listed(destinations)} got no answer"
        f"{_after_challenges(challenged, silent)}{taken}{f' ({listed(sorted(by))})' if taken else ''}",
        sources=sources(groups),
        calls=silent,
        evidence=tuple(_about_silence(situation, groups)),
        advice="look outside of pjsip.conf: a capture before the firewall sees what Asterisk never gets; check the"
        " firewall, fail2ban, and that Asterisk listens (`ss -lnup`) and is fully booted",
    )


def _after_challenges(challenged: int, silent: int) -> str:
    if not challenged:
        return " at all"
    of_them = "" if challenged == silent else f" ({challenged} of them)"
    whose = "their" if silent > 1 else "its"
    return f" to {whose} credentials, after a 401 or 407{of_them}"


def _about_silence(situation: Situation, groups: Sequence[CallGroup]) -> Iterable[str]:
    """The signs of a ban, of a firewall, or of a capture that shows one direction only."""
    if any(_insists(group) for group in groups):
        yield "the caller sends the INVITE again and again: it got no answer either"
    yield from _fragments(situation, groups)
    refused = _banned(situation, groups)
    if refused:
        yield (
            f"{counted(refused, 'call')} of it got 401 or 403 before the silence: look for a ban"
            " (`fail2ban-client status asterisk`, `iptables -L -n`)"
        )
    elif _fell_silent(groups):
        yield "it was answered before: something changed in between (firewall, ban, Asterisk stopped)"
    if not situation.responses:
        yield ("the capture holds no answer to anybody: it may show one direction only, or Asterisk was not running")
    else:
        yield from _meanwhile(situation, groups)
    told = bounces.sentences([word for group in groups for word in bounces.of_group(situation, group)])
    yield from told
    if not told:
        yield (
            "no ICMP error about it is in the capture; a filter of ports leaves them out: `tcpdump 'port 5060 or icmp"
            " or icmp6'`"
        )


def _fragments(situation: Situation, groups: Sequence[CallGroup]) -> Iterable[str]:
    """The sentences on INVITEs that UDP carries in fragments, and on fragments that are missing."""
    cut = [size for group in groups for size in _cut_sizes(group)]
    if cut:
        with_credentials = " with credentials" if any(group.challenged_in_vain for group in groups) else ""
        yield (
            f"the INVITE{with_credentials} has {max(cut)} bytes: over UDP it travels in fragments, which firewalls and"
            " routers may drop (fewer codecs, or TCP)"
        )
    lost = sum(capture.unread.get(WITHOUT_THE_REST, 0) for capture in situation.captures)
    if lost and (cut or any(is_silent(group) and b"\r\n\r\n" not in group.sample.raw for group in groups)):
        yield (
            f"{counted(lost, 'message')} in the capture without later fragments: either those are lost on the way, and"
            " Asterisk never gets the INVITE, or a filter on ports left them out of the capture"
        )


def _cut_sizes(group: CallGroup) -> list[int]:
    """The bytes of its requests that got no answer, where UDP carries them in fragments: of those with credentials, and
    of the first INVITE where it never got any."""
    unheard = [*group.read_proofs_in_vain(), *([group.sample] if is_silent(group) else [])]
    sizes = map(_size, unheard if group.transport == "UDP" else ())
    return [size for size in sizes if size > LARGEST_UNCUT[number(group.source)[0]]]


def _size(message: SipMessage) -> int:
    """The bytes of a message, whose body may be left out here, as its Content-Length has them."""
    length = message.header("Content-Length")
    return len(message.head) + len("\r\n\r\n") + (int(length) if length.isdecimal() and len(length) < 6 else 0)


def _meanwhile(situation: Situation, groups: Sequence[CallGroup]) -> Iterable[str]:
    """The sentences on each silence: from when to when, and what others got in that time."""
    mine = set(sources(groups))
    found, count = silences(situation, groups)
    if count > len(found):
        yield f"answers stopped {count} times, and came again in between; the longest times:"
    for one in found:
        first, last = clock(one.first), clock(one.last)
        span = f"from {first} to {last} UTC" if first != last else f"at {first} UTC"
        if one.others:
            yield f"no answer {span}; others are answered meanwhile ({listed(one.others)}), so Asterisk runs: {OF_ONE}"
        elif one.asked_in_vain:
            yield f"no answer {span}, and nobody else got one meanwhile: {OF_ALL}"
        elif any(other.source not in mine and with_status(other, 0) < other.calls for other in situation.groups):
            yield f"no answer {span}; others are answered in the same capture, but nobody else asked meanwhile"
        else:
            yield f"no answer {span}"
        if one.others and one.heard_again:
            yield f"answers come again at {clock(one.heard_again)}"
        elif one.resumed and not one.others:
            yield f"answers come again at {clock(one.resumed)}: an overloaded Asterisk passes over new requests on UDP"


def _banned(situation: Situation, groups: Sequence[CallGroup]) -> int:
    """How many calls of the same sources were refused before the silence began."""
    mine = set(sources(groups))
    return _fell_silent(groups) * sum(with_status(g, 401, 403) for g in situation.groups if g.source in mine)


def _fell_silent(groups: Sequence[CallGroup]) -> bool:
    """Whether the sources were answered before, and no more later."""
    return 0 < max(group.last_answer for group in groups) < min(group.first_silent for group in groups)


@lru_cache(maxsize=4096)
def senders(situation: Situation, group: CallGroup) -> frozenset[tuple[str, str]]:
    """(header, address) of everybody else that the requests of a group name as their senders.

    A private source can stand for public addresses, for those of an identify, and for several private networks; a
    single private address behind it may be a distant NAT, and says nothing.
    """
    own = {group.source, *situation.pbx, *(ip_of(text) for text in group.destinations)}
    found = {
        (header, host)
        for message in samples(group)
        for header, host in hosts_named(message)
        if header in ("Via", "Contact", "Record-Route") and host not in own and is_address(host) and number(host)[1]
    }
    others = {host for _, host in found}
    # A public source that names public hosts is any proxy; only a private one cannot be where they are.
    told = {host for host in others if not is_private(host) or find_holding(situation, host)}
    if len({prefix(host) for host in others - told} | {prefix(group.source)}) > 2:
        told = others
    return frozenset((header, host) for header, host in found if host in told)


def _is_proxy(situation: Situation, group: CallGroup) -> bool:
    """A public address that forwards for several, of whom the configuration knows one: it names itself on top."""
    message = group.sample
    forwards = any(header == "Record-Route" and host == group.source for header, host in hosts_named(message))
    behind = {host for header, host in senders(situation, group) if header == "Via"}
    return forwards and len(behind) >= 2 and any(find_holding(situation, host) for host in behind)


def _what_is(situation: Situation, ip: str) -> str:
    if ip in situation.pbx:
        return f"{ip} is the PBX's own address: a proxy on its machine, or somebody who forges it"
    if ip.startswith("172.17.") or (ip.startswith("172.") and ip.endswith(".0.1")):
        return f"{ip} is the usual address of a Docker bridge's gateway"
    if not is_private(ip):
        return f"{ip} names itself in Record-Route: a proxy that forwards for others"
    return f"{ip} is a private address, and the senders named are not in its network"

"""Telephones whose calls and registrations a trunk's rule takes, for it is too wide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from pjsipdiag.asterisk.addresses.address_rule import BITS, is_whole_world, length, number
from pjsipdiag.asterisk.config import AddressRule, Endpoint
from pjsipdiag.asterisk.section import Where
from pjsipdiag.asterisk.verdict import RULE_IDENTIFIERS, Outcome, Verdict
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.diagnosis.evidence.lookup import find_taking
from pjsipdiag.diagnosis.evidence.owners import hosts_named, samples
from pjsipdiag.diagnosis.evidence.readable_addresses import is_address, is_private
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import Cause, counted, finding_for, listed, sources, who
from pjsipdiag.diagnosis.rules.methods import credential_check
from pjsipdiag.diagnosis.rules.refusals.otherwise import OF_PEOPLE
from pjsipdiag.diagnosis.rules.scanning import scans
from pjsipdiag.diagnosis.situation import CallGroup, Exchange, Situation
from pjsipdiag.sip import SipMessage


def of_telephone(situation: Situation, group: CallGroup) -> Cause | None:
    """A trunk's rule takes a call whose From user is an endpoint of its own, with a password."""
    verdict = group.verdict
    if verdict.identifier not in RULE_IDENTIFIERS or verdict.outcome is Outcome.ACL_DENIED:
        return None
    phones = [phone for phone, _ in _named_telephones(situation, group) if phone.name != verdict.endpoint]
    if not phones:
        return None
    if verdict.identifier == "ip":
        rule = _rule(situation, group)
        if rule is None or not (length(rule) < BITS[rule.version] or is_private(group.source) or _behind(group)):
            return None
        return Cause(verdict.identify, rule.where, phones[0].name)
    where = next((c.where for c in verdict.trace if c.step == verdict.identifier and c.endpoint), None)
    return Cause(verdict.identify, where, phones[0].name)


FROM_USER, LOGIN = "From user", "Authorization user"
IDENTIFIER_OF = {FROM_USER: "username", LOGIN: "auth_username"}
"""The word by which a request names its caller, and the identifier that believes it."""


def _named_telephones(situation: Situation, group: CallGroup) -> Iterable[tuple[Endpoint, str]]:
    """The telephones that the calls of a group name, and by which word."""
    callers, logins = _telephones(situation, FROM_USER), _telephones(situation, LOGIN)
    yield from ((callers[name], FROM_USER) for name in (group.callers if callers else ()) if name in callers)
    if logins and group.credentialed:
        yield from ((logins[name], LOGIN) for name in credential_check.users(group.read_proofs()) if name in logins)


@lru_cache(maxsize=4)
def _telephones(situation: Situation, word: str) -> Mapping[str, Endpoint]:
    """The endpoints that a request names by this word, log in by that name, and to which nothing else leads."""
    trunks = {identify.endpoint for identify in situation.config.identifies}
    return {
        name: phone
        for name, phone in situation.config.endpoints.items()
        if phone.auth and IDENTIFIER_OF[word] in phone.identify_by and phone.name not in trunks
    }


def registered_in_vain(situation: Situation, request: SipMessage, verdict: Verdict) -> Endpoint | None:
    """The telephone whose REGISTER a trunk's rule takes."""
    phone, _ = _registering(situation, request) if verdict.identifier in RULE_IDENTIFIERS else (None, "")
    return phone if phone is not None and phone.name != verdict.endpoint else None


def _registering(situation: Situation, request: SipMessage) -> tuple[Endpoint | None, str]:
    """The telephone that a REGISTER names, and by which word."""
    uri = request.from_uri if request.method == "REGISTER" else None
    if uri is None:
        return None, ""
    named = [(FROM_USER, uri.user), *((LOGIN, user) for user in credential_check.users([request]))]
    found = ((_telephones(situation, word).get(name), word) for word, name in named)
    return next((one for one in found if one[0]), (None, ""))


class _Taken(NamedTuple):
    """The telephone by whose name registrations come, the word that says it, and the rule that takes them."""

    phone: str
    word: str
    identifier: str
    identify: str
    endpoint: str
    where: Where | None


def registrations_taken(situation: Situation) -> Iterable[Finding]:
    """One finding for the hosts that register as a telephone in vain, for a trunk's rule takes that, too."""
    found: dict[_Taken, list[Exchange]] = {}
    for exchange in situation.exchanges:
        # A 200 shows that no other endpoint took the REGISTER, whatever the files say.
        for request in exchange.samples if exchange.method == "REGISTER" and not exchange.successes else ():
            _, word = _registering(situation, request)
            if not word:
                continue
            verdict = situation.replay(request)
            phone = registered_in_vain(situation, request, verdict)
            if phone is not None:
                where = next((c.where for c in verdict.trace if c.endpoint and c.step == verdict.identifier), None)
                taken = _Taken(phone.name, word, verdict.identifier, verdict.identify, verdict.endpoint, where)
                found.setdefault(taken, []).append(exchange)
                break
    return [_registration_taken(situation, taken, exchanges) for taken, exchanges in found.items()]


def _registration_taken(situation: Situation, taken: _Taken, exchanges: Sequence[Exchange]) -> Finding:
    hosts = tuple(dict.fromkeys(exchange.client for exchange in exchanges))
    phone = situation.config.endpoints[taken.phone]
    statuses: Counter[int] = Counter()
    for exchange in exchanges:
        statuses.update(exchange.statuses)
    return Finding(
        Severity.ERROR,
        f"{listed(hosts)} {'registers' if len(hosts) == 1 else 'register'} with {taken.word} {phone.name}, an endpoint"
        f" of its own with a password ({phone.where}), but {taken.identifier} rule [{taken.identify}] ({taken.where})"
        f" takes the REGISTER for endpoint {taken.endpoint} first: {phone.name} cannot register",
        where=taken.where,
        sources=hosts,
        evidence=(f"answers to {'its' if len(hosts) == 1 else 'their'} REGISTER: {_counts(statuses)}",),
        advice=_tell_apart(shared, taken.identify)
        if (shared := [ip for ip in _taken_rightly(situation, taken.identify) if ip in hosts])
        else f"narrow [{taken.identify}] to the trunk's own address: then the {taken.word} finds"
        f" {phone.name}, which asks for the password",
    )


def _taken_rightly(situation: Situation, identify: str) -> list[str]:
    """The sources of calls that the rule takes and that name no telephone: narrowing it must leave these in."""
    phones = _telephones(situation, FROM_USER)
    found = {
        group.source
        for group in situation.groups
        if group.verdict.identify == identify and not group.credentialed and not scans(situation, group)
        if any(caller not in phones for caller in group.callers)
    }
    return sorted(found)


def _tell_apart(hosts: Sequence[str], identify: str) -> str:
    """The advice where telephones come from the same address as the trunk's calls, as behind a proxy."""
    return (
        f"{listed(hosts)} also {'brings' if len(hosts) == 1 else 'bring'} calls that [{identify}] takes rightly, so no"
        " address tells them apart: have that host send telephones from another address or port (match=ADDRESS:PORT"
        " takes one port), or put username before ip in endpoint_identifier_order: whoever then says a telephone's name"
        " has to log in"
    )


def _counts(statuses: Mapping[int, int]) -> str:
    return ", ".join(f"{status} ({count})" for status, count in sorted(statuses.items())) or "none"


def _rule(situation: Situation, group: CallGroup) -> AddressRule | None:
    found = find_taking(situation, group)
    return next((rule for identify, rule in found if identify.name == group.verdict.identify), None)


def _behind(group: CallGroup) -> tuple[tuple[str, str], ...]:
    """(header, address) of private addresses other than the source that the calls name as their sender's."""
    named = (pair for message in samples(group) for pair in hosts_named(message) if pair[0] in ("Via", "Contact"))
    return tuple(
        dict.fromkeys(
            (header, host)
            for header, host in named
            if is_address(host) and is_private(host) and number(host) != number(group.source)
        )
    )


def telephone_taken(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    phone = situation.config.endpoints[cause.detail]
    verdict = groups[0].verdict
    trunk = situation.config.endpoints[verdict.endpoint]
    rule = _rule(situation, groups[0]) if verdict.identifier == "ip" else None
    word = next(
        word for group in groups for known, word in _named_telephones(situation, group) if known.name == phone.name
    )
    text = f"match={rule.text}" if rule else f"{verdict.identifier} rule"
    behind = tuple(dict.fromkeys(pair for group in groups for pair in _behind(group)))
    inside = any(is_private(group.source) for group in groups) or bool(behind) or (rule and is_whole_world(rule))
    refused = any(status >= 400 and status not in OF_PEOPLE for group in groups for status in group.statuses)
    here = set(sources(groups))
    registered = {one.client for one in situation.exchanges if one.method == "REGISTER" and one.successes}
    registers = sum(situation.other_methods.get(ip, {}).get("REGISTER", 0) for ip in here - registered)
    others = _taken_rightly(situation, cause.name)
    meant = f" to the trunk's own address{f' ({listed(others)} also calls by it)' if others else ''}"
    return finding_for(
        groups,
        Severity.ERROR if inside or refused else Severity.WARNING,
        f"{who(groups, 'calls', 'call')} with {word} {phone.name}, an endpoint of its own with a password"
        f" ({phone.where}), but {text} of [{cause.name}] ({cause.where}) takes the calls for endpoint {trunk.name}"
        f" first: they reach context={trunk.context} without a password",
        cause.where,
        *(f"its {header} names {host}: {groups[0].source} stands for it" for header, host in behind[:4]),
        *([f"{counted(registers, 'REGISTER')} from there: taken for {trunk.name} as well"] if registers else []),
        *([f"REGISTERs of {listed(sorted(here & registered))} were answered with 200"] if here & registered else []),
        advice=f"narrow {text} of [{cause.name}]{meant}: then the {word} finds {phone.name}, which asks for the"
        " password"
        if rule and here.isdisjoint(others)
        else _tell_apart(sorted(here.intersection(others)), cause.name)
        if rule
        else f"make the rule of [{cause.name}] fit the trunk's calls only, or put {IDENTIFIER_OF[word]} before"
        f" {verdict.identifier} in endpoint_identifier_order",
    )

"""Telephones whose calls and registrations a trunk's rule takes, for it is too wide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pjsipdiag.asterisk.addresses.rule import BITS, is_whole_world, length, number
from pjsipdiag.asterisk.config import Endpoint
from pjsipdiag.asterisk.config import Rule as AddressRule
from pjsipdiag.asterisk.verdict import Outcome, Verdict
from pjsipdiag.diagnosis.evidence.addresses import is_address, is_private
from pjsipdiag.diagnosis.evidence.lookup import taking
from pjsipdiag.diagnosis.evidence.signs import hosts_named, samples
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import Cause, answers, calls, counted, listed, sources, who
from pjsipdiag.diagnosis.rules.scanning import scans
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.sip import SipMessage

BY_WORD = ("username", "auth_username")
"""Identifiers that believe what the caller says."""
BY_RULE = ("ip", "header", "request_uri")


def of_telephone(situation: Situation, group: CallGroup) -> Cause | None:
    """A trunk's rule takes a call whose From user is an endpoint of its own, with a password."""
    verdict = group.verdict
    if verdict.identifier not in BY_RULE or verdict.outcome is Outcome.ACL_DENIED:
        return None
    phones = [phone for caller in group.callers if (phone := _telephone(situation, caller)) is not None]
    phones = [phone for phone in phones if phone.name != verdict.endpoint]
    if not phones:
        return None
    if verdict.identifier == "ip":
        rule = _rule(situation, group)
        if rule is None or not (length(rule) < BITS[rule.version] or is_private(group.source) or _behind(group)):
            return None
        return Cause(verdict.identify, rule.where, phones[0].name)
    where = next((c.where for c in verdict.trace if c.step == verdict.identifier and c.endpoint), None)
    return Cause(verdict.identify, where, phones[0].name)


def _telephone(situation: Situation, caller: str) -> Endpoint | None:
    """The endpoint that a From user names, where it logs in by that name and nothing else leads to it."""
    phone = situation.config.endpoints.get(caller)
    if phone is None or not phone.auth or "username" not in phone.identify_by:
        return None
    trunk = any(identify.endpoint == phone.name for identify in situation.config.identifies)
    return None if trunk else phone


def registered_in_vain(situation: Situation, request: SipMessage, verdict: Verdict) -> Endpoint | None:
    """The telephone whose REGISTER a trunk's rule takes."""
    phone = _registering(situation, request) if verdict.identifier in BY_RULE else None
    return phone if phone is not None and phone.name != verdict.endpoint else None


def _registering(situation: Situation, request: SipMessage) -> Endpoint | None:
    """The telephone that a REGISTER names."""
    uri = request.from_uri if request.method == "REGISTER" else None
    return _telephone(situation, uri.user) if uri else None


def registrations_taken(situation: Situation) -> Iterable[Finding]:
    """One finding for each host whose telephones register in vain, for a trunk's rule takes that, too."""
    for exchange in situation.exchanges:
        for request in exchange.asked if exchange.method == "REGISTER" else ():
            if _registering(situation, request) is None:
                continue
            verdict = situation.replay(request)
            phone = registered_in_vain(situation, request, verdict)
            if phone is not None:
                where = next((c.where for c in verdict.trace if c.endpoint and c.step == verdict.identifier), None)
                yield Finding(
                    "telephone-taken",
                    Severity.ERROR,
                    f"{request.source.ip} registers with From user {phone.name}, an endpoint of its own with a password"
                    f" ({phone.where}), but {verdict.identifier} rule [{verdict.identify}] ({where}) takes the REGISTER"
                    f" for endpoint {verdict.endpoint} first: {phone.name} cannot register",
                    where,
                    (request.source.ip,),
                    0,
                    (f"answers to its REGISTER: {_counts(exchange.statuses)}",),
                    advice=f"narrow [{verdict.identify}] to the trunk's own address: then the From user finds"
                    f" {phone.name}, which asks for the password",
                )
                break


def _counts(statuses: Mapping[int, int]) -> str:
    return ", ".join(f"{status} ({count})" for status, count in sorted(statuses.items())) or "none"


def _rule(situation: Situation, group: CallGroup) -> AddressRule | None:
    found = taking(situation, group)
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
    text = f"match={rule.text}" if rule else f"{verdict.identifier} rule"
    behind = tuple(dict.fromkeys(pair for group in groups for pair in _behind(group)))
    inside = any(is_private(group.source) for group in groups) or bool(behind) or (rule and is_whole_world(rule))
    registers = sum(situation.other_methods.get(ip, {}).get("REGISTER", 0) for ip in sources(groups))
    others = sorted(
        {
            group.source
            for group in situation.groups
            if group.verdict.identify == cause.name and group not in groups and not scans(situation, group)
        }
    )
    meant = f" to the trunk's own address{f' ({listed(others)} also calls by it)' if others else ''}"
    return Finding(
        "telephone-taken",
        Severity.ERROR if inside else Severity.WARNING,
        f"{who(groups, 'calls', 'call')} with From user {phone.name}, an endpoint of its own with a password"
        f" ({phone.where}), but {text} of [{cause.name}] ({cause.where}) takes the calls for endpoint {trunk.name}"
        f" first: they reach context={trunk.context} without a password",
        cause.where,
        sources(groups),
        calls(groups),
        (
            *(f"its {header} names {host}: {groups[0].source} stands for it" for header, host in behind[:4]),
            *([f"{counted(registers, 'REGISTER')} from there: taken for {trunk.name} as well"] if registers else []),
            f"observed answers: {answers(groups)}",
        ),
        advice=f"narrow {text} of [{cause.name}]{meant}: then the From user finds {phone.name}, which asks for the"
        " password"
        if rule
        else f"make the rule of [{cause.name}] fit the trunk's calls only, or put username before {verdict.identifier}"
        " in endpoint_identifier_order",
    )

"""Calls that Asterisk identifies and lets in, and that fail later: in the dialplan or over codecs."""

from __future__ import annotations

from collections.abc import Sequence

from pjsipdiag.asterisk.config import Endpoint
from pjsipdiag.asterisk.loading.values import parse_bool
from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import Cause, answers, calls, counted, listed, sources, who, with_status
from pjsipdiag.diagnosis.sdp import Offer
from pjsipdiag.diagnosis.situation import CallGroup, Situation

MEDIA = (488, 415, 606)
"""Not Acceptable Here, Unsupported Media Type, Not Acceptable: no common codec or encryption (RFC 3261 21.4, 21.6)."""

DIALPLAN = (403, 404, 408, 410, 480, 484, 500, 501, 502, 503, 504, 604)
"""What hangup causes become (`hangup_cause2sip`, channels/chan_pjsip.c), and 404 or 484 for a missing extension
(res_pjsip_session.c)."""

OFTEN = 0.1
"""The share of an endpoint's calls from which refusals are more than a wrong number now and then."""


def of_media(situation: Situation, group: CallGroup) -> Cause | None:
    cause = _refused(situation, group, MEDIA, "allow")
    if cause is None:
        return None
    endpoint = situation.config.endpoints[cause.name]
    encrypted = encryption(endpoint, _offer(situation, group))
    if not encrypted:
        return cause
    variable = endpoint.option("media_encryption")
    return Cause(endpoint.name, variable.where if variable else endpoint.where, encrypted)


def of_dialplan(situation: Situation, group: CallGroup) -> Cause | None:
    return _refused(situation, group, DIALPLAN, "context")


def media_rejected(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    endpoint = situation.config.endpoints[cause.name]
    offer = _offer(situation, groups[0])
    if cause.detail:
        wants = endpoint.value("media_encryption", "no")
        why = f"the INVITE offers {cause.detail}, and the endpoint has media_encryption={wants} ({cause.where})"
        advice = "set media_encryption to what the provider sends (no, sdes or dtls), or have it send what is set"
    else:
        why = f"it allows {', '.join(endpoint.codecs) or 'no codec'} ({cause.where})"
        advice = "allow a codec that the provider offers"
        if not offer.codecs or offer.shares(endpoint.codecs):
            advice += ", and compare media_encryption with what it offers"
    return Finding(
        "media-rejected",
        _severity(groups, MEDIA),
        f"{who(groups)} matched to endpoint {cause.name}, which refuses the media ({_codes(groups, MEDIA)}): {why}",
        cause.where,
        sources(groups),
        _count(groups, MEDIA),
        (
            *([f"the INVITE offers {', '.join(offer.codecs)} over {offer.profile}"] if offer.codecs else []),
            "identification is right: another match= line would change nothing",
            f"observed answers: {answers(groups)}",
        ),
        advice=advice,
    )


def dialplan_rejected(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    endpoint = situation.config.endpoints[cause.name]
    numbers = _numbers(groups)
    to = f" to {listed(numbers)}" if numbers else ""
    missing = sum(with_status(group, 404, 484) for group in groups)
    why = (
        f"its context {endpoint.context}{'' if endpoint.option('context') else ' (no context= is set)'} has no such"
        " extension"
        if missing
        else f"what the dialplan does in context {endpoint.context} ends in that answer"
    )
    return Finding(
        "dialplan-rejected",
        _severity(groups, DIALPLAN),
        f"{who(groups)} matched to endpoint {cause.name} and let in, then refused{to}"
        f" ({_codes(groups, DIALPLAN)}): {why} ({cause.where})",
        cause.where,
        sources(groups),
        _count(groups, DIALPLAN),
        (
            "identification is right: another match= line would change nothing",
            *_said(situation, groups),
            f"observed answers: {answers(groups)}",
        ),
        advice=_contact_user(situation, numbers)
        or f"look at `dialplan show {numbers[0] if numbers else 'NUMBER'}@{endpoint.context}`: the number must"
        " be written"
        " there as the provider sends it (with or without +, country code, zeros)",
    )


def _contact_user(situation: Situation, numbers: Sequence[str]) -> str:
    """What to do about calls to `s`, the user that Asterisk registers where contact_user is not set."""
    unset = [one for one in situation.config.registrations.values() if not one.contact_user]
    if list(numbers) != ["s"] or not unset:
        return ""
    shown = listed([f"[{one.name}] ({one.where})" for one in unset])
    return (
        f"the caller dials `s`, the contact user that {shown} registers as long as it has no contact_user: set"
        " contact_user to the number, or write the extension s"
    )


def _refused(situation: Situation, group: CallGroup, statuses: Sequence[int], option: str) -> Cause | None:
    passed = group.verdict.outcome is Outcome.ACCEPTED or (
        group.verdict.outcome in (Outcome.CHALLENGED, Outcome.UNKNOWN) and bool(group.verdict.endpoint)
    )
    endpoint = situation.config.endpoints.get(group.verdict.endpoint)
    if not passed or endpoint is None or with_status(group, *statuses) == 0:
        return None
    variable = endpoint.option(option)
    return Cause(endpoint.name, variable.where if variable else endpoint.where)


def _severity(groups: Sequence[CallGroup], statuses: Sequence[int]) -> Severity:
    often = _count(groups, statuses) >= OFTEN * calls(groups)
    return Severity.ERROR if often else Severity.NOTE


def _count(groups: Sequence[CallGroup], statuses: Sequence[int]) -> int:
    return sum(with_status(group, *statuses) for group in groups)


def _codes(groups: Sequence[CallGroup], statuses: Sequence[int]) -> str:
    found = {status: sum(with_status(group, status) for group in groups) for status in statuses}
    return ", ".join(f"{status}: {counted(count, 'call')}" for status, count in found.items() if count)


def _numbers(groups: Sequence[CallGroup]) -> list[str]:
    """The numbers that were refused, as far as they are known."""
    found = [
        number
        for group in groups
        for number in group.refused_numbers or (group.numbers if _all_refused(group) else ())
        if number
    ]
    return list(dict.fromkeys(found))[:32]


def _all_refused(group: CallGroup) -> bool:
    return all(status >= 400 for status in group.statuses)


def _said(situation: Situation, groups: Sequence[CallGroup]) -> list[str]:
    endpoints = {group.verdict.endpoint for group in groups}
    lines = (line for lines in situation.said.values() for line in lines)
    return [
        f"Asterisk's log: {line}"
        for line in lines
        if "rejected because extension not found" in line and any(name in line for name in endpoints)
    ][:2]


def _offer(situation: Situation, group: CallGroup) -> Offer:
    """The offer of its first refused call."""
    return situation.offer(group, MEDIA)


def encryption(endpoint: Endpoint, offer: Offer) -> str:
    """What the INVITE offers where the endpoint wants the opposite of encryption; empty where it is not known."""
    wanted = endpoint.value("media_encryption", "no").lower() != "no"
    if not offer.profile or offer.secure == wanted:
        return ""
    if offer.secure:
        return "encrypted media only"
    return "" if parse_bool(endpoint.value("media_encryption_optimistic", "no")) else "plain RTP"

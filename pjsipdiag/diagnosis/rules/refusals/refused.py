"""Calls that Asterisk identifies and lets in, and that fail later: in the dialplan or over codecs."""

from __future__ import annotations

from collections.abc import Sequence

from pjsipdiag.asterisk.config import Endpoint
from pjsipdiag.asterisk.files.lines import FALSE_WORDS, parse_bool
from pjsipdiag.asterisk.replay.session import find_missing_transport
from pjsipdiag.asterisk.section import Variable
from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.diagnosis.evidence.owners import samples
from pjsipdiag.diagnosis.evidence.sdp import Offer
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import Cause, calls, counted, finding_for, who, with_status
from pjsipdiag.diagnosis.rules.taker import find_taker, say_how_sure
from pjsipdiag.diagnosis.situation import CallGroup, Situation

MEDIA = (488, 415, 606)
"""Not Acceptable Here, Unsupported Media Type, Not Acceptable: no common codec or encryption (RFC 3261 21.4, 21.6)."""

DIALPLAN = (403, 404, 408, 410, 480, 484, 500, 501, 502, 503, 504, 603, 604)
"""The statuses that hangup causes become (`hangup_cause2sip`, channels/chan_pjsip.c; 603 for all others), and 404 or
484 for a missing extension (res_pjsip_session.c)."""

STIR = ("stir_shaken", "stir_shaken_profile")
"""Options of an endpoint that verifies signatures."""

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
    return Cause(endpoint.name, endpoint.line_of("media_encryption"), encrypted)


def is_stale(situation: Situation, group: CallGroup) -> bool:
    """Whether 403 is that of a signature too old (res_pjsip_stir_shaken.c): the endpoint wants one, and one came."""
    endpoint = situation.config.endpoints.get(group.verdict.endpoint)
    wanted = (endpoint.value(name) for name in STIR) if endpoint else ()
    verifies = any(value and value.lower() not in FALSE_WORDS for value in wanted)
    return verifies and with_status(group, 403) > 0 and any(message.values("Identity") for message in samples(group))


def of_dialplan(situation: Situation, group: CallGroup) -> Cause | None:
    if is_stale(situation, group):
        return None
    others = {603} if group.unrung == 0 else set[int]()  # who was rung declines with 603
    others |= {500} if line_without_transport(situation, group) else set()
    return _refused(situation, group, [status for status in DIALPLAN if status not in others], "context")


def line_without_transport(situation: Situation, group: CallGroup) -> Variable | None:
    """The transport= that costs calls a 500 before the dialplan sees them, so that no 100 comes first."""
    early = with_status(group, 500) - group.tried.get(500, 0)
    endpoint = find_taker(situation, group) if early > 0 else None
    return find_missing_transport(endpoint, situation.config) if endpoint else None


def media_rejected(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    endpoint = situation.config.endpoints[cause.name]
    offer = _offer(situation, groups[0])
    if cause.detail:
        wants = endpoint.value("media_encryption", "no")
        why = f"the INVITE offers {cause.detail}, and the endpoint has media_encryption={wants} ({cause.where})"
        advice = "set media_encryption to what the provider sends (no, sdes or dtls), or have it send what is set"
    else:
        why, advice = _without_encryption(cause, endpoint, groups, offer)
    return finding_for(
        groups,
        severity(groups, MEDIA),
        f"{who(groups)} matched to endpoint {cause.name}, which refuses the media ({codes(groups, MEDIA)}): {why}",
        cause.where,
        *([f"the INVITE offers {', '.join(offer.codecs)} over {offer.profile}"] if offer.codecs else []),
        say_how_sure(situation, groups),
        count=count(groups, MEDIA),
        advice=advice,
    )


def _without_encryption(cause: Cause, endpoint: Endpoint, groups: Sequence[CallGroup], offer: Offer) -> tuple[str, str]:
    """Why the media are refused where it is not encryption that differs, and what to do."""
    allowed = f"it allows {', '.join(endpoint.codecs) or 'no codec'} ({cause.where})"
    if not any(with_status(group, *(status for status in MEDIA if status != 415)) for group in groups):
        said = next(
            filter(None, (message.header("Content-Type") for group in groups for message in samples(group))), ""
        )
        right = said.partition(";")[0].strip().lower() == "application/sdp"
        return (
            f"415 is about the kind of body (Content-Type: {said}), not about codecs; {allowed}",
            "that type is what Asterisk takes: look at Content-Encoding, and at whether something in between answers"
            if right
            else "have the caller send application/sdp, plain or in multipart/mixed",
        )
    if offer.codecs and offer.shares(endpoint.codecs):
        return (
            f"{allowed}, and one of them is offered, so something else in the SDP is refused",
            "compare media_encryption, the address family and the direction of the SDP with the endpoint's options;"
            " `core set debug 3 res_pjsip_session` names the part",
        )
    if not offer.codecs:
        return allowed, "allow a codec that the provider offers, and compare media_encryption with what it offers"
    return allowed, "allow a codec that the provider offers"


def _refused(situation: Situation, group: CallGroup, statuses: Sequence[int], option: str) -> Cause | None:
    passed = group.verdict.outcome in (Outcome.ACCEPTED, Outcome.CHALLENGED, Outcome.UNKNOWN)
    endpoint = find_taker(situation, group) if passed else None
    if endpoint is None or with_status(group, *statuses) == 0:
        return None
    variable = endpoint.option(option)
    return Cause(endpoint.name, variable.where if variable else endpoint.where)


def severity(groups: Sequence[CallGroup], statuses: Sequence[int]) -> Severity:
    often = count(groups, statuses) >= OFTEN * calls(groups)
    return Severity.ERROR if often else Severity.NOTE


def count(groups: Sequence[CallGroup], statuses: Sequence[int]) -> int:
    """How many calls were refused with these; those that somebody declined who was rung are left out."""
    others, declined = [status for status in statuses if status != 603], 603 in statuses
    return sum(with_status(group, *others) + (group.unrung if declined else 0) for group in groups)


def codes(groups: Sequence[CallGroup], statuses: Sequence[int]) -> str:
    found = {status: count(groups, (status,)) for status in statuses}
    return ", ".join(f"{status}: {counted(number, 'call')}" for status, number in found.items() if number)


def _offer(situation: Situation, group: CallGroup) -> Offer:
    """The offer of its first refused call."""
    return situation.offer(group, MEDIA)


def encryption(endpoint: Endpoint, offer: Offer) -> str:
    """The media of an INVITE, in words, where the endpoint wants the opposite; empty where it is not known."""
    wanted = endpoint.value("media_encryption", "no").lower() != "no"
    if not offer.profile or offer.is_secure == wanted:
        return ""
    if offer.is_secure:
        return "encrypted media only"
    return "" if parse_bool(endpoint.value("media_encryption_optimistic", "no")) else "plain RTP"

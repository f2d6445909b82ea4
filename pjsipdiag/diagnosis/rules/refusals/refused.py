"""Calls that Asterisk identifies and lets in, and that fail later: in the dialplan or over codecs."""

from __future__ import annotations

from collections.abc import Sequence

from pjsipdiag.asterisk.config import Endpoint
from pjsipdiag.asterisk.files.lines import FALSE_WORDS, parse_bool
from pjsipdiag.asterisk.replay.session import find_missing_transport
from pjsipdiag.asterisk.section import Variable
from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.diagnosis.evidence.owners import samples
from pjsipdiag.diagnosis.evidence.sdp import Offer
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import Cause, calls, counted, finding_for, listed, who, with_status
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


class Clash(NamedTuple):
    """Something that an INVITE offers, and the endpoint's option that wants the opposite, with its value in force."""

    offered: str
    option: str
    value: str

    @property
    def line(self) -> str:
        return f"{self.option}={self.value}"


_OFFERED = {"no": "plain RTP", "sdes": "SRTP with its keys in a=crypto", "dtls": "DTLS-SRTP"}
_TO_AGREE = {
    "media_encryption": "set media_encryption to what the provider sends (no, sdes or dtls), or have it send what is"
    " set",
    "use_avpf": "set use_avpf to yes where the caller's profile ends in F, and to no where it does not, or have it send"
    " what is set",
    "webrtc": "leave webrtc=yes out, which stands for media_encryption=dtls and use_avpf=yes, unless browsers call:"
    " they need an endpoint of their own",
}
_AS_BROWSERS = (
    "set webrtc=yes, which stands for media_encryption=dtls and use_avpf=yes, if it is a browser that calls; else have"
    " the caller send plain RTP"
)


def of_media(situation: Situation, group: CallGroup) -> Cause | None:
    cause = _refused(situation, group, MEDIA, "allow")
    if cause is None:
        return None
    endpoint = situation.config.endpoints[cause.name]
    found = clashes(endpoint, _offer(situation, group))
    return Cause(endpoint.name, endpoint.line_of(found[0].option), found[0].offered) if found else cause


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
    found = clashes(endpoint, offer) if cause.detail else []
    if found:
        why = f"the INVITE offers {found[0].offered}, and the endpoint has {found[0].line} ({cause.where})"
        browser = offer.encryption == "dtls" and offer.profile.endswith("F")
        advice = _AS_BROWSERS if browser and found[0].option != "webrtc" else _TO_AGREE[found[0].option]
    else:
        why, advice = _without_encryption(cause, endpoint, groups, offer)
    return finding_for(
        groups,
        severity(groups, MEDIA),
        f"{who(groups)} matched to endpoint {cause.name}, which refuses the media ({codes(groups, MEDIA)}): {why}",
        cause.where,
        *([f"the INVITE offers {', '.join(offer.codecs)} over {offer.profile}"] if offer.codecs else []),
        *(f"it offers {one.offered}, too, and the endpoint has {one.line}" for one in found[1:]),
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
            " `core set debug 3 res_pjsip_session` names the part"
            + ("" if offer.encryption == "no" else "; without res_srtp (`module show like srtp`) nothing is encrypted"),
        )
    if offer.kinds:
        return (
            f"the INVITE offers no audio but {listed([*offer.kinds])}; {allowed}",
            "have the caller offer audio: Asterisk takes T.38 in a re-INVITE of a call with audio only, and video where"
            " allow= has a codec for it",
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


def clashes(endpoint: Endpoint, offer: Offer) -> list[Clash]:
    """The options that keep an endpoint from taking an offer (check_endpoint_media_transport, res_pjsip_sdp_rtp.c)."""
    if not offer.profile:
        return []
    webrtc = parse_bool(endpoint.value("webrtc", "no"))
    wanted = "dtls" if webrtc else endpoint.value("media_encryption", "no").lower()
    found = []
    lenient = any(parse_bool(endpoint.value(name, "no")) for name in ("media_encryption_optimistic", "force_avp"))
    spare_keys = offer.encryption == "sdes" and not offer.is_secure and wanted == "no"
    if offer.encryption != wanted and not lenient and not spare_keys:
        offered = "encrypted media only" if wanted == "no" else _OFFERED[offer.encryption]
        found.append(Clash(offered, *(("webrtc", "yes") if webrtc else ("media_encryption", wanted))))
    feedback = webrtc or parse_bool(endpoint.value("use_avpf", "no"))
    if offer.profile.endswith("F") is not feedback:
        option = ("webrtc", "yes") if webrtc else ("use_avpf", "yes" if feedback else "no")
        found.append(Clash(offer.profile, *option))
    return found[:1] if webrtc else found

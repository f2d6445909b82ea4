"""Calls that something else than PJSIP answers: the driver before it, another server, a release without PJSIP."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from pjsipdiag.asterisk.config import Transport
from pjsipdiag.asterisk.replay.arrival import find_listening, is_web
from pjsipdiag.asterisk.section import Where
from pjsipdiag.diagnosis.calls.heads import IsAsterisk
from pjsipdiag.diagnosis.evidence.readable_addresses import address_of
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import Cause, finding_for, is_silent, listed, who, with_status
from pjsipdiag.diagnosis.rules.gaps.difference import NONCE, contradicts
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.digits import is_number, read_number
from pjsipdiag.sip import Address, SipMessage

_OF_CHAN_SIP = re.compile(r'nonce="([0-9a-f]{8})"')
"""A challenge of chan_sip: eight hexadecimal digits (transmit_response_with_auth, chan_sip.c), PJSIP's has a time."""
_OTHERS = (
    r"(?i)kamailio|opensips|openser|sip express router|freeswitch|yate|3cx|sbc|oracle|acme|cisco|audiocodes|sonus"
    r"|ribbon|metaswitch|broadsoft|broadworks|sippy|mediant|drachtio|janus|livekit|repro|oversip|flexisip|brekeke"
)
"""Names of other servers and devices, whoever configured them."""
FIRST_WITH_PJSIP = 12
PROXY_CHALLENGE = 407
"""The challenge that PJSIP never sends to callers: its own is 401 (challenge(), res_pjsip_authenticator_digest.c)."""
_ASKS_AS_PROXY = "something that asks for credentials with 407, as PJSIP never does,"


def of_another(situation: Situation, group: CallGroup) -> Cause | None:
    """The cause that something else than PJSIP answers at the address that the calls went to."""
    if is_silent(group) or not group.destinations:
        return None
    place = address_of(group.destinations[0])
    who_is, where, heard, alone = _at(situation, group.transport, place)
    if not who_is and with_status(group, PROXY_CHALLENGE):
        return Cause(_ASKS_AS_PROXY, None, str(place))
    if not who_is or (heard and not contradicts(group) and (alone or not _fails(group))):
        return None  # Asterisk may be called anything: only what it does tells that a name is another's
    return Cause(who_is, where, str(place))


@lru_cache(maxsize=64)
def _at(situation: Situation, transport: str, place: Address) -> tuple[str, Where | None, bool, bool]:
    """Who else answers there and the line that puts it there, whether PJSIP listens there, and whether the name alone
    says that it is another."""
    known = not situation.config.transports or find_listening(transport, place, situation.config)
    heard = bool(known) or is_web(transport)
    answer = situation.greetings.get(str(place))
    who_is, where = _another(situation, transport, place, answer, heard)
    return who_is, where, heard, answer is not None and who_is == _name(answer) and re.search(_OTHERS, who_is) is None


def _fails(group: CallGroup) -> bool:
    return not any(100 <= status < 300 for status in group.statuses)


def _another(
    situation: Situation, transport: str, place: Address, answer: SipMessage | None, heard: bool
) -> tuple[str, Where | None]:
    """A name for it and the line that puts it there; empty where nothing shows that it is another."""
    # From what cannot be chosen (a socket of sip.conf, the form of a nonce, a release without PJSIP) to what can: a
    # name in Server is set by whoever configures the server.
    shape = answer is not None and _is_of_chan_sip(answer)
    socket = next((one for one in situation.config.chan_sip if _takes(one, transport, place)), None)
    asterisk = answer is None or _is_asterisk(answer)
    if socket is not None and asterisk and (shape or not heard):
        return "chan_sip", socket.where
    if shape and asterisk:
        return "chan_sip", socket.where if socket else None
    major = situation.capture_version.partition(".")[0].removeprefix("certified/")
    if is_number(major) and read_number(major) < FIRST_WITH_PJSIP:
        return f"Asterisk {situation.capture_version}, which has no PJSIP,", None
    # A 100 may be of a proxy before Asterisk, which answers the rest; where nothing listens, it is the proxy's own.
    if answer is not None and not asterisk and (answer.status >= 200 or not situation.capture_version or not heard):
        named = _name(answer)
        if named and named != situation.config.globals.value("user_agent"):
            return named, None
    return "", None


def _is_asterisk(answer: SipMessage) -> bool:
    named = _name(answer)
    known = IsAsterisk()[named.encode("utf-8", "surrogateescape")] or "asterisk" in named.lower()
    return not named or known or any(NONCE.search(value) for value in answer.values("WWW-Authenticate"))


def _name(answer: SipMessage) -> str:
    return (answer.header("Server") or answer.header("User-Agent"))[:80]


def _is_of_chan_sip(answer: SipMessage) -> bool:
    challenges = [*answer.values("WWW-Authenticate"), *answer.values("Proxy-Authenticate")]
    return any(_OF_CHAN_SIP.search(value) and "opaque" not in value.lower() for value in challenges)


def _takes(socket: Transport, transport: str, place: Address) -> bool:
    wild = socket.bind in ("0.0.0.0", "::", "")
    return socket.protocol == transport.lower() and socket.port == place.port and (wild or socket.bind == place.ip)


def answered_by_another(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    place = address_of(cause.detail)
    old = cause.name == "chan_sip"
    named = "chan_sip, the driver before PJSIP," if old else cause.name
    at = f" (sip.conf, {cause.where})" if old and cause.where else " (sip.conf)" if old else ""
    bound = [f"[{one.name}] {one.protocol} port {one.port} ({one.where})" for one in situation.config.listeners]
    return finding_for(
        groups,
        Severity.ERROR,
        f"{who(groups, 'calls', 'call')} {place}, where {named} answers{at}, not PJSIP: nothing in pjsip.conf decides"
        " these calls",
        cause.where,
        *_evidence(situation, place),
        *(["if that address is a provider's, it is no PBX: --pbx names yours"] if cause.name == _ASKS_AS_PROXY else []),
        f"PJSIP listens on {listed(bound) or 'nothing'}",
        advice=_advice(situation, place, old),
    )


def _evidence(situation: Situation, place: Address) -> Iterator[str]:
    answer = situation.greetings.get(str(place))
    if answer is None:
        return
    if _is_of_chan_sip(answer):
        yield "its challenge has a nonce of eight digits, no opaque and no qop: as chan_sip's are"
    if named := _name(answer):
        yield f"it names itself {named!r}"


def _advice(situation: Situation, place: Address, old: bool) -> str:
    ports = sorted({one.port for one in situation.config.listeners} - {0, place.port})
    to = (
        f"have the caller send to port {listed([str(port) for port in ports])}"
        if ports
        else "have the caller send to PJSIP"
    )
    if old:
        return f"{to}, or exchange the ports (bindport in sip.conf, bind= of the transport) and restart Asterisk"
    return f"{to}, or look at what listens at port {place.port} (`ss -lnptu`) and at where it sends calls"

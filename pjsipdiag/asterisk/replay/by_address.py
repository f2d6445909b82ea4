"""The identifiers that look at addresses: `ip`, and `transport` of the few releases that had it.

Law: identifies are asked in one order and the first whose address rules take the source decides; within one identify
the last rule that fits decides.
"""

from __future__ import annotations

from collections.abc import Iterator

from pjsipdiag.asterisk.addresses.address_rule import canonical, source
from pjsipdiag.asterisk.addresses.index import NearMiss
from pjsipdiag.asterisk.config import AddressRule, Identify
from pjsipdiag.asterisk.reasons.reason import Reason
from pjsipdiag.asterisk.reasons.walk import WalkReason
from pjsipdiag.asterisk.replay.prepared import ArrivedRequest, PreparedConfig, match_check, uncertain_order
from pjsipdiag.asterisk.verdict import Check, Match
from pjsipdiag.sip import Address

_NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight")


def ip(known: PreparedConfig, arrived: ArrivedRequest) -> Iterator[Check]:
    """res_pjsip_endpoint_identifier_ip.c: ip_identify()."""
    identifies = known.config.identifies
    # Only identifies with a rule for the address, or with a name that may be one, get a check of their own, in the
    # order of asking. All the others are counted: `named` is how many had a check before, so that the count stands
    # where they would be asked.
    decisions = {at: (rule, applies) for at, rule, applies in known.index.find_deciding(arrived.source)}
    named = 0
    for at in sorted({*decisions, *known.unresolved}):
        identify = identifies[at]
        rule, applies = decisions.get(at, (None, False))
        if rule is not None and applies and not rule.deny and _transport_fits(identify, arrived):
            yield from _summary(at - named)
            fitting = [identifies[n] for n, (r, fits) in decisions.items() if n != at and fits and not r.deny]
            yield from uncertain_order("ip", identify, fitting, known.config)
            reason = WalkReason.ADDRESS_FITS(source=arrived.address, value=_match_text(rule), network=canonical(rule))
            later = [identifies[n].name for n, (r, fits) in decisions.items() if n > at and fits and not r.deny]
            if later:
                reason = WalkReason.ASKED_LATER(why=reason, names=(*later[:3], *(("...",) if later[3:] else ())))
            yield match_check("ip", known, identify, reason, rule.where)
            return
        named += 1
        if identify.unresolved:
            yield known.unresolved[at]
        elif rule is not None:
            reason = _refusal(rule, applies, identify, arrived)
            yield Check("ip", Match.NO_MATCH, reason, rule.where, identify.name, identify.endpoint)
    near = known.index.near(arrived.source)
    if near is not None and near.identify.name not in {identifies[at].name for at in decisions}:
        named += 1
        where = near.rule.where
        yield Check(
            "ip", Match.NO_MATCH, _near_reason(arrived, near), where, near.identify.name, near.identify.endpoint
        )
    yield from _summary(len(identifies) - named)
    if not identifies:
        yield Check("ip", Match.NO_MATCH, WalkReason.NO_IDENTIFY())


def transport(known: PreparedConfig, arrived: ArrivedRequest) -> Iterator[Check]:
    """res_pjsip_endpoint_identifier_ip.c: transport_identify() of 18.23.0, 20.8.0 and 21.3.0 (GHSA-qqxj-v78h-hrf9).

    It holds the address that the transport is bound to against rules that are meant for source addresses; over TCP it
    is the local address of the accepted connection.
    """
    for local in arrived.transports[:1]:
        stream = local.protocol in ("tcp", "tls")
        if stream and arrived.destination.ip in ("", "0.0.0.0"):
            reason = WalkReason.LOCAL_ADDRESS_NOT_KNOWN()
            yield Check("transport", Match.UNKNOWN, reason)
            return
        own = arrived.destination if stream else Address(local.bind or "0.0.0.0", local.port or 5060)
        bound = source(own)
        for at, rule, applies in known.index.find_deciding(bound):
            identify = known.config.identifies[at]
            if applies and not rule.deny and _transport_fits(identify, arrived):
                reason = WalkReason.TRANSPORT_FITS(ip=own.ip, value=_match_text(rule))
                yield match_check("transport", known, identify, reason, rule.where)
                return


def _transport_fits(identify: Identify, arrived: ArrivedRequest) -> bool:
    """Whether the option `transport` of the few releases that have it allows the request."""
    wanted = identify.value("transport").lower()
    return not wanted or any(transport.protocol == wanted for transport in arrived.transports[:1])


def _refusal(rule: AddressRule, applies: bool, identify: Identify, arrived: ArrivedRequest) -> Reason:
    if not applies:
        but = "" if arrived.is_terse else f", not {arrived.source.port}"
        address = "the address" if arrived.is_terse else f"the address {arrived.ip}"
        return WalkReason.OTHER_PORT(value=_match_text(rule), address=address, port=rule.port, but=but)
    if rule.deny:
        return WalkReason.EXCLUDED(value=rule.text, source=arrived.address)
    return WalkReason.OTHER_TRANSPORT(value=_match_text(rule), transport=identify.value("transport"))


def _summary(count: int) -> Iterator[Check]:
    if count > 0:
        objects = "1 identify has" if count == 1 else f"{count} identifies have"
        yield Check("ip", Match.NO_MATCH, WalkReason.NO_RULE(identifies=objects), count=count)


def _near_reason(arrived: ArrivedRequest, near: NearMiss) -> Reason:
    side = "above" if near.distance > 0 else "below"
    return WalkReason.NEAR(
        ip=arrived.ip, distance=_NUMBERS[abs(near.distance)], side=side, value=_match_text(near.rule)
    )


def _match_text(rule: AddressRule) -> str:
    return f"match={rule.text}" + (f" (address of {rule.host})" if rule.host and rule.host != rule.text else "")

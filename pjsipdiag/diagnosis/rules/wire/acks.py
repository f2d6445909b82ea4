"""Final answers that the PBX sends again and again, because the ACK does not come (RFC 3261 section 13.3.1.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pjsipdiag.asterisk.config import Transport
from pjsipdiag.asterisk.replay.arrival import find_listening
from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.diagnosis.evidence.owners import best
from pjsipdiag.diagnosis.evidence.readable_addresses import host_of, is_address, is_private
from pjsipdiag.diagnosis.evidence.seen import with_calls
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import answers, counted
from pjsipdiag.diagnosis.rules.scanning import scans
from pjsipdiag.diagnosis.situation import CallGroup, Situation, UnheardAnswers

OUTSIDE = ("external_signaling_address", "external_signaling_hostname")
"""Options of a transport that set the address in Contact behind a NAT (res_pjsip_nat.c)."""
_ELSE = (
    "see in which direction packets are lost: a capture on both sides shows it; a firewall, a NAT without rport"
    " (force_rport=yes of the endpoint), or SIP ALG of a router"
)


def lost_calls(group: CallGroup) -> int:
    """Calls that were answered, and that the PBX ends as nobody acknowledges it."""
    return sum(count for status, count in group.unheard.items() if 200 <= status < 300)


def answer_not_acknowledged(situation: Situation) -> Iterable[Finding]:
    """A finding for each source that never acknowledges final answers; strangers that nobody takes do so as a rule."""
    for group in situation.groups:
        if not group.unheard or scans(situation, group):
            continue
        if group.verdict.outcome is Outcome.NO_MATCH and not best(situation, group):
            continue
        unheard = situation.unheard(group)
        if unheard.acknowledged != unheard.calls:
            yield with_calls(_finding(situation, group, unheard), [group])


def _finding(situation: Situation, group: CallGroup, unheard: UnheardAnswers) -> Finding:
    # The ACK goes to the Contact of the 200 (RFC 3261 13.2.2.4, 12.2.1.1): a private one is no way for a public source.
    lost = lost_calls(group)
    transport = next(iter(find_listening(group.transport, group.sample.destination, situation.config)), None)
    hidden = [host for host in map(host_of, unheard.contacts) if is_address(host) and is_private(host)]
    inside = bool(hidden) and not is_private(group.source)
    outside = next(filter(None, (transport.option(name) for name in OUTSIDE)), None) if transport else None
    return Finding(
        Severity.ERROR if lost else Severity.WARNING,
        f"{group.source} does not acknowledge the PBX's final answer ({counted(unheard.calls, 'call')}), which is sent"
        " again and again"
        + (": Asterisk hangs such a call up after 32 seconds" if lost else ": the answer does not reach it, or its ACK")
        + ("" if lost else " does not come back"),
        (outside.where if outside else transport.where) if inside and transport else None,
        (group.source,),
        unheard.calls,
        (*_evidence(unheard, transport if inside else None, hidden if inside else []), _observed(group)),
        advice=f"set {OUTSIDE[0]}= and local_net= in [{transport.name}], and restart Asterisk (a reload does not do it"
        " without allow_reload=yes)"
        if inside and transport
        else _ELSE,
    )


def _evidence(unheard: UnheardAnswers, transport: Transport | None, hidden: list[str]) -> Iterator[str]:
    if unheard.acknowledged is None:
        yield "whether an ACK came is not known: the capture cannot be read a second time, or holds too many such calls"
    elif unheard.acknowledged:
        yield (
            f"an ACK of {unheard.acknowledged} of them is in the capture, and the answer is sent all the same: it comes"
            " too late, does not reach Asterisk, or names another transaction"
        )
    else:
        yield "no ACK of these calls is in the capture"
    if hidden and transport:
        outside = next((one for one in map(transport.option, OUTSIDE) if one), None)
        said = (
            f"{outside.name}={outside.value} ({outside.where})" if outside else f"no {OUTSIDE[0]} ({transport.where})"
        )
        yield (
            f"the Contact of its 200 is {hidden[0]}, a private address: that is where the ACK is sent; transport"
            f" [{transport.name}] has {said}"
        )
    yield "who forges a source address sees no answer, and looks the same"


def _observed(group: CallGroup) -> str:
    return f"observed answers: {answers([group])}"

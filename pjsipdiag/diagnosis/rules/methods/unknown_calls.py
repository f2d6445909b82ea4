"""Requests inside of calls that the PBX does not know: mod_ua_on_rx_request (pjsip/sip_ua_layer.c) answers 481."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pjsipdiag.diagnosis.calls.rows import NO_SUCH_CALL
from pjsipdiag.diagnosis.evidence.lookup import find_holding
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rule import Blamed
from pjsipdiag.diagnosis.rules.cause import counted, listed
from pjsipdiag.diagnosis.rules.methods.refused_requests import say_requests
from pjsipdiag.diagnosis.rules.wire.pauses import MOST_EXCHANGES
from pjsipdiag.diagnosis.situation import Situation


def of_unknown_calls(situation: Situation, _blamed: Blamed) -> Iterable[Finding]:
    """Requests inside of calls that Asterisk does not know: one finding for each host and method."""
    found = (one for one in situation.lone_answers() if one.first.status == NO_SUCH_CALL)
    again = [(one.first.destination.ip, "re-INVITE", one.calls) for one in found]
    known = {group.source for group in situation.groups if group.verdict.endpoint}
    unknown = sorted([*again, *situation.unknown_calls], key=lambda one: not _is_known(situation, known, one[0]))
    for client, method, count in unknown[:MOST_EXCHANGES]:
        late = method in {"BYE", "CANCEL"}
        yield Finding(
            Severity.NOTE if late else Severity.WARNING,
            f"{say_requests([method], client, count)} answered 481 ({counted(count, 'time')}): the PBX knows no such"
            " call, or not any more",
            sources=(client,),
            evidence=("it came inside of a call: identification and match= have no part in it",),
            advice="nothing where both ends hang up at once"
            if late
            else "see whether Asterisk was restarted during the call, whether the call was over already, and"
            " whether the request reached the PBX that has the call (Record-Route, Contact behind a NAT, several PBXs)",
        )
    if rest := unknown[MOST_EXCHANGES:]:
        hosts = listed(list(dict.fromkeys(client for client, _, _ in rest)))
        times = counted(sum(count for _, _, count in rest), "time")
        yield Finding(
            Severity.NOTE,
            f"other requests inside of calls were answered 481, too: those of {hosts} ({times})",
        )


def _is_known(situation: Situation, callers: Collection[str], client: str) -> bool:
    """Whether the files take a host: anybody else can make up what belongs to no call, and comes last."""
    return client in callers or any(True for _ in find_holding(situation, client))

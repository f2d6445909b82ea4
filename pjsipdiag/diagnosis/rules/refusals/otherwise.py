"""Calls that are identified and then refused by neither credentials, media nor the dialplan: every other answer.

`EXPLAINED_STATUSES` is the table: what Asterisk means by a status, which endpoint options lead to it, which headers of
the request show it, and what to do. A status that is not there is named all the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pjsipdiag.asterisk.config import Endpoint
from pjsipdiag.asterisk.files.lines import FALSE_WORDS
from pjsipdiag.asterisk.reasons.walk import WalkReason
from pjsipdiag.asterisk.section import Variable
from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.diagnosis.evidence.owners import samples
from pjsipdiag.diagnosis.evidence.seen import with_calls
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rule import Blamed
from pjsipdiag.diagnosis.rules.cause import (
    Cause,
    calls,
    counted,
    finding_for,
    is_cut_off,
    listed,
    who,
    with_status,
)
from pjsipdiag.diagnosis.rules.refusals import refused
from pjsipdiag.diagnosis.rules.refusals.status_meanings import (
    CORRECT_IT,
    EXPLAINED_STATUSES,
    NO_TRANSPORT,
    STALE,
    STAR_CONTACT,
    Explanation,
)
from pjsipdiag.diagnosis.rules.taker import RIGHT, find_taker, possible_takers, say_how_sure, why_open
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.sip import SipMessage

OF_PEOPLE = frozenset({486, 487, 600, 603})
"""Answers that people give: no fault of either side."""
NOTHING_TO_DO = "nothing: this is how calls end that nobody takes"
SEE_THE_LOG = "`pjsip set logger on` and the log show what refuses"
SHOWN_HEADERS = ("Require", "Supported", "Session-Expires", "Identity")
"""Headers that are shown for a status that the table does not have."""


def is_maintenance(answer: SipMessage) -> bool:
    """Whether an answer is that of an endpoint in maintenance mode (maintenance_on_rx_request,
    res_pjsip_maintenance.c)."""
    return answer.status == 503 and answer.header("Retry-After").strip() == "300"


def in_maintenance(group: CallGroup) -> bool:
    """Whether maintenance refuses the calls: that comes before the dialplan, so no 100 comes first."""
    return "300" in group.delays and group.statuses.get(503, 0) > group.tried.get(503, 0)


def of_maintenance(situation: Situation, group: CallGroup) -> Cause | None:
    endpoint = situation.config.endpoints.get(group.verdict.endpoint)
    return Cause(endpoint.name, endpoint.where) if endpoint and in_maintenance(group) else None


def maintenance(_situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    count = sum(group.statuses.get(503, 0) for group in groups)
    return finding_for(
        groups,
        Severity.ERROR,
        f"{who(groups)} matched to endpoint {cause.name}, which is in maintenance mode: 503 with Retry-After: 300"
        f" ({counted(count, 'call')})",
        cause.where,
        "res_pjsip_maintenance answers so behind identification and before authentication, without a 100",
        RIGHT,
        count=count,
        advice=f"`asterisk -rx 'pjsip set maintenance off {cause.name}'` ends it",
    )


def of_overload(situation: Situation, group: CallGroup) -> Cause | None:
    """503 over a connection without a 100 (`distributor` of res_pjsip/pjsip_distributor.c)."""
    early = group.statuses.get(503, 0) - group.tried.get(503, 0)
    if group.transport == "UDP" or early <= 0 or (in_maintenance(group) and _endpoint(situation, group)):
        return None
    return Cause(group.transport)


def overloaded(_situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    count = sum(group.statuses.get(503, 0) - group.tried.get(503, 0) for group in groups)
    return finding_for(
        groups,
        Severity.ERROR,
        f"{who(groups, 'gets', 'get')} 503 over {cause.name} before anything was looked for ({counted(count, 'call')}):"
        " Asterisk is overloaded, and defers new requests",
        None,
        "over UDP an overloaded Asterisk stays silent and waits for the request to be sent again",
        "no 100 came first, so neither an endpoint nor the dialplan was asked",
        count=count,
        advice="`asterisk -rx 'core show taskprocessors like pjsip'` shows what is behind: a slow database, DNS or disk"
        ", or too many calls at once; taskprocessor_overload_trigger=none in [global] switches it off",
    )


def _endpoint(situation: Situation, group: CallGroup) -> Endpoint | None:
    return situation.config.endpoints.get(group.verdict.endpoint)


def refused_by(group: CallGroup) -> int:
    """The most frequent status with which its calls failed, one that no person gave first; 0 for none."""
    failed = {status: count for status, count in group.statuses.items() if 300 <= status < 700 and count}
    return max(failed, key=lambda status: (status not in OF_PEOPLE, failed[status], -status), default=0)


def left_over(situation: Situation, group: CallGroup, explained: Sequence[int]) -> Iterator[Cause]:
    """The other refusals of a group, beside the statuses that are explained already: one cause for each."""
    for status, count in group.statuses.items():
        if status not in (*explained, *OF_PEOPLE):
            cause = of_other(situation, replace(group, statuses={status: count}))
            if cause is not None:
                yield cause


def of_other(situation: Situation, group: CallGroup) -> Cause | None:
    """Any final answer but success that no rule before has explained."""
    status = refused_by(group)
    answered = status in (401, 407) and group.verdict.outcome is Outcome.CHALLENGED  # by another Call-ID
    unread = status == 401 and situation.config.unread_objects and group.verdict.outcome is Outcome.UNKNOWN
    open_ = unread or WalkReason.NOT_LISTED in group.verdict.first_reasons
    if not status or answered or open_ or is_cut_off(group) or group.verdict.outcome is Outcome.NO_MATCH:
        return None
    endpoint = find_taker(situation, group)
    if endpoint is None:
        return Cause("", None, str(status))
    known = _of_lines(situation, status, [group]) or EXPLAINED_STATUSES.get(status)
    variable = next(_leading(endpoint, known, status), None)
    return Cause(endpoint.name, variable.where if variable else endpoint.where, str(status))


def refused_otherwise(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    status = int(cause.detail)
    endpoint = situation.config.endpoints.get(cause.name)
    count = sum(group.statuses.get(status, 0) for group in groups)
    known = (
        _of_lines(situation, status, groups) or EXPLAINED_STATUSES.get(status) or _of_open(groups) or _of_class(status)
    )
    leading = _leading(endpoint, known, status) if endpoint else ()
    lines = [f"{v.name}={v.value} ({v.where})" for v in leading]
    by = f"; {', '.join(lines)} of endpoint {cause.name}" if lines else ""
    identified = f"{who(groups)} matched to endpoint {cause.name}, then" if endpoint else f"{who(groups)}"
    shown = [
        *_headers(
            groups, status, known.headers or (() if known.options or status in EXPLAINED_STATUSES else SHOWN_HEADERS)
        )
    ]
    required = f" ({shown[0]})" if status == 420 and shown else ""
    return finding_for(
        groups,
        _severity(situation, status, groups),
        f"{identified} refused with {status} ({counted(count, 'call')}): {known.meaning}{required}{by}",
        cause.where,
        *shown,
        *(_why_not_loaded(situation, endpoint) if known is NO_TRANSPORT and endpoint else ()),
        *([say_how_sure(situation, groups)] if endpoint else []),
        count=count if status not in OF_PEOPLE else sum(with_status(group, *OF_PEOPLE) for group in groups),
        advice=known.advice or (NOTHING_TO_DO if status in OF_PEOPLE else SEE_THE_LOG),
    )


def _why_not_loaded(situation: Situation, endpoint: Endpoint) -> Iterator[str]:
    """Why there is no transport of that name, and which there are."""
    name = endpoint.value("transport")
    dropped = (one for one in situation.config.dropped if one.type == "transport" and one.name == name)
    yield next((f"[{name}] does not load: {one.reason} ({one.where})" for one in dropped), f"there is no [{name}]")
    if situation.config.transports:
        yield f"what loads: {listed([f'[{one.name}] ({one.where})' for one in situation.config.transports.values()])}"


def _severity(situation: Situation, status: int, groups: Sequence[CallGroup]) -> Severity:
    """Busy is a warning where nobody was reached; one busy call beside others that came through says nothing."""
    if status not in OF_PEOPLE:
        return Severity.ERROR
    busy = all(status in (486, 600) for group in groups for status, count in group.statuses.items() if count)
    alone = calls(groups) > 1 or not any(with_status(group, 200) for group in situation.groups)
    return Severity.WARNING if busy and alone else Severity.NOTE


def _of_lines(situation: Situation, status: int, groups: Sequence[CallGroup]) -> Explanation | None:
    """The causes of statuses that have several: a signature that is too old shows in the Date header of the request, a
    transport that is missing in the files, and what PJSIP cannot read in Contact or SDP."""
    if status == 403 and any(refused.is_stale(situation, group) for group in groups):
        return STALE
    if status == 400 and any(message.header("Contact").strip() == "*" for g in groups for message in samples(g)):
        return STAR_CONTACT
    if status == 400 and (fault := next(filter(None, (situation.offer(g, (400,)).fault for g in groups)), "")):
        return Explanation(f"PJSIP cannot read its SDP: {fault}", advice=CORRECT_IT)
    if status == 500 and any(refused.line_without_transport(situation, group) for group in groups):
        return NO_TRANSPORT
    return None


def _of_open(groups: Sequence[CallGroup]) -> Explanation | None:
    """The endpoints that may have refused, where it is open which of them did."""
    names = dict.fromkeys(name for group in groups for name in possible_takers(group))
    if len(names) < 2:
        return None
    return Explanation(
        f"which endpoint refuses is not known, it may be any of {listed([*names])}: {why_open(groups[0])}",
        headers=("Contact",),
        advice="give --hosts FILE, --resolve, or --resolved FILE with what 'pjsip show identifies' prints",
    )


def _of_class(status: int) -> Explanation:
    if status < 400:
        return Explanation(
            "the call is redirected to another address",
            (),
            ("To",),
            "Transfer() before an answer sends 302 (chan_pjsip.c; from 20.19.0, 22.9.0 and 23.3.0 on Hangup(23), too),"
            " and the caller must follow its Contact: where it does not, let the dialplan call that address by Dial()",
        )
    return Explanation("refused by something else; neither the files nor the request explain this answer")


def _leading(endpoint: Endpoint, known: Explanation | None, status: int) -> Iterator[Variable]:
    """The endpoint's own lines that can lead to a status."""
    for name in known.options if known else ():
        variable = endpoint.option(name)
        if variable is not None and _leads(status, variable):
            yield variable


def _leads(status: int, variable: Variable) -> bool:
    value = variable.value.strip().lower()
    return value == "required" if status == 421 else (value in FALSE_WORDS) == (status == 420)


def _headers(groups: Sequence[CallGroup], status: int, names: Sequence[str]) -> Iterable[str]:
    """Sentences on these headers of the requests: the most frequent value of each, and those that are missing."""
    concerned = [group for group in groups if group.statuses.get(status)]
    for name in names:
        values = Counter(value for group in concerned for message in samples(group) for value in message.values(name))
        if values:
            yield f"the request has {name}: {values.most_common(1)[0][0][:200]}"
    absent = [name for name in names if not any(m.values(name) for g in concerned for m in samples(g))]
    if absent and calls(concerned):
        yield f"the request has no {' and no '.join(absent)} header"


def besides(situation: Situation, blamed: Blamed) -> Iterable[Finding]:
    """Other refusals of groups that another rule explains in part."""
    from pjsipdiag.diagnosis.rules import RULES  # which stands above this module, and says what each rule explains

    rest: dict[Cause, list[CallGroup]] = defaultdict(list)
    told = [(groups, row.statuses) for row in RULES if row.statuses for groups in blamed[row.name].values()]
    told += [(groups, (int(cause.detail),)) for cause, groups in blamed["refused-otherwise"].items()]
    for groups, statuses in told:
        for group in groups:
            by_dialplan = refused.DIALPLAN if refused.of_dialplan(situation, group) else ()
            for cause in left_over(situation, group, (*statuses, *by_dialplan)):
                rest[cause].append(group)
    for cause, groups in rest.items():
        yield with_calls(refused_otherwise(situation, cause, groups), groups, (int(cause.detail),))

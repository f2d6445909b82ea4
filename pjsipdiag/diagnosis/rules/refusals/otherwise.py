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
from pjsipdiag.dataclass import NamedTuple
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
from pjsipdiag.diagnosis.rules.taker import RIGHT, find_taker, possible_takers, say_how_sure, why_open
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.sip import SipMessage


class Explanation(NamedTuple):
    """A refusal: what it means, the options of the endpoint and the headers of the request that lead to it, advice."""

    meaning: str
    options: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    advice: str = ""


_CALLEE = "the answer of who was called, or of the caller"
_BUSY = (
    "nothing where who was called talks; else look at Busy() and Hangup(17) in the dialplan, device_state_busy_at= of"
    " the telephone, and do-not-disturb"
)

EXPLAINED_STATUSES: dict[int, Explanation] = {
    420: Explanation(
        "the request requires an extension that this Asterisk does not support",
        ("100rel", "timers"),
        ("Require", "Proxy-Require"),
        "have the sender leave that extension out of its Require header (it may stand in Supported)",
    ),
    421: Explanation(
        "the endpoint requires an extension that the request does not support",
        ("100rel", "timers"),
        ("Supported", "Require"),
        "set that option to yes instead of required (100rel=yes, timers=yes), or have the sender support the extension",
    ),
    422: Explanation(
        "the session interval of the request is shorter than the endpoint allows",
        ("timers_min_se", "timers_sess_expires", "timers"),
        ("Session-Expires", "Min-SE"),
        "lower timers_min_se, or have the sender offer a longer Session-Expires",
    ),
    428: Explanation(
        "STIR/SHAKEN: the request has no Identity header, and the endpoint wants one",
        refused.STIR,
        ("Identity",),
        "have the provider sign its calls, or let the endpoint's STIR/SHAKEN profile accept unsigned ones",
    ),
    433: Explanation("anonymous callers are refused", (), ("Privacy", "From"), "look for what refuses anonymous calls"),
    436: Explanation(
        "STIR/SHAKEN: the certificate that the Identity header names could not be fetched",
        refused.STIR,
        ("Identity",),
        "check that Asterisk reaches the address in the header's info parameter",
    ),
    437: Explanation(
        "STIR/SHAKEN: the certificate of the Identity header is not trusted",
        refused.STIR,
        ("Identity",),
        "check ca_file and ca_path of stir_shaken.conf",
    ),
    438: Explanation(
        "STIR/SHAKEN: the Identity header does not fit the request",
        refused.STIR,
        ("Identity", "Date"),
        "check the clock of both sides, and whether something in between changes From, To or Date",
    ),
    481: Explanation(
        "the request belongs to a call that Asterisk does not know",
        (),
        ("Replaces", "To"),
        "a Replaces header names a call that is over, or of another PBX: look at who made that header",
    ),
    483: Explanation(
        "the request went round in a loop until Max-Forwards was used up",
        (),
        ("Max-Forwards", "Via"),
        "look for two routes that send the number to each other: the Via lines name who passed it on",
    ),
    486: Explanation(f"busy: {_CALLEE}", advice=_BUSY),
    487: Explanation(f"the caller hung up before an answer: {_CALLEE}"),
    600: Explanation(f"busy everywhere: {_CALLEE}", advice=_BUSY),
    603: Explanation(f"declined after it rang: {_CALLEE}"),
}
STALE = Explanation(
    "STIR/SHAKEN: the signature is too old",
    refused.STIR,
    ("Date", "Identity"),
    "set the clock of Asterisk's machine (NTP), or have the provider sign when it sends; failure_action in"
    " stir_shaken.conf says whether such calls are refused",
)
"""403 of an endpoint that verifies signatures."""
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
    open_ = unread or any(check.why.first.kind is WalkReason.NOT_LISTED for check in group.verdict.trace)
    if not status or answered or open_ or is_cut_off(group) or group.verdict.outcome is Outcome.NO_MATCH:
        return None
    endpoint = find_taker(situation, group)
    if endpoint is None:
        return Cause("", None, str(status))
    known = STALE if status == 403 and refused.is_stale(situation, group) else EXPLAINED_STATUSES.get(status)
    variable = next(_leading(endpoint, known, status), None)
    return Cause(endpoint.name, variable.where if variable else endpoint.where, str(status))


def refused_otherwise(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    status = int(cause.detail)
    endpoint = situation.config.endpoints.get(cause.name)
    count = sum(group.statuses.get(status, 0) for group in groups)
    # 403 has several causes: a signature that is too old shows in the Date header of the request itself.
    stale = status == 403 and any(refused.is_stale(situation, group) for group in groups)
    known = STALE if stale else EXPLAINED_STATUSES.get(status) or _of_open(groups) or _of_class(status)
    leading = _leading(endpoint, known, status) if endpoint else ()
    lines = [f"{v.name}={v.value} ({v.where})" for v in leading]
    by = f"; {', '.join(lines)} of endpoint {cause.name}" if lines else ""
    identified = f"{who(groups)} matched to endpoint {cause.name}, then" if endpoint else f"{who(groups)}"
    shown = [*_headers(groups, status, known.headers or (() if status in EXPLAINED_STATUSES else SHOWN_HEADERS))]
    required = f" ({shown[0]})" if status == 420 and shown else ""
    return finding_for(
        groups,
        _severity(situation, status, groups),
        f"{identified} refused with {status} ({counted(count, 'call')}): {known.meaning}{required}{by}",
        cause.where,
        *shown,
        *([say_how_sure(situation, groups)] if endpoint else []),
        count=count if status not in OF_PEOPLE else sum(with_status(group, *OF_PEOPLE) for group in groups),
        advice=known.advice or (NOTHING_TO_DO if status in OF_PEOPLE else SEE_THE_LOG),
    )


def _severity(situation: Situation, status: int, groups: Sequence[CallGroup]) -> Severity:
    """Busy is a warning where nobody was reached; one busy call beside others that came through says nothing."""
    if status not in OF_PEOPLE:
        return Severity.ERROR
    busy = all(status in (486, 600) for group in groups for status, count in group.statuses.items() if count)
    alone = calls(groups) > 1 or not any(with_status(group, 200) for group in situation.groups)
    return Severity.WARNING if busy and alone else Severity.NOTE


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

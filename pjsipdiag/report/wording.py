"""The sentences that every format shares, so that a terminal, a page and a ticket say the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from pjsipdiag.asterisk.section import Where
from pjsipdiag.asterisk.verdict import Match, Outcome, Verdict
from pjsipdiag.diagnosis.model import Door, DoorState, Finding, Report, Severity, Suggestion
from pjsipdiag.diagnosis.traffic import CallRow, CaptureSummary, SourceRow
from pjsipdiag.sip import parse_uri

VERDICTS = ("unmatched", "mixed", "unknown", "matched")
"""Verdicts of a source, the ones that need a person first."""


def plural(count: int, noun: str, many: str = "") -> str:
    """`1 call`, `1,200 calls`."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def severities(findings: Iterable[Finding]) -> str:
    """`2 errors, 1 warning and 3 notes`; empty without findings."""
    found = list(findings)
    numbers = [(severity, sum(f.severity is severity for f in found)) for severity in Severity]
    words = [plural(count, str(severity)) for severity, count in numbers if count]
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def asterisk(report: Report) -> str:
    """Which release was replayed, and why that one."""
    reason = f" ({report.asterisk_reason})" if report.asterisk_reason else ""
    return f"Asterisk {report.asterisk_version}{' assumed' if report.asterisk_assumed else ''}{reason}"


def pbx(report: Report) -> str:
    """Which addresses are the PBX, and how that was decided; empty when nothing was decided."""
    if not report.pbx:
        return ""
    reason = f" ({report.pbx_reason})" if report.pbx_reason else ""
    return f"PBX {', '.join(report.pbx)}{reason}"


def scope(report: Report) -> str:
    """Says that the report covers a part; empty where it covers all."""
    return f"only {report.filter_text}" if report.filter_text else ""


def capture(summary: CaptureSummary) -> str:
    """A sentence on one capture: its counts, and how far it could be read."""
    said = (
        f"{summary.file}: {plural(summary.records, 'record')}, "
        f"{plural(summary.sip_messages, 'SIP message')}, {plural(summary.invites, 'INVITE')}"
    )
    return f"{said}; {summary.truncated}" if summary.truncated else said


def all_captures(report: Report) -> str:
    """A sentence on all captures together."""
    records, messages, invites = (
        sum(getattr(one, name) for one in report.captures) for name in ("records", "sip_messages", "invites")
    )
    return (
        f"{plural(len(report.captures), 'capture')}: {plural(records, 'record')}, "
        f"{plural(messages, 'SIP message')}, {plural(invites, 'INVITE')}"
    )


def unread_records(report: Report) -> list[str]:
    """Sentences on records that may hold SIP and could not be read: a verdict rests on the rest only."""
    return [
        f"{capture.file}: {sum(capture.unread.values()):,} unread: "
        + ", ".join(f"{count:,} x {reason}" for reason, count in capture.unread.items())
        for capture in report.captures
        if capture.unread
    ]


def notes(report: Report) -> list[str]:
    """Sentences on what was left aside or passed over because it is no SIP, and why."""
    said = list(report.notes)
    for capture in report.captures:
        said += [f"{capture.file}: {note}" for note in capture.notes]
        said += [
            f"{capture.file}: {plural(count, 'record')} passed over: {reason}"
            for reason, count in sorted(capture.undecoded.items())
            if reason not in capture.unread
        ]
    if report.outbound_calls:
        said.append(f"{plural(report.outbound_calls, 'call')} from the PBX itself left aside")
    return said


def place(where: Where | None) -> str:
    """`pjsip.conf:12 [section]`; empty for no place."""
    if where is None or not where.file:
        return ""
    return f"{where} [{where.section}]" if where.section and not where.column else str(where)


def observed_answers(source: SourceRow) -> str:
    """`401 x2, 200`, the most frequent answer first."""
    return counts(source.observed)


def counts(observed: Mapping[str, int]) -> str:
    """Counts of answers by code, in words."""
    ordered = sorted(observed.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{answer(code)} x{count:,}" if count > 1 else answer(code) for code, count in ordered)


def agents(source: SourceRow) -> str:
    """The first two User-Agents of a source, and how many more it names."""
    return few([agent[:80] for agent in source.user_agents], 2)


def few(texts: Sequence[str], most: int) -> str:
    """The first texts, and how many more there are."""
    left = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {left:,} more" if left > 0 else "")


def answer(code: str) -> str:
    return code if code not in ("", "0") else "none"


def sources_by_need(report: Report) -> list[SourceRow]:
    """Sources that need a person first: by verdict, then those of errors before those only warned of (a scanner has
    the most calls and the least claim), then by their number of calls."""
    verdicts = {verdict: at for at, verdict in enumerate(VERDICTS)}
    worst: dict[str, int] = {}
    for finding in report.findings:
        for address in finding.sources:
            worst[address] = min(worst.get(address, len(Severity)), finding.severity.rank)

    def need(source: SourceRow) -> tuple[bool, int, int, int, str]:
        verdict = verdicts.get(source.verdict, 0)
        return (not source.calls, verdict, worst.get(source.address, 0), -source.calls, source.address)

    return sorted(report.sources, key=need)


def kinds_of_calls(report: Report) -> list[tuple[CallRow, int]]:
    """The first call of each source address and distinct verdict, and how many are like it.

    The walk over a million calls mostly compares verdicts by identity; each distinct object is hashed once.
    """
    from pjsipdiag.diagnosis.calls.sources import outlines  # what tells of files alone needs no calls

    same: dict[Verdict, Verdict] = {}
    known: dict[int, tuple[Verdict, Verdict]] = {}
    kinds: dict[tuple[str, int], list[int]] = {}
    first: list[tuple[CallRow, list[int]]] = []
    for at, (_, address, verdict, _, row) in enumerate(outlines(report.calls)):
        # The object itself is kept beside its identity, which would be given away again otherwise.
        entry = known.get(id(verdict))
        if entry is None:
            entry = known[id(verdict)] = (verdict, same.setdefault(verdict, verdict))
        key = (address, id(entry[1]))
        alike = kinds.get(key)
        if alike is None:
            alike = kinds[key] = [0]
            first.append((row or report.calls[at], alike))
        alike[0] += 1
    return [(call, alike[0]) for call, alike in first]


UNCONFIRMED = "Only if your provider confirms the address"
"""The title over repairs that rest on what callers say of themselves."""


def suggestions_for(finding: Finding, report: Report) -> list[Suggestion]:
    """The suggestions that repair this finding: they are about its addresses and let calls through."""
    wanted = set(finding.sources)
    return [s for s in report.suggestions if wanted.intersection(s.addresses)]


MOST_SEEN = 3
"""Callers, numbers and Call-IDs that are shown; JSON has more."""


def fixes(finding: Finding, report: Report) -> list[str]:
    """The steps against a finding: its advice, else the lines that its suggestions add."""
    if finding.advice:
        return [finding.advice]
    return [
        f"add {' and '.join(s.add)} to [{s.section}] in {s.file}" for s in suggestions_for(finding, report) if s.add
    ]


MOST_NETWORKS = 5
"""Networks of a door that a table names."""


def door_from(door: Door) -> str:
    """The sources from which a door works, and what has to be said there."""
    place = few(door.sources, MOST_NETWORKS) or "anywhere"
    return f"{place}, saying {door.says}" if door.says else place


def door_password(door: Door) -> str:
    """Whether a password is asked for; in words where that is not all."""
    if door.state is DoorState.UNKNOWN:
        return "unknown"
    return "yes" if door.password else "no: open" if door.state is DoorState.OPEN else "no"


def evidence(finding: Finding, most: int | None = None) -> list[str]:
    """The sentences that show it, each once; past `most` they are counted."""
    said = list(dict.fromkeys(finding.evidence))
    if most is None or len(said) <= most:
        return said
    return [*said[:most], f"and {plural(len(said) - most, 'more sign')} of it"]


def where_seen(finding: Finding) -> str:
    """When, between whom and by which Call-IDs its calls are found elsewhere; empty where nothing is known."""
    known = finding.seen
    parts = (
        span(known.first, known.last),
        f"from {', '.join(known.callers[:MOST_SEEN])}" if known.callers else "",
        f"to {', '.join(known.numbers[:MOST_SEEN])}" if known.numbers else "",
        f"Call-ID {', '.join(known.call_ids[:MOST_SEEN])}" if known.call_ids else "",
    )
    return "; ".join(filter(None, parts))


def changed_lines(suggestion: Suggestion) -> list[str]:
    """`+` and `-` lines as a person reads them: those of the edits, else the lines to add."""
    if suggestion.sql:
        return [f"  {statement}" for statement in suggestion.sql]
    shown = [
        f"{sign}{line}"
        for edit in suggestion.edits
        for sign, lines in (("- ", edit.old), ("+ ", edit.new))
        for line in lines
        if line.strip() and not (sign == "- " and line in edit.new) and not (sign == "+ " and line in edit.old)
    ]
    return shown or [f"+ {line}" for line in suggestion.add]


def effect(suggestion: Suggestion, fixes: str = "fixes") -> str:
    """The effect of a suggestion, as the replay with it showed."""
    said = [f"{fixes} {plural(suggestion.fixes, suggestion.what)}"]
    for at in suggestion.stops:
        said.append(f"lets in {plural(at.calls, 'call')} answered {at.status} next ({at.reason}, {place(at.where)})")
    others = suggestion.changes_others
    return ", ".join([*said, f"changes {plural(others, 'other call') if others else 'no other call'}"])


def span(first: int, last: int) -> str:
    """Two times with the date, in UTC; empty where they are not known."""
    begin, end = (moment(time)[:19].replace("T", " ") for time in (first, last))
    times = begin if begin == end else f"{begin} to {end[11:] if end[:10] == begin[:10] else end}"
    return f"{times} UTC" if first else ""


def commands(fix: str) -> list[str]:
    """The commands in a sentence that are to be copied: those of a firewall."""
    return re.findall(_FIREWALL, fix)


_FIREWALL = r"nft insert rule .*? drop|fail2ban-client set \S+ banip(?: [0-9a-f.:]+)+"


def moment(nanoseconds: int) -> str:
    """RFC 3339 in UTC with microseconds, as the capture has it."""
    digits = str(nanoseconds if nanoseconds > 0 else 0).zfill(10)
    return f"{_second(digits[:-9])}.{digits[-9:-3]}Z"


@lru_cache(maxsize=1024)
def _second(seconds: str) -> str:
    return (_EPOCH + timedelta(seconds=min(int(seconds), _LAST))).isoformat()


_EPOCH = datetime(1970, 1, 1)
_LAST = 253_402_300_799
"""9999-12-31T23:59:59Z: a damaged capture may hold any 64-bit time."""


MATCHES = {Match.MATCH: "match", Match.NO_MATCH: "no match", Match.UNKNOWN: "unknown"}
OUTCOMES = {
    Outcome.ACCEPTED: "accepted",
    Outcome.CHALLENGED: "challenged for credentials",
    Outcome.ACL_DENIED: "denied by an access list",
    Outcome.NO_MATCH: "no endpoint matches",
    Outcome.NOT_IDENTIFIED: "refused before identification",
    Outcome.UNKNOWN: "cannot be decided from what is at hand",
}


def user(header: str) -> str:
    """The user of a header's URI, or the whole where that cannot be read."""
    uri = parse_uri(header)
    return uri.user if uri is not None and uri.user else header


def outcome(verdict: Verdict) -> str:
    """The outcome of a request in words, with the endpoint and the status that Asterisk gives."""
    said = OUTCOMES[verdict.outcome]
    if verdict.endpoint:
        perhaps = ", perhaps accepted" if verdict.outcome is Outcome.UNKNOWN else ""
        said += f"{perhaps} as endpoint {verdict.endpoint}"
    if verdict.status and verdict.outcome is not Outcome.UNKNOWN:
        said += f", Asterisk answers {verdict.status}"
    return said

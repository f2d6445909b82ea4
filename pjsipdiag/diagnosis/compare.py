"""The same calls under two releases or two configurations: which of them go elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pjsipdiag.asterisk.verdict import Verdict
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.evidence.readable_addresses import ip_of
from pjsipdiag.diagnosis.model import Report
from pjsipdiag.diagnosis.traffic import CallRow


@dataclass(frozen=True, slots=True)
class Change:
    """One kind of change: `calls` calls of `source` that went `before` and would go `after`; `example` is the first."""

    source: str
    before: str
    after: str
    calls: int
    example: CallRow


def compare(before: Report, after: Report) -> tuple[Change, ...]:
    """The calls that two diagnoses of the same captures judge differently, most calls first.

    Both reports must come from the same captures with the same filters: calls are paired by source, Call-ID and frame.
    """
    found: dict[tuple[str, str, str], list[CallRow]] = {}
    for old, new in _pairs(before, after):
        if differs(old.verdict, new.verdict):
            key = (ip_of(old.source), describe(old.verdict), describe(new.verdict))
            found.setdefault(key, []).append(old)
    changes = [Change(*key, len(rows), rows[0]) for key, rows in found.items()]
    return by_weight(changes)


def by_weight(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes, those of most calls first."""
    return tuple(sorted(changes, key=lambda change: (-change.calls, change.source, change.before)))


def _pairs(before: Report, after: Report) -> Iterator[tuple[CallRow, CallRow]]:
    others = {(row.capture, row.frame, row.source, row.call_id): row for row in after.calls}
    for row in before.calls:
        other = others.get((row.capture, row.frame, row.source, row.call_id))
        if other is not None:
            yield row, other


def differs(before: Verdict, after: Verdict) -> bool:
    """Whether a call goes elsewhere: another outcome or another endpoint."""
    return (before.outcome, before.endpoint) != (after.outcome, after.endpoint)


def describe(verdict: Verdict) -> str:
    """A verdict in a few words: the outcome, whose call it is, and by what."""
    outcome = verdict.outcome.replace("_", " ")
    if not verdict.endpoint:
        return outcome
    by = f" of '{verdict.identify}'" if verdict.identify else ""
    return f"{outcome} for endpoint '{verdict.endpoint}' by {verdict.identifier}{by}"

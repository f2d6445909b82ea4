"""Report -> what is new in it, or has changed since it was told.

A cause is a rule and a source. It is told when it is there first, again when the lines to blame or to add are others,
and once more when calls of that source are taken again. What was told is kept for KNOWN_CAUSES causes, the latest ones.
A flood of sources (a scan) is told in a few lines: those beyond LINES_A_MINUTE a minute are counted, and told when they
come again; what is about one of our endpoints has as many lines for itself.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.model import Finding, Report, Severity
from pjsipdiag.errors import visible
from pjsipdiag.report import wording
from pjsipdiag.report.escape import well_formed
from pjsipdiag.report.machine.findings import suggestion, where

KNOWN_CAUSES = 5000
SOURCES_NAMED, SOURCES_LISTED = 3, 100
"""Sources that a line names, and that JSON lists."""
LINES_A_MINUTE = 60
"""Lines that are told in a minute."""
MINUTE = 60 * 1_000_000_000
OF_THE_WHOLE = "no-invite"
"""The rule that is about a capture as a whole, which a window is not."""

CauseKey = tuple[str, str]
"""Rule and source."""


@dataclass(frozen=True, slots=True)
class CauseChange:
    """One line to tell: `change` is new, changed or cleared. `time` is in nanoseconds since 1970."""

    time: int
    change: str
    rule: str
    severity: str
    sources: tuple[str, ...]
    endpoint: str
    message: str
    fix: str
    commands: tuple[str, ...]
    details: Mapping[str, Any]
    """Where, lines and calls, for machines."""

    def line(self) -> str:
        """The change for a person: time, severity, sources, endpoint, cause and what to do."""
        named = wording.few(self.sources, SOURCES_NAMED)
        who = f"{named} -> {self.endpoint}" if self.endpoint else named
        said = [wording.moment(self.time)[:19] + "Z", self.severity, who, f"{self.rule}: {self.message}"]
        fix = f"; fix: {self.fix}" if self.fix else ""
        then = f", then {' && '.join(self.commands)}" if self.commands else ""
        return visible("  ".join(filter(None, said)) + fix + then)

    def json(self) -> dict[str, Any]:
        """The change for machines, schema 1."""
        members = {
            "schema": 1,
            "time": wording.moment(self.time),
            "change": self.change,
            "rule": self.rule,
            "severity": self.severity,
            "sources": [*self.sources[:SOURCES_LISTED]],
            "sources_in_all": len(self.sources),
            "endpoint": self.endpoint,
            "message": self.message,
            "fix": self.fix,
            "commands": [*self.commands],
            **self.details,
        }
        return {name: well_formed(value) for name, value in members.items()}


class Causes:
    """The causes that were told; `told_causes` are those of an earlier run. Causes below the severity `least` are not
    told."""

    def __init__(self, least: Severity, known: Iterable[tuple[CauseKey, str]] = ()) -> None:
        self._least = least.rank
        self._told: OrderedDict[CauseKey, str] = OrderedDict(known)
        self._minute, self._lines = 0, Counter[bool]()
        self.left_out: Counter[str] = Counter()
        """Causes by rule that were not told, as there were too many in their minute."""

    def told_causes(self) -> list[tuple[CauseKey, str]]:
        """The causes that were told, with their digests, as a later run takes them for `told_causes`."""
        return [*self._told.items()]

    def new(self, report: Report, now: int) -> Iterator[CauseChange]:
        """The causes of a report that are to be told."""
        named = set[CauseKey]()
        for finding in report.findings:
            keys = [(finding.rule, source) for source in finding.sources or ("",)]
            named.update(keys)
            if finding.severity.rank <= self._least and finding.rule != OF_THE_WHOLE:
                yield from self._of(finding, keys, report, now)
        yield from self._clear(report, named, now)

    def _of(self, finding: Finding, keys: list[CauseKey], report: Report, now: int) -> Iterator[CauseChange]:
        digest = _digest(finding, report)
        fresh = [key for key in keys if self._told.get(key) != digest]
        change = "changed" if any(key in self._told for key in fresh) else "new"
        sources = tuple(source for _, source in fresh if source)
        # A cause for which the minute has no line left is not noted as told: it is new again when it comes next.
        cause = _cause(finding, sources, report, change, now)
        if fresh and not self._has_room(bool(cause.endpoint), now):
            self.left_out[finding.rule] += 1
            return
        for key in keys:
            self._told[key] = digest
            self._told.move_to_end(key)
        while len(self._told) > KNOWN_CAUSES:
            self._told.popitem(last=False)
        if fresh:
            yield cause

    def _clear(self, report: Report, named: set[CauseKey], now: int) -> Iterator[CauseChange]:
        taken = {row.address: row for row in report.sources if row.verdict == "matched"}
        rules_of = {source for _, source in named}
        for key in [key for key in self._told if key[1] in taken and key[1] not in rules_of]:
            del self._told[key]
            rule, source = key
            row = taken[source]
            said = f"its calls are taken, by {row.identifier} {row.identify}".rstrip()
            yield CauseChange(now, "cleared", rule, "cleared", (source,), row.endpoint, said, "", (), {})

    def _has_room(self, ours: bool, now: int) -> bool:
        """Whether this minute has a line left: those about our endpoints are counted by themselves."""
        if now - self._minute >= MINUTE or now < self._minute:
            self._minute, self._lines = now, Counter()
        self._lines[ours] += 1
        return self._lines[ours] <= LINES_A_MINUTE


def _cause(finding: Finding, sources: tuple[str, ...], report: Report, change: str, now: int) -> CauseChange:
    repairs = wording.suggestions_for(finding, report)
    named = set(sources)
    taken = {row.endpoint for row in report.sources if row.address in named and row.endpoint}
    loading = [finding.loading, *(one.loading for one in repairs)]
    return CauseChange(
        time=finding.seen.last or now,
        change=change,
        rule=finding.rule,
        severity=str(finding.severity),
        sources=sources,
        endpoint=", ".join(dict.fromkeys([one.endpoint for one in repairs if one.endpoint] or sorted(taken))),
        message=finding.message,
        fix=" or ".join(wording.fixes(finding, report)),
        commands=tuple(dict.fromkeys(command for one in loading for command in one.commands)),
        details={
            "calls": finding.calls,
            "call_ids": [*finding.seen.call_ids],
            "where": where(finding.where),
            "suggestions": [suggestion(one) for one in repairs],
        },
    )


def _digest(finding: Finding, report: Report) -> str:
    """The digest of all that makes a cause another one: severity, line to blame, lines to add; not its counts."""
    repairs = wording.suggestions_for(finding, report)
    parts = [
        str(finding.severity),
        str(finding.where),
        *sorted(f"{one.file} {one.section} {one.add}" for one in repairs),
    ]
    return blake2b("\n".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

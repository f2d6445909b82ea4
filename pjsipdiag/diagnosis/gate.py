"""Decides what of a report counts: rules that are ignored, findings that were known before, when it is "failed"."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.section import Where
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.edits.text_changes import lines_of
from pjsipdiag.diagnosis.model import Finding, Report, Severity
from pjsipdiag.errors import PjsipdiagError, visible
from pjsipdiag.inputs import read_whole

FindingKey = tuple[str, tuple[tuple[str, str], ...], tuple[str, ...]]
"""A finding without its line numbers, which move: its rule, the (file, section) that it speaks of, its sources."""

_COMMENT = re.compile(r";\s*pjsipdiag:\s*ignore\s*=\s*([\w,-]+)[ \t]*(.*?)\s*\Z")


@dataclass(frozen=True, slots=True)
class Ignore:
    """A comment `; pjsipdiag: ignore=RULE reason`: behind a line it speaks of that line, alone of the next one; of a
    whole section where that line is a section's head (`is_of_section`)."""

    rule: str
    reason: str
    comment: Where
    line: int
    section: str
    is_of_section: bool

    def covers(self, rule: str, place: Where) -> bool:
        """Whether this comment speaks of what the rule finds there."""
        if rule != self.rule or place.file != self.comment.file:
            return False
        return place.section == self.section if self.is_of_section else place.line == self.line


@dataclass(frozen=True, slots=True)
class Gate:
    """`fail_on` is the mildest severity that fails, None for none; `ignored_rules` are rules, `baseline` findings of
    before."""

    fail_on: Severity | None = Severity.WARNING
    ignored_rules: frozenset[str] = frozenset()
    baseline: Mapping[FindingKey, int] | None = None


def apply(report: Report, gate: Gate) -> tuple[Report, bool]:
    """The report without what does not count, each kind of it said in a note, and whether what is left fails.

    Sources that no finding names fail as errors do, and so does what cannot be decided: status 0 never stands for it.
    """
    comments = tuple(ignores(report.config)) if report.config else ()
    kept, notes = _sort_out(report, gate, comments)
    if gate.baseline is not None:
        fresh = tuple(_fresh(kept, gate.baseline))
        if len(fresh) < len(kept):
            notes.append(f"{_findings(len(kept) - len(fresh))} of the baseline left out")
        kept = fresh
    named = {source for finding in report.findings for source in finding.sources}
    worst = [finding.severity for finding in kept]
    if any(source not in named for source in report.unmatched):
        worst.append(Severity.ERROR)
    failed = gate.fail_on is not None and (
        any(severity.rank <= gate.fail_on.rank for severity in worst) or is_undecided(report)
    )
    return replace(report, findings=kept, notes=(*report.notes, *notes)), failed


def is_undecided(report: Report) -> bool:
    """Whether something cannot be decided: a source, or what stood where a capture could not be read."""
    return any(row.calls and row.verdict == "unknown" for row in report.sources) or any(
        one.truncated for one in report.captures
    )


def _sort_out(report: Report, gate: Gate, comments: Sequence[Ignore]) -> tuple[tuple[Finding, ...], list[str]]:
    """The findings that nothing silences, and what is said of the others: a comment without any is told only where its
    rule was asked."""
    silenced: Counter[Ignore | str] = Counter()
    kept = []
    for finding in report.findings:
        by = _silenced_by(finding, comments)
        if by:
            silenced.update(by)
        elif finding.rule in gate.ignored_rules:
            silenced[finding.rule] += 1
        else:
            kept.append(finding)
    notes = []
    for comment in comments:
        why = f": {comment.reason}" if comment.reason else ""
        if silenced[comment]:
            notes.append(f"{_findings(silenced[comment])} of {comment.rule} ignored at {comment.comment}{why}")
        elif comment.rule in report.checked_rules or not report.captures:
            notes.append(f"{comment.comment} ignores {comment.rule}, of which there is no finding there")
    notes += [f"{_findings(silenced[rule])} of {rule} ignored, as asked" for rule in sorted(gate.ignored_rules)]
    return tuple(kept), notes


def _silenced_by(finding: Finding, comments: Sequence[Ignore]) -> set[Ignore]:
    """The comments that together speak of every place of the finding; none where one of its places is left."""
    found = set()
    for place in _places(finding):
        by = next((comment for comment in comments if comment.covers(finding.rule, place)), None)
        if by is None:
            return set()
        found.add(by)
    return found


def _places(finding: Finding) -> tuple[Where, ...]:
    return finding.places or ((finding.where,) if finding.where else ())


def _findings(count: int) -> str:
    return f"{count:,} finding{'' if count == 1 else 's'}"


def ignores(config: Config) -> Iterator[Ignore]:
    """The comments in the files of a configuration that silence a rule, in order."""
    for file in config.files:
        lines = lines_of(config, file)
        if not any("pjsipdiag:" in line for line in lines):  # as nearly all
            continue
        waiting: list[tuple[str, str, int]] = []
        section = ""
        for number, line in enumerate(lines, 1):
            text = line.rstrip("\r\n")
            code, said = text.partition(";")[0].strip(), _COMMENT.search(text)
            head = code.startswith("[") and "]" in code
            if head:
                section = code[1 : code.index("]")]
            found = [(rule, said[2], number) for rule in said[1].split(",") if rule] if said else []
            if not code:
                waiting += found
                continue
            for rule, reason, place in (*waiting, *found):
                yield Ignore(rule, reason, Where(file, place, section), number, section, head)
            waiting = []


def _fresh(findings: Iterable[Finding], known: Mapping[FindingKey, int]) -> Iterator[Finding]:
    """The findings beyond those that the baseline has."""
    left = Counter(known)
    for finding in findings:
        places = {(place.file, place.section) for place in _places(finding)}
        key = (finding.rule, tuple(sorted(places)), tuple(sorted(finding.sources)))
        if left[key] > 0:
            left[key] -= 1
        else:
            yield finding


def read_baseline(path: str) -> Mapping[FindingKey, int]:
    """The findings of a report that was written with --format json.

    :raises PjsipdiagError: it cannot be read, or is no such report.
    """
    try:
        whole = json.loads(read_whole(path))
        return Counter(_key(finding) for finding in whole["findings"])
    except OSError as error:
        raise PjsipdiagError(f"{visible(path)}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise PjsipdiagError(f"{visible(path)}: no report of pjsipdiag: write one with --format json") from None


def _key(finding: Mapping[str, Any]) -> FindingKey:
    places = finding.get("places") or [finding["where"]]
    named = {(str(place["file"]), str(place["section"] or "")) for place in places if place}
    return str(finding["rule"]), tuple(sorted(named)), tuple(sorted(str(source) for source in finding["sources"]))

"""JUnit XML for build servers: a test case for each source and for each finding; of a configuration, for each rule.

Text is made visible before it is quoted: XML 1.0 cannot carry control characters at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO
from xml.sax.saxutils import escape, quoteattr

from pjsipdiag.diagnosis.model import Finding, Report, Severity
from pjsipdiag.diagnosis.traffic import SourceRow
from pjsipdiag.report import wording
from pjsipdiag.report.escape import visible
from pjsipdiag.report.headline import headline
from pjsipdiag.report.look import Style

Case = tuple[str, str, str]
"""The opening attributes, what failed (empty: nothing), the text below it."""


def write(report: Report, stream: TextIO, _look: Style) -> None:
    """Writes two suites: `sources` (fails when unmatched or mixed) and `findings` (notes pass)."""
    stream.write('<?xml version="1.0" encoding="UTF-8"?>\n')
    stream.write(f"<testsuites name={_attribute('pjsipdiag: ' + headline(report))}>\n")
    _suite(stream, "sources", list(_sources(report)))
    _suite(stream, "findings", list(_findings(report)))
    stream.write("</testsuites>\n")


def _suite(stream: TextIO, name: str, cases: list[Case]) -> None:
    failures = sum(bool(failed) for _, failed, _ in cases)
    counts = f'tests="{len(cases)}" failures="{failures}" errors="0"'
    stream.write(f'  <testsuite name="{name}" {counts}>\n')
    for attributes, failed, text in cases:
        stream.write(f'    <testcase classname="pjsipdiag.{name}" {attributes}')
        body = f"<failure {failed}>{text}</failure>" if failed else f"<system-out>{text}</system-out>" if text else ""
        stream.write(f">\n      {body}\n    </testcase>\n" if body else "/>\n")
    stream.write("  </testsuite>\n")


def _sources(report: Report) -> Iterator[Case]:
    for source in report.sources:
        if source.calls:
            failed = source.verdict in ("unmatched", "mixed")
            message = f"message={_attribute(f'{source.address} is {source.verdict}')} type={_attribute(source.verdict)}"
            yield f"name={_attribute(source.address)}", message if failed else "", _text(_about(source))


def _about(source: SourceRow) -> str:
    said = f"{wording.plural(source.calls, 'call')} {source.verdict}"
    if source.endpoint:
        said += f" by {source.identifier} to endpoint {source.endpoint}"
    answers = wording.observed_answers(source)
    return f"{said}; answered {answers}" if answers else said


def _findings(report: Report) -> Iterator[Case]:
    for finding in report.findings:
        place = wording.place(finding.where)
        name = f"{finding.rule} at {place}" if place else finding.rule
        failed = "" if finding.severity is Severity.NOTE else _failure(finding)
        lines = (finding.message, *finding.evidence, *finding.consequences, finding.advice)
        yield f"name={_attribute(name)}", failed, "\n".join(_text(line) for line in lines if line)
    if not report.captures:
        found = {finding.rule for finding in report.findings}
        passed = (*report.held_expectations, *(name for name in report.checked_rules if name not in found))
        yield from ((f"name={_attribute(name)}", "", "") for name in passed)


def _failure(finding: Finding) -> str:
    return f"message={_attribute(finding.message)} type={_attribute(f'{finding.severity}: {finding.rule}')}"


def _text(text: str) -> str:
    return escape(visible(text))


def _attribute(text: str) -> str:
    return quoteattr(visible(text))

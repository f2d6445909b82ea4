"""The table of sources for a spreadsheet (RFC 4180, UTF-8, one header row), in the order of the text report.

A cell that a spreadsheet would run as a formula gets an apostrophe in front.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import TextIO

from pjsipdiag.diagnosis.model import Report
from pjsipdiag.diagnosis.traffic import SourceRow
from pjsipdiag.report import wording
from pjsipdiag.report.escape import visible
from pjsipdiag.report.look import Style

COLUMNS = (
    "address",
    "requests",
    "calls",
    "verdict",
    "identifier",
    "identify",
    "endpoint",
    "observed",
    "user_agents",
    "other_methods",
    "first",
    "last",
)
FORMULA = tuple("=+-@＝＋－＠")
"""First characters that start a formula, their full-width forms included (OWASP, CSV Injection)."""


def write(report: Report, stream: TextIO, _look: Style) -> None:
    """Writes one row for each source."""
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows([cell(value) for value in _row(source)] for source in wording.sources_by_need(report))


def cell(text: str) -> str:
    """`text` as a cell that is text: visible, and never a formula."""
    shown = visible(text)
    return f"'{shown}" if shown.lstrip().startswith(FORMULA) else shown


def _row(source: SourceRow) -> tuple[str, ...]:
    return (
        source.address,
        str(source.requests),
        str(source.calls),
        source.verdict if source.calls else "",
        source.identifier,
        source.identify,
        source.endpoint,
        _counts(source.observed),
        "; ".join(source.user_agents),
        _counts(source.other_methods),
        wording.moment(source.first_time) if source.first_time else "",
        wording.moment(source.last_time) if source.last_time else "",
    )


def _counts(counts: Mapping[str, int]) -> str:
    return "; ".join(f"{name}: {count}" for name, count in sorted(counts.items()))

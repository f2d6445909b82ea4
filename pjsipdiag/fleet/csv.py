"""The table of PBXs for a spreadsheet, one row each, in the order of FLEET.toml."""

from __future__ import annotations

import csv
from typing import TextIO

from pjsipdiag.diagnosis.model import Severity
from pjsipdiag.fleet import wording
from pjsipdiag.fleet.model import Fleet, Member
from pjsipdiag.report.look import Style
from pjsipdiag.report.machine.csv import cell

PBX_COLUMNS = (
    "name",
    "status",
    "asterisk",
    "captures",
    "calls",
    "failed_calls",
    "sources",
    "unmatched_sources",
    *(f"{severity}s" for severity in Severity),
    "headline",
)


def write(fleet: Fleet, stream: TextIO, _look: Style) -> None:
    """Writes one row for each PBX."""
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(PBX_COLUMNS)
    table.writerows([cell(str(value)) for value in _row(member)] for member in fleet.members)


def _row(member: Member) -> tuple[str | int, ...]:
    severities = [place.finding.severity for place in member.places]
    return (
        member.pbx.name,
        wording.status(member),
        member.asterisk,
        member.files,
        member.calls,
        member.failed_calls,
        member.callers,
        member.unmatched,
        *(severities.count(severity) for severity in Severity),
        wording.outcome(member),
    )

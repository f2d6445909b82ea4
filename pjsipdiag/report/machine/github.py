"""Annotations of a GitHub workflow: a command a finding, which shows it at its line of a pull request.

The form is that of "Workflow commands for GitHub Actions": data and properties are escaped as @actions/core does.
"""

from __future__ import annotations

from typing import TextIO

from pjsipdiag.diagnosis.model import Finding, Report, Severity
from pjsipdiag.report.escape import visible
from pjsipdiag.report.headline import headline
from pjsipdiag.report.look import Style
from pjsipdiag.report.machine.repository_path import path_of

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def write(report: Report, stream: TextIO, look: Style) -> None:
    """Writes the findings, then the headline, which is no annotation."""
    for finding in report.findings:
        stream.write(f"{_command(finding, look)}\n")
    stream.write(f"{_data(headline(report))}\n")


def _command(finding: Finding, look: Style) -> str:
    where = finding.where
    properties = {"title": f"pjsipdiag: {finding.rule}"}
    if where is not None and where.file and not where.column:
        properties = {"file": path_of(where.file, look.folder), "line": str(where.line or 1), **properties}
    shown = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    row = f"at {where}" if where is not None and where.column else ""  # a row has no line in a file
    lines = (finding.message, row, *finding.evidence, *finding.consequences, finding.advice)
    text = "\n".join(line for line in lines if line)
    return f"::{_COMMANDS[finding.severity]} {shown}::{_data(text)}"


def _data(text: str) -> str:
    lines = "\n".join(visible(line) for line in text.split("\n"))
    return lines.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

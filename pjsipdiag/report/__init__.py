"""Reports that people look at, machines read and tickets accept.

In comes a Report; out goes text. A renderer is a function `write(report, stream, look)`; RENDERERS is the one place
where a format is added. Its module is imported when it is used: rich and jinja2 cost more than most diagnoses.

    text, terminal, markdown    formats for people; man is the manual page, rules the list of rules
    web         the page for a browser, and that for a carrier
    machine     the formats for machines
    changes     the result of a comparison
    wording, headline    the sentences that every format shares; the verdict in one; steps is how a report ends
    escape      hostile text made visible: nothing leaves as a control character
    look, ahead     how a report is to look; long tables that other processes write
    drawing     the pictures of the HTML report; templates/ turns them into SVG

Imports: `diagnosis`, `asterisk`, `sip`; only `redact` and `cli` stand above. Machine output is versioned by its schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from io import StringIO
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TextIO

from pjsipdiag.dataclass import dataclass
from pjsipdiag.errors import PjsipdiagError
from pjsipdiag.report.look import NARROW, Style

if TYPE_CHECKING:
    from pjsipdiag.diagnosis.model import Report
    from pjsipdiag.diagnosis.traffic import CallRow, SourceRow
    from pjsipdiag.report.ahead import BackgroundTables, Table


@dataclass(frozen=True, slots=True)
class Renderer:
    """One row of RENDERERS: `endings` are the file endings that choose it."""

    module: str
    endings: tuple[str, ...]
    summary: str
    function: str = "write"
    tables: str = ""
    """The function that makes the tables which other processes may write."""

    def write(self, report: Report, stream: TextIO, look: Style) -> None:
        """Writes the report piece by piece."""
        getattr(self._module(), self.function)(report, stream, look)

    def make_tables(self, calls: Sequence[CallRow], sources: Sequence[SourceRow]) -> Sequence[Table]:
        """The tables of a report with these rows that other processes may write."""
        return getattr(self._module(), self.tables)(calls, sources) if self.tables else ()

    def _module(self) -> Any:
        return import_module(f"pjsipdiag.report.{self.module}")


def render(
    report: Report,
    format: str = "text",
    *,
    verbose: int = 0,
    width: int | None = None,
    color: bool = False,
    ascii_only: bool = False,
) -> str:
    """The report as text in one of FORMATS; the same report gives the same text. PjsipdiagError for another format."""
    stream = StringIO()
    renderer(format).write(report, stream, Style(verbose, width or NARROW, color, ascii_only))
    return stream.getvalue()


def begin(format: str, jobs: int) -> BackgroundTables:
    """The tables that `jobs` processes write of a report in `format` once its rows are known; none in most formats."""
    from pjsipdiag.report.ahead import BackgroundTables

    return BackgroundTables(jobs, renderer(format).make_tables)


def renderer(format: str) -> Renderer:
    """The row of RENDERERS, or a PjsipdiagError that lists the formats."""
    if format not in RENDERERS:
        raise PjsipdiagError(f"unknown format {format!r}: use one of {', '.join(RENDERERS)}")
    return RENDERERS[format]


def format_of(path: str) -> str | None:
    """The format that a file's ending asks for; None for an ending that says nothing."""
    ending = PurePath(path).suffix.lower()
    return next((name for name, row in RENDERERS.items() if ending in row.endings), None)


RENDERERS = {
    "text": Renderer("text", (".txt", ".log"), "for a terminal"),
    "html": Renderer("web.html", (".html", ".htm"), "one page for a browser, with pictures"),
    "json": Renderer("machine.json", (".json",), "schema 1, everything", tables="tables"),
    "jsonl": Renderer("machine.json", (".jsonl", ".ndjson"), "one call in a line", "write_lines", "line_tables"),
    "csv": Renderer("machine.csv", (".csv",), "the sources for a spreadsheet"),
    "markdown": Renderer("markdown", (".md",), "for a ticket"),
    "sarif": Renderer("machine.sarif", (".sarif",), "SARIF 2.1.0, the findings for code scanning"),
    "github": Renderer("machine.github", (), "annotations of a GitHub workflow"),
    "junit": Renderer("machine.junit", (".xml",), "JUnit XML for a build server"),
}
FORMATS = tuple(RENDERERS)

"""The rules as a person reads them: a table of all, and the page of one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

from pjsipdiag.diagnosis.model import Severity
from pjsipdiag.diagnosis.rule import Rule
from pjsipdiag.report.look import Style
from pjsipdiag.report.terminal import COLOURS, Ink, put

_HEADS = {
    Severity.ERROR: "Errors: calls fail, or fraud is possible",
    Severity.WARNING: "Warnings: will bite",
    Severity.NOTE: "Notes: worth knowing",
}


def write(rules: Iterable[Rule], stream: TextIO, look: Style) -> None:
    """Writes the names and summaries, grouped by severity; the order within is that in which rules take the blame."""
    ink, rows = Ink(look), tuple(rules)
    room = max(len(rule.name) for rule in rows)
    for severity, head in _HEADS.items():
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, min_width=room)
        table.add_column(overflow="fold")
        for rule in rows:
            if rule.severity is severity:
                table.add_row(ink.text(rule.name), ink.text(rule.summary))
        put((ink.text(head, COLOURS[severity]), ink.table(table), Text()), stream, look)


def write_page(rule: Rule, stream: TextIO, look: Style) -> None:
    """Writes what one rule says to people: set for a page that is looked at, and its Markdown for anything else."""
    if look.keeps_names_whole:
        stream.write(rule.page)
    else:
        put([Markdown(rule.page)], stream, look)

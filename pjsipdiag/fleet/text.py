"""The report on a fleet for a terminal: a table of PBXs, causes with their places, sources that several saw."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from rich.table import Table
from rich.text import Text

from pjsipdiag.fleet import wording
from pjsipdiag.fleet.model import Fleet, SharedCause, SharedSource
from pjsipdiag.report.look import Style
from pjsipdiag.report.terminal import COLOURS, Ink, Paragraph, Part, put
from pjsipdiag.report.wording import few, plural

PLACES_SHOWN, SOURCES_SHOWN, PBXS_SHOWN = 8, 20, 4
"""Places of a cause, sources, and PBXs of a source that are shown without `verbose`."""
_STYLES = {"ok": "green", "problems": "bold red", "not diagnosed": "magenta"}


def write(fleet: Fleet, stream: TextIO, look: Style) -> None:
    """Writes the report; `look.verbose` shows every place."""
    put(_Page(fleet, look).parts(), stream, look)


class _Page:
    def __init__(self, fleet: Fleet, look: Style) -> None:
        self.fleet, self.look, self.ink = fleet, look, Ink(look)

    def parts(self) -> Iterator[Part]:
        fleet = self.fleet
        style = "bold red" if any(member.needs_attention for member in fleet.members) else "bold green"
        yield self.ink.text(wording.fleet_headline(fleet), style)
        yield from self.ink.title("PBXs", [self.members()])
        if fleet.causes:
            yield from self.ink.title("Causes", (part for cause in fleet.causes for part in self.cause(cause)))
        if fleet.shared_sources:
            yield from self.ink.title("Sources that several PBXs saw", self.write_shared())
        if points := wording.open_points(fleet):
            yield from self.ink.title("What is missing", (self.ink.item(point, by=2) for point in points))

    def members(self) -> Part:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim" if self.look.color else "")
        table.add_column("name", overflow="fold")
        table.add_column("status", no_wrap=True)
        table.add_column("calls", justify="right", no_wrap=True)
        table.add_column("failed", justify="right", no_wrap=True)
        table.add_column("", overflow="fold")
        for member in self.fleet.members:
            status = wording.status(member)
            table.add_row(
                self.ink.text(member.pbx.name),
                Text(status, _STYLES[status]),
                "" if member.failure else f"{member.calls:,}",
                "" if member.failure else f"{member.failed_calls:,}",
                self.ink.text(wording.outcome(member)),
            )
        return self.ink.table(table)

    def cause(self, cause: SharedCause) -> Iterator[Part]:
        ink = self.ink
        head = Text.assemble(
            ink.text(str(cause.severity), COLOURS[cause.severity]),
            " ",
            ink.text(f"{wording.extent(cause)}: {wording.title(cause)}"),
            " ",
            ink.text(f"({cause.rule})", "dim"),
        )
        yield Paragraph(head, 2)
        if cause.note:
            yield ink.indent(cause.note, "dim")
        told = wording.remedies(cause.places)
        shown = told if self.look.verbose else told[:PLACES_SHOWN]
        for names, said in shown:
            yield ink.item(f"{few(names, len(names) if self.look.verbose else PLACES_SHOWN)}: {said}")
        if left := sum(len(names) for names, _ in told[len(shown) :]):
            yield ink.item(f"and at {plural(left, 'more PBX', 'more PBXs')}: -v names them", "dim")

    def write_shared(self) -> Iterator[Part]:
        shown = self.fleet.shared_sources if self.look.verbose else self.fleet.shared_sources[:SOURCES_SHOWN]
        for source in shown:
            yield self.source(source)
        if left := len(self.fleet.shared_sources) - len(shown):
            yield self.ink.item(f"and {plural(left, 'more source')}: -v names them", "dim", by=2)

    def source(self, source: SharedSource) -> Part:
        seen = source.callers if self.look.verbose else source.callers[:PBXS_SHOWN]
        at = "; ".join(wording.seen_as(name, row) for name, row in seen)
        more = f"; and {len(source.callers) - len(seen):,} more" if len(source.callers) > len(seen) else ""
        calls = plural(wording.shared_calls(source), "call")
        return self.ink.item(f"{source.address}: {wording.shared_kind(source)}, {calls} ({at}{more})", by=2)

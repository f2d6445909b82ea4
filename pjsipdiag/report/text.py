"""The report for a terminal: the verdict in the first line, then what to do, then what it rests on.

Fits 80 columns and uses more; without colour and in ASCII it says the same. Text from packets and files is only ever
put into `Text` objects, escaped: rich's markup is never parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pjsipdiag.asterisk.verdict import Check, Match, Verdict
from pjsipdiag.diagnosis.model import CallRow, Finding, Report, Severity, SourceRow, Suggestion
from pjsipdiag.report import wording
from pjsipdiag.report.escape import clipped
from pjsipdiag.report.look import Look

COLOURS = {
    "matched": "green",
    "unmatched": "bold red",
    "mixed": "yellow",
    "unknown": "magenta",
    Severity.ERROR: "bold red",
    Severity.WARNING: "yellow",
    Severity.NOTE: "cyan",
    Match.MATCH: "green",
    Match.NO_MATCH: "",
    Match.UNKNOWN: "magenta",
}
MANY = 40
"""Rows of the source table that are shown without `verbose`."""


def write(report: Report, stream: TextIO, look: Look) -> None:
    """Writes the report; `look.verbose` 1 adds every source and the trace of each unmatched one, 2 all traces."""
    console = Console(
        file=stream,
        width=look.width,
        color_system="standard" if look.color else None,
        force_terminal=look.color,
        no_color=not look.color,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
        safe_box=True,
    )
    page = _Page(report, look)
    for part in page.parts():
        with console.capture() as capture:
            console.print(part, crop=False, overflow="fold")
        # rich fills lines up to the width; a pasted or piped report needs no blanks at the end.
        stream.write(_BLANKS.sub("", capture.get()))


_BLANKS = re.compile(r" +$", re.MULTILINE)


class _Page:
    """One report under one look: the parts from top to bottom."""

    def __init__(self, report: Report, look: Look) -> None:
        self.report = report
        self.look = look
        self.dash, self.arrow, self.dot = ("-", "->", "*") if look.ascii_only else ("─", "→", "•")

    def text(self, text: str, style: str = "") -> Text:
        shown = clipped(text, 2000)
        if self.look.ascii_only:
            shown = shown.encode("ascii", "backslashreplace").decode("ascii")
        return Text(shown, style)

    def parts(self) -> Iterator[RenderableType]:
        report = self.report
        worst = "bold red" if report.unmatched else "bold yellow" if report.findings else "bold green"
        yield self.text(wording.headline(report), worst)
        yield from self.context()
        if report.findings:
            yield from self.titled("Causes", (self.finding(finding) for finding in report.findings))
        if report.suggestions:
            yield from self.titled("Suggested lines", (self.suggestion(s) for s in report.suggestions))
        if report.sources:
            yield from self.titled("Sources", self.sources())
        if wording.notes(report):
            yield from self.titled("Notes", self.notes())
        if self.look.verbose:
            yield from self.titled("Traces", self.traces())

    def titled(self, title: str, parts: Iterable[RenderableType]) -> Iterator[RenderableType]:
        yield Text()
        yield Text(title, "bold underline" if self.look.color else "bold")
        if not self.look.color:
            yield Text(self.dash * len(title))
        yield from parts

    def context(self) -> Iterator[RenderableType]:
        report = self.report
        said = [wording.asterisk(report), wording.pbx(report)]
        said += [
            f"{capture.file}: {wording.plural(capture.records, 'record')}, "
            f"{wording.plural(capture.sip_messages, 'SIP message')}, {wording.plural(capture.invites, 'INVITE')}"
            + (f"; {capture.truncated}" if capture.truncated else "")
            for capture in report.captures
        ]
        for line in filter(None, said):
            yield self.text(line, "dim")

    def notes(self) -> Iterator[RenderableType]:
        for line in wording.notes(self.report):
            yield Padding(self.text(f"{self.dot} {line}"), (0, 0, 0, 2))

    def finding(self, finding: Finding) -> RenderableType:
        head = Text.assemble(
            (str(finding.severity), COLOURS[finding.severity]),
            " ",
            self.text(finding.message),
            " ",
            self.text(f"[{finding.rule}]", "dim"),
        )
        lines = [Padding(head, (0, 0, 0, 2))]
        if place := wording.place(finding.where):
            lines.append(self.indented(f"at {place}", "cyan"))
        lines += [self.indented(f"{self.dot} {line}") for line in finding.evidence]
        lines += [self.indented(f"{self.dot} so: {line}", "dim") for line in finding.consequences]
        lines += [self.indented(f"{self.arrow} {fix}", "green") for fix in wording.fixes(finding, self.report)]
        return Group(*lines)

    def indented(self, line: str, style: str = "", by: int = 4) -> Padding:
        return Padding(self.text(line, style), (0, 0, 0, by))

    def suggestion(self, suggestion: Suggestion) -> RenderableType:
        lines: list[RenderableType] = [
            Padding(
                Text.assemble(
                    self.text(f"{suggestion.file}:{suggestion.line}", "cyan"),
                    " ",
                    self.text(f"[{suggestion.section}]", "bold"),
                    self.text(f" {self.arrow} endpoint {suggestion.endpoint}" if suggestion.endpoint else ""),
                ),
                (0, 0, 0, 2),
            )
        ]
        lines += [self.indented(f"+ {line}", "green") for line in suggestion.add]
        lines.append(self.indented(wording.effect(suggestion), "dim"))
        if suggestion.admits:
            lines.append(self.indented(f"lets in: {', '.join(suggestion.admits)}", "dim"))
        if suggestion.note:
            lines.append(self.indented(f"first: {suggestion.note}", "yellow"))
        return Group(*lines)

    def sources(self) -> Iterator[RenderableType]:
        ordered = wording.sources_by_need(self.report)
        shown = ordered if self.look.verbose or len(ordered) <= MANY + 5 else ordered[:MANY]
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        wide = self.look.width >= 110
        narrowest = max((len(source.address) for source in shown if ":" not in source.address), default=15)
        table.add_column("Source", overflow="fold", min_width=narrowest)
        table.add_column("Requests", justify="right", no_wrap=True)
        table.add_column("Calls", justify="right", no_wrap=True)
        table.add_column("Verdict", no_wrap=True)
        if wide:
            table.add_column("Identified by", no_wrap=True)
        table.add_column("Identify", overflow="fold")
        table.add_column("Endpoint", overflow="fold")
        table.add_column("Answered", overflow="fold")
        if wide:
            table.add_column("User agent", overflow="fold", max_width=40)
        for source in shown:
            table.add_row(*self.source(source, wide))
        yield Padding(table, (0, 0, 0, 2))
        if len(shown) < len(ordered):
            yield self.text(f"{len(ordered) - len(shown):,} more sources are not shown (-v shows all)", "dim")

    def source(self, source: SourceRow, wide: bool) -> Iterator[Text]:
        verdict = source.verdict if source.calls else self.dash
        yield self.text(source.address)
        yield Text(f"{source.requests:,}")
        yield Text(f"{source.calls:,}")
        yield self.text(verdict, COLOURS.get(verdict, "dim"))
        if wide:
            yield self.text(source.identifier or self.dash)
        yield self.text(source.identify or self.dash)
        yield self.text(source.endpoint or self.dash)
        yield self.text(wording.observed(source) or self.dash)
        if wide:
            yield self.text(clipped(", ".join(source.user_agents) or self.dash, 80))

    def traces(self) -> Iterator[RenderableType]:
        """One trace for each source and distinct verdict; the walk over a million calls looks at identities only."""
        seen: dict[tuple[str, int], int] = {}
        first: list[CallRow] = []
        for call in self.report.calls:
            key = (call.source.rpartition(":")[0], id(call.verdict))
            if key not in seen:
                first.append(call)
            seen[key] = seen.get(key, 0) + 1
        for call in first:
            if call.verdict.identifier and self.look.verbose < 2:
                continue
            alike = seen[call.source.rpartition(":")[0], id(call.verdict)]
            yield Text()
            yield Padding(self.text(f"{call.source} INVITE {clipped(call.request_uri)}", "bold"), (0, 0, 0, 2))
            said = f"Call-ID {clipped(call.call_id)}"
            yield self.indented(f"{said} and {wording.plural(alike - 1, 'call')} alike" if alike > 1 else said, "dim")
            yield self.trace(call.verdict)
            seen_answer = f"answered {call.observed_status}" if call.observed_status else "no answer in the capture"
            yield self.indented(f"{self.arrow} {wording.outcome(call.verdict)}; {seen_answer}", "bold")

    def trace(self, verdict: Verdict) -> RenderableType:
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for check in verdict.trace:
            table.add_row(Text(check.step), Text(wording.MATCHES[check.match], COLOURS[check.match]), self.check(check))
        return Padding(table, (0, 0, 0, 4))

    def check(self, check: Check) -> Text:
        subject = f"[{check.identify}] " if check.identify else ""
        many = f" (x{check.count:,})" if check.count > 1 else ""
        where = f" ({check.where})" if check.where and check.where.file else ""
        return self.text(f"{subject}{check.reason}{many}{where}")

"""The report for a terminal: the verdict in the first line, then the causes, what they rest on, and what to do.

Fits 80 columns and uses more; without colour and in ASCII it says the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from rich.table import Table
from rich.text import Text

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.verdict import Verdict
from pjsipdiag.diagnosis.model import Finding, Report, Suggestion
from pjsipdiag.diagnosis.traffic import CallRow, RequestRow, SourceRow
from pjsipdiag.errors import shown_name
from pjsipdiag.report import wording
from pjsipdiag.report.escape import clip
from pjsipdiag.report.headline import headline
from pjsipdiag.report.look import PLAIN, Style
from pjsipdiag.report.steps import gather_ending
from pjsipdiag.report.terminal import COLOURS, Ink, Paragraph, Part, page_text, put
from pjsipdiag.sip import SipMessage

MOST_SOURCE_ROWS = 40
"""Rows of the source table that are shown without `verbose`."""
NAME_COLUMNS = 12
"""Columns of a section name in a narrow table."""
ANSWER_COLUMNS = 14
"""Columns of the observed answers in a narrow table."""
WIDE_COLUMNS = 110
"""Columns from which on the source table also names the identifier and the user agent."""
MOST_EVIDENCE = 6
"""Sentences of evidence for a finding that are shown without `verbose`."""
MOST_TRACES = 2
"""Traces of one source with `verbose` 1."""


def write(report: Report, stream: TextIO, look: Style) -> None:
    """Writes the report; `look.verbose` 1 adds every source and the trace of each unmatched one, 2 all traces."""
    put(_ReportPage(report, look).parts(), stream, look)


def suggestions_text(report: Report, look: Style = PLAIN) -> str:
    """Only the suggested lines with the file and section that they belong to, and what they change."""
    page = _ReportPage(report, look)
    likely = [part for s in report.suggestions for part in page.suggestion(s)] or [
        page.ink.text("No line is suggested.")
    ]
    return page_text([*likely, *page.unconfirmed(), *page.steps()], look)


def explain(message: SipMessage, verdict: Verdict, config: Config, look: Style = PLAIN, why: str = "") -> str:
    """The verdict on one request and the trace behind it; `why` says how the release was chosen."""
    ink = Ink(look)
    outcome, where = wording.outcome(verdict), shown_name(config.directory) or "no files"
    said = f"{message.method} {message.request_uri} from {message.source} ({message.transport})"
    by = f"by {verdict.identifier}" + (f" [{verdict.identify}]" if verdict.identify else "")
    style = "bold green" if verdict.endpoint else "bold red"
    parts: list[Part] = [
        ink.text(f"{outcome[:1].upper()}{outcome[1:]}{f' {by}' if verdict.identifier else ''}.", style),
        ink.text(clip(said), "dim"),
        ink.text(f"From: {clip(message.header('From'))}", "dim"),
        ink.text(f"Asterisk {config.version}{f' ({why})' if why else ''}, {where}", "dim"),
        Text(),
        *ink.trace(verdict),
    ]
    return page_text(parts, look)


class _ReportPage:
    """One report under one look: the parts from top to bottom."""

    def __init__(self, report: Report, look: Style) -> None:
        self.report = report
        self.look = look
        self.ink = Ink(look)

    def parts(self) -> Iterator[Part]:
        report = self.report
        worst = "bold red" if report.unmatched else "bold yellow" if report.findings else "bold green"
        yield self.ink.text(headline(report), worst)
        yield from (self.ink.text(line, "bold yellow") for line in wording.unread_records(report))
        yield from self.context()
        if report.findings:
            yield from self.ink.title("Causes", self.space(self.finding(finding) for finding in report.findings))
        if report.sources:
            yield from self.ink.title("Sources", self.sources())
        listed = [row for row in report.requests if row.method in report.methods]
        if listed:
            yield from self.ink.title("Other requests", self.space(map(self.request, listed)))
        if report.doors:
            yield from self.ink.title("Doors", self.doors())
        if wording.notes(report):
            yield from self.ink.title("Notes", (self.ink.item(line, by=2) for line in wording.notes(report)))
        if self.look.verbose and report.calls:
            yield from self.ink.title("Traces", self.traces())
        if report.suggestions:
            yield from self.ink.title("Suggested lines", self.space(self.suggestion(s) for s in report.suggestions))
        yield from self.unconfirmed()
        yield from self.steps()

    def space(self, many: Iterable[Iterable[Part]]) -> Iterator[Part]:
        for at, parts in enumerate(many):
            if at:
                yield Text()
            yield from parts

    def context(self) -> Iterator[Part]:
        report = self.report
        said = [wording.asterisk(report), wording.pbx(report), wording.scope(report)]
        said += [wording.capture(capture) for capture in report.captures]
        for line in filter(None, said):
            yield self.ink.text(line, "dim")

    def finding(self, finding: Finding) -> Iterator[Part]:
        ink = self.ink
        head = Text.assemble(
            ink.text(str(finding.severity), COLOURS[finding.severity]),
            " ",
            ink.text(finding.message),
            " ",
            ink.text(f"({finding.rule})", "dim"),
        )
        yield Paragraph(head, 2)
        if place := wording.place(finding.where):
            yield ink.indent(f"at {place}", "cyan")
        if seen := wording.where_seen(finding):
            yield ink.indent(clip(seen), "dim")
        yield from map(ink.item, wording.evidence(finding, None if self.look.verbose else MOST_EVIDENCE))
        yield from (ink.item(f"so: {line}", "dim") for line in finding.consequences)
        yield from (ink.sign(ink.arrow, fix, "green") for fix in wording.fixes(finding, self.report))

    def unconfirmed(self) -> Iterator[Part]:
        found = self.report.unconfirmed
        if found:
            yield from self.ink.title(wording.UNCONFIRMED, self.space(self.suggestion(s, "may fix") for s in found))

    def steps(self) -> Iterator[Part]:
        ink, last = self.ink, gather_ending(self.report)
        if last.steps:
            yield from self.ink.title(last.title, ())
        for step in last.steps:
            yield ink.item(f"{step.says}{':' if step.commands else ''}", by=2)
            yield from (ink.indent(clip(command), "green") for command in step.commands)

    def suggestion(self, suggestion: Suggestion, fixes: str = "fixes") -> Iterator[Part]:
        ink = self.ink
        place = f"{suggestion.file}:{suggestion.line}" if suggestion.line else suggestion.file
        head = Text.assemble(
            ink.text(place, "cyan"),
            " " if place else "",
            ink.text(f"[{suggestion.section}]" if suggestion.section else "", "bold"),
            ink.text(f" {ink.arrow} endpoint {suggestion.endpoint}" if suggestion.endpoint else ""),
        )
        if head.plain.strip():
            yield Paragraph(head, 2)
        for line in wording.changed_lines(suggestion):
            yield ink.sign(line[0], line[2:], "red" if line[0] == "-" else "green")
        if suggestion.edits or suggestion.sql:
            yield ink.indent(wording.effect(suggestion, fixes), "dim")
        if suggestion.admits:
            yield ink.indent(f"lets in {', '.join(suggestion.admits)}", "dim")
        if suggestion.note:
            yield ink.indent(f"first: {suggestion.note}", "yellow")

    def sources(self) -> Iterator[Part]:
        ordered = wording.sources_by_need(self.report)
        shown = ordered if self.look.verbose or len(ordered) <= MOST_SOURCE_ROWS + 5 else ordered[:MOST_SOURCE_ROWS]
        table = self.source_table(shown, broken=False)
        yield self.ink.table(table if self.ink.fits(table) else self.source_table(shown, broken=True))
        if len(shown) < len(ordered):
            more = f"{len(ordered) - len(shown):,} more sources are not shown (-v shows all)"
            yield self.ink.indent(more, "dim", by=2)

    def source_table(self, shown: Sequence[SourceRow], *, broken: bool) -> Table:
        """The table of sources; `broken` says that long names take several lines."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        wide = self.look.width >= WIDE_COLUMNS
        narrowest = max((len(source.address) for source in shown if ":" not in source.address), default=15)
        # rich takes columns below their least width, and cuts off at the end of a line what it lacks then.
        is_short = all(len(source.address) <= narrowest for source in shown)
        table.add_column("Source", overflow="fold", min_width=narrowest, no_wrap=is_short)
        table.add_column("Requests", justify="right", no_wrap=True)
        table.add_column("Calls", justify="right", no_wrap=True)
        table.add_column("Verdict", no_wrap=True)
        if wide:
            table.add_column("Identified by", no_wrap=True)
        table.add_column("Identify", overflow="fold")
        table.add_column("Endpoint", overflow="fold")
        table.add_column("Answered", overflow="fold", min_width=8)
        if wide:
            table.add_column("User agent", overflow="fold", max_width=40)
        for source in shown:
            table.add_row(*self.source(source, wide, broken))
        return table

    def source(self, source: SourceRow, wide: bool, broken: bool) -> Iterator[Text]:
        ink = self.ink
        verdict = source.verdict if source.calls else ink.dash
        yield ink.text(source.address)
        yield Text(f"{source.requests:,}")
        yield Text(f"{source.calls:,}")
        yield ink.text(verdict, COLOURS.get(verdict, "dim"))
        if wide:
            yield ink.text(source.identifier or ink.dash)
        room = NAME_COLUMNS if broken and not wide else None
        yield ink.name(source.identify or ink.dash, room)
        yield ink.name(source.endpoint or ink.dash, room)
        yield ink.break_list(
            wording.observed_answers(source) or ink.dash, ANSWER_COLUMNS if broken and not wide else None
        )
        if wide:
            yield ink.text(wording.agents(source) or ink.dash)

    def request(self, row: RequestRow) -> Iterator[Part]:
        ink = self.ink
        requests = wording.plural(row.requests, f"{row.method} request")
        head = f"{requests} from {row.source}, answered {wording.counts(row.observed) or 'not at all'}"
        yield ink.indent(head, "bold", by=2)
        if row.verdict:
            yield from ink.trace(row.verdict)
            yield ink.sign(ink.arrow, wording.outcome(row.verdict), "bold")

    def doors(self) -> Iterator[Part]:
        shown = self.report.doors if self.look.verbose else self.report.doors[:MOST_SOURCE_ROWS]
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for title in ("Endpoint", "Context"):
            table.add_column(title, overflow="fold", min_width=8)
        table.add_column("By", no_wrap=True)
        table.add_column("From", overflow="fold", min_width=8)
        table.add_column("Password", no_wrap=True)
        for door in shown:
            style = COLOURS[door.state]
            by = self.ink.text(door.identifier)
            table.add_row(
                self.ink.name(
                    door.endpoint,
                    None if self.look.width >= WIDE_COLUMNS or self.look.keeps_names_whole else NAME_COLUMNS * 2,
                ),
                self.ink.text(door.context),
                by,
                self.ink.text(wording.door_from(door)),
                self.ink.text(wording.door_password(door), style),
            )
        yield self.ink.table(table)
        if len(shown) < len(self.report.doors):
            more = f"{len(self.report.doors) - len(shown):,} more doors are not shown (-v shows all)"
            yield self.ink.indent(more, "dim", by=2)

    def traces(self) -> Iterator[Part]:
        ink = self.ink
        kinds = wording.kinds_of_calls(self.report)
        shown = kinds if self.look.verbose > 1 else _telling(kinds)
        for call, alike in shown:
            yield from self.call(call, alike)
        if len(shown) < len(kinds):
            yield Text()
            yield ink.indent(f"{wording.plural(len(kinds) - len(shown), 'more trace')} with -vv", "dim", by=2)

    def call(self, call: CallRow, alike: int) -> Iterator[Part]:
        ink = self.ink
        yield Text()
        yield ink.indent(f"{call.source} INVITE {clip(call.request_uri)}", "bold", by=2)
        said = f"Call-ID {clip(call.call_id)}"
        yield ink.indent(f"{said} and {wording.plural(alike - 1, 'call')} alike" if alike > 1 else said, "dim")
        yield from ink.trace(call.verdict)
        answered = f"answered {call.observed_status}" if call.observed_status else "no answer in the capture"
        yield ink.sign(ink.arrow, f"{wording.outcome(call.verdict)}; {answered}", "bold")


def _telling(kinds: list[tuple[CallRow, int]]) -> list[tuple[CallRow, int]]:
    """Calls that nothing matched, the first few of each source."""
    shown: Counter[str] = Counter()
    telling = []
    for call, alike in kinds:
        source = call.source.rpartition(":")[0]
        if not call.verdict.identifier and shown[source] < MOST_TRACES:
            shown[source] += 1
            telling.append((call, alike))
    return telling

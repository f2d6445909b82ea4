"""The report as one HTML file that asks nothing of any server: for looking at, mailing, printing.

Every value in the templates is made visible and then escaped by jinja2; the page's own style and script are the only
ones that its content security policy lets run.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import PurePath
from typing import TextIO

from jinja2 import Environment, PackageLoader, StrictUndefined, Undefined
from markupsafe import Markup

from pjsipdiag import __version__
from pjsipdiag.diagnosis.model import CallRow, Finding, Report, SourceRow, Suggestion
from pjsipdiag.report import wording
from pjsipdiag.report.drawing.diff import diff
from pjsipdiag.report.drawing.excerpt import Excerpt, excerpt
from pjsipdiag.report.drawing.flow import flow
from pjsipdiag.report.drawing.ladder import Ladder, ladder
from pjsipdiag.report.drawing.tally import CallsTally, tally
from pjsipdiag.report.drawing.timeline import timeline
from pjsipdiag.report.escape import clipped
from pjsipdiag.report.headline import headline
from pjsipdiag.report.look import Look
from pjsipdiag.report.steps import ending

LONGEST = 4000
"""Characters of one value in the page."""
DETAILED = 50
"""Sources whose call is shown with its ladder and trace."""
ROWS = 10_000
"""Rows of the tables of sources and of doors; the JSON report has all."""
DRAWN = 25
"""Rows of the time line."""


@dataclass(frozen=True, slots=True)
class ShownCause:
    """A finding with what to do and the lines of the configuration that it is about."""

    finding: Finding
    place: str
    fixes: tuple[str, ...]
    excerpt: Excerpt | None


@dataclass(frozen=True, slots=True)
class ShownChange:
    """A suggestion with the lines to copy: a new section whole, else what it adds to the section."""

    suggestion: Suggestion
    lines: tuple[str, ...]
    diff: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Detail:
    """The one call of a source that is shown in full."""

    number: int
    source: SourceRow
    call: CallRow
    outcome: str
    ladder: Ladder


def write(report: Report, stream: TextIO, look: Look) -> None:
    """Writes the page."""
    report = replace(report, captures=tuple(replace(one, file=_name(one.file)) for one in report.captures))
    templates = environment()
    style, script = asset("report.css"), asset("report.js")
    ordered = wording.sources_by_need(report)
    looked_at = {source.address for source in [source for source in ordered if source.calls][:DETAILED]}
    counted = tally(report.calls, *_times(report), looked_at)
    details = _details(ordered, counted)
    page = templates.get_template("report.html").stream(
        report=report,
        name=look.name,
        headline=headline(report),
        mood="bad" if report.unmatched else "warn" if _problems(report) else "good",
        facts=_facts(report),
        shares=_shares(ordered),
        sources=ordered[:ROWS],
        left_out=max(0, len(ordered) - ROWS),
        numbers={detail.source.address: detail.number for detail in details},
        details=details,
        causes=[_cause(finding, report) for finding in report.findings],
        changes=[_change(suggestion) for suggestion in report.suggestions],
        unconfirmed=[_change(suggestion) for suggestion in report.unconfirmed],
        ending=ending(report),
        timeline=timeline(ordered, counted, DRAWN) if counted.sources else None,
        flow=flow(counted) if counted.sources else None,
        doors=report.doors[:ROWS],
        doors_left_out=max(0, len(report.doors) - ROWS),
        notes=wording.notes(report),
        wording=wording,
        style=Markup(style),
        script=Markup(script),
        policy=policy(style, script),
        version=__version__,
    )
    for piece in page:
        stream.write(piece)


@cache
def environment() -> Environment:
    """How pages are made: every value is made visible, then escaped."""
    made = Environment(
        loader=PackageLoader("pjsipdiag.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    made.filters["short"] = _short
    made.filters["name"] = _name
    return made


def _shown(value: object) -> object:
    """What every expression of a template goes through before it is escaped."""
    if isinstance(value, Markup | Undefined | int | float) or value is None:
        return value
    return clipped(str(value), LONGEST)


def _short(text: str, longest: int) -> str:
    """`text` for a picture, where there is little room."""
    shown = clipped(text[: longest + 1], LONGEST)
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}\u2026"


def asset(name: str) -> str:
    """The style or the script of the pages."""
    return (files("pjsipdiag.report") / "templates" / name).read_text(encoding="utf-8")


def hashes() -> tuple[str, str]:
    """Those of the page's style and script, as a policy names them."""
    return _digest(asset("report.css")), _digest(asset("report.js"))


def policy(style: str, script: str) -> str:
    """Only this style and this script; no request to anywhere (Content Security Policy Level 3)."""
    return f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; base-uri 'none'"


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _problems(report: Report) -> bool:
    return any(finding.severity != "note" for finding in report.findings) or any(
        source.calls and source.verdict != "matched" for source in report.sources
    )


def _times(report: Report) -> tuple[int, int]:
    firsts = [source.first_time for source in report.sources if source.calls and source.first_time]
    lasts = [source.last_time for source in report.sources if source.calls and source.last_time]
    if firsts and lasts:
        return min(firsts), max(lasts)
    times = [call.time for call in report.calls]
    return (min(times), max(times)) if times else (0, 0)


def _facts(report: Report) -> list[str]:
    said = [
        *wording.unread(report),
        f"calls of {times}" if (times := wording.span(*_times(report))) else "",
        f"only {report.filtered}" if report.filtered else "",
        wording.asterisk(report),
        wording.pbx(report),
        *map(wording.capture, report.captures),
    ]
    return [line for line in said if line]


def _name(path: str) -> str:
    """A capture as who gets the page may read it: without the folders of who made it."""
    return PurePath(path).name if PurePath(path).is_absolute() else path


def _shares(sources: list[SourceRow]) -> list[tuple[str, int, int]]:
    """(verdict, sources, calls) of each verdict that occurs."""
    counts = {
        verdict: [source.calls for source in sources if source.calls and source.verdict == verdict]
        for verdict in wording.VERDICTS
    }
    return [(verdict, len(calls), sum(calls)) for verdict, calls in counts.items() if calls]


def _details(sources: list[SourceRow], counted: CallsTally) -> list[Detail]:
    shown = [source for source in sources if source.address in counted.sources][:DETAILED]
    return [_detail(number, source, counted.sources[source.address].first) for number, source in enumerate(shown, 1)]


def _detail(number: int, source: SourceRow, call: CallRow) -> Detail:
    return Detail(number, source, call, wording.outcome(call.verdict), ladder(call))


def _cause(finding: Finding, report: Report) -> ShownCause:
    fixes = tuple(wording.fixes(finding, report))
    return ShownCause(finding, wording.place(finding.where), fixes, excerpt(report.config, finding.where))


def _change(suggestion: Suggestion) -> ShownChange:
    shown = wording.changed_lines(suggestion)
    only_adds = all(line.startswith(("+", " ")) for line in shown)
    lines = tuple(line[2:] for line in shown) if only_adds else suggestion.add
    return ShownChange(suggestion, lines, diff(suggestion))

"""The report as one HTML file that asks nothing of any server: for looking at, mailing, printing.

Every value in the templates is made visible and then escaped by jinja2; the page's own style and script are the only
ones that its content security policy lets run.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import PurePath
from typing import TextIO

from jinja2 import Environment, PackageLoader, StrictUndefined, Undefined
from markupsafe import Markup

from pjsipdiag import __version__
from pjsipdiag.asterisk.section import Section
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.model import Finding, Report, Severity, Suggestion
from pjsipdiag.diagnosis.traffic import SourceRow
from pjsipdiag.report import wording
from pjsipdiag.report.drawing.diff import diff
from pjsipdiag.report.drawing.excerpt import Excerpt, excerpt, sections_by_line
from pjsipdiag.report.drawing.flow import flow
from pjsipdiag.report.drawing.tally import KINDS_OF_CALLS, tally
from pjsipdiag.report.drawing.timeline import timeline
from pjsipdiag.report.escape import clip
from pjsipdiag.report.headline import headline
from pjsipdiag.report.look import Style
from pjsipdiag.report.steps import gather_ending
from pjsipdiag.report.web.conversations import MOST_SOURCES_SHOWN, SourceTalks, conversations

LONGEST_IN_PAGE = 4000
"""Characters of one value in the page."""
MOST_ROWS = 10_000
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


def write(report: Report, stream: TextIO, look: Style) -> None:
    """Writes the page."""
    report = _without_folders(report)
    templates = environment()
    attackers = _attackers(report)
    ordered = [_seen_as(source, attackers) for source in wording.sources_by_need(report)]
    looked_at = {source.address for source in [source for source in ordered if source.calls][:MOST_SOURCES_SHOWN]}
    counted = tally(report.calls, *_times(report), looked_at, attackers)
    talks = conversations(report, ordered, counted)
    steps, sections = gather_ending(report).steps, sections_by_line(report.config)
    blocks = [command for finding in report.findings for command in wording.commands(finding.advice)]
    page = templates.get_template("report.html").generate(
        report=report,
        name=look.name,
        headline=headline(report),
        mood=_mood(report, ordered),
        facts=_facts(report),
        read=[wording.capture(one) for one in report.captures],
        shares=_shares(ordered),
        sources=ordered[:MOST_ROWS],
        left_out=max(0, len(ordered) - MOST_ROWS),
        numbers={one.source.address: one.number for one in talks},
        talks=talks,
        callers=sum(source.calls > 0 for source in ordered),
        untold=any(not one.ladder.is_whole for source in talks for one in source.talks),
        untexted=_untexted(talks),
        causes=[_cause(finding, report, sections) for finding in report.findings if not _is_attack(finding)],
        attacks=[_cause(finding, report, sections) for finding in report.findings if _is_attack(finding)],
        changes=[_change(suggestion) for suggestion in report.suggestions],
        unconfirmed=[_change(suggestion) for suggestion in report.unconfirmed],
        ending=gather_ending(report),
        todo=bool(report.suggestions or steps or blocks),
        steps=steps,
        blocks=blocks,
        timeline=timeline(ordered, counted, DRAWN) if counted.sources else None,
        flow=flow(counted) if counted.sources else None,
        doors=report.doors[:MOST_ROWS],
        doors_left_out=max(0, len(report.doors) - MOST_ROWS),
        notes=wording.notes(report),
        wording=wording,
        **frame(),
    )
    stream.writelines(page)


@cache
def environment() -> Environment:
    """How pages are made: every value is made visible, then escaped."""
    made = Environment(
        loader=PackageLoader("pjsipdiag.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_make_visible,
    )
    made.filters["short"] = _short
    made.filters["name"] = lambda path: PurePath(path).name
    return made


def _make_visible(value: object) -> object:
    """Makes the value of each expression in a template visible, before it is escaped."""
    if isinstance(value, Markup | Undefined | int | float) or value is None:
        return value
    return clip(str(value), LONGEST_IN_PAGE)


def _short(text: str, longest: int) -> str:
    """`text` for a picture, where there is little room."""
    shown = clip(text[: longest + 1], LONGEST_IN_PAGE)
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}\u2026"


def frame() -> dict[str, str]:
    """The parts of every page: the version, its style and script, and the policy that allows these alone and no request
    to anywhere (Content Security Policy Level 3)."""
    style, script = hashes()
    policy = f"default-src 'none'; style-src '{style}'; script-src '{script}'; base-uri 'none'"
    own = {"style": Markup(_asset("report.css")), "script": Markup(_asset("report.js"))}
    return {**own, "policy": policy, "version": __version__}


def hashes() -> tuple[str, str]:
    """The hashes of the page's style and script, as a content security policy names them."""
    return _digest(_asset("report.css")), _digest(_asset("report.js"))


def _asset(name: str) -> str:
    return (files("pjsipdiag.report") / "templates" / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _mood(report: Report, sources: Sequence[SourceRow]) -> str:
    """The colour of the head."""
    if any(finding.severity is Severity.ERROR for finding in report.findings) or any(
        source.calls and source.verdict == "unmatched" for source in sources
    ):
        return "bad"
    return "warn" if _problems(report) else "good"


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
        *wording.unread_records(report),
        f"calls of {times}" if (times := wording.span(*_times(report))) else "",
        wording.scope(report),
        wording.asterisk(report),
        wording.pbx(report),
    ]
    return [line for line in said if line]


def _without_folders(report: Report) -> Report:
    """The report for whoever gets the page: captures without the folders of who made it; each source is made once."""
    names = short_names([capture.file for capture in report.captures])
    captures = tuple(replace(one, file=names[one.file]) for one in report.captures)
    notes = tuple(_shorten_paths(note, names) for note in report.notes)
    return replace(report, captures=captures, notes=notes, sources=tuple(report.sources))


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """Each path by its last name, with as many folders as it takes to tell them apart."""
    found, left, parts = dict[str, str](), set(paths), 0
    while left:
        parts += 1
        ends = {path: "/".join(PurePath(path).parts[-parts:]) for path in left}
        alone = Counter(ends.values())
        done = {path for path in left if alone[ends[path]] == 1 or parts >= len(PurePath(path).parts)}
        found |= {path: ends[path] for path in done}
        left -= done
    return found


def _shorten_paths(text: str, names: Mapping[str, str]) -> str:
    for path in sorted(names, key=len, reverse=True):
        text = text.replace(path, names[path])
    return text


def _is_attack(finding: Finding) -> bool:
    """Whether it is about calls that were refused as they should be."""
    return finding.rule == "scanner" and finding.severity is not Severity.ERROR


def _untexted(talks: Sequence[SourceTalks]) -> bool:
    """Whether there was no room for the text of a message."""
    arrows = (arrow for source in talks for one in source.talks if one.ladder.is_whole for arrow in one.ladder.arrows)
    return any(not arrow.text and arrow.kind != "sign" for arrow in arrows)


def _attackers(report: Report) -> frozenset[str]:
    """Sources that are refused as they should be. Of a crowd a finding names examples only: then they are those whom no
    other finding names."""
    attacks = [finding for finding in report.findings if _is_attack(finding)]
    found = frozenset(address for finding in attacks for address in finding.sources)
    if not attacks or sum(source.calls for source in report.sources if source.address in found) >= sum(
        finding.calls for finding in attacks
    ):
        return found
    others = {address for finding in report.findings if not _is_attack(finding) for address in finding.sources}
    return frozenset(source.address for source in report.sources if source.calls) - others


def _seen_as(source: SourceRow, attackers: Container[str]) -> SourceRow:
    refused = source.verdict == "unmatched" and source.address in attackers
    return source._replace(verdict="refused") if refused else source


def _shares(sources: list[SourceRow]) -> list[tuple[str, int, int]]:
    """(verdict, sources, calls) of each verdict that occurs."""
    counts = {
        verdict: [source.calls for source in sources if source.calls and source.verdict == verdict]
        for verdict in KINDS_OF_CALLS
    }
    return [(verdict, len(calls), sum(calls)) for verdict, calls in counts.items() if calls]


def _cause(finding: Finding, report: Report, sections: Mapping[tuple[str, int], Section]) -> ShownCause:
    fixes = tuple(wording.fixes(finding, report))
    return ShownCause(finding, wording.place(finding.where), fixes, excerpt(sections, finding.where))


def _change(suggestion: Suggestion) -> ShownChange:
    shown = wording.changed_lines(suggestion)
    only_adds = all(line.startswith(("+", " ")) for line in shown)
    lines = tuple(line[2:] for line in shown) if only_adds else suggestion.add
    return ShownChange(suggestion, lines, diff(suggestion))

"""The questions and their answers, as plain values that JSON can hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from pjsipdiag.agents.root import Root
from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.realtime.tables import Databases
from pjsipdiag.asterisk.replay.identifiers import identify
from pjsipdiag.diagnosis import explain as made
from pjsipdiag.diagnosis.basis.name_sources import load
from pjsipdiag.diagnosis.configuration import configuration_report, why_replayed
from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.diagnosis.model import Report
from pjsipdiag.diagnosis.rules import RULES
from pjsipdiag.diagnosis.space.differ import differences
from pjsipdiag.errors import PjsipdiagError, visible
from pjsipdiag.redact.report import redact_report
from pjsipdiag.redact.texts import redact_text
from pjsipdiag.report.changes import render_differences
from pjsipdiag.report.machine import findings
from pjsipdiag.report.machine import json as machine
from pjsipdiag.report.machine.findings import Json
from pjsipdiag.report.text import explain

PAGE_ROWS = 200
"""Rows of a page."""
REPORT_PARTS: dict[str, Callable[[Report], tuple[Sequence[Any], Callable[[Any], object]]]] = {
    "findings": lambda report: (report.findings, findings.finding),
    "suggestions": lambda report: (report.suggestions, findings.suggestion),
    "unconfirmed": lambda report: (report.unconfirmed, findings.suggestion),
    "sources": lambda report: (report.sources, _line(report, 0)),
    "calls": lambda report: (report.calls, _line(report, 1)),
    "requests": lambda report: (report.requests, machine.request),
    "doors": lambda report: (report.doors, machine.door),
}
"""Part of a report -> its rows, and how one of them is shown."""


def _line(report: Report, table: int) -> Callable[[Any], object]:
    line = machine.tables(report.calls, report.sources)[table].line
    return lambda row: json.loads(line(row))


class Answers:
    """`plain`: names, numbers and addresses stay as they are."""

    def __init__(self, folder: Path, *, plain: bool) -> None:
        self.root = Root(folder)
        self.plain = plain
        self._diagnosed = lru_cache(maxsize=4)(self._diagnose)

    def diagnose(
        self,
        *,
        captures: list[str],
        config: str,
        asterisk: str | None = None,
        source: str | None = None,
        since: str | None = None,
        until: str | None = None,
        part: str = "findings",
        start: int = 0,
        count: int = 20,
    ) -> Json:
        """Why calls in captures failed under a configuration, and what would fix them: the headline, and one page of a
        part (findings, suggestions, unconfirmed, sources, calls or requests), from row `start` on. Paths are below the
        root. `source` is an address or network, `since` and `until` are times as 2025-10-09T08:53:20."""
        files = self.root.captures(captures)
        place = self.root.inside(config)
        stamps = tuple((stat.st_mtime_ns, stat.st_size) for stat in (Path(path).stat() for path in (*files, place)))
        return self._page(self._diagnosed(files, place, asterisk, source, since, until, stamps), part, start, count)

    def suggest(self, captures: list[str], config: str, asterisk: str | None = None, start: int = 0) -> Json:
        """Only the lines to add or change, each with what replaying the captures with it showed."""
        return self.diagnose(captures=captures, config=config, asterisk=asterisk, part="suggestions", start=start)

    def check(
        self, config: str, asterisk: str | None = None, part: str = "findings", start: int = 0, count: int = 20
    ) -> Json:
        """Find what is wrong in a configuration before any call fails: one page of findings, or of doors, which say who
        gets in, how and to which context."""
        report = configuration_report(self._load(config, asterisk), asked=asterisk)
        return self._page(report if self.plain else redact_report(report), part, start, count)

    def explain(
        self,
        *,
        source: str,
        config: str,
        from_uri: str | None = None,
        request_uri: str | None = None,
        transport: str | None = None,
        asterisk: str | None = None,
    ) -> Json:
        """Say what Asterisk would do with an INVITE from an address, asked with its real name: each identifier's
        answer."""
        loaded = self._load(config, asterisk)
        caller = made.parse_source(source)
        over, to = made.receiving_socket(loaded, caller, transport)
        message = made.request(caller, from_=from_uri, uri=request_uri, transport=over.upper(), destination=to)
        why = why_replayed(asterisk)
        text = explain(message, identify(message, loaded), loaded, why=why)
        return {"redacted": not self.plain, "text": text if self.plain else redact_text(text, [loaded])}

    def compare(
        self,
        config: str,
        changed: str | None = None,
        asterisk: str | None = None,
        changed_asterisk: str | None = None,
    ) -> Json:
        """Which calls of all that could come change their endpoint between two configurations, or two releases of
        Asterisk, and why."""
        if changed is None and changed_asterisk is None:
            raise PjsipdiagError("nothing to compare with: give changed (a configuration) or changed_asterisk")
        before = self._load(config, asterisk)
        after = self._load(changed or config, changed_asterisk or asterisk)
        text = render_differences(differences(before, after), "before", "after", "json")
        return {"redacted": not self.plain, **json.loads(text if self.plain else redact_text(text, [before, after]))}

    def rules(self, name: str | None = None) -> Json:
        """The causes that a report can name, or everything about the one called `name`."""
        if name is None:
            return {"rules": [{"name": rule.name, "summary": rule.summary} for rule in RULES]}
        found = next((rule for rule in RULES if rule.name == name), None)
        if found is None:
            raise PjsipdiagError(f"no rule is called {visible(name)}: ask without a name for all of them")
        return {"name": found.name, "page": found.page}

    def _load(self, config: str, asterisk: str | None) -> Config:
        loaded = load(self.root.inside(config), {"asterisk": asterisk, "databases": Databases(reads_named_files=False)})
        self.root.require_within(loaded)
        return loaded

    def _diagnose(  # noqa: PLR0917  (what the answer hangs on, as a key)
        self,
        captures: tuple[str, ...],
        config: str,
        asterisk: str | None,
        source: str | None,
        since: str | None,
        until: str | None,
        _stamps: object,
    ) -> Report:
        report = diagnose(
            captures,
            config,
            asterisk=asterisk,
            sources=(source,) if source else (),
            since=since,
            until=until,
            databases=Databases(reads_named_files=False, keeps_tables=True),
        )
        if report.config is not None:
            self.root.require_within(report.config)
        return report if self.plain else redact_report(report)

    def _page(self, report: Report, part: str, start: int, count: int) -> Json:
        if part not in REPORT_PARTS:
            raise PjsipdiagError(f"there is no part {visible(part)}: {', '.join(REPORT_PARTS)}")
        rows, shown = REPORT_PARTS[part](report)
        start, count = max(start, 0), min(max(count, 1), PAGE_ROWS)
        end = min(start + count, len(rows))
        return {
            "redacted": not self.plain,
            "asterisk": {"version": report.asterisk_version, "reason": report.asterisk_reason},
            "pbx": list(report.pbx),
            "summary": machine.summary(report),
            "notes": machine.notes(report) if not start else [],
            "parts": {name: len(of(report)[0]) for name, of in REPORT_PARTS.items()},
            part: [shown(row) for row in rows[start:end]],
            "next_start": end if end < len(rows) else None,
        }

"""PBXs are diagnosed, each in a process of its own, which ends with its memory; what is sent back is bounded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field, replace
from functools import partial
from pathlib import Path

from pjsipdiag.asterisk.live.asking import ask_live
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.diagnose import observe
from pjsipdiag.diagnosis.edits.text_changes import diff, line_at
from pjsipdiag.diagnosis.gate import Gate, apply
from pjsipdiag.diagnosis.model import Finding, Report, Severity, Suggestion
from pjsipdiag.diagnosis.options import Options
from pjsipdiag.diagnosis.traffic import SourceRow
from pjsipdiag.diagnosis.work.jobs import SharedWork
from pjsipdiag.errors import ConfigError, PjsipdiagError
from pjsipdiag.fleet.model import Caller, Fleet, Member, Place
from pjsipdiag.fleet.plan import Pbx, Plan
from pjsipdiag.fleet.shared_causes import fleet_of
from pjsipdiag.report.headline import headline
from pjsipdiag.report.wording import fixes, suggestions_for

KEPT_SOURCES = 5_000
"""Sources that are kept of one PBX: those with the most calls."""
KEPT_AGENTS = 3
"""User-Agents that are kept of one source there."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """How each PBX is diagnosed: by `jobs` processes or the workers of `dask`; `pages` and `rows` are folders for a
    page and a table of calls of each, None for none; for `kept_in`, `since` and `until` see `Options`. What counts of a
    report is what `gate` lets through."""

    jobs: int = 1
    dask: str | None = None
    kept_in: str | None = None
    pages: Path | None = None
    rows: Path | None = None
    since: str | None = None
    until: str | None = None
    gate: Gate = field(default_factory=Gate)

    def __call__(self, pbx: Pbx) -> Member:
        try:
            return self._diagnose(pbx)
        except PjsipdiagError as error:
            return Member(pbx, failure=str(error))
        except OSError as error:
            return Member(pbx, failure=f"{error.filename or 'input'}: {error.strerror or error}")
        except MemoryError:
            return self.result_when_lost(pbx, "the memory of this machine is not enough")
        except Exception as error:
            what = f"{type(error).__name__}: {error}".split("\n")[0]
            return Member(pbx, failure=f"{what}: a fault of pjsipdiag, please report it")

    def result_when_lost(self, pbx: Pbx, reason: str) -> Member:
        """A PBX whose process was ended."""
        return Member(pbx, failure=reason)

    def _diagnose(self, pbx: Pbx) -> Member:
        options: Options = {
            "jobs": self.jobs,
            "dask": self.dask,
            "kept": self.kept_in,
            "since": self.since,
            "until": self.until,
            "pbx": pbx.addresses,
            "mirrors": pbx.mirrors,
            "asterisk": pbx.asterisk,
            "hosts": pbx.hosts,
            "databases": pbx.databases,
            "live": partial(ask_live, pbx.live) if pbx.live else None,
        }
        whole = observe(pbx.captures, pbx.config, **options).report
        report, fails = apply(whole, self.gate)
        _, is_problem = apply(whole, replace(self.gate, fail_on=Severity.WARNING))
        if self.pages is not None:
            from pjsipdiag.fleet.html import write_page

            write_page(report, pbx.name, self.pages)
        if self.rows is not None:
            from pjsipdiag.fleet.parquet import write_rows

            write_rows(report, pbx.name, self.rows)
        return replace(_member(pbx, report), fails=fails, has_problem=is_problem)


def diagnose_fleet(
    plan: Plan,
    work: Diagnosis,
    jobs: int,
    look: Callable[[int], None] = lambda _: None,
) -> Fleet:
    """The report on all PBXs of a plan, `jobs` of them at a time; `look` is told how many are done, now and then."""
    with SharedWork(work, plan.pbxs, jobs, lost=work.result_when_lost) as shared:
        return fleet_of(plan.path, shared.results(lambda: look(shared.done)))


def _member(pbx: Pbx, report: Report) -> Member:
    sources = sorted(report.sources, key=lambda row: (-row.calls, -row.requests, row.address))
    return Member(
        pbx,
        headline=headline(report),
        asterisk=report.asterisk_version,
        files=len(report.captures),
        records=sum(capture.records for capture in report.captures),
        calls=len(report.calls),
        failed_calls=report.failed_calls,
        callers=report.callers,
        unmatched=len(report.unmatched),
        places=tuple(_place(finding, report) for finding in report.findings),
        patch=_patch(report.suggestions, report),
        sources={row.address: _caller(row) for row in sources[:KEPT_SOURCES]},
        sources_left_out=max(len(sources) - KEPT_SOURCES, 0),
        cut=tuple(f"{capture.file}: {capture.truncated}" for capture in report.captures if capture.truncated),
        notes=report.notes,
    )


def _place(finding: Finding, report: Report) -> Place:
    mending = tuple(suggestions_for(finding, report))
    return Place(finding, mending, _patch(mending, report), tuple(fixes(finding, report)), _line(finding, report))


def _patch(suggestions: Sequence[Suggestion], report: Report) -> str:
    """Empty where nothing can be said as a diff: rows of tables, lines with secrets."""
    try:
        return diff(suggestions, report.config) if report.config else ""
    except ConfigError:
        return ""


def _line(finding: Finding, report: Report) -> str:
    """The text of the line to blame, as far as it is one."""
    where = finding.where
    if where is None or report.config is None or where.file not in report.config.files:
        return ""
    return line_at(report.config, where).strip()


def _caller(row: SourceRow) -> Caller:
    return Caller(row.calls, row.requests, row.verdict, row.endpoint, dict(row.observed), row.user_agents[:KEPT_AGENTS])

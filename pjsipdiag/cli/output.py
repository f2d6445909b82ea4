"""Where results go: a file or stdout; where notes and progress go: stderr."""

from __future__ import annotations

import errno
import os
import sys
import time
from codecs import lookup
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from pjsipdiag.cli.bundles import BUNDLES
from pjsipdiag.errors import ConfigError, visible
from pjsipdiag.outputs import PRIVATE_MODE, USUAL_MODE, named_files, write_file
from pjsipdiag.storage import SCHEME

if TYPE_CHECKING:
    from pjsipdiag.diagnosis.compare import Change
    from pjsipdiag.diagnosis.gate import Gate
    from pjsipdiag.diagnosis.model import Report
    from pjsipdiag.diagnosis.space.admits import AdmittedNetwork
    from pjsipdiag.diagnosis.space.differ import Differences
    from pjsipdiag.report.ahead import BackgroundTables
    from pjsipdiag.report.look import Style

FORCE = "pjsipdiag.force"
COLOR = "pjsipdiag.color"
SETTLED = "pjsipdiag.settings"
DEFAULT_CONFIG = Path("/etc/asterisk")
FIRST_SHOWN = 1.0
"""Seconds of work before progress is shown at all."""


def directory(config: str | None, quiet: bool, *, live: bool = False) -> str | None:
    """The configuration to read: what was asked for, else /etc/asterisk, which is then said. With `live` a running
    Asterisk stands in its place. Settings that were taken from a file are said once."""
    settled = click.get_current_context().meta.pop(SETTLED, "")
    if settled and not quiet:
        click.echo(f"settings: {visible(settled)}", err=True)
    if config is not None or live:
        return config
    if not DEFAULT_CONFIG.is_dir():
        raise ConfigError(_no_config(click.get_current_context().params.get("captures") or ()))
    if not quiet:
        click.echo(f"configuration: {DEFAULT_CONFIG}", err=True)
    return str(DEFAULT_CONFIG)


def _no_config(captures: Sequence[str]) -> str:
    """The complaint where no configuration was given and there is none at its usual place: a capture may lack, too."""
    gone = (one for one in captures if not (one == "-" or SCHEME.match(one) or set(one) & set("*?[")))
    missing = next((one for one in gone if not os.path.lexists(one)), None)
    if missing is not None:
        return f"{missing}: the capture cannot be opened: {os.strerror(errno.ENOENT)}"
    found = next((one for one in captures if Path(one, "pjsip.conf").is_file()), "DIR")
    return f"no {DEFAULT_CONFIG} here; say where the configuration is: -c {found}"


def format_for(format_: str | None, output: str | None) -> str:
    """The format that was asked for, else that of the file's ending."""
    from pjsipdiag.report import RENDERERS, format_of

    found = format_ or (format_of(output) if output else None)
    if found is None and output and Path(output).suffix and not Path(output).exists():
        endings = ", ".join(ending for row in RENDERERS.values() for ending in row.endings)
        raise click.UsageError(f"{output}: no format has this ending; give --format, or one of {endings}")
    return found or "text"


def show(
    report: Report,
    format_: str,
    output: str | None,
    *,
    redact: bool,
    verbose: int,
    quiet: bool,
    gate: Gate,
    ahead: BackgroundTables | None = None,
) -> None:
    """Writes what counts of the report, then ends: with status 1 where that fails."""
    from pjsipdiag.diagnosis.gate import apply
    from pjsipdiag.report import renderer

    folder = seen_from_repository(report.config.directory) if report.config else ""
    report, failed = apply(report, gate)
    if redact:
        from pjsipdiag.redact import redact_report

        report = redact_report(report)
    with open_output(output, USUAL_MODE if redact else PRIVATE_MODE, for_machines=format_ != "text") as stream:
        renderer(format_).write(report, stream, look(stream, verbose, folder=folder, ahead=ahead))
    if output and not quiet and Path(output).is_file():
        from pjsipdiag.report.headline import headline

        click.echo(f"{headline(report)}\nwritten: {visible(output)}", err=True)
    sys.exit(1 if failed else 0)


def seen_from_repository(directory: str) -> str:
    """A folder as its repository names it, else as this folder does, else whole."""
    whole = Path(directory).resolve()
    root = next((folder for folder in (whole, *whole.parents) if (folder / ".git").exists()), None) or Path.cwd()
    return os.path.relpath(whole, root) if whole.is_relative_to(root) else str(whole)


def show_changes(
    changes: Sequence[Change],
    names: tuple[str, str],
    reports: Sequence[Report],
    format_: str | None,
    output: str | None,
) -> None:
    """Writes the calls that change between the two that are named, then ends: status 1 where there are any, or where
    something could not be decided or read, which is said."""
    from pjsipdiag.diagnosis.gate import is_undecided
    from pjsipdiag.report.changes import render_changes
    from pjsipdiag.report.wording import plural

    _write_changes(partial(render_changes, changes, *names), format_, output)
    say_cut(reports[0])
    unknown = max(sum(row.verdict == "unknown" and row.calls > 0 for row in report.sources) for report in reports)
    if unknown:
        click.echo(
            f"{plural(unknown, 'source')} cannot be decided: 'pjsipdiag diagnose' says what is missing", err=True
        )
    sys.exit(1 if changes or any(map(is_undecided, reports)) else 0)


def end_cut(cut: Sequence[str]) -> None:
    """Names the captures that could not be read to their end, and ends with status 1 where there are any."""
    for text in cut:
        click.echo(visible(text), err=True)
    if cut:
        sys.exit(1)


def say_cut(report: Report) -> None:
    """Says which captures could not be read to their end, and how far they were."""
    for capture in report.captures:
        if capture.truncated:
            click.echo(f"{visible(capture.file)}: {visible(capture.truncated)}", err=True)


def show_differences(found: Differences, before: str, after: str, format_: str | None, output: str | None) -> None:
    """Writes what changes of all calls that could come, then ends: status 1 where anything does, or
    is left open."""
    from pjsipdiag.report.changes import render_differences

    _write_changes(partial(render_differences, found, before, after), format_, output)
    sys.exit(1 if found.rows or not found.is_complete else 0)


def show_admitted(rows: Sequence[AdmittedNetwork], format_: str | None, output: str | None) -> None:
    """Writes what each line of a list would change, then ends: status 1 where any changes a call."""
    from pjsipdiag.report.changes import render_admitted

    _write_changes(partial(render_admitted, rows), format_, output)
    sys.exit(1 if any(row.changes for row in rows) else 0)


def _write_changes(render: Callable[[str, Style], str], format_: str | None, output: str | None) -> None:
    chosen = format_for(format_, output)
    if chosen not in ("text", "json"):
        raise click.UsageError(f"what changes is told as text or json, not as {chosen}")
    with open_output(output) as stream:
        stream.write(render(chosen, look(stream)))


def finish(report: Report) -> None:
    """Ends with status 0 when every request was identified and no finding is more than a note, else 1."""
    from pjsipdiag.diagnosis.gate import is_undecided

    found = report.unmatched or any(finding.severity != "note" for finding in report.findings)
    sys.exit(1 if found or is_undecided(report) else 0)


@contextmanager
def open_output(
    output: str | None, mode: int = PRIVATE_MODE, read: Iterable[str] | None = None, *, for_machines: bool = False
) -> Iterator[TextIO]:
    """The file `output` for writing, or stdout; `read` are the inputs where these are not all on the command line.

    What is `for_machines` is UTF-8, as it says of itself and as files are, whatever a terminal can show.
    """
    if output is None or output == "-":
        if for_machines and isinstance(sys.stdout, TextIOWrapper) and lookup(sys.stdout.encoding).name != "utf-8":
            sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
        yield sys.stdout
        return
    with write_file(output, inputs=inputs() if read is None else read, force=is_forced(), mode=mode) as stream:
        yield stream


def look(stream: TextIO, verbose: int = 0, *, folder: str = "", ahead: BackgroundTables | None = None) -> Style:
    """How text is to look that goes to `stream`: as --color asks, else as the stream decides."""
    from pjsipdiag.report.look import style_for

    color = {"always": True, "never": False}.get(click.get_current_context().meta.get(COLOR, "auto"))
    return style_for(stream, verbose, color=color, folder=folder, ahead=ahead)


def is_forced() -> bool:
    """Whether --force was given."""
    return bool(click.get_current_context().meta.get(FORCE))


def inputs() -> Iterator[str]:
    """Every file that the command reads, the ones in directories too."""
    given = click.get_current_context().params
    yield from click.get_current_context().meta.get(BUNDLES, ())
    for name in ("captures", "config", "configs", "hosts", "resolved", "keylog", "baseline", "expect", "try_file"):
        value = given.get(name) or ()
        yield from named_files((value,) if isinstance(value, str) else value)


class ProgressLine:
    """Records, bytes, rate and time left on stderr, when it is a terminal and the work is long."""

    def __init__(self, quiet: bool) -> None:
        self.shown = False
        self.enabled = not quiet and sys.stderr.isatty()
        self.started = self.last = time.monotonic()

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, *_: object) -> None:
        if self.shown:
            click.echo("\r\x1b[K", nl=False, err=True)

    def update(self, records: int, done: int, total: int | None) -> None:
        """Called now and then with the records and bytes read, and the bytes there are (None: unknown)."""
        now = time.monotonic()
        if not self.enabled or now - self.started < FIRST_SHOWN or now - self.last < 0.2:
            return
        self.last, self.shown = now, True
        rate = done / (now - self.started)
        text = f"{records:,} records, {done / 1e6:,.0f} MB, {rate / 1e6:,.0f} MB/s"
        if total and rate:
            text += f", {done / total:.0%}, {max(total - done, 0) / rate:.0f} s left"
        click.echo(f"\r\x1b[K{text}", nl=False, err=True)

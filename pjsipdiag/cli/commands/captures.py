"""The commands that read captures."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pjsipdiag.cli.completion import FILE
from pjsipdiag.cli.group import main
from pjsipdiag.cli.help import refuse_given
from pjsipdiag.cli.live import take_asking
from pjsipdiag.cli.output import (
    ProgressLine,
    directory,
    end_cut,
    finish,
    format_for,
    is_forced,
    look,
    say_cut,
    show,
    show_admitted,
    show_changes,
)
from pjsipdiag.cli.settings import COUNTS, gate_of
from pjsipdiag.cli.shared_options import (
    COLORED,
    EXTRACT,
    FORCED,
    INPUT,
    OUTPUT,
    QUIET,
    TRY,
)
from pjsipdiag.errors import visible

if TYPE_CHECKING:
    from pjsipdiag.diagnosis.diagnose import Observation, OnRows
    from pjsipdiag.diagnosis.options import Options


WRITTEN = ("output", "force", "quiet", "color")
"""Options of all that writes."""


def _observe(
    captures: Sequence[str], config: str | None, quiet: bool, inputs: dict[str, Any], on_rows: OnRows | None = None
) -> Observation:
    """Judges captures by a configuration; other processes read already while this one imports the rules."""
    from pjsipdiag.diagnosis.work.gather import begin

    place = directory(config, quiet, live=inputs["live"] is not None)
    with ProgressLine(quiet) as progress:
        live = take_asking(inputs)
        options: Options = {"progress": progress.update, "live": live, **inputs}  # type: ignore[typeddict-item]  # click's own types
        with begin(captures, options) as begun:
            from pjsipdiag.diagnosis.diagnose import conclude

            return conclude(begun, place, options, on_rows)


def _refuse_ignored(inputs: dict[str, Any], try_lines: Sequence[str] = (), section: str | None = None) -> None:
    """Says which option would do nothing without another one."""
    if inputs.get("seconds") is not None and not inputs.get("follow"):
        raise click.UsageError("--for says how long --follow waits: give --follow, too")
    if section is not None and not try_lines:
        raise click.UsageError("--in names the section of --try LINE: give --try, too")


@main.command(epilog="pjsipdiag diagnose calls.pcap -c /etc/asterisk -o report.html")
@INPUT
@COUNTS
@OUTPUT
@TRY
@EXTRACT
def diagnose(
    *,
    captures: Sequence[str],
    config: str | None,
    format_: str | None,
    output: str | None,
    redact: bool,
    verbose: int,
    quiet: bool,
    try_lines: Sequence[str],
    try_section: str | None,
    try_order: str | None,
    try_file: str | None,
    fail_on: str,
    ignored: Sequence[str],
    baseline: str | None,
    extract: Sequence[str],
    **inputs: Any,
) -> None:
    """Say why calls of CAPTURE failed, and which lines fix it.

    CAPTURE is a capture file, also a compressed one, a directory or glob of rotated ones, Asterisk's log, or -; or a
    URL of such (s3://, sftp://, https://).
    """
    from pjsipdiag.report import begin

    _refuse_ignored(inputs, (*try_lines, *([try_file] if try_file else [])), try_section)
    if extract:
        refuse_given("does nothing beside --extract", but=("extract", *WRITTEN))
        _extract(captures, extract, output, quiet=quiet)
        return
    if try_file or try_lines or try_order:
        refuse_given("does nothing beside what is tried", groups=("What counts",))
        refuse_given("does nothing beside what is tried", groups=("Output",), but=("format_", *WRITTEN))
    if try_file:
        if try_lines or try_order:
            raise click.UsageError("--try-file tries each line by itself: give it without --try and --try-order")
        from pjsipdiag.diagnosis.space.admits import admits, read_addresses

        listed = read_addresses(try_file)
        seen = _observe(captures, config, quiet, inputs)
        show_admitted(admits(seen.situation, listed, try_section or ""), format_, output)
        return
    if try_lines or try_order:
        from pjsipdiag.diagnosis.what_if import what_if

        seen = _observe(captures, config, quiet, inputs)
        changes = what_if(seen.situation, try_lines, try_section or "", try_order)
        show_changes(changes, ("the files as they are", "the change"), [seen.report], format_, output)
        return
    format_, gate = format_for(format_, output), gate_of(fail_on, ignored, baseline)
    # stand-ins are made in the order in which they are needed, which one process has to know
    with begin(format_, 1 if redact else inputs["jobs"]) as ahead:
        seen = _observe(captures, config, quiet, inputs, None if redact else ahead.start)
        show(seen.report, format_, output, redact=redact, verbose=verbose, quiet=quiet, gate=gate, ahead=ahead)


def _extract(captures: Sequence[str], call_ids: Sequence[str], output: str | None, *, quiet: bool) -> None:
    from pjsipdiag.handover.extract import extract

    if output is None:
        raise click.UsageError("--extract writes a capture: say where with -o FILE")
    written = extract(captures, call_ids, output, inputs=tuple(captures), force=is_forced())
    if not quiet:
        count = len(written.datagrams)
        click.echo(f"{count:,} message{'' if count == 1 else 's'} written: {visible(output)}", err=True)
    end_cut(written.cut)


@main.command(epilog="pjsipdiag suggest calls.pcap -c /etc/asterisk --diff | patch -p1 -d /etc/asterisk")
@INPUT
@click.option("--diff", is_flag=True, help="A unified diff that 'patch -p1' takes.")
@click.option("-o", "--output", metavar="DIR", type=FILE, help="Write a changed copy of the configuration there.")
@FORCED
@click.option("--aggregate", is_flag=True, help="Allow networks where the addresses seen nearly fill them.")
@click.option("--unconfirmed", is_flag=True, help="Also lines that are right only if the provider confirms them.")
@QUIET
@COLORED
def suggest(
    *,
    captures: Sequence[str],
    config: str | None,
    diff: bool,
    output: str | None,
    unconfirmed: bool,
    quiet: bool,
    **inputs: Any,
) -> None:
    """Print only the lines to add, with the file and section that they belong to.

    Lines that rest on what callers say of themselves are left out: anybody can say it.
    """
    _refuse_ignored(inputs)
    if diff and output:
        raise click.UsageError("--diff prints the change and -o writes it: give one of them")
    seen = _observe(captures, config, quiet, inputs)
    from pjsipdiag.diagnosis.edits import text_changes as edits
    from pjsipdiag.report.text import suggestions_text

    report = seen.report
    wanted = (*report.suggestions, *report.unconfirmed) if unconfirmed else report.suggestions
    if output:
        for path in edits.write(wanted, seen.situation.config, Path(output), force=is_forced()):
            click.echo(visible(path))
    elif diff:
        text = edits.diff(wanted, seen.situation.config)
        if sys.stdout.isatty():  # a copy of this is no patch any more where a line holds such characters
            text = "\n".join(map(visible, text.split("\n")))
        click.echo(text.encode("utf-8", "surrogateescape"), nl=False)
        if any(suggestion.sql for suggestion in wanted):
            click.echo("some rows of tables are to be changed: 'suggest' without --diff prints the SQL", err=True)
    else:
        shown = report if unconfirmed else replace(report, unconfirmed=())
        click.echo(suggestions_text(shown, look(sys.stdout)), nl=False)
    say_cut(report)
    finish(report)

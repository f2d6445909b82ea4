"""The commands that read captures."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pjsipdiag.cli.completion import FILE, complete_releases
from pjsipdiag.cli.gate import COUNTS, gate_of
from pjsipdiag.cli.group import main
from pjsipdiag.cli.help import group_of
from pjsipdiag.cli.live import asking
from pjsipdiag.cli.options import ASTERISK, CAPTURES, COLORED, FORCED, INPUT, NAMES, OUTPUT, QUIET, READING, TRY
from pjsipdiag.cli.output import (
    Progress,
    directory,
    finish,
    forced,
    format_for,
    look,
    show,
    show_changes,
    show_differences,
)
from pjsipdiag.errors import visible

if TYPE_CHECKING:
    from pjsipdiag.diagnosis.diagnose import Observation, OnRows
    from pjsipdiag.diagnosis.options import Options


def _observe(
    captures: Sequence[str], config: str | None, quiet: bool, inputs: dict[str, Any], on_rows: OnRows | None = None
) -> Observation:
    """What captures and configuration show; other processes read already while this one loads what judges them."""
    from pjsipdiag.diagnosis.work.gather import begin

    with Progress(quiet) as progress:
        live = asking(inputs)
        options: Options = {"progress": progress.update, "live": live, **inputs}  # type: ignore[typeddict-item]  # click's own types
        with begin(captures, options) as begun:
            from pjsipdiag.diagnosis.diagnose import conclude

            return conclude(begun, config, options, on_rows)


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
    fail_on: str,
    ignored: Sequence[str],
    baseline: str | None,
    **inputs: Any,
) -> None:
    """Say why calls of CAPTURE failed, and which lines fix it.

    CAPTURE is a capture file, also a compressed one, a directory or glob of rotated ones, Asterisk's log, or -.
    """
    from pjsipdiag.report import begin

    _refuse_ignored(inputs, try_lines, try_section)
    if try_lines or try_order:
        from pjsipdiag.diagnosis.what_if import what_if

        seen = _observe(captures, directory(config, quiet, live=inputs["live"] is not None), quiet, inputs)
        changes = what_if(seen.situation, try_lines, try_section or "", try_order)
        show_changes(changes, "the files as they are", "the change", format_, output)
        return
    format_, gate = format_for(format_, output), gate_of(fail_on, ignored, baseline)
    place = directory(config, quiet, live=inputs["live"] is not None)
    # stand-ins are made in the order in which they are needed, which one process has to know
    with begin(format_, 1 if redact else inputs["jobs"]) as ahead:
        seen = _observe(captures, place, quiet, inputs, None if redact else ahead.start)
        show(seen.report, format_, output, redact=redact, verbose=verbose, quiet=quiet, gate=gate, ahead=ahead)


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
    seen = _observe(captures, directory(config, quiet, live=inputs["live"] is not None), quiet, inputs)
    from pjsipdiag.diagnosis.edits import lines as edits
    from pjsipdiag.report.text import suggestions_text

    report = seen.report
    wanted = (*report.suggestions, *report.unconfirmed) if unconfirmed else report.suggestions
    if output:
        for path in edits.write(wanted, seen.situation.config, Path(output), force=forced()):
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
    finish(report)


@main.command(epilog="pjsipdiag compare -c /etc/asterisk --asterisk 18 --asterisk 22")
@click.argument("captures", nargs=-1, metavar="[CAPTURE]...", type=FILE)
@click.option(
    "-c", "--config", "configs", multiple=True, metavar="DIR", type=FILE, help="Once, or twice: -c OLD -c NEW."
)
@click.option(
    "--asterisk",
    "versions",
    multiple=True,
    metavar="VERSION",
    shell_complete=complete_releases,
    help="Once, or twice: from and to.",
)
@NAMES
@READING
@click.option("--format", "format_", type=click.Choice(["text", "json"]), help="text or json.")
@click.option("-o", "--output", metavar="FILE", type=FILE, help="Write there.")
@FORCED
@QUIET
@COLORED
def compare(
    *,
    captures: Sequence[str],
    configs: Sequence[str],
    versions: Sequence[str],
    format_: str | None,
    output: str | None,
    quiet: bool,
    **inputs: Any,
) -> None:
    """Show the calls whose endpoint changes between two releases or two configurations.

    Without a capture: every call that could come, by source address, From user and transport.
    """
    once = next((capture for capture in captures if capture == "-" or Path(capture).is_fifo()), None)
    if once is not None:
        raise click.UsageError(f"{once} can be read only once, and a comparison reads twice: write it to a file first")
    if max(len(configs), len(versions)) != 2:
        raise click.UsageError("give --asterisk twice (two releases) or -c twice (two configurations)")
    sides = [
        (
            configs[min(side, len(configs) - 1)] if configs else None,
            versions[min(side, len(versions) - 1)] if versions else None,
        )
        for side in (0, 1)
    ]
    names = [
        " ".join(str(part) for part in (config, version and f"Asterisk {version}") if part) for config, version in sides
    ]
    if not captures:
        _compare_all(sides, names, inputs, format_, output, quiet=quiet)
        return
    from pjsipdiag.diagnosis.compare import compare as compare_reports
    from pjsipdiag.diagnosis.diagnose import diagnose as diagnosed

    reports = []
    inputs["live"] = asking(inputs)
    for config, version in sides:
        with Progress(quiet) as progress:
            place = directory(config, quiet, live=inputs["live"] is not None)
            reports.append(diagnosed(captures, place, asterisk=version, progress=progress.update, **inputs))
    show_changes(compare_reports(*reports), names[0], names[1], format_, output)


def _compare_all(
    sides: Sequence[tuple[str | None, str | None]],
    names: Sequence[str],
    inputs: dict[str, Any],
    format_: str | None,
    output: str | None,
    *,
    quiet: bool,
) -> None:
    """The comparison without a capture; what only reads captures is refused."""
    from pjsipdiag.diagnosis.names import load
    from pjsipdiag.diagnosis.running import ask
    from pjsipdiag.diagnosis.space.differ import differences

    context = click.get_current_context()
    for parameter in context.command.params:
        given = context.get_parameter_source(parameter.name or "") is click.core.ParameterSource.COMMANDLINE
        if given and group_of(parameter.name or "") in ("Which calls", "How to read"):
            raise click.UsageError(f"{parameter.opts[-1]} says what of a capture to read: give a CAPTURE, too")
    asked_at = directory(sides[0][0], quiet, live=inputs["live"] is not None)
    options: Options = {"live": asking(inputs), "databases": inputs["databases"]}
    live = ask(asked_at, options, (), calls=False)
    told = {name: inputs[name] for name in ("hosts", "resolve", "resolved", "databases")}
    before, after = (
        load(directory(config, quiet, live=live is not None), asterisk=version, live=live, **told)
        for config, version in sides
    )
    show_differences(differences(before, after), names[0], names[1], format_, output)


@main.command(epilog="pjsipdiag redact calls.pcap -c /etc/asterisk -o redacted")
@CAPTURES
@click.option(
    "-c", "--config", metavar="DIR", type=FILE, help="The configuration to redact alike: a directory or one file."
)
@ASTERISK
@click.option("--hosts", metavar="FILE", type=FILE, help="Addresses of host names; redacted alike.")
@click.option("--live", metavar="FILE", type=FILE, help="What --save-live wrote; redacted alike.")
@click.option("-o", "--output", required=True, metavar="DIR", type=FILE, help="Where the redacted copies go.")
@FORCED
def redact(
    *,
    captures: Sequence[str],
    config: str | None,
    asterisk: str | None,
    hosts: str | None,
    live: str | None,
    output: str,
) -> None:
    """Write a redacted copy of captures and configuration that can be posted and still be diagnosed.

    Every request is replayed before and after; exit status 1 when a verdict is not the same.
    """
    from pjsipdiag.redact import redact_files

    written = redact_files(captures, config, output, hosts=hosts, live=live, asterisk=asterisk, force=forced())
    for path in written.files:
        click.echo(visible(path))
    for name, count in written.left_out.items():
        click.echo(f"left out: {count} x header {visible(name)}", err=True)
    if config is not None or live is not None:
        click.echo(f"{written.same} of {written.requests} requests replay to the same verdict", err=True)
    sys.exit(0 if written.same == written.requests else 1)

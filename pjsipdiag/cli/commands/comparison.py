"""The command that compares two releases or two configurations, with captures or without."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pjsipdiag.cli.completion import FILE, complete_releases
from pjsipdiag.cli.group import main
from pjsipdiag.cli.help import refuse_given
from pjsipdiag.cli.live import take_asking
from pjsipdiag.cli.output import ProgressLine, directory, show_changes, show_differences
from pjsipdiag.cli.shared_options import COLORED, FILES_AND_LIVE, FORCED, QUIET, READING
from pjsipdiag.errors import shown_name

if TYPE_CHECKING:
    from pjsipdiag.diagnosis.options import Options


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
@FILES_AND_LIVE
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
    before, after = ((config and shown_name(config), version and f"Asterisk {version}") for config, version in sides)
    names = [_apart(before, after), _apart(after, before)]
    if not captures:
        _compare_all(sides, names, inputs, format_, output, quiet=quiet)
        return
    from pjsipdiag.diagnosis.compare import compare as compare_reports
    from pjsipdiag.diagnosis.diagnose import diagnose as diagnosed

    reports = []
    inputs["live"] = take_asking(inputs)
    for config, version in sides:
        with ProgressLine(quiet) as progress:
            place = directory(config, quiet, live=inputs["live"] is not None)
            reports.append(diagnosed(captures, place, asterisk=version, progress=progress.update, **inputs))
    show_changes(compare_reports(*reports), (names[0], names[1]), reports, format_, output)


def _apart(side: Sequence[str | None], other: Sequence[str | None]) -> str:
    """The name of a side: the parts that the other has not, where there are any."""
    own = [part for part, theirs in zip(side, other, strict=True) if part and part != theirs]
    return " ".join(own or filter(None, side))


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
    from pjsipdiag.diagnosis.basis.live_questions import ask
    from pjsipdiag.diagnosis.basis.name_sources import load
    from pjsipdiag.diagnosis.space.differ import differences

    refuse_given("says what of a capture to read: give a CAPTURE, too", groups=("Which calls", "How to read"))
    asked_at = directory(sides[0][0], quiet, live=inputs["live"] is not None)
    options: Options = {
        "live": take_asking(inputs),
        "databases": inputs["databases"],
        "include_from": inputs["include_from"],
    }
    live = ask(asked_at, options, (), calls=False)
    options |= {"hosts": inputs["hosts"], "resolve": inputs["resolve"], "resolved": inputs["resolved"]}
    before, after = (
        load(directory(config, quiet, live=live is not None), options, live, asterisk=version)
        for config, version in sides
    )
    show_differences(differences(before, after), names[0], names[1], format_, output)

"""fleet: many PBXs at once."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pjsipdiag.cli.completion import FILE
from pjsipdiag.cli.group import main
from pjsipdiag.cli.output import is_forced, look, open_output
from pjsipdiag.cli.settings import SEVERITIES, gate_of
from pjsipdiag.cli.shared_options import COLORED, DASK, FORCED, JOBS, QUIET, TIMES
from pjsipdiag.errors import visible
from pjsipdiag.outputs import PRIVATE_MODE, Content, refuse_taken, write_folder

if TYPE_CHECKING:
    from pjsipdiag.fleet.model import Fleet

FLEET_FORMATS = ("text", "json", "csv")


@main.command(epilog="pjsipdiag fleet FLEET.toml --html report --dask tcp://scheduler:8786")
@click.argument("plan", metavar="FLEET.toml", type=FILE)
@JOBS
@DASK
@TIMES
@SEVERITIES
@click.option("--resume", metavar="DIR", type=FILE,
              help="Keep there what was read; files that were are not read again.")  # fmt: skip
@click.option("--format", "format_", type=click.Choice(FLEET_FORMATS), metavar="FORMAT", help=
              f"{', '.join(FLEET_FORMATS)}; csv is the table of PBXs.  [from the ending of -o, else text]")  # fmt: skip
@click.option("-o", "--output", metavar="FILE", type=FILE, help="Write there; the format follows from the ending.")
@click.option("--html", metavar="DIR", type=FILE, help="Also pages for a browser: of all, of each PBX, and patches.")
@click.option("--parquet", metavar="DIR", type=FILE, help="Also the calls as rows, a file for each PBX.")
@FORCED
@click.option("-v", "--verbose", is_flag=True, help="Every place of each cause.")
@QUIET
@COLORED
def fleet(
    *,
    plan: str,
    jobs: int,
    dask: str | None,
    since: str | None,
    until: str | None,
    fail_on: str,
    ignored: Sequence[str],
    resume: str | None,
    format_: str | None,
    output: str | None,
    html: str | None,
    parquet: str | None,
    verbose: bool,
    quiet: bool,
) -> None:
    """Diagnose many PBXs: one report with the causes that they share.

    FLEET.toml has a [[pbx]] for each: name, captures, config or live, databases, addresses, asterisk, hosts, mirrors.
    Exit status 1 also where a PBX could not be diagnosed: it is named and the others go on.
    """
    from tempfile import TemporaryDirectory

    from pjsipdiag.diagnosis.calls.selection import selection
    from pjsipdiag.fleet.plan import inputs_of, read_plan
    from pjsipdiag.fleet.processes import Diagnosis, diagnose_fleet

    chosen = format_ or {".json": "json", ".csv": "csv"}.get(Path(output or "").suffix, "text")
    read, gate = read_plan(plan), gate_of(fail_on, ignored, None)
    selection({"since": since, "until": until})
    if parquet:
        from pjsipdiag.fleet.parquet import require

        require()
    inputs = tuple(inputs_of(read))
    if output and output != "-":
        refuse_taken(output, inputs=inputs, force=is_forced())
    at_once = min(jobs, len(read.pbxs))
    with ExitStack() as stack:
        pages, rows = (
            Path(stack.enter_context(TemporaryDirectory(prefix="pjsipdiag-"))) if wanted else None
            for wanted in (html, parquet)
        )
        if dask:
            from pjsipdiag.diagnosis.work.cluster import one_for_all

            dask = stack.enter_context(one_for_all(dask))
        work = Diagnosis(max(1, jobs // at_once), dask, resume, pages, rows, since, until, gate)
        found = diagnose_fleet(read, work, at_once, _Done(len(read.pbxs), quiet).tell)
        if html and pages:
            _write_pages(found, Path(html), pages, inputs)
        if parquet and rows:
            files = {path.name: Content(path, PRIVATE_MODE) for path in sorted(rows.iterdir())}
            write_folder(Path(parquet), files, inputs=inputs, force=is_forced())
    _write(found, chosen, output, verbose, inputs)
    sys.exit(_status(found))


def _status(found: Fleet) -> int:
    if all(member.failure for member in found.members):
        return 2
    return int(any(member.failure or member.fails for member in found.members))


def _write(found: Fleet, chosen: str, output: str | None, verbose: bool, inputs: tuple[str, ...]) -> None:
    from importlib import import_module

    write = import_module(f"pjsipdiag.fleet.{chosen}").write
    with open_output(output, read=inputs, for_machines=chosen != "text") as stream:
        write(found, stream, look(stream, int(verbose)))


def _write_pages(found: Fleet, folder: Path, pages: Path, inputs: tuple[str, ...]) -> None:
    from pjsipdiag.fleet import html

    with (pages / html.INDEX).open("w", encoding="utf-8", newline="") as stream:
        html.write(found, stream)
    files = {path.name: Content(path, PRIVATE_MODE) for path in sorted(pages.iterdir())}
    for member in found.members:
        if member.patch:
            files[f"{member.pbx.name}.patch"] = Content(member.patch.encode("utf-8", "surrogateescape"), PRIVATE_MODE)
    write_folder(folder, files, inputs=inputs, force=is_forced())
    click.echo(f"written: {visible(str(folder / html.INDEX))}", err=True)


class _Done:
    """How many PBXs are done, on stderr where it is a terminal."""

    def __init__(self, total: int, quiet: bool) -> None:
        self._total, self._shown = total, not quiet and sys.stderr.isatty()
        self._last = time.monotonic()

    def tell(self, done: int) -> None:
        now = time.monotonic()
        if self._shown and now - self._last > 1:
            self._last = now
            click.echo(f"\r\x1b[K{done:,} of {self._total:,} PBXs", nl=False, err=True)

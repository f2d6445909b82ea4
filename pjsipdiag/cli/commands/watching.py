"""The command that watches calls as they come."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pjsipdiag.cli.completion import FILE
from pjsipdiag.cli.group import main
from pjsipdiag.cli.output import directory
from pjsipdiag.cli.settings import COUNTS, gate_of
from pjsipdiag.cli.shared_options import ASTERISK, CONFIG, FILE_NAMES, QUIET, WHOSE
from pjsipdiag.errors import visible

if TYPE_CHECKING:
    from pjsipdiag.asterisk.config import Config
    from pjsipdiag.diagnosis.options import Options
    from pjsipdiag.watch.loop import Watch
    from pjsipdiag.watch.new_causes import CauseChange
    from pjsipdiag.watch.sources.source import FilePosition, Source


@main.command(epilog="pjsipdiag watch -i any -c /etc/asterisk --until-failure")
@click.argument("where", required=False, metavar="[hep://ADDRESS:PORT | DIR | -]")
@click.option("-i", "--interface", metavar="NAME", help="Capture there, with tcpdump or dumpcap.  [any]")
@click.option("--on", "host", metavar="HOST", help="Capture on that machine, through ssh.")
@click.option("--filter", "expression", metavar="EXPRESSION", help="What to capture.  [the ports of the transports]")
@CONFIG
@ASTERISK
@FILE_NAMES
@WHOSE
@COUNTS
@click.option("--until-failure", is_flag=True, help="End with the first cause.")
@click.option("--exec", "command", metavar="COMMAND", help="Run that for each cause, with JSON on standard input.")
@click.option("--webhook", metavar="URL", help="POST each cause there, as JSON.")
@click.option("--metrics", metavar="[ADDRESS:]PORT", help="Serve counts to Prometheus.  [127.0.0.1]")
@click.option(
    "--state",
    metavar="FILE",
    type=FILE,
    help="Where a restart goes on, and what was told.  [for directories: ~/.local/state/pjsipdiag]",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="A line for each cause: for people, or JSON.",
)
@QUIET
def watch(
    *,
    where: str | None,
    interface: str | None,
    host: str | None,
    expression: str | None,
    config: str | None,
    fail_on: str,
    ignored: Sequence[str],
    baseline: str | None,
    until_failure: bool,
    command: str | None,
    webhook: str | None,
    metrics: str | None,
    state: str | None,
    format_: str,
    quiet: bool,
    **inputs: Any,
) -> None:
    """Tell each new cause for which calls fail, as it happens.

    Exit status 1 when a cause was told, 0 when there was none.
    """
    from pjsipdiag.watch.loop import Outputs, Watch
    from pjsipdiag.watch.metrics import serve
    from pjsipdiag.watch.reloading import Configuration, describe
    from pjsipdiag.watch.state import State, read_state
    from pjsipdiag.watch.telling import Teller

    def say(text: str) -> None:
        if not quiet:
            click.echo(text, err=True)

    def show(cause: CauseChange) -> None:
        click.echo(_as_json(cause) if format_ == "json" else cause.line())

    if where is not None and (interface or host or expression):
        raise click.UsageError(f"{where} is what is watched: leave out -i, --on and --filter")
    gate = gate_of(fail_on, ignored, baseline)
    teller = Teller(() if command is None else _arguments(command), webhook, say)
    options: Options = {**inputs, "jobs": 1}  # type: ignore[typeddict-item]  # click's own types
    configuration = Configuration(directory(config, quiet), options, say)
    path = _state_file(where, state)
    known = read_state(path) if path else State()
    source = (
        _source(where, inputs["mirrors"], known.place, say)
        if where is not None
        else _capture(host, interface or "any", expression, configuration.config)
    )
    watching = Watch(source, configuration, gate, Outputs(show, say, teller), path, known)
    if metrics is not None:
        serve(metrics, watching.values)
    say(f"watching {visible(source.name)}: {describe(configuration.config)}")
    with _ended_by_signals(watching):
        watching.run(until_failure=until_failure)
    say(watching.summary())
    sys.exit(1 if watching.failed and fail_on != "never" else 0)


def _as_json(cause: CauseChange) -> str:
    import json

    return json.dumps(cause.json())


def _arguments(command: str) -> list[str]:
    """The arguments of a command line, which no shell reads."""
    import shlex

    try:
        found = shlex.split(command)
    except ValueError as error:
        raise click.UsageError(f"--exec: {error}") from None
    if not found:
        raise click.UsageError("--exec names no command")
    return found


def _state_file(where: str | None, state: str | None) -> Path | None:
    from pjsipdiag.watch.state import default_file

    if state is not None:
        return Path(state)
    return default_file(where) if where is not None and Path(where).is_dir() else None


def _source(where: str, mirrors: Sequence[str], start: FilePosition, say: Callable[[str], None]) -> Source:
    """The source that `where` names: standard input, a listener or a directory."""
    from pjsipdiag.capture.readers import STANDARD_INPUT
    from pjsipdiag.watch.sources.folder import Folder
    from pjsipdiag.watch.sources.hep_listener import Listener
    from pjsipdiag.watch.sources.source import PipedCapture

    if where == "-":
        return PipedCapture(STANDARD_INPUT, "standard input")
    if "://" in where:
        return Listener(where, mirrors)
    return Folder(where, start, say)


def _capture(host: str | None, interface: str, expression: str | None, config: Config) -> Source:
    """A capture here or on `host`."""
    from pjsipdiag.capture.source import tcpdump
    from pjsipdiag.watch.sources import child

    wanted = expression or tcpdump.expression(one.port for one in config.listeners if one.port)
    if host is not None:
        return child.Child(child.there(host, interface, wanted), f"{interface} on {host}")
    return child.Child(child.here(interface, wanted), interface)


@contextmanager
def _ended_by_signals(watching: Watch) -> Iterator[None]:
    """SIGINT and SIGTERM end the watch in order, after what has been read."""
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in former:
        signal.signal(number, lambda *_: watching.stop())
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)

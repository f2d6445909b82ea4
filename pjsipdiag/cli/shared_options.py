"""The options that several commands share, each declared once."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan
from typing import Any, TypeVar

import click

from pjsipdiag.cli.completion import FILE, complete_releases, complete_sections
from pjsipdiag.cli.output import COLOR, FORCE
from pjsipdiag.diagnosis.work.jobs import processors
from pjsipdiag.report import FORMATS

_Command = TypeVar("_Command", bound=Callable[..., object])


def options(*declared: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    """Several click options as one decorator, shown in the order given."""

    def decorate(command: _Command) -> _Command:
        for option in reversed(declared):
            command = option(command)
        return command

    return decorate


class _Seconds(click.FloatRange):
    """A time that ends."""

    def __init__(self) -> None:
        super().__init__(0, float("inf"), min_open=True, max_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """No `nan`, which lies in every range."""
        seconds = super().convert(value, param, ctx)
        if isnan(seconds):
            self.fail(f"{value!r} is no number", param, ctx)
        return seconds


SECONDS = _Seconds()

QUIET = click.option("-q", "--quiet", is_flag=True, help="No progress and no notes on stderr.")
CAPTURES = click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...", type=FILE)
CONFIG = click.option(
    "-c",
    "--config",
    metavar="DIR",
    type=FILE,
    help="Asterisk's configuration: a directory or one pjsip.conf, here or as URL.  [/etc/asterisk]",
)


def _asterisk(otherwise: str) -> Callable[[_Command], _Command]:
    return click.option(
        "--asterisk",
        metavar="VERSION",
        shell_complete=complete_releases,
        help=f"Release to replay, as 22, 22.10.1 or certified-20.7-cert5.  [{otherwise}]",
    )


ASTERISK = _asterisk("from the capture, else the newest")
ASTERISK_ALONE = _asterisk("of --live, else the newest known")
"""--asterisk for commands without a capture."""
FILE_NAMES = options(
    click.option("--include-from", multiple=True, metavar="DIR", type=FILE,
                 help="Read what includes name there, too, outside of the configuration's folder."),
    click.option("--hosts", metavar="FILE", type=FILE, help="Addresses of host names, in the form of /etc/hosts."),
    click.option("--resolve", is_flag=True, help="Ask DNS for host names, SRV records first, as Asterisk does."),
    click.option("--resolved", metavar="FILE", type=FILE,
                 help="Output of 'pjsip show identifies': what Asterisk resolved."),
    click.option("--database", "databases", multiple=True, metavar="NAME=URL",
                 help="The database that extconfig.conf calls NAME, or a dump of it; it is only read.  "
                 "[auto: as Asterisk's files say]"),
)  # fmt: skip
FILES_AND_LIVE = options(
    FILE_NAMES,
    click.option("--live", is_flag=False, flag_value="asterisk -rx", metavar="[COMMAND]",
                 help="Ask a running Asterisk: a command as 'ssh pbx asterisk -rx', ami://USER@HOST, "
                 "https://USER@HOST/ari, or a file.  [asterisk -rx]"),
    click.option("--save-live", metavar="FILE", type=FILE, help="Write what it told there, for --live FILE."),
)  # fmt: skip
JOBS = click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=processors,
    metavar="N",
    help="Processes that share the work.  [one for each processor]",
)
DASK = click.option(
    "--dask",
    metavar="ADDRESS",
    help="Workers of a Dask cluster read the captures: tcp://HOST:8786, tls://HOST:8786, local, or env "
    "for $DASK_SCHEDULER_ADDRESS.",
)
PBX = click.option("--pbx", multiple=True, metavar="ADDRESS", help="An address of the PBX.  [inferred, and said how]")
MIRROR = click.option(
    "--mirror",
    "mirrors",
    multiple=True,
    metavar="ADDRESS",
    help="Take the word of HEP and tunnels from there; else what they carry is a claim.",
)
SOURCE = click.option(
    "--source", "sources", multiple=True, metavar="ADDRESS", help="Only calls of that address or net."
)
WHOSE = options(PBX, MIRROR, SOURCE)
TIMES = options(
    click.option("--since", metavar="TIME", help="Only messages from then on: 2025-10-09T08:53:20, or 08:53:20."),
    click.option("--until", metavar="TIME", help="Only messages until then."),
)
READING = options(
    PBX,
    MIRROR,
    TIMES,
    SOURCE,
    click.option("--call-id", "call_ids", multiple=True, metavar="ID", help="Only calls with that Call-ID."),
    click.option("--method", "methods", multiple=True, metavar="METHOD", help="List these requests, too."),
    JOBS,
    DASK,
    click.option("--reader", type=click.Choice(["native", "wireshark"]), default="native", show_default=True,
                 help="wireshark reads through tshark: decrypts TLS, knows everything, is slow."),
    click.option("--keylog", metavar="FILE", type=FILE,
                 help="TLS secrets (SSLKEYLOGFILE); implies --reader wireshark."),
    click.option("--any-ratio", is_flag=True,
                 help="Read compressed files to their end, also what grows as no capture does."),
    click.option("--follow", is_flag=True, help="Wait for more until interrupted, then report."),
    click.option("--for", "seconds", type=SECONDS, metavar="SECONDS",
                 help="With --follow: report after that time."),
)  # fmt: skip
INPUT = options(CAPTURES, CONFIG, ASTERISK, FILES_AND_LIVE, READING)
FORCED = click.option(
    "--force",
    is_flag=True,
    expose_value=False,
    callback=lambda context, _, value: context.meta.update({FORCE: value}),
    help="Replace what -o names where it exists; an input never is.",
)
COLORED = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    expose_value=False,
    callback=lambda context, _, value: context.meta.update({COLOR: value}),
    help="Colours: for 'less -R', say always.",
)
OUTPUT = options(
    FORCED,
    click.option(
        "--format", "format_", type=click.Choice(FORMATS), metavar="FORMAT", help=f"{', '.join(FORMATS)}.  [text]"
    ),
    click.option("-o", "--output", metavar="FILE", type=FILE, help="Write there; the format follows from the ending."),
    click.option("--redact", is_flag=True, help="Replace numbers, names and addresses, so that it can be posted."),
    click.option(
        "-v", "--verbose", count=True, help="Also the traces: why each identifier matched or not. -vv: of all calls."
    ),
    QUIET,
    COLORED,
)
EXTRACT = click.option(
    "--extract", multiple=True, metavar="CALL-ID", help="Write the messages of that call to -o FILE, as a capture."
)
TRY = options(
    click.option("--try", "try_lines", multiple=True, metavar="LINE", help="What if this line stood in --in SECTION?"),
    click.option(
        "--in",
        "try_section",
        metavar="SECTION",
        shell_complete=complete_sections,
        help="The section for --try and --try-file.",
    ),
    click.option("--try-file", metavar="LIST", type=FILE, help="What if each address of this list were match= there?"),
    click.option("--try-order", metavar="NAMES", help="What if endpoint_identifier_order were this?"),
)

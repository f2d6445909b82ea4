"""The commands whose results go to others: redacted copies, evidence for a carrier."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from pjsipdiag.cli.completion import FILE
from pjsipdiag.cli.group import main
from pjsipdiag.cli.options import ASTERISK, CAPTURES, FORCED, QUIET
from pjsipdiag.cli.output import end_cut, forced
from pjsipdiag.errors import visible


@main.command(epilog="pjsipdiag evidence calls.pcap --source 203.0.113.13 -o evidence.zip")
@CAPTURES
@click.option(
    "--source", "sources", multiple=True, required=True, metavar="ADDRESS", help="The carrier's address or network."
)
@click.option("--since", metavar="TIME", help="Only messages from then on.")
@click.option("--until", metavar="TIME", help="Only messages until then.")
@click.option("-o", "--output", required=True, metavar="FILE", type=FILE, help="The archive (ZIP) to write.")
@FORCED
@QUIET
def evidence(
    *,
    captures: Sequence[str],
    sources: Sequence[str],
    since: str | None,
    until: str | None,
    output: str,
    quiet: bool,
) -> None:
    """Write an archive for a carrier: its calls with time, numbers, Call-ID and answer, and a capture of just them.

    Nothing of your configuration is in it.
    """
    from pjsipdiag.handover.evidence import gather, write_evidence

    handed = gather(captures, sources, since, until)
    write_evidence(handed, output, inputs=tuple(captures), force=forced())
    if not quiet:
        calls, messages = len(handed.calls), len(handed.messages.datagrams)
        click.echo(f"{calls:,} calls, {messages:,} messages written: {visible(output)}", err=True)
    end_cut(handed.messages.cut)


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

    Every request is replayed before and after; exit status 1 when a verdict is not the same, or when a capture could
    not be read to its end.
    """
    from pjsipdiag.redact import redact_files

    written = redact_files(captures, config, output, hosts=hosts, live=live, asterisk=asterisk, force=forced())
    for path in written.files:
        click.echo(visible(path))
    for cut in written.cut:
        click.echo(visible(cut), err=True)
    for name, count in written.left_out.items():
        click.echo(f"left out: {count} x header {visible(name)}", err=True)
    if config is not None or live is not None:
        click.echo(f"{written.same} of {written.requests} requests replay to the same verdict", err=True)
    sys.exit(0 if written.same == written.requests and not written.cut else 1)

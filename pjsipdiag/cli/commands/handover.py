"""The commands whose results go to others: bundles, redacted copies, evidence for a carrier, firewall lists."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from pjsipdiag.cli.completion import FILE
from pjsipdiag.cli.group import main
from pjsipdiag.cli.help import refuse_given
from pjsipdiag.cli.live import load_named
from pjsipdiag.cli.output import end_cut, is_forced, open_output
from pjsipdiag.cli.shared_options import ASTERISK, CAPTURES, CONFIG, FILES_AND_LIVE, FORCED, QUIET, SECONDS
from pjsipdiag.errors import visible
from pjsipdiag.firewall import LIST_FORMATS


@main.command(epilog="pjsipdiag collect --on root@pbx --for 60 -o bundle.tgz")
@click.option("--on", "host", metavar="HOST", help="The PBX, as ssh takes it: root@pbx.example.  [this machine]")
@click.option("--sudo", is_flag=True, help="Run tcpdump, tar and asterisk there with sudo -n.")
@click.option("-i", "--interface", metavar="NAME", default="any", show_default=True, help="Where to capture there.")
@click.option(
    "--for",
    "duration",
    type=SECONDS,
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How long to capture.",
)
@click.option("--rotated", metavar="DIR", help="The newest captures there, of a directory or pattern, instead.")
@click.option("--newest", type=click.IntRange(1), default=3, show_default=True, metavar="N", help="How many of them.")
@click.option(
    "-c",
    "--config",
    "config_there",
    metavar="DIR",
    default="/etc/asterisk",
    show_default=True,
    help="Asterisk's configuration there.",
)
@click.option("--redact", is_flag=True, help="Replace numbers, names and addresses, so that it can be posted.")
@click.option("-o", "--output", required=True, metavar="FILE", type=FILE, help="The bundle (.tgz) to write.")
@FORCED
@QUIET
def collect(
    *,
    host: str | None,
    sudo: bool,
    interface: str,
    duration: float,
    rotated: str | None,
    newest: int,
    config_there: str,
    redact: bool,
    output: str,
    quiet: bool,
) -> None:
    """Bring capture, configuration and what Asterisk tells from a PBX into one file, which `diagnose` takes.

    ssh and tcpdump are the system's own. Of the configuration only what decides on calls is taken; it holds its
    passwords (see --redact), so nobody else can read the file.
    """
    from pjsipdiag.handover.collect import BundleOrder
    from pjsipdiag.handover.collect import collect as bring
    from pjsipdiag.machine import connect
    from pjsipdiag.outputs import refuse_taken

    if rotated is None:
        refuse_given(
            "says how many files of --rotated to take: give it, too",
            groups=("What to bring",),
            but=("duration", "interface"),
        )
    else:
        refuse_given(
            "says how to capture, and --rotated takes captures that are there",
            groups=("What to bring",),
            but=("rotated", "newest"),
        )

    def say(text: str) -> None:
        if not quiet:
            click.echo(visible(text), err=True)

    refuse_taken(output, force=is_forced())
    wish = BundleOrder(duration, interface, rotated, newest, config_there, redact)
    with connect(host, sudo=sudo) as machine:
        bring(machine, wish, output, force=is_forced(), say=say)
    say(f"written: {output}")


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
    from pjsipdiag.report.wording import plural

    handed = gather(captures, sources, since, until)
    write_evidence(handed, output, inputs=tuple(captures), force=is_forced())
    if not quiet:
        calls, messages = plural(len(handed.calls), "call"), plural(len(handed.messages.datagrams), "message")
        click.echo(f"{calls}, {messages} written: {visible(output)}", err=True)
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

    Every request is replayed before and after; exit status 1 when a verdict is not the same, when a capture could not
    be read to its end, or when a log tells what a copy cannot hold.
    """
    from pjsipdiag.redact import redact_files

    written = redact_files(captures, config, output, hosts=hosts, live=live, asterisk=asterisk, force=is_forced())
    for path in written.files:
        click.echo(visible(path))
    for cut in written.cut:
        click.echo(visible(cut), err=True)
    for name, count in written.left_out.items():
        click.echo(f"left out: {count} x header {visible(name)}", err=True)
    if config is not None or live is not None:
        click.echo(f"{written.same} of {written.requests} requests replay to the same verdict", err=True)
    sys.exit(0 if written.same == written.requests and not written.cut else 1)


@main.command(epilog="pjsipdiag allowlist -c /etc/asterisk --format nft | nft -f -")
@CONFIG
@ASTERISK
@FILES_AND_LIVE
@click.option("--also", multiple=True, metavar="NETWORK", help="Let that network in, too: your telephones.")
@click.option("--family", type=click.Choice(["4", "6"]), help="Only addresses of that IP version.  [both]")
@click.option(
    "--format",
    "format_",
    required=True,
    metavar="FORMAT",
    type=click.Choice([*LIST_FORMATS]),
    help=", ".join(LIST_FORMATS),
)
@click.option("-o", "--output", metavar="FILE", type=FILE, help="Write there.")
@FORCED
@QUIET
def allowlist(
    *,
    config: str | None,
    asterisk: str | None,
    also: Sequence[str],
    family: str | None,
    format_: str,
    output: str | None,
    quiet: bool,
    **names: Any,
) -> None:
    """Write the addresses that match= lets in, as a firewall reads them.

    What cannot be known is said on stderr and, where there are comments, in the list; exit status 1 when the list may
    lack addresses for it.
    """
    from pjsipdiag.firewall.allowed import allowed_networks

    versions = (int(family),) if family else (4, 6)
    if LIST_FORMATS[format_].is_of_one_version and len(versions) > 1:
        raise click.UsageError(f"a file of {format_} holds one IP version: give --family 4 or --family 6")
    loaded, _ = load_named(config, asterisk, names, quiet=quiet)
    listed = allowed_networks(loaded, also)
    if listed.unknown and not listed.entries:
        listed = replace(listed, unknown=(*listed.unknown, "no address is known: nothing is written"))
    else:
        with open_output(output, for_machines=True) as stream:
            stream.writelines(f"{line}\n" for line in LIST_FORMATS[format_].write(listed, versions))
    if not quiet:
        for kind, texts in (("left open", listed.unknown), ("note", listed.warnings)):
            for text in texts:
                click.echo(f"{kind}: {visible(text)}", err=True)
    sys.exit(1 if listed.unknown else 0)

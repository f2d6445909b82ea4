"""The commands that need no capture."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from pjsipdiag.cli.completion import FILE, complete_rules
from pjsipdiag.cli.group import did_you_mean, main
from pjsipdiag.cli.live import load_named
from pjsipdiag.cli.output import format_for, look, show
from pjsipdiag.cli.settings import COUNTS, gate_of
from pjsipdiag.cli.shared_options import ASTERISK_ALONE, COLORED, CONFIG, FILES_AND_LIVE, OUTPUT, QUIET


@main.command(epilog="pjsipdiag explain 203.0.113.13 --from sip:provider@203.0.113.13 -c /etc/asterisk")
@click.argument("source", metavar="SOURCE[:PORT]")
@CONFIG
@ASTERISK_ALONE
@FILES_AND_LIVE
@click.option("--from", "from_", metavar="URI", help="The From header, its URI or its user.")
@click.option("--uri", metavar="URI", help="The request URI.")
@click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="One more header.")
@click.option(
    "--transport",
    type=click.Choice(["udp", "tcp", "tls", "ws", "wss"]),
    help="What it comes over.  [udp, else what listens]",
)
@QUIET
@COLORED
def explain(
    *,
    source: str,
    config: str | None,
    asterisk: str | None,
    from_: str | None,
    uri: str | None,
    headers: Sequence[str],
    transport: str | None,
    quiet: bool,
    **names: Any,
) -> None:
    """Say what Asterisk would do with an INVITE from SOURCE that no capture holds."""
    from pjsipdiag.asterisk.replay.identifiers import identify
    from pjsipdiag.diagnosis import explain as made
    from pjsipdiag.diagnosis.configuration import why_replayed
    from pjsipdiag.report import text

    caller = made.parse_source(source)
    asked = made.request(caller, from_=from_, uri=uri, headers=headers).from_uri
    loaded, live = load_named(config, asterisk, names, quiet=quiet, host=asked.host if asked else "")
    over, to = made.receiving_socket(loaded, caller, transport)
    message = made.request(caller, from_=from_, uri=uri, headers=headers, transport=over.upper(), destination=to)
    verdict = identify(message, loaded)
    why = why_replayed(asterisk, live)
    click.echo(text.explain(message, verdict, loaded, look(sys.stdout), why), nl=False)
    sys.exit(0 if verdict.outcome == "accepted" else 1)


@main.command(epilog="pjsipdiag check -c /etc/asterisk")
@CONFIG
@ASTERISK_ALONE
@FILES_AND_LIVE
@click.option(
    "--expect", metavar="FILE", type=FILE, help="Who is to get where: a line '203.0.113.10 -> provider' each."
)
@COUNTS
@OUTPUT
def check(
    *,
    config: str | None,
    asterisk: str | None,
    format_: str | None,
    output: str | None,
    redact: bool,
    verbose: int,
    quiet: bool,
    fail_on: str,
    ignored: Sequence[str],
    baseline: str | None,
    expect: str | None,
    **names: Any,
) -> None:
    """Find what is wrong in a configuration before any call fails."""
    from pjsipdiag.diagnosis.configuration import configuration_report
    from pjsipdiag.diagnosis.space.expect import read_expectations

    format_, gate = format_for(format_, output), gate_of(fail_on, ignored, baseline)
    expectations = read_expectations(expect) if expect else ()
    loaded, live = load_named(config, asterisk, names, quiet=quiet)
    report = configuration_report(loaded, asked=asterisk, live=live, expectations=expectations)
    show(report, format_, output, redact=redact, verbose=verbose, quiet=quiet, gate=gate)


@main.command(epilog="pjsipdiag rules unmatched-source")
@click.argument("name", required=False, shell_complete=complete_rules)
@COLORED
def rules(name: str | None) -> None:
    """List the findings, or explain the one called NAME."""
    from pjsipdiag.diagnosis.rules import RULES
    from pjsipdiag.report import rules as rules_list

    if name is None:
        rules_list.write(RULES, sys.stdout, look(sys.stdout))
        return
    found = next((rule for rule in RULES if rule.name == name), None)
    if found is None:
        close = did_you_mean(name, [rule.name for rule in RULES])
        raise click.UsageError(f"no rule is called {name!r}; 'pjsipdiag rules' lists them.{close}")
    rules_list.write_page(found, sys.stdout, look(sys.stdout))


@main.command(epilog="pjsipdiag man > pjsipdiag.1")
def man() -> None:
    """Print the manual page pjsipdiag(1)."""
    from pjsipdiag.report.man import page

    click.echo(page(main), nl=False)

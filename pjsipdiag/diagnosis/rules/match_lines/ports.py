"""Lines of match= and remote_hosts= with a port: they fit that source port only."""

from __future__ import annotations

from collections.abc import Iterator

from pjsipdiag.asterisk.config import AddressRule, Config, Identify
from pjsipdiag.diagnosis.model import Finding, Severity


def match_ports(config: Config) -> Iterator[Finding]:
    """match= of an identify with a port: it fits that source port only."""
    for identify, rule in _with_port(config):
        if not identify.wizard:
            yield _one_port(Severity.NOTE, "match", rule, "")


def wizard_ports(config: Config) -> Iterator[Finding]:
    """remote_hosts= of a wizard with a port: meant for outbound calls, it also limits inbound ones."""
    for identify, rule in _with_port(config):
        if identify.wizard:
            instead = " (identify/match=ADDRESS in the wizard section overrides it)"
            yield _one_port(Severity.WARNING, "remote_hosts", rule, instead)


def _with_port(config: Config) -> Iterator[tuple[Identify, AddressRule]]:
    for identify in config.identifies:
        for rule in identify.rules:
            if rule.port and not rule.deny:
                yield identify, rule


def _one_port(severity: Severity, option: str, rule: AddressRule, instead: str) -> Finding:
    return Finding(
        severity,
        f"{option}={rule.text} ({rule.where}) fits source port {rule.port} only: calls from any other port of that "
        "address are not matched",
        rule.where,
        advice=f"Leave the port out unless the provider always sends from it{instead}.",
    )

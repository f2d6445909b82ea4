"""Lines of match= that let in everybody, or every private address."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from pjsipdiag.asterisk.addresses.address_rule import BITS, bounds, is_prefix
from pjsipdiag.asterisk.config import AddressRule, Config, Identify
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.sip import Network

PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)


def wide(config: Config) -> Iterator[Finding]:
    """Rules that let in everybody, or every private address."""
    for identify in config.identifies:
        for rule in identify.rules:
            if rule.deny or not is_prefix(rule):
                continue
            length = rule.mask.bit_count()
            if length < (8 if rule.version == 4 else 16):
                yield _wide(identify, rule, Severity.ERROR, "lets strangers in: it fits " + _share(rule, length))
            elif any(_inside(network, rule) for network in PRIVATE):
                yield _wide(identify, rule, Severity.WARNING, "fits every private address of a range")


def _inside(network: Network, rule: AddressRule) -> bool:
    return (
        network.version == rule.version
        and rule.network <= int(network.network_address)
        and int(network.broadcast_address) <= bounds(rule)[1]
    )


def _share(rule: AddressRule, length: int) -> str:
    return f"every IPv{rule.version} address" if length == 0 else f"2^{BITS[rule.version] - length} addresses"


def _wide(identify: Identify, rule: AddressRule, severity: Severity, what: str) -> Finding:
    return Finding(
        severity,
        f"match={rule.text} of identify '{identify.name}' ({rule.where}) {what}; "
        f"all of them reach endpoint '{identify.endpoint}'",
        rule.where,
        advice="Name the provider's networks only.",
    )

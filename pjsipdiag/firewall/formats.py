"""The list of addresses as firewalls read it: a function for each row of LIST_FORMATS.

Each file can be loaded again and again: what it made before is replaced in one step where the firewall can do that.
What a firewall takes as a comment says what was left open.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import ip_network
from xml.sax.saxutils import escape

from pjsipdiag import __version__
from pjsipdiag.errors import visible
from pjsipdiag.firewall.allowed import AllowedList, AllowedNetwork
from pjsipdiag.report.escape import well_formed
from pjsipdiag.sip import Network, short_network

SET_NAME = "pjsipdiag"
FAMILY_NAMES = {4: ("ipv4_addr", "inet"), 6: ("ipv6_addr", "inet6")}
"""IP version -> its type in nftables and its family in ipset."""
SIP_TRAFFIC = "meta l4proto { udp, tcp } th dport { 5060, 5061 }"
LEAST_ROOM = 65_536
"""Entries that an ipset holds unless it is told to hold more (maxelem of ipset(8))."""


def nft(allowed: AllowedList, versions: tuple[int, ...]) -> Iterator[str]:
    """nft(8): two sets, and the rules that use them as comments, for where they belong nobody but the owner knows."""
    yield from _comments(allowed)
    yield "#"
    yield "# What uses the sets; ports and place are yours to choose:"
    yield f"# nft 'add chain inet {SET_NAME} sip {{ type filter hook input priority -10; policy accept; }}'"
    for version in versions:
        saddr = "ip" if version == 4 else "ip6"
        yield f"# nft 'add rule inet {SET_NAME} sip {saddr} saddr != @trunks{version} {SIP_TRAFFIC} drop'"
    yield f"add table inet {SET_NAME}"
    for version in versions:
        place = f"inet {SET_NAME} trunks{version}"
        yield f"add set {place} {{ type {FAMILY_NAMES[version][0]}; flags interval; auto-merge; }}"
        yield f"flush set {place}"
        networks = allowed.networks(version)
        if networks:
            yield f"add element {place} {{ {', '.join(map(short_network, networks))} }}"


def ipset(allowed: AllowedList, versions: tuple[int, ...]) -> Iterator[str]:
    """`ipset restore`: a new set is filled, then changes places with the one in use."""
    yield from _comments(allowed)
    for version in versions:
        name, networks = f"{SET_NAME}{version}", _halve(allowed.networks(version))
        made = f"hash:net family {FAMILY_NAMES[version][1]} maxelem {max(LEAST_ROOM, len(networks))} -exist"
        yield f"create {name} {made}"
        yield f"create {name}-new {made}"
        yield f"flush {name}-new"
        yield from (f"add {name}-new {network}" for network in networks)
        yield f"swap {name}-new {name}"
        yield f"destroy {name}-new"


def firewalld(allowed: AllowedList, versions: tuple[int, ...]) -> Iterator[str]:
    """firewalld.ipset(5): a file holds one IP version; it belongs in /etc/firewalld/ipsets/."""
    (version,) = versions
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield '<ipset type="hash:net">'
    yield f"  <short>{SET_NAME}{version}</short>"
    yield f"  <description>{escape(' '.join(_sentences(allowed)))}</description>"
    yield f'  <option name="family" value="{FAMILY_NAMES[version][1]}"/>'
    yield from (f"  <entry>{network}</entry>" for network in _halve(allowed.networks(version)))
    yield "</ipset>"


def fail2ban(allowed: AllowedList, versions: tuple[int, ...]) -> Iterator[str]:
    """jail.conf(5): who is never banned; it belongs in /etc/fail2ban/jail.d/."""
    yield from _comments(allowed)
    yield "[asterisk]"
    yield "ignoreip = 127.0.0.1/8 ::1"
    yield from (f"           {short_network(network)}" for version in versions for network in allowed.networks(version))


def as_json(allowed: AllowedList, versions: tuple[int, ...]) -> Iterator[str]:
    """Everything that is known of each network."""
    listed = {f"ipv{version}": [str(one) for one in allowed.networks(version)] for version in versions}
    entries = [_entry(one) for one in allowed.entries if one.network.version in versions]
    whole = {
        "schema": 1,
        "tool": {"name": "pjsipdiag", "version": __version__},
        "asterisk": allowed.version,
        **listed,
        "entries": entries,
        "warnings": [*allowed.warnings],
        "unknown": [*allowed.unknown],
    }
    yield json.dumps(well_formed(whole), indent=1)


def _entry(one: AllowedNetwork) -> dict[str, object]:
    where = {"file": one.where.file, "line": one.where.line} if one.where else None
    return {
        "network": str(one.network),
        "identify": one.identify,
        "endpoint": one.endpoint,
        "where": where,
    }


def _sentences(allowed: AllowedList) -> Iterator[str]:
    yield f"Addresses that match= lets in, by pjsipdiag {__version__} as Asterisk {allowed.version} loads them."
    yield from (f"Left open: {visible(text)}." for text in allowed.unknown)
    yield from (f"Note: {visible(text)}." for text in allowed.warnings)


def _comments(allowed: AllowedList) -> Iterator[str]:
    return (f"# {text}" for text in _sentences(allowed))


def _halve(networks: list[Network]) -> list[Network]:
    """A hash:net holds no /0: two halves say the same (ipset(8))."""
    return [
        half
        for network in networks
        for half in (network.subnets() if network in (ip_network("0.0.0.0/0"), ip_network("::/0")) else (network,))
    ]

"""Finds the addresses and networks in texts: stand-ins are made for all of them at once."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator

from pjsipdiag.asterisk.addresses.match import parse_rules
from pjsipdiag.asterisk.addresses.rule import BITS
from pjsipdiag.asterisk.section import Where
from pjsipdiag.redact.addresses import AddressMap, Ip
from pjsipdiag.sip import Network

_V4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?:/[\d.]+)?(?!\w)")
_V6 = re.compile(
    r"(?<![\w:.])(?=[0-9A-Fa-f]*:[0-9A-Fa-f]*:)[0-9A-Fa-f:.]+[0-9A-Fa-f:](?:/(?:[0-9A-Fa-f]*:[0-9A-Fa-f:]*|\d+))?(?![\w:])"
)


def address_map(addresses: Iterable[Ip], texts: Iterable[str]) -> AddressMap:
    """Stand-ins for `addresses` and for every address and network that `texts` hold."""
    known, networks = set(addresses), set[Network]()
    for text in texts:
        for network in _networks(text):
            if network.prefixlen == network.max_prefixlen:
                known.add(network.network_address)
            else:
                networks.add(network)
    return AddressMap(known, networks)


def _networks(text: str) -> Iterator[Network]:
    for found in (*_V4.findall(text), *_V6.findall(text)):
        rules, _ = parse_rules(found, ports=True, deny=False, where=Where("", 0))
        for rule in rules:
            bits = BITS[rule.version]
            length = rule.mask.bit_count()
            kind = ipaddress.IPv4Network if rule.version == 4 else ipaddress.IPv6Network
            if rule.mask == ((1 << length) - 1) << (bits - length):
                yield kind((rule.network, length))
            else:
                yield kind((rule.network, bits))

"""Tries each line of a provider's list of addresses: what it would change, and whom it lets in who never called."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from pjsipdiag.asterisk.addresses.address_rule import holds
from pjsipdiag.asterisk.config import AddressRule, Config
from pjsipdiag.asterisk.section import Where
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.compare import Change
from pjsipdiag.diagnosis.situation import Situation
from pjsipdiag.diagnosis.what_if import what_if
from pjsipdiag.errors import ConfigError, visible
from pjsipdiag.inputs import read_text
from pjsipdiag.sip import Network, short_network


@dataclass(frozen=True, slots=True)
class AdmittedNetwork:
    """One line of the list: the calls that go elsewhere with it as match= (`changes`), how many addresses it takes and
    how many of these no message of the capture came from; `taken_by` is the rule that takes all of it already."""

    where: Where
    network: Network
    changes: tuple[Change, ...]
    addresses: int
    unseen: int
    taken_by: AddressRule | None


def read_addresses(path: str) -> tuple[tuple[Where, Network], ...]:
    """The addresses and networks of a list, one a line; `#` and `;` begin comments, commas part them, too.

    :raises ConfigError: the list cannot be read, or a word of it is no address.
    """
    text = read_text(path)
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        for word in line.partition("#")[0].partition(";")[0].replace(",", " ").split():
            try:
                found.append((Where(path, number), ipaddress.ip_network(word, strict=False)))
            except ValueError:
                raise ConfigError(f"{Where(path, number)}: {visible(word)} is no address and no network") from None
    if not found:
        raise ConfigError(f"{visible(path)} holds no address")
    return tuple(found)


def admits(situation: Situation, listed: Sequence[tuple[Where, Network]], section: str) -> tuple[AdmittedNetwork, ...]:
    """Tries each of them as a match= line of [`section`], in the order of the list.

    :raises ConfigError: there is no such section, or the configuration is not in files.
    """
    seen = tuple(ipaddress.ip_address(row.address) for row in situation.sources)
    return tuple(
        AdmittedNetwork(
            where,
            network,
            what_if(situation, [f"match={short_network(network)}"], section),
            network.num_addresses,
            network.num_addresses - sum(1 for address in seen if address in network),
            _taking(situation.config, network),
        )
        for where, network in listed
    )


def _taking(config: Config, network: Network) -> AddressRule | None:
    """The rule of an identify that holds the whole network for every port, where none denies a part of it."""
    rules: Iterable[AddressRule] = (rule for identify in config.identifies for rule in identify.rules)
    last = int(network.broadcast_address)
    first = int(network.network_address)
    held = [rule for rule in rules if rule.version == network.version and rule.port == 0]
    whole = [rule for rule in held if holds(rule, rule.version, first) and holds(rule, rule.version, last)]
    return None if any(rule.deny for rule in held) else next(iter(whole), None)

"""The trunks of a configuration: networks, names, users and transport of each, so that a source can be placed.

A trunk is an endpoint that someone else calls from an address of theirs: it has an identify, a registration, a static
contact or outbound credentials. A telephone that registers here is none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import field
from functools import lru_cache

from pjsipdiag.asterisk.addresses.address_rule import number
from pjsipdiag.asterisk.config import AddressRule, Config, Endpoint
from pjsipdiag.asterisk.section import Where
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.evidence.lookup import SameConfig, matches_in, meant_endpoint, section_at
from pjsipdiag.diagnosis.evidence.readable_addresses import host_of, is_address
from pjsipdiag.sip import parse_uri

Naming = tuple[str, str, Where]
"""(endpoint, what the configuration says in words, where)."""


@dataclass(frozen=True, eq=False)
class Trunks:
    """Everything by which a source can be tied to an endpoint, indexed: looking one up does not walk the endpoints.

    `networks` maps (family, leading /24 or /64 bits as a number) to (endpoint, rule), `contacts` to (endpoint, words,
    IP, where), `names` a host name in lower case and `users` a user part to what says so. `names_of` are the endpoints
    of the trunks in file order.
    """

    names_of: tuple[str, ...]
    registered: dict[str, str]
    """Registration -> the endpoint whose calls it brings."""
    networks: dict[tuple[int, int], list[tuple[str, AddressRule]]] = field(default_factory=lambda: defaultdict(list))
    contacts: dict[tuple[int, int], list[tuple[str, str, str, Where]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    names: dict[str, list[Naming]] = field(default_factory=lambda: defaultdict(list))
    users: dict[str, list[Naming]] = field(default_factory=lambda: defaultdict(list))


@lru_cache(maxsize=4)
def _by_identity(same: SameConfig) -> Trunks:
    return _trunks(same.config)


def trunks(config: Config) -> Trunks:
    """The trunks of a configuration, computed once."""
    return _by_identity(SameConfig(config))


def prefix(ip: str) -> tuple[int, int]:
    """(family, leading bits): /24 of IPv4, /64 of IPv6, the size in which networks are commonly given to one party."""
    family, value = number(ip)
    return family, value >> (8 if family == 4 else 64)


def domain(host: str) -> str:
    """The last two labels of a host name; empty for an address or a single label."""
    labels = host.rstrip(".").split(".")
    return ".".join(labels[-2:]) if len(labels) >= 2 and not is_address(host) else ""


def _registered(config: Config) -> dict[str, str]:
    """The endpoint that each registration names, of its name, with its credentials, or with a contact at its server."""
    by_auth: dict[str, list[str]] = defaultdict(list)
    by_host: dict[str, list[str]] = defaultdict(list)
    for name, endpoint in config.endpoints.items():
        by_auth[endpoint.value("outbound_auth")].append(name)
        for host in set(_contact_hosts(config, endpoint)):
            by_host[host].append(name)
    found = {}
    for registration in config.registrations.values():
        named = [name for name in (registration.endpoint, registration.name) if name in config.endpoints]
        auth, host = registration.value("outbound_auth"), host_of(registration.server_uri)
        same_auth, same_host = by_auth[auth] if auth else [], by_host[host] if host else []
        # A registration rarely names its endpoint. Credentials or a server that two endpoints share do not say which it
        # is.
        alone = [same[0] for same in (same_auth, same_host) if len(same) == 1]
        if named or alone:
            found[registration.name] = [*named, *alone][0]
    return found


def _trunks(config: Config) -> Trunks:
    registered = _registered(config)
    found = Trunks(_names(config, set(registered.values())), registered)
    _add_identifies(config, found)
    _add_dropped(config, found)
    _add_uris(config, found)
    for registration in config.registrations.values():
        endpoint = registered.get(registration.name, "")
        if endpoint and registration.contact_user:
            text = f"contact_user={registration.contact_user} of registration {registration.name}"
            found.users[registration.contact_user].append((endpoint, text, registration.where))
    return found


def _add_identifies(config: Config, found: Trunks) -> None:
    for identify in config.identifies:
        for rule in identify.rules:
            if not rule.deny:
                found.networks[prefix_of(rule)].append((identify.endpoint, rule))
            if rule.host:
                found.names[rule.host.lower()].append((identify.endpoint, f"match={rule.host}", rule.where))
        for name in identify.unresolved:
            found.names[name.host.lower()].append((identify.endpoint, f"match={name.text}", name.where))


def _add_dropped(config: Config, found: Trunks) -> None:
    """Adds the addresses of identifies that do not load: they still say whose they are."""
    for dropped in config.dropped:
        if dropped.type == "identify":
            matches, meant = matches_in(section_at(config, dropped)), meant_endpoint(config, dropped)
            for rule in matches.rules:
                found.networks[prefix_of(rule)].append((meant, rule))
            for host in matches.hosts:
                found.names[host.lower()].append((meant, f"match={host}", dropped.where))


def _add_uris(config: Config, found: Trunks) -> None:
    for endpoint, text, uri, where in _uris(config, found.registered):
        parsed = parse_uri(uri if ":" in uri else f"sip:{uri}")
        if parsed is None:
            continue
        if is_address(parsed.host):
            found.contacts[prefix(parsed.host)].append((endpoint, text, parsed.host, where))
        elif parsed.host:
            found.names[parsed.host].append((endpoint, text, where))
            for ip in filter(is_address, config.server_addresses.get(parsed.host, ())):
                found.contacts[prefix(ip)].append((endpoint, f"{text} ({ip})", ip, where))
        if parsed.user:
            found.users[parsed.user].append((endpoint, text, where))


def prefix_of(rule: AddressRule) -> tuple[int, int]:
    """The prefix of the first address of a rule."""
    return rule.version, rule.network >> (8 if rule.version == 4 else 64)


def _names(config: Config, registered: set[str]) -> tuple[str, ...]:
    known = {identify.endpoint for identify in config.identifies} | registered
    return tuple(
        name
        for name, endpoint in config.endpoints.items()
        if name in known or endpoint.option("outbound_auth") or any(_contact_hosts(config, endpoint))
    )


def _uris(config: Config, registered: dict[str, str]) -> Iterator[tuple[str, str, str, Where]]:
    """(endpoint, what it is in words, URI or host, where) of everything that names the other side."""
    for registration in config.registrations.values():
        endpoint = registered.get(registration.name, "")
        if endpoint:
            for option in ("server_uri", "client_uri"):
                uri = registration.value(option)
                yield endpoint, f"{option}={uri} of registration {registration.name}", uri, registration.where
    for endpoint, known in ((known.name, known) for known in config.endpoints.values()):
        for name in known.aors:
            aor = config.aors.get(name)
            for contact in aor.contacts if aor else ():
                yield endpoint, f"contact={contact} of aor {name}", contact, aor.where if aor else known.where
        for option in ("from_domain", "outbound_proxy"):
            variable = known.option(option)
            # an address as from_domain= is usually the PBX's own
            if variable and not (option == "from_domain" and is_address(variable.value)):
                yield endpoint, f"{option}={variable.value} of endpoint {endpoint}", variable.value, variable.where


def _contact_hosts(config: Config, endpoint: Endpoint) -> list[str]:
    aors = (config.aors.get(name) for name in endpoint.aors)
    return [host_of(contact) for aor in aors if aor for contact in aor.contacts]

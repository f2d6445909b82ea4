"""Which addresses the identifies of a configuration take, and what about them files cannot tell.

The address space falls into the cells of `diagnosis.space.cells`; the first identify that matches a cell takes it
(ip_identify(), res_pjsip_endpoint_identifier_ip.c). What type=acl (res_pjsip_acl.c) or the endpoint's own access list
(apply_endpoint_acl() there) denies is taken out again. IPv4-mapped IPv6 is IPv4, as the loader reads it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import collapse_addresses, ip_network

from pjsipdiag.asterisk.addresses.address_rule import is_prefix, is_whole_world, network_text, networks_between
from pjsipdiag.asterisk.config import Acl, Config, Identify
from pjsipdiag.asterisk.section import Where
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.model import DoorState
from pjsipdiag.diagnosis.space.axes import acl_rules
from pjsipdiag.diagnosis.space.cells import cells
from pjsipdiag.diagnosis.space.doors import doors
from pjsipdiag.errors import PjsipdiagError
from pjsipdiag.report.wording import few
from pjsipdiag.sip import Network

ENDPOINTS_NAMED = 6
"""Endpoints that a sentence names."""


@dataclass(frozen=True, slots=True)
class AllowedNetwork:
    """A network that gets in: by which identify and for which endpoint; both are empty where the user added it."""

    network: Network
    identify: str = ""
    endpoint: str = ""
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class AllowedList:
    """`entries` in the order of addresses, IPv4 first; `warnings` are what a person has to know before the list is
    used, `unknown` why it may lack addresses."""

    version: str
    entries: tuple[AllowedNetwork, ...]
    warnings: tuple[str, ...]
    unknown: tuple[str, ...]

    def networks(self, version: int) -> list[Network]:
        """The networks of an IP version, each address once."""
        return _collapse([entry.network for entry in self.entries if entry.network.version == version])


def allowed_networks(config: Config, also: Sequence[str] = ()) -> AllowedList:
    """The networks that get in by address, and those of `also`.

    :raises PjsipdiagError: one of those is no network.
    """
    entries = [*map(_parse_also, also), *_by_address(config)]
    ordered = sorted(entries, key=lambda one: (one.network.version, one.network.network_address, one.network.prefixlen))
    return AllowedList(config.version, tuple(ordered), tuple(_warnings(config)), tuple(_unknowns(config)))


def _parse_also(text: str) -> AllowedNetwork:
    try:
        return AllowedNetwork(ip_network(text.strip("[]"), strict=False))
    except ValueError:
        raise PjsipdiagError(f"--also {text!r} is no network: give it as 192.0.2.0/24 or 2001:db8::/32") from None


def _by_address(config: Config) -> Iterator[AllowedNetwork]:
    if "ip" not in config.identifiers:
        return
    ranges: dict[tuple[int, str], list[tuple[int, int]]] = defaultdict(list)
    identifies = {identify.name: identify for identify in config.identifies}
    for cell in cells(config.identifies):
        ranges[cell.version, cell.identifies[0].name].append((cell.first, cell.last))
    # type=acl is asked before any identify, for all of them; an endpoint's own list once its identify took the source.
    before = [spans for one in config.acls for spans in _denied_ranges(one.acl, config)]
    for (version, name), spans in ranges.items():
        identify = identifies[name]
        endpoint = config.endpoints.get(identify.endpoint)
        if endpoint is None:
            continue
        for denied in (*before, *_denied_ranges(endpoint.acl, config)):
            spans = _subtract(spans, denied[version])  # noqa: PLW2901  (what is left of them)
        networks = [network for span in spans for network in networks_between(version, *span)]
        yield from (AllowedNetwork(one, name, endpoint.name, identify.where) for one in _collapse(networks))


def _denied_ranges(acl: Acl, config: Config) -> Iterator[dict[int, list[tuple[int, int]]]]:
    """The ranges that each list of an access list denies, by IP version, in order; all where a list does not exist.

    A list turned round takes as an identify what it denies; what a rule with a port denies is left in.
    """
    if acl.missing:
        yield {4: [(0, (1 << 32) - 1)], 6: [(0, (1 << 128) - 1)]}
    for name in ("", *acl.names):
        rules = config.named_acls.get(name, ()) if name else acl.rules
        # cells() knows identifies only: what this list would take as one is what it denies as an access list.
        turned = Identify("", Where("", 0), rules=tuple(replace(rule, deny=not rule.deny) for rule in rules))
        found: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for cell in cells([turned]):
            if not cell.port:
                found[cell.version].append((cell.first, cell.last))
        yield found


def _subtract(spans: Sequence[tuple[int, int]], denied: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """`spans` without what `denied`, which is in order, takes of them."""
    left = []
    for first, last in spans:
        at = first
        for low, high in denied:
            if high < at or low > last:
                continue
            if low > at:
                left.append((at, low - 1))
            at = high + 1
        if at <= last:
            left.append((at, last))
    return left


def _collapse(networks: Sequence[Network]) -> list[Network]:
    """These addresses in as few networks as there can be, in order; all are of one version."""
    return list(collapse_addresses(networks))  # type: ignore[type-var]  # all are of one version


def _warnings(config: Config) -> Iterator[str]:
    for identify in config.identifies:
        for rule in identify.rules:
            if is_whole_world(rule) and not rule.deny:
                yield f"{rule.where}: match={rule.text} lets in {network_text(rule)}: a list that holds it stops nobody"
        if identify.rules and identify.endpoint not in config.endpoints:
            yield (
                f"identify '{identify.name}' ({identify.where}) points to endpoint '{identify.endpoint}', which does "
                "not exist: its addresses are left out"
            )
    if "ip" not in config.identifiers:
        yield "match= is not asked here (endpoint_identifier_order or modules): no address gets in by it"
    elsewhere: dict[tuple[str, DoorState], dict[str, None]] = defaultdict(dict)
    for door in doors(config):
        if door.identifier != "ip" and not door.sources:
            elsewhere[door.identifier, door.state].setdefault(door.endpoint)
    for (identifier, state), endpoints in elsewhere.items():
        yield _SAYS[state].format(endpoints=_endpoints_text([*endpoints]), identifier=identifier)


_SAYS = {
    DoorState.OPEN: "everybody gets in as {endpoints} without a password ({identifier}), from any address: a firewall "
    "with this list closes that; Asterisk does not",
    DoorState.PASSWORD: "a firewall that admits only this list locks out {endpoints}, which may log in from any "
    "address ({identifier}), unless the networks are added (--also)",
    DoorState.TOKEN: "calls to {endpoints} come from the server of a registration ({identifier}): its addresses are "
    "not in the list, unless match= or --also names them",
    DoorState.UNKNOWN: "whether strangers get in as {endpoints} ({identifier}) cannot be told from the files",
    DoorState.ADDRESS: "{endpoints} are taken by {identifier} from where their access lists permit, which is not in "
    "the list",
}
"""State of a door that goes by something else than an address -> its meaning for a list of addresses."""


def _unknowns(config: Config) -> Iterator[str]:
    for identify in config.identifies:
        for name in identify.unresolved:
            yield (
                f"{name.where}: the addresses of {name.host} are not known: --resolve asks DNS, --resolved takes what "
                "Asterisk resolved"
            )
        for rule in identify.rules:
            if not is_prefix(rule):
                yield f"{rule.where}: match={rule.text} has a mask that is no prefix, which no firewall takes: left out"
    for dropped in config.dropped:
        if dropped.type == "identify":
            why = f"{dropped.reason}, {dropped.where}"
            yield f"identify '{dropped.name}' does not load ({why}): its addresses are left out, as Asterisk does"
    yield from _unread(config)
    lists = (*(one.acl for one in config.acls), *(one.acl for one in config.endpoints.values()))
    for rule in dict.fromkeys(rule for acl in lists for rule in acl_rules(acl, config)):
        if not is_prefix(rule):
            yield f"{rule.where}: an access list has the mask of {rule.text}, which is no prefix: it is not looked at"


def _unread(config: Config) -> Iterator[str]:
    """The places that may have more objects."""
    kinds = {"identify", "endpoint", "acl"}
    for unread in config.unread_objects:
        if unread.type in kinds:
            yield f"objects were not read: {unread.text}"
    for problem in config.missing_files:
        yield f"{problem.where}: an included file is missing here: its objects are not in the list"
    for what in sorted(config.not_shown & {"acl"}):
        yield f"the running Asterisk does not show its {what} objects: what they deny is not taken out"


def _endpoints_text(names: Sequence[str]) -> str:
    return f"{'endpoint' if len(names) == 1 else 'endpoints'} {few(names, ENDPOINTS_NAMED)}"

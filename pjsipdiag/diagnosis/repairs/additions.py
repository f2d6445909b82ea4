"""`match=` lines for sources that may belong to an endpoint: as few as are needed, never wider than what there is more
than a hint for."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Sequence
from dataclasses import replace

from pjsipdiag.asterisk.addresses.address_rule import BITS, bounds, fits, length, make_ip, number
from pjsipdiag.asterisk.config import AddressRule, Config, Endpoint, Identify
from pjsipdiag.diagnosis.edits.draft import Draft
from pjsipdiag.diagnosis.edits.place import (
    custom_file,
    end_of_section,
    free_name,
    is_generated,
    main_file,
    own_lines,
    place_for_match,
    section_of,
)
from pjsipdiag.diagnosis.edits.sql import table_of
from pjsipdiag.diagnosis.edits.text_changes import lines_of, style_line, value_of, with_value
from pjsipdiag.diagnosis.evidence.vicinity import (
    PARTY_PREFIX,
    SMALLEST_PREFIX,
    is_spoken_for,
    is_taken_out,
    nearest_of,
)
from pjsipdiag.diagnosis.model import Edit
from pjsipdiag.diagnosis.repairs.table_rows import new_rows
from pjsipdiag.diagnosis.rules.cause import listed, sources
from pjsipdiag.diagnosis.situation import CallGroup
from pjsipdiag.sip import Network, short_network

MOST_AROUND = 256
"""Addresses of a network around others that are looked at one by one; a wider one is not written."""


def addition(
    config: Config,
    endpoint: str,
    groups: Sequence[CallGroup],
    *,
    aggregate: bool,
    never: Collection[str] = (),
    other: bool = False,
) -> Draft:
    """The lines that let the groups' sources in as `endpoint`, in an identify of it or in a new one.

    With `aggregate` as networks, where that is safe; `never` are addresses that none may hold. `other`: beside a first
    new section for that endpoint.
    """
    identify = nearest_of(config, endpoint, sources(groups))
    networks, values = _cover(config, endpoint, groups)
    unseen: list[Network] = []
    if aggregate:
        networks, unseen = aggregate_networks(config, endpoint, networks, identify, never)
    values = [*_texts(networks), *values]
    draft = (
        _into_identify(config, identify, values, groups)
        if identify
        else _new_section(config, config.endpoints[endpoint], values, groups, other)
    )
    if unseen:
        draft = _with_note(draft, _never_seen(unseen))
    auth = config.endpoints[endpoint].auth
    if not auth:
        return draft
    return _with_note(draft, f"endpoint {endpoint} has auth={listed(auth)}, so the calls will be challenged next")


def _cover(config: Config, endpoint: str, groups: Sequence[CallGroup]) -> tuple[list[Network], list[str]]:
    """Networks and values that cover the groups' sources: addresses or networks that they fill; addresses with a port.

    An address that another endpoint's rule has with a port keeps its port.
    """
    plain: list[Network] = []
    values: list[str] = []
    for group in groups:
        # Without its port the address would take the calls of the other endpoint away. Up to four ports are written one
        # by one: more are a NAT's, which chooses a new one for each call.
        shared = any(
            rule.port and fits(rule, group.source)
            for other in config.identifies
            for rule in other.rules
            if other.endpoint != endpoint
        )
        if shared and 0 < len(group.ports) <= 4:
            ip = f"[{group.source}]" if ":" in group.source else group.source
            values += [f"{ip}:{port}" for port in group.ports]
        else:
            plain.append(_single(group.source))
    return _collapse(list(dict.fromkeys(plain))), list(dict.fromkeys(values))


def aggregate_networks(
    config: Config, endpoint: str, networks: Sequence[Network], identify: Identify | None, never: Collection[str]
) -> tuple[list[Network], list[Network]]:
    """The networks with one for those that lie together, and the addresses that it lets in and nobody used.

    It is the smallest around them and around what `identify` has beside them. The endpoint's own lines must speak for
    every address in it, and none of `never` may be there.
    """
    found: list[Network] = []
    unseen: list[Network] = []
    for place in dict.fromkeys(_place(network) for network in networks):
        inside = [network for network in networks if _place(network) == place]
        beside = [rule for rule in identify.rules if _lies_in(rule, place)] if identify else []
        # The endpoint's own narrow rules of that place count as if they had called: a network that grows beside them
        # would have to be widened again for the next address.
        around = _smallest_around(
            [*inside, *(_single(_first(rule)) for rule in beside), *(_single(_last(rule)) for rule in beside)]
        )
        if not _is_safe(config, endpoint, around, inside, never):
            found += inside
            continue
        found.append(around)
        unseen += [
            one
            for one in map(_single, map(str, around))
            if not any(_holds(network, one) for network in inside)
            and not any(fits(rule, str(one.network_address)) for rule in beside)
        ]
    return found, unseen


def _is_safe(config: Config, endpoint: str, around: Network, inside: Sequence[Network], never: Collection[str]) -> bool:
    """Whether a network holds nothing but what was seen and what the endpoint's own lines speak for."""
    if around.num_addresses > MOST_AROUND or any(_holds(around, _single(ip)) for ip in never):
        return False
    addresses = [ip for ip in map(str, around) if not any(_holds(network, _single(ip)) for network in inside)]
    return all(is_spoken_for(config, endpoint, ip) and not is_taken_out(config, endpoint, ip) for ip in addresses)


def _lies_in(rule: AddressRule, place: Network) -> bool:
    """Whether a rule takes addresses of that place, and no more than a few."""
    written = not rule.deny and rule.version == place.version and length(rule) >= SMALLEST_PREFIX[rule.version]
    return written and _holds(place, _single(_first(rule)))


def _first(rule: AddressRule) -> str:
    return str(make_ip(rule.version, rule.network))


def _last(rule: AddressRule) -> str:
    return str(make_ip(rule.version, bounds(rule)[1]))


def _holds(wide: Network, network: Network) -> bool:
    return wide.version == network.version and network.subnet_of(wide)  # type: ignore[arg-type]


def _never_seen(unseen: Sequence[Network]) -> str:
    them = listed([str(one.network_address) for one in unseen], MOST_AROUND)
    return f"it also lets in {len(unseen)} {'address' if len(unseen) == 1 else 'addresses'} never seen: {them}"


def _single(ip: str) -> Network:
    return ipaddress.ip_network(make_ip(*number(ip)))


def _collapse(networks: Sequence[Network]) -> list[Network]:
    """These addresses in as few networks as hold nothing else."""
    four = [network for network in networks if isinstance(network, ipaddress.IPv4Network)]
    six = [network for network in networks if isinstance(network, ipaddress.IPv6Network)]
    return [*ipaddress.collapse_addresses(four), *ipaddress.collapse_addresses(six)]


def _smallest_around(networks: Sequence[Network]) -> Network:
    """The smallest network that holds all of them."""
    wide = networks[0]
    while not all(network.subnet_of(wide) for network in networks):  # type: ignore[arg-type]
        wide = wide.supernet()
    return wide


def _place(network: Network) -> Network:
    wide = PARTY_PREFIX[network.version]
    return network if network.prefixlen < wide else network.supernet(new_prefix=wide)


def _texts(networks: Sequence[Network]) -> list[str]:
    ordered = sorted(networks, key=lambda network: (network.version, int(network.network_address)))
    return [*map(short_network, ordered)]


def _into_identify(config: Config, identify: Identify, values: Sequence[str], groups: Sequence[CallGroup]) -> Draft:
    place = place_for_match(config, identify)
    addresses = sources(groups)
    if is_generated(config, place.file):
        return _generated(config, identify.name, identify.endpoint, values, groups)
    if identify.wizard:
        return _into_wizard(config, identify, values, groups)
    table = table_of(config, place.file)
    held = [variable.value for variable in identify.options.get("match", ())]
    if table and table.type and not table.holds("match", [*held, *values]):
        note = f"column match of {place.file} holds {table.widths['match']} characters: the row {identify.name} is full"
        return _with_note(_new_section(config, config.endpoints[identify.endpoint], values, groups, False), note)
    add = _match_lines(values)
    # A line that lists several values is continued, as its author does it; else each value gets a line of its own.
    if "," in value_of(place.model) and place.model.split("=")[0].strip().lower() == "match":
        separator = ", " if ", " in value_of(place.model) else ","
        new = with_value(place.model, separator.join([value_of(place.model), *values]))
        edit = Edit(place.file, place.after, (place.model.rstrip("\r\n"),), (new,))
    else:
        edit = Edit(place.file, place.after + 1, (), tuple(style_line(place.model, "match", value) for value in values))
    return Draft(groups, place.file, place.after, identify.name, identify.endpoint, add, (edit,), addresses)


def _into_wizard(config: Config, identify: Identify, values: Sequence[str], groups: Sequence[CallGroup]) -> Draft:
    """`identify/match` of a wizard replaces what `remote_hosts` gave, so the first such line repeats it."""
    section = section_of(config, identify)
    own = own_lines(config, section, "identify/match") if section else []
    place = place_for_match(config, identify)
    before = [part.strip() for variable in identify.options.get("match", ()) for part in variable.value.split(",")]
    # res_pjsip_config_wizard.c makes match= of remote_hosts only where identify/match sets none: the first such line
    # would drop the addresses that are there.
    kept = [] if own else [part for part in before if without_port(part) not in values]
    new = [*dict.fromkeys(kept), *values]
    lines = tuple(style_line(place.model, "identify/match", value) for value in new)
    note = (
        "identify/match replaces the addresses that come from remote_hosts, so these are repeated; remote_hosts itself"
        " would also change where calls and registrations go to"
    )
    add, edit = tuple(f"identify/match={value}" for value in new), Edit(place.file, place.after + 1, (), lines)
    draft = Draft(groups, place.file, place.after, identify.wizard, identify.endpoint, add, (edit,), sources(groups))
    return draft if own else replace(draft, note=note)


def without_port(value: str) -> str:
    """`203.0.113.0:5061/24` without its port; `[2001:db8::1]:5060` also without its brackets."""
    address, slash, mask = value.partition("/")
    host = address[1:].partition("]")[0] if address.startswith("[") else address.partition(":")[0]
    return f"{host if address.count(':') <= 1 or address.startswith('[') else address}{slash}{mask}"


def _generated(
    config: Config,
    section: str,
    endpoint: str,
    values: Sequence[str],
    groups: Sequence[CallGroup],
    *,
    new: bool = False,
) -> Draft:
    """FreePBX writes its files anew: the trunk page is the place, the `_custom_post` file the place for hands."""
    file = custom_file(config)
    header = [f"[{section}]", "type=identify", f"endpoint={endpoint}"] if new else [f"[{section}](+type=identify)"]
    lines = [*header, *_match_lines(values)]
    at = len(lines_of(config, file)) + 1 if file else 0
    note = (
        f"the files of {section} are written by FreePBX: add {listed(values, 8)} to Match (Permit) on the page of"
        " the trunk"
        " (Connectivity, Trunks, pjsip Settings, Advanced) and apply the configuration"
    )
    note += f", or by hand in {file}" if file else ""
    edits = (Edit(file, at, (), tuple(lines)),) if file else ()
    return Draft(groups, file, at, section, endpoint, _match_lines(values), edits, sources(groups), note)


def _new_section(
    config: Config, endpoint: Endpoint, values: Sequence[str], groups: Sequence[CallGroup], other: bool
) -> Draft:
    """A whole new section behind the endpoint's."""
    name = free_name(config, endpoint.name, int(other))
    if is_generated(config, endpoint.where.file):
        return _generated(config, name, endpoint.name, values, groups, new=True)
    table = next((stored for stored in config.stored_tables if stored.type == "identify"), None)
    file, header = endpoint.where.file, endpoint.where.line
    if table:
        return new_rows(config, table, endpoint, values, groups, name=name)
    row = table_of(config, file)
    if endpoint.wizard or (row and row.type):
        file, header = main_file(config), 0
    lines = lines_of(config, file)
    end = end_of_section(config, file, header) if header else len(lines)
    model = next((line for line in lines[header:end] if value_of(line)), "") if header else ""
    body = [("type", "identify"), ("endpoint", endpoint.name), *(("match", value) for value in values)]
    text = ("", f"[{name}]", *(style_line(model, option, value) for option, value in body))
    note = f"a new section: endpoint {endpoint.name} has no identify yet"
    edit = Edit(file, end + 1, (), text)
    return Draft(groups, file, end, name, endpoint.name, _match_lines(values), (edit,), sources(groups), note)


def _match_lines(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"match={value}" for value in values)


def _with_note(draft: Draft, note: str) -> Draft:
    return replace(draft, note=f"{draft.note}; {note}" if draft.note else note)


def exclude_sources(config: Config, identify: Identify, endpoint: str, groups: Sequence[CallGroup]) -> Draft:
    """Takes the groups' sources, which belong to `endpoint`, out of an identify: `match=!ADDRESS/LENGTH` behind its
    lines."""
    ips = sources(groups)
    texts = [f"!{ip}/{BITS[number(ip)[0]]}" for ip in ips]
    place = place_for_match(config, identify)
    edit = Edit(place.file, place.after + 1, (), tuple(style_line(place.model, "match", text) for text in texts))
    note = (
        f"[{identify.name}] lets go of what belongs to {endpoint}; the last rule that fits decides, and ! needs a mask"
    )
    return Draft(groups, place.file, place.after, identify.name, endpoint, _match_lines(texts), (edit,), ips, note)

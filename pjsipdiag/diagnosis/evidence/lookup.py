"""Which identifies, loaded or dropped, have a rule for an address: indexed, so that no rule walks them all."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from pjsipdiag.asterisk.addresses.address_rule import SourceSocket, source
from pjsipdiag.asterisk.addresses.index import AddressIndex, NearMiss
from pjsipdiag.asterisk.addresses.match import MatchValue, parse_match
from pjsipdiag.asterisk.config import AddressRule, Config, DroppedObject, Identify
from pjsipdiag.asterisk.loading.sources.sorcery import MAIN_FILE, SINGLE_OBJECTS
from pjsipdiag.asterisk.loading.wizard import WIZARD_FILE
from pjsipdiag.asterisk.reasons.loading import LoadReason
from pjsipdiag.asterisk.section import Section, Variable, Where
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.evidence.readable_addresses import is_name
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.sip import Address

RuleOf = tuple[Identify, AddressRule]


NO_ADDRESS = ("type", "endpoint", "srv_lookups", "match_header", "match_request_uri")
"""Options of an identify that hold no address; any other name may be `match` spelt wrong."""
PEER_TYPES = ("peer", "friend", "user")
"""Types of sip.conf, whose host= is what match= is here."""


class SameConfig:
    """A Config by which something is remembered: it holds mappings and has no hash, so identity counts."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def __hash__(self) -> int:
        return id(self.config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SameConfig) and self.config is other.config


@dataclass(frozen=True, eq=False)
class Lookup:
    """`loaded_index` indexes the identifies in the order asked, `dropped_index` those that were dropped: what they
    would have been."""

    loaded_index: AddressIndex
    dropped_index: AddressIndex
    dropped: tuple[DroppedObject, ...]
    """The dropped objects behind `lost.identifies`."""
    meant_endpoints: tuple[str, ...]
    """The endpoints that these name, or empty."""
    hosts: tuple[tuple[DroppedObject, str], ...]
    """Dropped identifies with the host name that their reason speaks of; what cannot be a name is no such."""


@lru_cache(maxsize=4)
def lookup(situation: Situation) -> Lookup:
    """The indexes of a situation's configuration, built once."""
    config = situation.config
    sections = {(section.where.file, section.where.line): section for section in config.sections}
    dropped = (*(lost for lost in config.dropped if lost.type == "identify"), *_untyped(config), *_in_endpoints(config))
    written = [sections.get((lost.section_where.file, lost.section_where.line)) for lost in dropped]
    matches = [matches_in(section) for section in written]
    meant = tuple(_names_endpoint(lost, section) for lost, section in zip(dropped, written, strict=True))
    lost = [Identify(d.name, d.section_where, rules=found.rules) for d, found in zip(dropped, matches, strict=True)]
    hosts = tuple(
        (known, host)
        for known, found in zip(dropped, matches, strict=True)
        for host in found.hosts
        if is_name(host) and any(host in text for text in _blamed(known))
    )
    return Lookup(AddressIndex.build(config.identifies), AddressIndex.build(lost), dropped, meant, hosts)


@lru_cache(maxsize=8192)
def has_one_identify(situation: Situation) -> bool:
    """Whether the files have a single one, loaded or dropped: it is meant for whoever calls."""
    return len(situation.config.identifies) + len(lookup(situation).dropped) == 1


def find_taking(situation: Situation, group: CallGroup) -> tuple[RuleOf, ...]:
    """The identifies whose rules take one of the group's source ports, in the order asked, with the deciding rule."""
    found: dict[int, AddressRule] = {}
    index = lookup(situation).loaded_index
    for socket in _sockets(index, group):
        for at, rule, applies in index.find_deciding(socket):
            if applies and not rule.deny:
                found.setdefault(at, rule)
    return tuple((index.identifies[at], found[at]) for at in sorted(found))


def _sockets(index: AddressIndex, group: CallGroup) -> list[SourceSocket]:
    """The sources of a group that rules tell apart: one alone where no rule for its address has a port."""
    anywhere, ports = source(Address(group.source)), group.ports or (0,)
    has_port = any(index.identifies[hit.identify].rules[hit.rule].port for hit in index.hits(anywhere))
    return [anywhere._replace(port=port) for port in (ports if has_port else ports[:1])]


def find_holding(situation: Situation, ip: str) -> list[RuleOf]:
    """The identifies with a rule whose network holds the address, whatever its port."""
    index = lookup(situation).loaded_index
    hits = index.hits(source(Address(ip)))
    return [(index.identifies[hit.identify], index.identifies[hit.identify].rules[hit.rule]) for hit in hits]


def dropped_identify(situation: Situation, group: CallGroup) -> DroppedObject | None:
    """The dropped identify that would have taken the group's source."""
    return next(dropped_identifies(situation, group), None)


def dropped_identifies(situation: Situation, group: CallGroup) -> Iterator[DroppedObject]:
    """All of them, in the order in which they would have been asked."""
    for socket in _sockets(lookup(situation).dropped_index, group):
        yield from _dropped_at(situation, socket)


def dropped_for(situation: Situation, caller: Address) -> DroppedObject | None:
    """The dropped identify that would have taken what comes from an address."""
    return next(_dropped_at(situation, source(caller)), None)


def _dropped_at(situation: Situation, socket: SourceSocket) -> Iterator[DroppedObject]:
    known = lookup(situation)
    found = known.dropped_index.find_deciding(socket)
    return (known.dropped[at] for at, rule, applies in found if applies and not rule.deny)


def nearest(situation: Situation, ip: str) -> NearMiss | None:
    """The network that just misses the address."""
    return lookup(situation).loaded_index.near(source(Address(ip)))


def identify_named(config: Config, name: str) -> Identify | None:
    """The loaded identify of that name."""
    return next((identify for identify in config.identifies if identify.name == name), None)


def meant_endpoint(config: Config, dropped: DroppedObject) -> str:
    """The endpoint that a dropped identify names."""
    return _names_endpoint(dropped, section_at(config, dropped))


def _names_endpoint(dropped: DroppedObject, section: Section | None) -> str:
    if dropped.type == "endpoint":
        return dropped.name
    variable = section.first("endpoint") if section else None
    if section and variable is None and (section.first("remote_hosts") or _is_wizard(section)):
        return section.name
    return variable.value if variable else ""


def _is_wizard(section: Section) -> bool:
    return any(one.value == "wizard" for one in section.variables if one.name == "type")


def section_at(config: Config, dropped: DroppedObject) -> Section | None:
    """The section that a dropped object was written in."""
    return _sections_by_place(SameConfig(config)).get(dropped.section_where)


@lru_cache(maxsize=4)
def _sections_by_place(same: SameConfig) -> dict[Where, Section]:
    """The first section of each place: thousands of dropped objects may be asked for in as many sections."""
    return {section.where: section for section in reversed(same.config.sections)}


def _in_endpoints(config: Config) -> Iterator[DroppedObject]:
    """Endpoints that are dropped because somebody wrote `match=` into them, or the `host=` of sip.conf."""
    for dropped in config.dropped:
        section = section_at(config, dropped) if dropped.type == "endpoint" else None
        if section and any((one := section.first(name)) and one.where == dropped.where for name in _IN_ENDPOINTS):
            yield dropped


_IN_ENDPOINTS = ("match", "host")


def _blamed(dropped: DroppedObject) -> Iterator[str]:
    """The value that Asterisk refused, or the name that did not resolve."""
    return (text for text in map(dropped.why.get, ("value", "host")) if text)


def _untyped(config: Config) -> Iterator[DroppedObject]:
    """Sections with `match=` and `endpoint=` that are no identify: their type is something else, or they are templates
    of which no section is made; and sections as sip.conf has them."""
    used = {parent for section in config.sections for parent in section.parents}
    beside = {one.where: whole for one, whole in unattached_sections(config)}
    for section in config.sections:
        kind = section.first("type")
        whole = beside.get(section.where) if section.first("match") else None
        if whole and (of_whole := whole.first("type")) and of_whole.value == "identify":
            why = LoadReason.ADDS_NOTHING(section=section.name, place=str(whole.where))
            yield DroppedObject("identify", section.name, why, section.where, section.where)
            continue
        if kind and kind.value in PEER_TYPES and section.first("host") and not section.is_template:
            why = LoadReason.OF_CHAN_SIP(type=kind.value)
            yield DroppedObject(kind.value, section.name, why, kind.where, section.where)
        if section.name not in used and section.first("remote_hosts"):
            yield from _no_wizard(section)
        is_meant = section.first("endpoint") or (section.is_template and kind and kind.value == "identify")
        if section.name in used or not (section.first("match") and is_meant):
            continue
        if section.is_template:
            yield DroppedObject("identify", section.name, LoadReason.TEMPLATE(), section.where, section.where)
        elif kind is None or kind.value not in ("identify", "wizard"):
            second = second_type(section)
            if kind and second and second.value == "identify":
                why = LoadReason.TYPE_COMES_SECOND(type="identify", first=kind.value, place=str(kind.where))
                yield DroppedObject("identify", section.name, why, second.where, section.where)
                continue
            why = LoadReason.OTHER_TYPE(type=kind.value) if kind else LoadReason.NO_TYPE(type="identify")
            yield DroppedObject("identify", section.name, why, kind.where if kind else section.where, section.where)


def unattached_sections(config: Config) -> Iterator[tuple[Section, Section]]:
    """Each section of which nothing is made, beside the one of its name that it was to be added to."""
    used = {parent for section in config.sections for parent in section.parents}
    typed: dict[str, Section] = {}
    for section in config.sections:
        kind = section.first("type")
        is_object = kind and not section.is_template and section.name not in SINGLE_OBJECTS
        # An identify is often called as its endpoint; what has match= is meant for it.
        if kind and is_object and (section.name not in typed or kind.value == "identify"):
            typed[section.name] = section
    for section in config.sections:
        plain = section.variables and not section.is_template and section.first("type") is None
        if plain and section.name in typed and section.name not in used and section.where.file != WIZARD_FILE:
            yield section, typed[section.name]


def _no_wizard(section: Section) -> Iterator[DroppedObject]:
    """A section with `remote_hosts=` of which no wizard is made."""
    kind = section.first("type")
    if section.is_template:
        yield DroppedObject("wizard", section.name, LoadReason.TEMPLATE(), section.where, section.where)
    elif kind is None:
        yield DroppedObject("wizard", section.name, LoadReason.NO_TYPE(type="wizard"), section.where, section.where)
    elif kind.value != "wizard":
        yield DroppedObject("wizard", section.name, LoadReason.OTHER_TYPE(type=kind.value), kind.where, section.where)
    elif section.where.file == MAIN_FILE:
        why = LoadReason.WIZARD_ELSEWHERE(file=WIZARD_FILE)
        yield DroppedObject("wizard", section.name, why, kind.where, section.where)


def second_type(section: Section) -> Variable | None:
    """Another type= in a section, which Asterisk does not look at: the head of a section may be missing before it."""
    kinds = [one for one in section.variables if one.name.lower() == "type" and one.where.file == section.where.file]
    own = [one for one in kinds if one.where.line > section.where.line]
    return next((one for one in own[1:] if one.value != own[0].value), None)


def matches_in(section: Section | None) -> MatchValue:
    """The rules and names that the section's `match=` lines stand for; a refused mask leaves the address before it."""
    rules: list[AddressRule] = []
    hosts: list[str] = []
    kind = section.first("type") if section else None
    for variable in section.variables if section else ():
        name = variable.name.lower().removeprefix("identify/")
        if "/" in name:
            continue  # an option that a wizard hands on to another object; its `0` is no address
        if name in _IN_ENDPOINTS or (name not in NO_ADDRESS and not (kind and kind.value == "endpoint")):
            for part in variable.value.split(","):
                found = parse_match(part, variable.where)
                # The mask is wrong, and so the object is dropped; the address before it still says whose calls were
                # meant.
                if found.refusal and "/" in part:
                    found = parse_match(part.partition("/")[0], variable.where)
                    rules += found.rules
                elif not found.refusal:
                    rules += found.rules
                    hosts += found.hosts
    return MatchValue(tuple(rules), tuple(hosts))

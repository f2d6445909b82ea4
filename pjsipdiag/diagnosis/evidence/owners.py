"""Which endpoint a source may belong to, and who says so.

The law: evidence has an owner. What the configuration says (a line that names the address or one a few beside it) and
what the PBX did itself are **facts**. Whatever the sender writes (every header, his User-Agent, the number that he
dials) is a **claim**: anybody can write it, and over UDP from any address. Facts alone make an owner likely, and
where there are any, claims are not asked: they never make a suggestion and never take one away. They are shown as what
they are, and name who may be meant where there is no fact.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter

from pjsipdiag.asterisk.addresses.address_rule import MAPPED, fits, is_whole_world, number
from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.verdict import RULE_IDENTIFIERS
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.evidence.lookup import lookup
from pjsipdiag.diagnosis.evidence.near_patterns import nearly_fitting
from pjsipdiag.diagnosis.evidence.readable_addresses import address_of, in_words, is_address, near_miss
from pjsipdiag.diagnosis.evidence.trunks import Naming, Trunks, domain, prefix, trunks
from pjsipdiag.diagnosis.evidence.vicinity import lines_beside, lines_naming
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.sip import Address, SipMessage, decode, parse_uri

MOST_SAMPLES = 6
"""INVITEs of a group that are read for what they say of their sender."""

POINTS_BESIDE = 3
"""Points of an address that lies beside a written one; whatever names it has more."""
ENOUGH_POINTS = 2
"""Points that an endpoint needs before it is named."""
MOST_SHARING = 3
"""Sources that nobody takes which may share a User-Agent before it says nothing."""

_ORDER = ("From", "Contact", "P-Asserted-Identity", "Remote-Party-ID", "Record-Route")
_SPELT = {name.lower().encode(): name for name in ("Via", *_ORDER)} | {b"v": "Via", b"f": "From", b"m": "Contact"}
_NAMING = re.compile(
    rb"\n(" + rb"|".join(map(re.escape, _SPELT)) + rb")[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)", re.IGNORECASE
)
"""Headers that name who sends a request, folded lines with them."""


@dataclass(frozen=True, slots=True)
class Owner:
    """An endpoint that the source may belong to: the points of facts and of all evidence, and the sentences that give
    them, those of facts first."""

    endpoint: str
    facts: int
    points: int
    reasons: tuple[str, ...]

    @property
    def is_likely(self) -> bool:
        """Whether facts alone are enough."""
        return self.facts >= ENOUGH_POINTS


def nearby(config: Config) -> Callable[[bytes], bool]:
    """Whether a packed address lies in the /24 (IPv6: /64) of anything that the configuration names."""
    known = trunks(config)
    places = {bits.to_bytes(3 if family == 4 else 8, "big") for family, bits in (*known.networks, *known.contacts)}

    def is_near(ip: bytes) -> bool:
        if len(ip) == 16 and not ip.startswith(MAPPED):
            return ip[:8] in places
        return ip[-4:-1] in places

    return is_near


@lru_cache(maxsize=8192)
def owners(situation: Situation, group: CallGroup) -> tuple[Owner, ...]:
    """The endpoints that the source of a group may belong to, the likely ones and those with most points first."""
    known = trunks(situation.config)
    proven = facts(situation, group.source)
    points = defaultdict(int, {endpoint: score for endpoint, (score, _) in proven.items()})
    claimed: dict[str, list[str]] = defaultdict(list)
    for endpoint, score, reason in (*_by_place(situation, known, group.source), *_by_message(situation, known, group)):
        points[endpoint] += score
        claimed[endpoint].append(reason)
    # Below ENOUGH_POINTS alone: it tips the balance only where something else speaks for the same trunk.
    if len(known.names_of) == 1 and all(name == known.names_of[0] for name in lookup(situation).meant_endpoints):
        points[known.names_of[0]] += 1
        claimed[known.names_of[0]].append(f"{known.names_of[0]} is the only trunk in the configuration")
    for endpoint in points:
        points[endpoint] -= _wrong_transport(situation.config, endpoint, group)
    found = (
        Owner(name, score, points[name], tuple(dict.fromkeys((*reasons, *claimed[name]))))
        for name, (score, reasons) in ((name, proven.get(name, (0, ()))) for name in points)
        if name in situation.config.endpoints
    )
    return tuple(sorted(found, key=lambda owner: (-owner.facts, -owner.points, owner.endpoint)))


def best(situation: Situation, group: CallGroup) -> tuple[Owner, ...]:
    """The likeliest owners: none without enough evidence, several when they are equally likely.

    Where facts name any, claims do not choose among them.
    """
    found = owners(situation, group)
    if found and found[0].is_likely:
        return tuple(owner for owner in found if owner.facts == found[0].facts)
    most = max((owner.points for owner in found), default=0)
    return tuple(owner for owner in found if owner.points >= ENOUGH_POINTS and owner.points == most)


def best_of_all(situation: Situation, groups: Iterable[CallGroup]) -> set[str]:
    """The endpoints of the likeliest owners of each group."""
    return {owner.endpoint for group in groups for owner in best(situation, group)}


def is_beside(situation: Situation, ip: str) -> bool:
    """Whether nothing but lines beside an address speaks for it."""
    return max((score for score, _ in facts(situation, ip).values()), default=0) == POINTS_BESIDE


def is_likely(situation: Situation, group: CallGroup, endpoint: str = "") -> bool:
    """Whether facts tie the source of a group to an endpoint: to this one, where it is named."""
    return any(
        score >= ENOUGH_POINTS and name in situation.config.endpoints and endpoint in ("", name)
        for name, (score, _) in facts(situation, group.source).items()
    )


def hosts_named(message: SipMessage) -> Iterator[tuple[str, str]]:
    """(header, host) of everybody that a request names as its sender, the last Via first."""
    vias: list[str] = []
    others: list[tuple[int, str]] = []
    for spelt, raw in _NAMING.findall(message.head):
        name, value = _SPELT[spelt.lower()], decode(b" ".join(map(bytes.strip, raw.split(b"\n"))).strip())
        if name == "Via":
            vias += value.split(",")
        else:
            others.append((_ORDER.index(name), value))
    for via in reversed(vias):
        yield "Via", _sent_by(via)
    for name_at, value in sorted(others, key=itemgetter(0)):
        uri = parse_uri(_without_parameters(value))
        if uri and uri.host:
            yield _ORDER[name_at], uri.host


def _without_parameters(value: str) -> str:
    """A From or Contact value without what follows its URI: its tag makes each one unlike all others."""
    end = value.find(">")
    usual = value.count(">") == 1 and 0 <= value.find("<") < end and value.rfind('"') < end
    return value[: end + 1] if usual else value


def samples(group: CallGroup) -> list[SipMessage]:
    """Up to MOST_SAMPLES INVITEs of a group that differ."""
    # Spread over the group: its first variants are of its first minutes, and often of one caller.
    step = max(1, len(group.variants) // MOST_SAMPLES)
    return [variant.read() for variant in group.variants[::step][:MOST_SAMPLES]] or [group.sample]


def _sent_by(via: str) -> str:
    text = via.strip().partition(" ")[2].split(";", 1)[0].strip()
    uri = parse_uri(f"sip:{text}")
    return uri.host if uri else ""


@lru_cache(maxsize=8192)
def facts(situation: Situation, ip: str) -> Mapping[str, tuple[int, Sequence[str]]]:
    """For each endpoint that facts tie to an address, the points of the best one, and the words of all."""
    points: dict[str, int] = defaultdict(int)
    said: dict[str, list[str]] = defaultdict(list)
    for endpoint, score, words in _facts(situation, ip):
        points[endpoint] = max(points[endpoint], score)
        said[endpoint].append(words)
    return {endpoint: (score, said[endpoint]) for endpoint, score in points.items()}


def _facts(situation: Situation, ip: str) -> Iterator[tuple[str, int, str]]:
    """(endpoint, points, words) of what the configuration says of an address."""
    config = situation.config
    family, _ = number(ip)
    holding: set[str] = set()
    for endpoint, rule in trunks(config).networks.get(prefix(ip), ()):
        if rule.version == family and fits(rule, ip) and not is_whole_world(rule):
            holding.add(endpoint)
            yield endpoint, 5, f"{ip} is in match={rule.text} ({rule.where})"
    for endpoint, words in found_by_pbx(situation, ip):
        yield endpoint, 4, words
    for endpoint, text, where in lines_naming(config, ip, rules=False):
        yield endpoint, 6 if endpoint in holding else 4, f"{text} is {ip} ({where})"
    for endpoint, steps, text, where in sorted(lines_beside(config, ip), key=lambda known: abs(known[1])):
        way = "above" if steps > 0 else "below"
        yield endpoint, POINTS_BESIDE, f"{ip} is {in_words(abs(steps))} {way} {text} ({where})"


def found_by_pbx(situation: Situation, ip: str) -> Iterator[tuple[str, str]]:
    """(endpoint, words) of the names in its lines that stand for the address where the PBX went itself: it sent
    requests for the name there, and was answered."""
    methods: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for method, hosts in situation.requests_to(ip):
        methods[hosts].append(method)
    # All hosts that led there (a Route before the request's own host) must be names of one endpoint: a shared proxy is
    # the address of many.
    for hosts, sent in methods.items():
        owners = [_owners_of(situation.config, host) for host in hosts]
        lines = {} if is_address(hosts[-1]) else {endpoint: line for endpoint, *line in reversed(owners[-1])}
        for endpoint, (text, where) in reversed(lines.items()):
            if all(any(other[0] == endpoint for other in known) for known in owners):
                sends = f"the PBX sends {' and '.join(sent)} for {hosts[-1]} to {ip}, which answers"
                yield endpoint, f"{sends}: {text} ({where})"


def _owners_of(config: Config, host: str) -> list[Naming]:
    return [*lines_naming(config, host)] if is_address(host) else trunks(config).names.get(host, [])


def _by_place(situation: Situation, known: Trunks, ip: str) -> Iterator[tuple[str, int, str]]:
    """Owners by lines that are further away: a hint, as hosts of many parties share a network.

    Where a crowd of strangers calls, some of them are in any network.
    """
    beside_it = 1 if situation.crowd else ENOUGH_POINTS
    closest: dict[str, tuple[int, str]] = {}
    for endpoint, rule in known.networks.get(prefix(ip), ()):
        words = near_miss(rule, ip)
        if words and not is_whole_world(rule):
            score = beside_it if "same /" in words else ENOUGH_POINTS
            if score > closest.get(endpoint, (0, ""))[0]:
                closest[endpoint] = score, f"{words} ({rule.where})"
    for endpoint, text, address, where in known.contacts.get(prefix(ip), ()):
        if number(address) != number(ip) and endpoint not in closest:
            closest[endpoint] = beside_it, f"{text} lies beside {ip} ({where})"
    for endpoint, (score, reason) in closest.items():
        yield endpoint, score, reason


def _by_message(situation: Situation, known: Trunks, group: CallGroup) -> Iterator[tuple[str, int, str]]:
    # Scanners write the address that they try, or their own, into every header: these tie nobody to an endpoint.
    own = {group.source, *situation.pbx, *(address.ip for address in _destinations(group))}
    seen: set[tuple[str, str]] = set()
    for message in samples(group):
        for header, host in hosts_named(message):
            if host not in own and (header, host) not in seen:
                seen.add((header, host))
                yield from _by_host(known, header, host)
        uri = parse_uri(message.request_uri) if known.users else None
        for endpoint, text, where in known.users.get(uri.user, ()) if uri and uri.user else ():
            if ("user", text) not in seen:
                seen.add(("user", text))
                yield endpoint, 2, f"the request URI's user is that of {text} ({where})"
        for endpoint, words in nearly_fitting(situation.config, message):
            yield endpoint, 2, words
    # The verdict passed that endpoint over for its identify_by alone: the trace has the check that would have matched.
    for check in group.verdict.trace:
        if check.step == "username" and check.endpoint:
            yield check.endpoint, 2, f"its From user is the name of {check.endpoint}, whose identify_by lacks username"
    for endpoint, agent in _agents(situation):
        if agent in group.user_agents:
            yield endpoint, 1, f"its User-Agent {agent!r} is that of calls which {endpoint} takes"


def _by_host(known: Trunks, header: str, host: str) -> Iterator[tuple[str, int, str]]:
    if is_address(host):
        for endpoint, rule in known.networks.get(prefix(host), ()):
            if fits(rule, host) and not is_whole_world(rule):
                yield endpoint, 3, f"its {header} names {host}, which is in match={rule.text} ({rule.where})"
        for endpoint, text, address, where in known.contacts.get(prefix(host), ()):
            if number(address) == number(host):
                yield endpoint, 2, f"its {header} names {host}, as does {text} ({where})"
        return
    for endpoint, text, where in known.names.get(host, ()):
        yield endpoint, 4, f"its {header} names {host}, as does {text} ({where})"
    # Providers send from hosts of one domain that no file lists; a host that is named itself was said above.
    if host not in known.names and domain(host):
        for name in known.names:
            if domain(name) == domain(host):
                for endpoint, text, where in known.names[name]:
                    yield endpoint, 2, f"its {header} names {host}, in the domain of {text} ({where})"


@lru_cache(maxsize=4)
def _agents(situation: Situation) -> tuple[tuple[str, str], ...]:
    """(endpoint, User-Agent) of the calls that are identified by more than what the caller says of itself.

    One that many strangers have, too, tells nobody apart.
    """
    strangers: dict[str, set[str]] = defaultdict(set)
    for group in situation.groups:
        for agent in () if group.verdict.endpoint else group.user_agents:
            strangers[agent].add(group.source)
    return tuple(
        dict.fromkeys(
            (group.verdict.endpoint, agent)
            for group in situation.groups
            if group.verdict.identifier in RULE_IDENTIFIERS
            for agent in group.user_agents
            if len(strangers[agent]) <= MOST_SHARING
        )
    )


def _destinations(group: CallGroup) -> list[Address]:
    return [address for address in map(address_of, group.destinations) if address.port]


def _wrong_transport(config: Config, endpoint: str, group: CallGroup) -> int:
    """Points against an endpoint whose `transport=` is another than the one that the calls came in on."""
    known = config.endpoints.get(endpoint)
    transport = config.transports.get(known.transport) if known and known.transport else None
    if transport is None:
        return 0
    ports = {address.port for address in _destinations(group)}
    same = transport.protocol == group.transport.lower() and (not ports or transport.port in ports)
    return 0 if same else 2

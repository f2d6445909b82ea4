"""Which address is the PBX: given, else inferred from the capture, and said how."""

from __future__ import annotations

import ipaddress
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from itertools import islice

from pjsipdiag.asterisk.config import Config
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.calls.fold import MOST_PAIRS
from pjsipdiag.diagnosis.calls.fold_content import MergedFolds
from pjsipdiag.diagnosis.calls.heads import call_id
from pjsipdiag.diagnosis.calls.outside.kinds import read_kind
from pjsipdiag.diagnosis.calls.rows import COUNT
from pjsipdiag.errors import PjsipdiagError
from pjsipdiag.sip import ip_text, parse_uri

_VIA = b"SIP/2.0/"
"""The beginning of each Via, and of nothing else in a head."""
HostsBeyond = Callable[[Collection[bytes]], Collection[bytes]]
"""Packed addresses -> those of them to which the recording machine passes packets on."""
MOST_FIRST_REQUESTS = 2000
"""The first requests of the captures, that are read to tell a proxy from an Asterisk."""


@dataclass(frozen=True, slots=True)
class PbxAddresses:
    """The packed IP addresses of the PBX, and the sentence that says why."""

    addresses: tuple[bytes, ...]
    reason: str


def parse_addresses(addresses: Iterable[str]) -> PbxAddresses:
    """The addresses that the user named.

    :raises PjsipdiagError: one of them is not an IP address.
    """
    packed = []
    for text in addresses:
        try:
            packed.append(ipaddress.ip_address(text.strip("[]")).packed)
        except ValueError as error:
            raise PjsipdiagError(f"--pbx {text!r} is not an IP address: give it as 192.0.2.1 or 2001:db8::1") from error
    return PbxAddresses(tuple(packed), "given with --pbx")


def infer(merged: MergedFolds, config: Config, beyond: HostsBeyond) -> PbxAddresses:
    """The likeliest PBX: what its files bind, who answers as Asterisk, who the capture calls local, who is called.
    `beyond` is asked only where the capture was made on several addresses.

    Anybody can send from any address, but not have others send there: to be called weighs more than to call. Who is
    seen to answer as Asterisk only by what a HEP packet or a tunnel tells is one more, where nothing else shows him.
    """
    found = _infer(merged, config, beyond)
    if not merged.told_answerers or len(merged.pairs) >= MOST_PAIRS:
        return found
    shown = {ip for pair in merged.pairs for ip in pair} | {*found.addresses, *merged.received}
    shown |= {place[:-2] for place in merged.answering}
    named = _NamedAddresses(config)
    more = (ip for ip in sorted(merged.told_answerers) if ip not in shown and not named.has(ip))
    return PbxAddresses((*found.addresses, *more), found.reason)


def _infer(merged: MergedFolds, config: Config, beyond: HostsBeyond) -> PbxAddresses:
    clues = _clues(merged, config, beyond)
    return next((clue for clue in clues if clue.addresses), None) or _without_calls(merged, config)


def _clues(merged: MergedFolds, config: Config, beyond: HostsBeyond) -> Iterator[PbxAddresses]:
    """The clues to the PBX, the surest first: files name the address; only Asterisk's own log leaves it out; answers
    have Asterisk's name; the capture's direction. A clue that the capture does not have is without addresses.

    To be called comes before to call, for anybody can send under an address, but not have others send there. Counting
    INVITEs is the last resort.
    """
    traffic = _Traffic(merged)
    asking = {ip for ip, _ in merged.requesters}
    answering = {place[:-2] for place in merged.answering}
    add_beside = partial(_with_beside, traffic=traffic, answering=answering, beyond=beyond)
    bound = list(dict.fromkeys(traffic.bound(list(_binds(config)))))
    yield add_beside(bound, "a transport of the configuration binds it")
    yield PbxAddresses(traffic.blank(), "Asterisk's own log or capture, which leaves out its address")
    named = _NamedAddresses(config)
    answerers = without_proxies(traffic.answerers, merged)
    yield _caller_of(answerers, traffic, named)
    answerers = _without_peers([ip for ip in answerers if not named.is_called(ip)] or answerers, traffic)
    if traffic.local.isdisjoint(answerers):
        reason = "the capture was made on it, and it sends requests as Asterisk"
        yield PbxAddresses(tuple(sorted(asking & traffic.local)), reason)
    if answerers:
        reason = "it answers as Asterisk" if len(answerers) == 1 else "they answer as Asterisk"
        yield add_beside(answerers, reason)
    called = sorted(ip for ip in traffic.local if ip in traffic.received)
    yield PbxAddresses(tuple(called), "the capture was made on it and INVITEs come in there")
    calling = {source for source, _ in traffic.pairs} & {ip for ip, _ in merged.agents}
    if all(source in calling for source, _ in traffic.pairs):
        yield PbxAddresses(_only(calling), "it answers as Asterisk, and all calls are its own")
    yield PbxAddresses(_only(asking & {*traffic.received}), "it sends requests as Asterisk, and INVITEs go there")
    here = _only(traffic.local & traffic.seen)
    if any(named.has(peer, alone=True) for ip in here for peer in traffic.peers[ip]):
        yield PbxAddresses(here, "the capture was made on it, and it calls who the configuration names")
    if traffic.seen:
        others = {ip for ip in traffic.seen if not named.has(ip, alone=True)}
        busiest = max(others or traffic.seen, key=traffic.rank)
        received, sent = traffic.received[busiest], sum(n for pair, n in traffic.pairs.items() if pair[0] == busiest)
        reason = "most INVITEs go there"
        if received < sent:
            asterisks = {ip for ip, _ in (*merged.agents, *merged.requesters)}
            doubt = "" if busiest in asterisks else ", though nothing there calls itself Asterisk: --pbx names another"
            reason = f"most INVITEs come from there{doubt}"
        yield PbxAddresses((busiest,), reason)


def _caller_of(answerers: list[bytes], traffic: _Traffic, named: _NamedAddresses) -> PbxAddresses:
    """The one that calls those who answer as Asterisk, where these are all such as the configuration has it call."""
    if not traffic.local.isdisjoint(answerers) or not all(map(named.is_called, answerers)):
        return PbxAddresses((), "")
    callers = {source for source, destination in traffic.pairs if destination in answerers}
    reason = "it calls where the configuration has it call, and that answers as Asterisk"
    return PbxAddresses(_only({ip for ip in callers if not named.is_called(ip)}), reason)


def _with_beside(
    found: list[bytes], reason: str, *, traffic: _Traffic, answering: set[bytes], beyond: HostsBeyond
) -> PbxAddresses:
    """These addresses, and those beside them on the machine: none where it passes packets on to them."""
    more = _beside(found, traffic, answering) if found else []
    passed_on = beyond([*found, *more]) if more else ()
    more = [ip for ip in more if ip not in passed_on] if {*found}.isdisjoint(passed_on) else []
    if more:
        what = "calls" if any(traffic.received[ip] for ip in more) else "requests"
        reason += f", and the capture was made on it: {what} come in there"
    return PbxAddresses((*found, *more), reason)


def _only(addresses: set[bytes]) -> tuple[bytes, ...]:
    """The one address that is meant; none where it could be any of several."""
    return tuple(addresses) if len(addresses) == 1 else ()


def _without_calls(merged: MergedFolds, config: Config) -> PbxAddresses:
    """The likeliest PBX where no INVITE says more: who answers other requests, or sends them."""
    clients: Counter[bytes] = Counter()
    servers: Counter[bytes] = Counter()
    local: set[bytes] = set()
    for kind, repeated in merged.others.items():
        client, server, what = read_kind(kind)
        if b" " not in what:
            clients[client] += repeated[COUNT]
            servers[server] += repeated[COUNT]
            for one in merged.seen.get(kind, ()):
                local |= {"in": {server}, "out": {client}}.get(one.direction, set())
    seen = {*clients, *servers}
    providers = set(filter(_NamedAddresses(config).has, seen))
    asterisks = {ip for ip, _ in (*merged.agents, *merged.requesters)} & seen
    blank = {ip for ip in seen if not any(ip)}
    for found, reason in (
        ({ip for ip in _binds(config) if ip in seen}, "a transport of the configuration binds it"),
        (blank, "Asterisk's own log or capture, which leaves out its address"),
        (local & asterisks, "the capture was made on it, and it answers or asks as Asterisk"),
        (local, "the capture was made on it"),
        (asterisks - providers, "it answers or asks as Asterisk"),
        (seen - providers if providers else set[bytes](), "it talks to the addresses that the configuration names"),
    ):
        if only := _only(found):
            return PbxAddresses(only, reason)
    if seen:
        busiest = max(sorted(seen), key=lambda ip: servers[ip])
        return PbxAddresses((busiest,), "most requests go there")
    return PbxAddresses((), "the capture shows no PBX")


class _NamedAddresses:
    """The addresses that identifies have, and those where registrations go. Each rule is looked at once, however many
    addresses are asked for."""

    def __init__(self, config: Config) -> None:
        self._networks: dict[tuple[int, int], set[int]] = defaultdict(set)
        """By version and mask."""
        for rule in (rule for identify in config.identifies for rule in identify.rules):
            self._networks[rule.version, rule.mask].add(rule.network)
        uris = (parse_uri(one.server_uri) for one in config.registrations.values())
        hosts = {uri.host for uri in uris if uri is not None}
        self._servers = {text for host in hosts for text in (host, *config.server_addresses.get(host, ()))}
        contacts = (parse_uri(contact) for aor in config.aors.values() for contact in aor.contacts)
        self._called = self._servers | {uri.host for uri in contacts if uri is not None}

    def has(self, ip: bytes, *, alone: bool = False) -> bool:
        """Whether the address is one of them (`alone`: not in a network around it)."""
        family, number, whole = (4 if len(ip) == 4 else 6), int.from_bytes(ip, "big"), (1 << 8 * len(ip)) - 1
        masks = [whole] if alone else [mask for version, mask in self._networks if version == family and mask]
        return ip_text(ip) in self._servers or any(
            number & mask in self._networks.get((family, mask), ()) for mask in masks
        )

    def is_called(self, ip: bytes) -> bool:
        """Whether the PBX sends calls or registrations there: that is nobody but another."""
        return ip_text(ip) in self._called


class _Traffic:
    """Who sends tracked requests to whom."""

    def __init__(self, merged: MergedFolds) -> None:
        self.received, self._others = merged.received, merged.seen
        self.crowded = len(merged.pairs) >= MOST_PAIRS
        """Whether not all peers were kept: then they say nothing."""
        self.peers: dict[bytes, set[bytes]] = defaultdict(set)
        self.pairs = Counter({pair: count for pair, count in merged.pairs.items() if pair[0] != pair[1]})
        """Nobody calls himself: who seems to is somebody else."""
        self.local: set[bytes] = {ip for ip, count in merged.local.items() if count and any(ip)}
        for source, destination in self.pairs:
            self.peers[source].add(destination)
            self.peers[destination].add(source)
        self.seen = {*self.peers, *self.received}
        called = {ip: count for ip, count in merged.answerers.items() if self.received[ip] or not merged.received}
        most = max(called.values(), default=0)
        self.answerers = sorted(
            ip for ip, count in called.items() if count * 10 >= most or (ip in self.local and count)
        )

    def bound(self, binds: list[bytes]) -> list[bytes]:
        """Those of `binds` where calls come in; without any, those that call, where no others call each other."""
        called = [ip for ip in binds if self.received[ip] or ip in self.local or ip in self.answerers]
        strangers = any(not {*pair}.intersection(binds) for pair in self.pairs)
        return called or [ip for ip in binds if ip in self.seen and not strangers]

    def blank(self) -> tuple[bytes, ...]:
        """The addresses without a bit set, where each call has one at an end, and where the answers have one."""
        ends = {ip for pair in self.pairs for ip in pair if not any(ip)}
        if not ends or not all(ends.intersection(pair) for pair in self.pairs):
            return ()
        return tuple(sorted(ends | {ip for ip in self.answerers if not any(ip)}))

    def asked_here(self) -> set[bytes]:
        """The addresses to which the capture saw requests outside of calls come in."""
        kinds = ((read_kind(kind), messages) for kind, messages in self._others.items())
        return {
            server
            for (_, server, what), messages in kinds
            if b" " not in what and any(one.direction == "in" for one in messages) and any(server)
        }

    def rank(self, ip: bytes) -> tuple[int, int, bytes]:
        return 0 if self.crowded else len(self.peers[ip]), self.received[ip], ip


def without_proxies(candidates: list[bytes], merged: MergedFolds) -> list[bytes]:
    """A proxy passes on calls that it received, and the answers with Asterisk's name in them: it is not the PBX.

    It may receive on one address and send from another: what it passed on has one Via more. An Asterisk that calls
    another one makes calls of its own, with Call-IDs of its own.
    """
    if len(candidates) < 2:
        return candidates
    wanted, hops = set(candidates), defaultdict[bytes, dict[bytes, int]](dict)
    seen = (
        views
        for number, keys in enumerate(merged.keys)
        for _, _, views in merged.transactions(number, range(len(keys)))
    )
    for (number, row), *_ in islice(seen, MOST_FIRST_REQUESTS):
        request = merged.request(merged.parts[number], row)
        place = request.destination[:-2]
        if place in wanted:
            hops[call_id(request.head)][place] = request.head.count(_VIA)
    received = Counter(place for places in hops.values() for place in places)
    passed_on = Counter(
        place for places in hops.values() for place, vias in places.items() if vias < max(places.values())
    )
    return [ip for ip in candidates if passed_on[ip] * 2 <= received[ip]]


def _without_peers(candidates: list[bytes], traffic: _Traffic) -> list[bytes]:
    """Of Asterisks that call each other one is the PBX: where the capture was made, else the one with most peers."""
    local = [ip for ip in candidates if ip in traffic.local]
    candidates = local or candidates
    likely = set(candidates)
    rivals = {ip for pair in traffic.pairs if likely.issuperset(pair) for ip in pair}
    if not rivals:
        return candidates
    best = max(rivals, key=traffic.rank)
    return [ip for ip in candidates if ip not in rivals or ip == best]


def _beside(known: list[bytes], traffic: _Traffic, answering: set[bytes]) -> list[bytes]:
    """Where else calls come in on the machine that recorded and that is known as the PBX, and nobody answers them.

    A proxy there answers or calls Asterisk itself; whom Asterisk calls is somebody else.
    """
    if not traffic.local.issuperset(known):
        return []
    peers = {ip for pair in traffic.pairs for ip in pair if not {*pair}.isdisjoint(known)}
    asked = {ip for ip in traffic.local if ip in traffic.received} | traffic.asked_here()
    return sorted(asked - answering - peers - {*known})


def _binds(config: Config) -> Iterator[bytes]:
    for transport in config.transports.values():
        try:
            address = ipaddress.ip_address(transport.bind)
        except ValueError:
            continue
        if not address.is_unspecified and not address.is_loopback:
            yield address.packed

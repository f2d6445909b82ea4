"""The axes that divide requests: addresses, source ports, the words of the caller, and the socket it comes to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from urllib.parse import quote

from pjsipdiag.asterisk.addresses.address_rule import bounds, full_mask, is_prefix
from pjsipdiag.asterisk.addresses.sockaddr import text_of
from pjsipdiag.asterisk.config import Acl, AddressRule, Config
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.explain import request, socket_of
from pjsipdiag.sip import Address, SipMessage

STRANGER = "<sip:nobody@stranger.invalid>"
"""The From of a caller whose name no configuration has."""
MOST_HOLES = 10
"""Bits of a mask's holes that are filled in every way."""
_AS_IT_STANDS = "-_.!~*'()&=+$,;?/"
"""Signs of a user name that need no escape (RFC 3261 section 25.1)."""


@dataclass(frozen=True, slots=True)
class AddressRange:
    """The addresses from `first` to `last` (numbers) of a family (`version` 4 or 6), which every rule holds alike."""

    version: int
    first: int
    last: int

    @property
    def example(self) -> str:
        """One address of the range; not the lowest, which is a network's own, where there is another."""
        return text_of(self.version, min(self.first + 1, self.last))


@dataclass(frozen=True, slots=True)
class Saying:
    """The words of a caller in the request; `label` names them to people, empty for a name that nobody has."""

    label: str
    from_: str = STRANGER
    uri: str = ""
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Socket:
    """A socket that listens: the transport in capitals, and the address and port of the PBX there."""

    transport: str
    address: Address


@dataclass(frozen=True, slots=True)
class Space:
    """The kinds of requests that some configurations tell apart.

    `spans` are lists of address ranges that the rules do not tell apart; `ports` are source ports, the last one stands
    for all others; `not_enumerated` says what is not enumerated.
    """

    spans: tuple[tuple[AddressRange, ...], ...]
    ports: tuple[int, ...]
    sayings: tuple[Saying, ...]
    sockets: tuple[Socket, ...]
    not_enumerated: tuple[str, ...]


def space(configs: Sequence[Config]) -> Space:
    """The space that the configurations divide together."""
    rules = [rule for config in configs for rule in address_rules(config)]
    named = sorted({rule.port for rule in rules} - {0})
    other = next(port for port in (5060, 5062, *range(1024, 65536)) if port not in named)
    sayings = dict.fromkeys(chain([Saying("")], *(_sayings(config) for config in configs)))
    sockets = dict.fromkeys(socket for config in configs for socket in _sockets(config))
    untold = dict.fromkeys(text for config in configs for text in _not_enumerated(config))
    return Space(_classes(rules), (*named, other), tuple(sayings), tuple(sockets), tuple(untold))


def invite(span: AddressRange, port: int, saying: Saying, socket: Socket) -> SipMessage:
    """The request that stands for its kind."""
    return request(
        Address(span.example, port),
        from_=saying.from_,
        uri=saying.uri or f"sip:100@{socket.address}",
        headers=saying.headers,
        transport=socket.transport,
        destination=socket.address,
    )


def address_rules(config: Config) -> Iterator[AddressRule]:
    """Every rule that looks at the source of a request: of identifies and of access lists.

    Those for Contacts, too: the Contact of `invite` is its source.
    """
    for identify in config.identifies:
        yield from identify.rules
    lists = [acl for one in config.acls for acl in (one.acl, one.contact_acl)]
    lists += [acl for endpoint in config.endpoints.values() for acl in (endpoint.acl, endpoint.contact_acl)]
    for acl in lists:
        yield from acl_rules(acl, config)


def acl_rules(acl: Acl, config: Config) -> Iterator[AddressRule]:
    """Its own rules, and those of the lists that it names."""
    yield from acl.rules
    for name in acl.names:
        yield from config.named_acls.get(name, ())


def _classes(rules: Iterable[AddressRule]) -> tuple[tuple[AddressRange, ...], ...]:
    """Ranges between the bounds of rules, those together that the same rules hold."""
    found: dict[tuple[int, frozenset[tuple[int, int]]], list[AddressRange]] = {}
    for version in (4, 6):
        ranges = {one for rule in rules if rule.version == version for one in _ranges(rule)}
        starts = sorted({0, *(first for first, _ in ranges), *(last + 1 for _, last in ranges)})
        starts = [start for start in starts if start <= full_mask(version)]
        opening: dict[int, list[tuple[int, int]]] = {}
        closing: dict[int, list[tuple[int, int]]] = {}
        for one in ranges:
            opening.setdefault(one[0], []).append(one)
            closing.setdefault(one[1] + 1, []).append(one)
        # One sweep over the bounds: `held` are the ranges open at `start`. Some configurations have thousands of
        # rules, and comparing each with each range would grow with their square.
        held: set[tuple[int, int]] = set()
        for start, after in zip(starts, (*starts[1:], full_mask(version) + 1), strict=True):
            held.difference_update(closing.get(start, ()))
            held.update(opening.get(start, ()))
            found.setdefault((version, frozenset(held)), []).append(AddressRange(version, start, after - 1))
    return tuple(tuple(spans) for spans in found.values())


def _ranges(rule: AddressRule) -> Iterator[tuple[int, int]]:
    """The first and last addresses that the rule holds: one range, or one for each way to fill the holes of its mask;
    none for more of them than MOST_HOLES."""
    if is_prefix(rule):
        yield bounds(rule)
        return
    free = ~rule.mask & full_mask(rule.version)
    width = (free ^ (free + 1)) >> 1  # the run of zeros at the end of the mask
    holes = [1 << bit for bit in range(width.bit_length(), free.bit_length()) if free >> bit & 1]
    if len(holes) > MOST_HOLES:
        return
    for chosen in range(1 << len(holes)):
        first = rule.network | sum(hole for at, hole in enumerate(holes) if chosen >> at & 1)
        yield first, first | width


ANONYMOUS = Saying("From anonymous", "<sip:anonymous@anonymous.invalid>")


def _sayings(config: Config) -> Iterator[Saying]:
    yield ANONYMOUS
    for step in config.identifiers:
        if step in SAYS:
            yield from SAYS[step](config)


def _from_user(config: Config) -> Iterator[Saying]:
    """res_pjsip_endpoint_identifier_user.c: user@host, user@alias of the host, then the user alone."""
    for endpoint in config.endpoints.values():
        if "username" in endpoint.identify_by:
            user, _, host = endpoint.name.partition("@")
            yield saying_of(user, host)
            for name, alias in config.domain_aliases.items():
                if host and alias.domain == host:
                    yield saying_of(user, name)


def saying_of(user: str, host: str) -> Saying:
    """The saying of a caller who writes that into From; without a host any will do."""
    shown = quote(user, safe=_AS_IT_STANDS, errors="surrogateescape")
    label = f"From {user}@{host}" if host else f"From user {user}"
    return Saying(label, f"<sip:{shown}@{host or 'stranger.invalid'}>")


def _authorization(config: Config) -> Iterator[Saying]:
    """auth_username_identify of res_pjsip_endpoint_identifier_user.c."""
    for endpoint in config.endpoints.values():
        if "auth_username" in endpoint.identify_by:
            user, _, realm = endpoint.name.partition("@")
            line = f'Digest username="{user}", realm="{realm or "x.invalid"}", nonce="0", uri="sip:x", response="0"'
            yield Saying(f"Authorization of {endpoint.name}", headers=(f"Authorization: {line}",))


def _anonymous_at(config: Config) -> Iterator[Saying]:
    """res_pjsip_endpoint_identifier_anonymous.c: anonymous@host before anonymous."""
    for endpoint in config.endpoints.values():
        name, _, host = endpoint.name.partition("@")
        if name == "anonymous" and host:
            yield Saying(f"From host {host}", f"<sip:nobody@{host}>")


def can_be_added(header: str) -> bool:
    """Whether a request may have the header beside what it has anyway."""
    return header.lower() not in ("from", "f", "to", "t", "via", "v")


def _header(config: Config) -> Iterator[Saying]:
    for rule in Replay(config).known.headers:
        if rule.regex is None and can_be_added(rule.header):
            yield Saying(f"{rule.header}: {rule.literal}", headers=(f"{rule.header}: {rule.literal}",))


def _request_uri(config: Config) -> Iterator[Saying]:
    for rule in Replay(config).known.uris:
        if rule.regex is None:
            yield Saying(f"request URI {rule.literal}", uri=rule.literal)


SAYS: dict[str, Callable[[Config], Iterator[Saying]]] = {
    "username": _from_user,
    "auth_username": _authorization,
    "anonymous": _anonymous_at,
    "header": _header,
    "request_uri": _request_uri,
}
"""Identifier -> the words by which it tells callers apart."""


def _sockets(config: Config) -> Iterator[Socket]:
    for transport in config.listeners:
        if transport.protocol != "flow":
            yield Socket(transport.protocol.upper(), socket_of(transport))


def _not_enumerated(config: Config) -> Iterator[str]:
    holes = [rule for rule in address_rules(config) if not any(True for _ in _ranges(rule))]
    if holes:
        yield f"{holes[0].text} ({holes[0].where}): what only a mask with so many holes tells apart is left out"
    known = Replay(config).known
    patterns = [rule for rule in (*known.headers, *known.uris) if rule.regex is not None]
    if patterns:
        yield f"{patterns[0].where}: what fits a regular expression is left out"
    lines = [one for one in config.registrations.values() if one.line]
    if lines:
        yield f"{lines[0].where}: calls with a registration's line token are left out"
    hosts = config.unresolved_hosts
    if hosts:
        yield f"which addresses {', '.join(hosts[:3])}{' and others' if len(hosts) > 3 else ''} stand for is not known"

"""Doors: who gets to which endpoint, by which identifier, from where, and with or without a password.

The law: a door from everywhere is not concluded but tried. A stranger's INVITE, from an address that no rule names, is
replayed, so that access lists, the order of identifiers and names with a domain count as they do for Asterisk. Doors by
address are the identifies themselves; what cannot be tried (a pattern, a random token) is said to be so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from pjsipdiag.asterisk.addresses.address_rule import is_whole_world, source
from pjsipdiag.asterisk.config import Config, Endpoint, Identify
from pjsipdiag.asterisk.replay import admission
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.asterisk.section import Where
from pjsipdiag.asterisk.verdict import Outcome, Verdict
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.explain import request, socket_of
from pjsipdiag.diagnosis.model import Door, DoorState
from pjsipdiag.diagnosis.space.axes import STRANGER, can_be_added, saying_of
from pjsipdiag.sip import Address, SipMessage

STRANGERS = (
    "198.51.100.77",
    "192.0.2.77",
    "203.0.113.77",
    "100.127.255.77",
    "11.22.33.44",
    "2001:db8:77::77",
    "2001:db8:ffff::77",
)
"""Addresses of a stranger, far from each other: those that no rule of an identify takes are used. Where access lists
refuse the first, the others are asked too, and what most of them meet is what a stranger meets."""
MOST_WALKED = 400_000
"""Identifies that are asked in all, for doors by a text: each trial asks all of them; what is not tried is unknown."""


@dataclass(frozen=True)
class Street:
    """A stranger before the PBX: what he calls, and over what."""

    config: Config
    replay: Replay
    sources: tuple[Address, ...]
    local: Address
    transport: str

    def meets(self, from_: str = "", uri: str = "", headers: Sequence[str] = ()) -> Verdict:
        """The verdict on a stranger's INVITE: a From of nobody unless he says another."""
        verdict = self.replay.verdict(self._invite(self.sources[0], from_, uri, headers))
        if verdict.outcome not in (Outcome.ACL_DENIED, Outcome.NOT_IDENTIFIED):
            return verdict
        others = [self.replay.verdict(self._invite(one, from_, uri, headers)) for one in self.sources[1:]]
        outcome, _ = Counter(one.outcome for one in (verdict, *others)).most_common(1)[0]
        return next(one for one in (verdict, *others) if one.outcome is outcome)

    def _invite(self, source: Address, from_: str, uri: str, headers: Sequence[str]) -> SipMessage:
        return request(
            source,
            from_=from_ or STRANGER,
            uri=uri or f"sip:100@{self.local}",
            headers=headers,
            transport=self.transport,
            destination=self.local,
        )


def doors(config: Config) -> tuple[Door, ...]:
    """Every door of a configuration, those that stand open first; none where nothing listens."""
    street = _street(config)
    if street is None:
        return ()
    found = [door for name in config.identifiers for door in _FINDERS[name](street)]
    ranks = list(DoorState)
    return tuple(sorted(found, key=lambda door: (ranks.index(door.state), config.identifiers.index(door.identifier))))


def _street(config: Config) -> Street | None:
    """The street before a transport that listens, a plain one if there is one."""
    plain = sorted(config.listeners, key=lambda one: (one.protocol not in ("udp", "tcp"), one.protocol != "udp"))
    if not plain or plain[0].protocol == "flow":
        return None
    bound, own = plain[0], socket_of(plain[0])
    replay = Replay(_without_names(config))
    fitting = [ip for ip in STRANGERS if (":" in ip) == (":" in own.ip)]
    free = (ip for ip in fitting if not _is_named(replay, ip))
    strangers = tuple(Address(ip, 5060) for ip in [*free] or fitting)
    return Street(config, replay, strangers, own, bound.protocol.upper())


def _without_names(config: Config) -> Config:
    """The configuration as a stranger meets it: he has none of the addresses that host names stand for, and a transport
    whose host name is not known listens."""
    return replace(
        config,
        identifies=tuple(replace(identify, unresolved=()) for identify in config.identifies),
        sockets=tuple(replace(bound, bind=socket_of(bound).ip) for bound in config.listeners),
    )


def _is_named(replay: Replay, ip: str) -> bool:
    return any(True for _ in replay.known.index.hits(source(Address(ip, 5060))))


def _by_name(step: str) -> Callable[[Street], Iterator[Door]]:
    """res_pjsip_endpoint_identifier_user.c: everybody may say any name."""

    def find(street: Street) -> Iterator[Door]:
        for endpoint in street.config.endpoints.values():
            if step not in endpoint.identify_by:
                continue
            user, _, host = endpoint.name.partition("@")
            if step == "username":
                met = street.meets(saying_of(user, host).from_)
                says = f"From user {user}" + (f" and From host {host}" if host else "")
            else:
                realm = host or "stranger.invalid"
                line = f'Authorization: Digest username="{user}", realm="{realm}", nonce="0", uri="sip:x", response="0"'
                met = street.meets(headers=(line,))
                says = f"Authorization username {user}" + (f" and realm {host}" if host else "")
            yield from _tried(step, endpoint, met, says, endpoint.line_of("identify_by"))

    return find


def note_untried(config: Config) -> Iterator[str]:
    """Says that some doors by a text were not tried, so that they are listed as unknown."""
    for text, count in (
        ("a header", sum(bool(identify.match_header) for identify in config.identifies)),
        ("a request URI", sum(bool(identify.match_request_uri) for identify in config.identifies)),
    ):
        most = _tried_at_most(count)
        if count > most:
            yield f"doors: of {count:,} by {text} the first {most:,} were tried, the others are unknown"


def _tried_at_most(count: int) -> int:
    return MOST_WALKED // max(count, 1)


def _anonymous(street: Street) -> Iterator[Door]:
    """res_pjsip_endpoint_identifier_anonymous.c: whoever nobody else takes."""
    for endpoint in street.config.endpoints.values():
        name, _, host = endpoint.name.partition("@")
        if name == "anonymous":
            met = street.meets(f"<sip:nobody@{host or 'stranger.invalid'}>")
            says = f"From host {host}" if host else ""
            yield from _tried("anonymous", endpoint, met, says, endpoint.where)


def _by_text(step: str) -> Callable[[Street], Iterator[Door]]:
    """res_pjsip_endpoint_identifier_ip.c: a header or a request URI that everybody may write."""

    def find(street: Street) -> Iterator[Door]:
        rules = street.replay.known.headers if step == "header" else street.replay.known.uris
        most = _tried_at_most(len(rules))
        for number, rule in enumerate(rules):
            endpoint = street.config.endpoints.get(rule.identify.endpoint)
            if endpoint is None:
                continue
            says = f"{rule.header}: " if step == "header" else "request URI "
            if rule.regex is not None or number >= most:
                says += f"what fits {_value(rule.identify, step)}" if rule.regex is not None else rule.literal
                state = _untried(street, step, endpoint) if number < most else DoorState.UNKNOWN
                yield _door(step, endpoint, state, says, rule.where, rule.identify)
                continue
            says += rule.literal
            met = (
                street.meets(headers=(f"{rule.header}: {rule.literal}",))
                if step == "header" and can_be_added(rule.header)
                else street.meets(rule.literal if step == "header" else "", "" if step == "header" else rule.literal)
            )
            yield from _tried(step, endpoint, met, says, rule.where, rule.identify)

    return find


def _value(identify: Identify, step: str) -> str:
    return identify.match_header.partition(":")[2].strip() if step == "header" else identify.match_request_uri


def _by_address(street: Street) -> Iterator[Door]:
    """res_pjsip_endpoint_identifier_ip.c: the addresses that `match=` names, and host names as they are written."""
    for identify in street.config.identifies:
        endpoint = street.config.endpoints.get(identify.endpoint)
        if endpoint is None or not (identify.rules or identify.unresolved):
            continue
        world = any(is_whole_world(rule) and not rule.deny for rule in identify.rules)
        met = street.meets() if world else None
        # another rule for everybody may come first, or the rule be for a family that nothing listens for
        taken = met is not None and (met.outcome is Outcome.UNKNOWN or met.endpoint == endpoint.name)
        state = DoorState.OPEN if taken else DoorState.ADDRESS
        names = [name.text for name in identify.unresolved]
        sources = tuple(dict.fromkeys([*(rule.text for rule in identify.rules), *names]))
        where = identify.rules[0].where if identify.rules else identify.unresolved[0].where
        state = DoorState.PASSWORD if endpoint.auth else state
        yield _door("ip", endpoint, state, "", where, identify, sources)


def _by_token(street: Street) -> Iterator[Door]:
    """res_pjsip_outbound_registration.c: line_identify(); only the server of a registration is told the token."""
    for registration in street.config.registrations.values():
        endpoint = street.config.endpoints.get(registration.endpoint)
        if registration.line and endpoint is not None:
            says = f"the random token of registration {registration.name}, which its server is told"
            state = DoorState.PASSWORD if endpoint.auth else DoorState.TOKEN
            yield _door("line", endpoint, state, says, registration.where)


def _by_transport(street: Street) -> Iterator[Door]:
    """transport_identify() of 18.23.0, 20.8.0 and 21.3.0 (GHSA-qqxj-v78h-hrf9)."""
    verdict = street.meets()
    if verdict.identifier == "transport":
        endpoint = street.config.endpoints[verdict.endpoint]
        yield _door("transport", endpoint, _state(verdict), "", endpoint.where)


def _tried(  # noqa: PLR0917  (a door and its key)
    step: str,
    endpoint: Endpoint,
    verdict: Verdict,
    says: str,
    where: Where,
    identify: Identify | None = None,
) -> Iterator[Door]:
    """The door, if a stranger who says this is taken for the endpoint by this identifier."""
    if verdict.outcome is Outcome.UNKNOWN:
        yield _door(step, endpoint, DoorState.UNKNOWN, says, where, identify)
    elif (verdict.identifier, verdict.endpoint) == (step, endpoint.name) and verdict.status != 500:
        sources = _permitted(endpoint) if verdict.outcome is Outcome.ACL_DENIED else ()
        if sources or verdict.outcome is not Outcome.ACL_DENIED:
            yield _door(step, endpoint, _state(verdict, endpoint), says, where, identify, sources)


def _state(verdict: Verdict, endpoint: Endpoint | None = None) -> DoorState:
    if verdict.outcome is Outcome.ACCEPTED:
        return DoorState.OPEN
    if verdict.outcome is Outcome.ACL_DENIED and endpoint is not None and not endpoint.auth:
        return DoorState.ADDRESS
    return DoorState.PASSWORD


def _untried(street: Street, step: str, endpoint: Endpoint) -> DoorState:
    """The state of a door by a pattern, concluded and not tried: nobody can write a request for every pattern."""
    order = street.config.identifiers
    first = street.meets()
    if first.endpoint and order.index(first.identifier) < order.index(step):
        return DoorState.UNKNOWN
    denied = [one for one in street.sources if admission.denial(endpoint.acl, source(one), street.config)]
    if endpoint.auth:
        return DoorState.PASSWORD
    return DoorState.ADDRESS if 2 * len(denied) > len(street.sources) else DoorState.OPEN


def _permitted(endpoint: Endpoint) -> tuple[str, ...]:
    """The addresses that the endpoint's own access list lets through, as they are written."""
    own = [rule.text for rule in endpoint.acl.rules if not rule.deny]
    return (*own, *(f"acl {name}" for name in endpoint.acl.names if name not in endpoint.acl.missing))


def _door(  # noqa: PLR0917  (what a door is)
    step: str,
    endpoint: Endpoint,
    state: DoorState,
    says: str,
    where: Where,
    identify: Identify | None = None,
    sources: tuple[str, ...] = (),
) -> Door:
    name = identify.name if identify else ""
    return Door(endpoint.name, step, name, sources, says, bool(endpoint.auth), endpoint.context, state, where)


_FINDERS: dict[str, Callable[[Street], Iterator[Door]]] = {
    "line": _by_token,
    "ip": _by_address,
    "username": _by_name("username"),
    "anonymous": _anonymous,
    "auth_username": _by_name("auth_username"),
    "header": _by_text("header"),
    "request_uri": _by_text("request_uri"),
    "transport": _by_transport,
}
"""Identifier -> its doors."""

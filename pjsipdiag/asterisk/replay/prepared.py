"""A configuration made ready for many requests, and one request that arrived: the input of the identifiers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING

from pjsipdiag.asterisk.addresses.address_rule import SourceSocket, make_ip
from pjsipdiag.asterisk.addresses.index import AddressIndex
from pjsipdiag.asterisk.addresses.match import BLANKS
from pjsipdiag.asterisk.config import Config, Endpoint, Identify, Transport
from pjsipdiag.asterisk.files.lines import latin
from pjsipdiag.asterisk.loading.identify import expression_in
from pjsipdiag.asterisk.pjsip.message import Request
from pjsipdiag.asterisk.reasons.reason import Reason
from pjsipdiag.asterisk.reasons.walk import WalkReason
from pjsipdiag.asterisk.releases import has
from pjsipdiag.asterisk.section import Where
from pjsipdiag.asterisk.verdict import Check, Match
from pjsipdiag.dataclass import dataclass
from pjsipdiag.sip import NOWHERE, Address

if TYPE_CHECKING:
    from pjsipdiag.asterisk.ere.automaton import Ere

NAME_LENGTH = 255
"""Bytes that are kept of user names, hosts and realms (USERNAME_LEN, DOMAIN_NAME_LEN)."""


@dataclass(frozen=True, slots=True)
class TextRule:
    """An identify with a match_header (of `header`) or a match_request_uri: `literal`, or `regex` between slashes."""

    identify: Identify
    header: str
    literal: str
    regex: Ere | None
    where: Where

    def matches(self, text: str) -> bool:
        """Whether the printed value (Latin-1) fits."""
        return self.regex.search(text) if self.regex else self.literal == text


@dataclass
class PreparedConfig:
    """A configuration. `tokens` maps registrations to the `line` tokens of the PBX's own REGISTER requests."""

    config: Config
    tokens: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def index(self) -> AddressIndex:
        return AddressIndex.build(self.config.identifies)

    @cached_property
    def unresolved(self) -> dict[int, Check]:
        """Positions of identifies with host names whose addresses are not known, each with its check."""
        return {at: _open_check(one) for at, one in enumerate(self.config.identifies) if one.unresolved}

    @cached_property
    def headers(self) -> tuple[TextRule, ...]:
        return tuple(_text_rules(self.config, "match_header"))

    @cached_property
    def uris(self) -> tuple[TextRule, ...]:
        return tuple(_text_rules(self.config, "match_request_uri"))

    @cached_property
    def lower(self) -> dict[str, str]:
        """Endpoint names by their lower-case form."""
        return {name.lower(): name for name in reversed(list(self.config.endpoints))}

    def names(self, transport_domain: str, user: str, domain: str) -> Iterator[str]:
        """The endpoint names that find_endpoint() looks for, in order."""
        if not self.config.globals.disable_multi_domain:
            yield f"{user}@{domain}"
            if domain in self.config.domain_aliases:
                yield f"{user}@{self.config.domain_aliases[domain].domain}"
            if transport_domain:
                yield f"{user}@{transport_domain}"
        yield user

    def untold_alias(self, user: str, domain: str) -> Reason | None:
        """Why an alias of the domain that nobody asked for could lead to another endpoint; None where none can."""
        asked = self.config.aliases_asked
        if asked is None or domain in asked or self.config.globals.disable_multi_domain:
            return None
        found = next((n for n in self.config.endpoints if n.startswith(f"{user}@") and n != f"{user}@{domain}"), "")
        return WalkReason.ALIAS_NOT_ASKED(domain=domain, endpoint=found) if found else None

    def endpoint(self, names: list[str]) -> Endpoint | None:
        """The first of the names that is an endpoint."""
        return next((self.config.endpoints[name] for name in names if name in self.config.endpoints), None)

    def other_case(self, names: list[str]) -> str:
        """An endpoint that one of the names misses by upper and lower case alone, or an empty string."""
        return next((self.lower[name.lower()] for name in names if name.lower() in self.lower), "")


def _open_check(identify: Identify) -> Check:
    """The check of an identify with names whose addresses are not known: it may take whoever calls."""
    first = identify.unresolved[0]
    hosts = ", ".join(name.host for name in identify.unresolved if not name.host.startswith("%"))
    reason = WalkReason.NAME_NOT_RESOLVED(hosts=hosts) if hosts else WalkReason.NAMES_AN_INTERFACE(value=first.text)
    return Check("ip", Match.UNKNOWN, reason, first.where, identify.name, identify.endpoint)


@dataclass(frozen=True, slots=True)
class ArrivedRequest:
    """A request that reached identification.

    `transports` are those that may have taken it, the likeliest first, `domain` is the domain of the transport,
    `destination` where the packet went.
    `is_terse` asks for reasons that leave out what differs between alike requests (source address, caller, values).
    """

    request: Request
    source: SourceSocket
    transports: tuple[Transport, ...] = ()
    domain: str = ""
    is_terse: bool = False
    destination: Address = NOWHERE

    @property
    def ip(self) -> str:
        """The source address as text."""
        return str(make_ip(self.source.version, self.source.ip))

    @property
    def address(self) -> str:
        """Source address and port as text, or "the source"."""
        return "the source" if self.is_terse else f"source {Address(self.ip, self.source.port)}"


Identifier = Callable[[PreparedConfig, ArrivedRequest], Iterator[Check]]
"""One identifier: its checks in order, the last of them a MATCH if it finds an endpoint."""


def uncertain_order(step: str, winner: Identify, others: Iterable[Identify], config: Config) -> Iterator[Check]:
    """Says that another identify could be asked before the one that is: a section [] gets a random name and place, and
    on releases with hash order a running Asterisk does not tell how many sections there are."""
    for other in others:
        if other.endpoint != winner.endpoint and "order" in config.not_shown:
            reason = WalkReason.ORDER_NOT_SHOWN(first=winner.name, second=other.name, release=config.version)
            yield Check(step, Match.UNKNOWN, reason, other.where, other.name, other.endpoint)
            return
        if other.endpoint != winner.endpoint and not (other.name and winner.name):
            where = winner.where if not winner.name else other.where
            reason = WalkReason.RANDOM_PLACE(where=where)
            yield Check(step, Match.UNKNOWN, reason, where, other.name, other.endpoint)
            return


def match_check(step: str, known: PreparedConfig, identify: Identify, reason: Reason, where: Where) -> Check:
    """common_identify(): the first identify that matches decides, even where its endpoint does not exist."""
    if identify.endpoint in known.config.endpoints:
        endpoint = known.config.endpoints[identify.endpoint].name
        return Check(step, Match.MATCH, reason, where, identify.name, endpoint)
    missing = WalkReason.ENDPOINT_IS_MISSING(why=reason, endpoint=identify.endpoint)
    return Check(step, Match.NO_MATCH, missing, where, identify.name)


def native(text: str) -> str:
    """Latin-1 text of a message (a character a byte) as configuration text is: UTF-8. The inverse of `latin`."""
    return text if text.isascii() else text.encode("latin-1").decode("utf-8", "surrogateescape")


def c_string(text: str) -> str:
    """The text as Asterisk copies it into a buffer: it ends at a NUL, and after 255 bytes."""
    return native(text.split("\0", 1)[0][:NAME_LENGTH])


def _text_rules(config: Config, option: str) -> Iterator[TextRule]:
    """The rules of match_header or match_request_uri as ip_identify_apply() prepares them, in the order of asking."""
    utf8 = has(config.version, "utf8_locale")
    by_header = option == "match_header"
    for identify in config.identifies:
        header, value = "", identify.match_request_uri
        if by_header:
            header, _, value = (part.strip(BLANKS) for part in identify.match_header.partition(":"))
            if not identify.match_header:
                continue
        elif not value:
            continue
        regex = None
        if expression := expression_in(value):
            from pjsipdiag.asterisk.ere.automaton import EreError, compile_ere

            try:
                regex = compile_ere(expression, utf8)
            except EreError:
                continue
        where = identify.line_of(option)
        yield TextRule(identify, latin(header), "" if value == "//" else latin(value), regex, where)

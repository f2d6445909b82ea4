"""Which endpoint Asterisk takes a request for: the identifiers, and the ordered walk over them.

Law: identifiers are asked in `config.identifiers`' order; the first that names an existing endpoint ends the walk. Each
question leaves a `Check`, and the verdict is derived from the checks.
Replays ast_sip_identify_endpoint() of res_pjsip.c and the functions named in `IDENTIFIERS`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from pjsipdiag.asterisk import admission, arrival
from pjsipdiag.asterisk.config import Config, Endpoint, Identify, Transport, Where
from pjsipdiag.asterisk.index import AddressIndex, Near, Source, source
from pjsipdiag.asterisk.match import canonical
from pjsipdiag.asterisk.pjsip import Dialect, Refused, Request, parse
from pjsipdiag.asterisk.regex import Ere, EreError, compile_ere
from pjsipdiag.asterisk.uri import Context, SipUri, TelUri, Uri
from pjsipdiag.asterisk.verdict import Check, Match, Verdict
from pjsipdiag.asterisk.versions import MODULES, has
from pjsipdiag.sip import Address, SipMessage

NAME_LENGTH = 255
"""Longer user names, hosts and realms are cut (USERNAME_LEN, DOMAIN_NAME_LEN)."""

URI_LENGTH, HEADER_LENGTH = 509, 4092
"""Longer request URIs and headers do not fit into Asterisk's buffers, and match nothing."""

_BLANKS = "".join(map(chr, range(33)))


@dataclass(frozen=True, slots=True)
class Pattern:
    """What match_header or match_request_uri compares with: a literal, or a regular expression between slashes."""

    literal: str
    regex: Ere | None

    @classmethod
    def parse(cls, value: str, utf8: bool) -> Pattern:
        if len(value) > 2 and value.startswith("/") and value.endswith("/"):
            return cls(value, compile_ere(value[1:-1], utf8))
        return cls("" if value == "//" else value, None)

    def matches(self, text: str) -> bool:
        return self.regex.search(text) if self.regex else self.literal == text


@dataclass(frozen=True, slots=True)
class TextRule:
    """An identify with a match_header or match_request_uri; `position` is its place in the order of asking."""

    position: int
    identify: Identify
    header: str
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Arrived:
    """A request that reached identification."""

    request: Request
    source: Source
    transports: tuple[Transport, ...]
    domain: str

    @property
    def source_text(self) -> str:
        return str(Address(str(self.address), self.source.port))

    @property
    def address(self) -> str:
        """The source IP as Asterisk prints it."""
        kind = ipaddress.IPv4Address if self.source.version == 4 else ipaddress.IPv6Address
        return str(kind(self.source.ip))


Identifier = Callable[["Replay", Arrived], Iterator[Check]]


@dataclass
class Replay:
    """One configuration, ready to answer for many requests.

    `tokens` maps the names of registrations to the `line` tokens seen in the PBX's own REGISTER requests.
    """

    config: Config
    tokens: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        utf8 = has(self.config.version, "utf8_locale")
        self.index = AddressIndex.build(self.config.identifies)
        self.unresolved = tuple(at for at, identify in enumerate(self.config.identifies) if identify.unresolved)
        self.headers = tuple(_text_rules(self.config, "header", utf8))
        self.uris = tuple(_text_rules(self.config, "uri", utf8))
        self.lower = {name.lower(): name for name in reversed(list(self.config.endpoints))}
        self.dialect = dialect(self.config.version)

    def verdict(self, message: SipMessage) -> Verdict:
        """What Asterisk does with a request."""
        return Verdict(tuple(self._checks(message)))

    def _checks(self, message: SipMessage) -> Iterator[Check]:
        where_from = source(message.source)
        unheard = arrival.unheard(message.transport, message.destination, self.config)
        if unheard:
            yield unheard
            return
        request = parse(message.raw, self.dialect)
        if isinstance(request, Refused):
            yield arrival.refused_by_parser(request)
            return
        if not isinstance(request, Request):
            raise TypeError("a response is not identified")
        _receive(request, message)
        refused = arrival.arrive(request, where_from, self.config)
        if refused:
            yield refused
            if refused.result is not None:
                return
        transports = arrival.listening(message.transport, message.destination, self.config)
        domain = arrival.transport_domain(transports, message.destination, self.config)
        yield from self.identification(Arrived(request, where_from, tuple(transports), domain))

    def identification(self, arrived: Arrived) -> Iterator[Check]:
        """The walk over the identifiers, and what follows where one matches."""
        for name in self.config.identifiers:
            for check in IDENTIFIERS[name](self, arrived):
                if check.match is not Match.MATCH:
                    yield check
                    continue
                rival = self._rival(check, arrived)
                if rival is not None:
                    yield rival
                yield check
                endpoint = self.config.endpoints[check.endpoint]
                yield from admission.admit(arrived.request, arrived.source, endpoint, self.config)
                return

    def _rival(self, match: Check, arrived: Arrived) -> Check | None:
        """Another identifier that another installation would ask first, and that finds another endpoint."""
        uncertain = self.config.uncertain_identifiers
        if match.step not in uncertain:
            return None
        module = next(module for module in MODULES if match.step in module)
        for name in uncertain:
            if name in module:
                continue
            for check in IDENTIFIERS[name](self, arrived):
                if check.match is Match.MATCH and check.endpoint != match.endpoint:
                    return Check(
                        name,
                        Match.UNKNOWN,
                        f"{name} finds endpoint {check.endpoint} and {match.step} finds {match.endpoint}: which is "
                        "asked first depends on the order in which this Asterisk loads its modules "
                        "(name both in endpoint_identifier_order)",
                        check.where,
                        check.identify,
                        check.endpoint,
                    )
        return None


def identify(message: SipMessage, config: Config, tokens: Mapping[str, str] | None = None) -> Verdict:
    """What Asterisk does with one request; for many of them make one `Replay`."""
    return Replay(config, tokens or {}).verdict(message)


def dialect(version: str) -> Dialect:
    """How the PJSIP of a release reads messages."""
    if version.startswith(("16.", "18.", "certified-16", "certified-18")):
        return Dialect(empty_elements=False, empty_reference=True, any_length=True, length_required=False)
    return Dialect()


def line(replay: Replay, arrived: Arrived) -> Iterator[Check]:
    """res_pjsip_outbound_registration.c: line_identify()."""
    token = _line_token(arrived.request.to.address.uri) or _line_token(arrived.request.uri)
    if token is None:
        return
    registrations = [r for r in replay.config.registrations.values() if r.line and r.endpoint]
    known = next((r for r in registrations if replay.tokens.get(r.name) == token), None)
    if known is not None:
        if known.endpoint in replay.config.endpoints:
            reason = f"line={token} is the token of registration {known.name}"
            yield Check("line", Match.MATCH, reason, known.where, known.name, known.endpoint)
        else:
            reason = f"line={token} is of registration {known.name}, but its endpoint {known.endpoint} does not exist"
            yield Check("line", Match.NO_MATCH, reason, known.where, known.name)
        return
    open_ = [r.name for r in registrations if r.name not in replay.tokens]
    if open_ and len(token) == 7 and token.isascii() and token.isalpha() and token.islower():
        reason = f"line={token} may be the token of registration {' or '.join(open_)}: only the running Asterisk knows"
        yield Check("line", Match.UNKNOWN, reason)
    else:
        yield Check("line", Match.NO_MATCH, f"line={token} belongs to no registration with line=yes and endpoint=")


def ip(replay: Replay, arrived: Arrived) -> Iterator[Check]:
    """res_pjsip_endpoint_identifier_ip.c: ip_identify()."""
    identifies = replay.config.identifies
    decisions = {at: (rule, applies) for at, rule, applies in replay.index.deciding(arrived.source)}
    asked = 0
    for at in sorted({*decisions, *replay.unresolved}):
        identify = identifies[at]
        asked += 1
        rule, applies = decisions.get(at, (None, False))
        if rule is not None and applies and not rule.deny:
            if not _transport_fits(identify, arrived):
                reason = f"{_written(rule.text)} fits, but transport={identify.value('transport')} does not"
                yield Check("ip", Match.NO_MATCH, reason, rule.where, identify.name, identify.endpoint)
                continue
            yield from _summary(at + 1 - asked)
            reason = f"source {arrived.source_text} fits {_written(rule.text, rule.host)} ({canonical(rule)})"
            others = [
                identifies[other].name for other, (o, fits) in decisions.items() if other > at and fits and not o.deny
            ]
            if others:
                reason += f"; {', '.join(others[:3])}{', ...' if others[3:] else ''} would fit too, but are asked later"
            yield _found("ip", replay, identify, reason, rule.where)
            return
        if identify.unresolved:
            hosts = ", ".join(name.host for name in identify.unresolved)
            reason = f"match={hosts} is a host name whose addresses the files cannot tell"
            yield Check("ip", Match.UNKNOWN, reason, identify.unresolved[0].where, identify.name, identify.endpoint)
        elif rule is not None and not applies:
            reason = (
                f"{_written(rule.text, rule.host)} fits the address {arrived.address}, "
                f"but only from source port {rule.port}, not {arrived.source.port}"
            )
            yield Check("ip", Match.NO_MATCH, reason, rule.where, identify.name, identify.endpoint)
        elif rule is not None:
            reason = f"{_written(rule.text)} excludes {arrived.source_text} (the last rule that fits decides)"
            yield Check("ip", Match.NO_MATCH, reason, rule.where, identify.name, identify.endpoint)
    near = replay.index.near(arrived.source)
    if near is not None and near.identify.name not in {identifies[at].name for at in decisions}:
        asked += 1
        yield Check(
            "ip", Match.NO_MATCH, _near_text(arrived, near), near.rule.where, near.identify.name, near.identify.endpoint
        )
    yield from _summary(len(identifies) - asked)
    if not identifies:
        yield Check("ip", Match.NO_MATCH, "there is no identify object")


def _transport_fits(identify: Identify, arrived: Arrived) -> bool:
    """Whether the option `transport` of the few releases that have it allows the request."""
    wanted = identify.value("transport").lower()
    return not wanted or any(transport.protocol == wanted for transport in arrived.transports[:1])


def _summary(count: int) -> Iterator[Check]:
    if count > 0:
        objects = "1 identify has" if count == 1 else f"{count} identifies have"
        yield Check("ip", Match.NO_MATCH, f"{objects} no rule for the address", count=count)


_NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight"}


def _near_text(arrived: Arrived, near: Near) -> str:
    side = "above" if near.distance > 0 else "below"
    return f"{arrived.address} is {_NUMBERS[abs(near.distance)]} {side} {_written(near.rule.text, near.rule.host)}"


def _written(text: str, host: str = "") -> str:
    return f"match={text}" + (f" (address of {host})" if host and host != text else "")


def _found(step: str, replay: Replay, identify: Identify, reason: str, where: Where | None) -> Check:
    """common_identify(): the first identify decides, even where its endpoint does not exist."""
    where = where or identify.where
    if identify.endpoint in replay.config.endpoints:
        return Check(step, Match.MATCH, reason, where, identify.name, identify.endpoint)
    reason += f", but endpoint={identify.endpoint} does not exist; no other identify is asked"
    return Check(step, Match.NO_MATCH, reason, where, identify.name)


def header(replay: Replay, arrived: Arrived) -> Iterator[Check]:
    """res_pjsip_endpoint_identifier_ip.c: header_identify()."""
    for rule in replay.headers:
        option = rule.identify.option("match_header")
        where = option.where if option else rule.identify.where
        found = arrived.request.named(rule.header)
        values = [header.printed().strip(_BLANKS) for header in found]
        values = [value for value in values if len(value) + len(rule.header) < HEADER_LENGTH]
        matched = next((value for value in values if rule.pattern.matches(value)), None)
        if matched is not None:
            reason = f"{rule.header}: {native(matched)} fits match_header={rule.identify.match_header}"
            check = _found("header", replay, rule.identify, reason, where)
            yield check
            return
        if found:
            reason = f"{rule.header}: {native(values[-1]) if values else '(too long)'} does not fit "
            reason += f"match_header={rule.identify.match_header}"
        else:
            reason = f"the request has no {rule.header} header (match_header={rule.identify.match_header})"
        yield Check("header", Match.NO_MATCH, reason, where, rule.identify.name, rule.identify.endpoint)


def request_uri(replay: Replay, arrived: Arrived) -> Iterator[Check]:
    """res_pjsip_endpoint_identifier_ip.c: request_identify()."""
    printed = arrived.request.uri.printed(Context.REQUEST) if replay.uris else ""
    for rule in replay.uris:
        option = rule.identify.option("match_request_uri")
        where = option.where if option else rule.identify.where
        text = f"request URI {native(printed)}"
        wanted = f"match_request_uri={rule.identify.match_request_uri}"
        if len(printed) <= URI_LENGTH and rule.pattern.matches(printed):
            yield _found("request_uri", replay, rule.identify, f"{text} fits {wanted}", where)
            return
        reason = f"{text} does not fit {wanted}"
        yield Check("request_uri", Match.NO_MATCH, reason, where, rule.identify.name, rule.identify.endpoint)


def username(replay: Replay, arrived: Arrived) -> Iterator[Check]:
    """res_pjsip_endpoint_identifier_user.c: username_identify()."""
    uri = arrived.request.from_.address.uri
    if not isinstance(uri, SipUri):
        yield Check("username", Match.NO_MATCH, f"From is a {uri.scheme}: URI: only sip: and sips: have a user name")
        return
    user = c_string(uri.user)
    if replay.config.globals.ignore_uri_user_options:
        user = user.split(";", 1)[0]
    yield _by_name(replay, arrived, "username", user, c_string(uri.host))


def auth_username(replay: Replay, arrived: Arrived) -> Iterator[Check]:
    """res_pjsip_endpoint_identifier_user.c: auth_username_identify()."""
    for credentials in arrived.request.authorizations:
        user, realm = c_string(credentials.values.get("username", "")), c_string(credentials.values.get("realm", ""))
        check = _by_name(replay, arrived, "auth_username", user, realm)
        yield check
        if check.match is Match.MATCH:
            return


def _by_name(replay: Replay, arrived: Arrived, step: str, user: str, domain: str) -> Check:
    what = "From user" if step == "username" else "Authorization username"
    tried = list(names(replay.config, arrived.domain, user, domain))
    endpoint = next((replay.config.endpoints[name] for name in tried if name in replay.config.endpoints), None)
    if endpoint is None:
        reason = f"{what} {user!r}: no endpoint is named {' or '.join(tried)}"
        alike = next((replay.lower[name.lower()] for name in tried if name.lower() in replay.lower), None)
        return Check(step, Match.NO_MATCH, reason + (f" (endpoint {alike} differs in case)" if alike else ""))
    if step not in endpoint.identify_by:
        option = endpoint.option("identify_by")
        reason = f"endpoint {endpoint.name} exists, but its identify_by={','.join(endpoint.identify_by)} lacks {step}"
        return Check(step, Match.NO_MATCH, reason, option.where if option else endpoint.where, "", endpoint.name)
    return Check(
        step, Match.MATCH, f"{what} {user!r} names endpoint {endpoint.name}", endpoint.where, "", endpoint.name
    )


def anonymous(replay: Replay, arrived: Arrived) -> Iterator[Check]:
    """res_pjsip_endpoint_identifier_anonymous.c: anonymous_identify()."""
    uri = arrived.request.from_.address.uri
    if not isinstance(uri, SipUri):
        yield Check("anonymous", Match.NO_MATCH, f"From is a {uri.scheme}: URI")
        return
    tried = list(names(replay.config, arrived.domain, "anonymous", c_string(uri.host)))
    endpoint: Endpoint | None = next(
        (replay.config.endpoints[name] for name in tried if name in replay.config.endpoints), None
    )
    if endpoint is None:
        yield Check("anonymous", Match.NO_MATCH, f"no endpoint is named {' or '.join(tried)}")
    else:
        reason = f"nothing else matched, and endpoint {endpoint.name} takes everyone"
        yield Check("anonymous", Match.MATCH, reason, endpoint.where, "", endpoint.name)


def transport(replay: Replay, arrived: Arrived) -> Iterator[Check]:
    """res_pjsip_endpoint_identifier_ip.c: transport_identify() of 18.23.0, 20.8.0 and 21.3.0 (GHSA-qqxj-v78h-hrf9).

    It holds the address that the transport is bound to against the rules that are meant for source addresses.
    """
    for local in arrived.transports[:1]:
        bound = source(Address(local.bind or "0.0.0.0", local.port or 5060))
        for at, rule, applies in replay.index.deciding(bound):
            identify = replay.config.identifies[at]
            if applies and not rule.deny and _transport_fits(identify, arrived):
                reason = f"the transport's own address {local.bind} fits {_written(rule.text)}"
                yield _found("transport", replay, identify, reason, rule.where)
                return


def names(config: Config, transport_domain: str, user: str, domain: str) -> Iterator[str]:
    """The endpoint names that find_endpoint() looks for, in order."""
    if not config.globals.disable_multi_domain:
        yield f"{user}@{domain}"
        if domain in config.domain_aliases:
            yield f"{user}@{config.domain_aliases[domain].domain}"
        if transport_domain:
            yield f"{user}@{transport_domain}"
    yield user


def native(text: str) -> str:
    """Latin-1 text of a message (a character a byte) as configuration text is: UTF-8."""
    return text if text.isascii() else text.encode("latin-1").decode("utf-8", "surrogateescape")


def c_string(text: str) -> str:
    """The text as Asterisk copies it into a buffer: it ends at a NUL, and after 255 bytes."""
    return native(text.split("\0", 1)[0][:NAME_LENGTH])


def _latin(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def _line_token(uri: Uri) -> str | None:
    """get_uri_option_line()."""
    parameters = uri.parameters if isinstance(uri, SipUri | TelUri) else []
    return next((value for name, value in parameters if name.lower() == "line"), None)


def _receive(request: Request, message: SipMessage) -> None:
    """What pjsip_tpmgr_receive_packet() writes into the top Via."""
    request.via.received = message.source.ip
    if request.via.rport == 0:
        request.via.rport = message.source.port


def _text_rules(config: Config, kind: str, utf8: bool) -> Iterator[TextRule]:
    for position, identify in enumerate(config.identifies):
        name, value = "", identify.match_request_uri
        if kind == "header":
            name, _, value = identify.match_header.partition(":")
        if not (identify.match_header if kind == "header" else value):
            continue
        try:
            pattern = Pattern.parse(_latin(value.strip(_BLANKS) if kind == "header" else value), utf8)
        except EreError:
            continue
        yield TextRule(position, identify, name.strip(_BLANKS), pattern)


IDENTIFIERS: dict[str, Identifier] = {
    "line": line,
    "ip": ip,
    "username": username,
    "anonymous": anonymous,
    "auth_username": auth_username,
    "header": header,
    "request_uri": request_uri,
    "transport": transport,
}
"""Name -> what it replays."""

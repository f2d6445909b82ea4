"""Which endpoint Asterisk takes a request for: the identifiers, and the ordered walk over them.

Law: identifiers are asked in `config.identifiers`' order; the first that names an existing endpoint ends the walk. Each
question leaves a `Check`, and the verdict is derived from the checks.
Replays ast_sip_identify_endpoint() of res_pjsip.c and the functions that `IDENTIFIERS` names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from functools import cached_property, lru_cache, partial

from pjsipdiag.asterisk.addresses.address_rule import source, unpack_source
from pjsipdiag.asterisk.config import Acl, Config, Endpoint, Transport, UnreadObjects
from pjsipdiag.asterisk.pjsip.message import Dialect, Request, Response, UnparsableMessage, dialect, parse
from pjsipdiag.asterisk.reasons.walk import WalkReason
from pjsipdiag.asterisk.releases import MODULES
from pjsipdiag.asterisk.replay import admission, arrival
from pjsipdiag.asterisk.replay.alike import MOST_ANSWERS_KEPT, AlikeKey, AlikeKeys
from pjsipdiag.asterisk.replay.by_address import ip, transport
from pjsipdiag.asterisk.replay.by_name import anonymous, auth_username, line, username
from pjsipdiag.asterisk.replay.by_text import header, request_uri
from pjsipdiag.asterisk.replay.prepared import ArrivedRequest, Identifier, PreparedConfig
from pjsipdiag.asterisk.verdict import Check, Match, Verdict
from pjsipdiag.dataclass import dataclass
from pjsipdiag.sip import Address, SipMessage

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
"""Name of an identifier -> its replay; the docstring of each names its C file and function."""

MOST_PARSED, MOST_HEARD = 500, 500
"""Texts that are kept parsed, each for all requests of its content, and destinations whose transports are known."""


def identify(message: SipMessage, config: Config, tokens: Mapping[str, str] | None = None) -> Verdict:
    """Replays one request; for many of them make one `Replay`."""
    return Replay(config, tokens or {}).verdict(message)


@lru_cache(maxsize=4)
def _parser(dialect: Dialect) -> Callable[[bytes], Request | Response | UnparsableMessage]:
    """PJSIP's parser; a text that stands for many requests, or is replayed for many configurations, is parsed once."""
    return lru_cache(MOST_PARSED)(partial(parse, dialect=dialect))


def _place(config: Config, transport: str, destination: Address) -> tuple[Check | None, tuple[Transport, ...], str]:
    """That nothing listens at a place, or else the transports that do, and their domain."""
    found = arrival.find_listening(transport, destination, config)
    unheard = arrival.check_listening(transport, destination, config)
    return unheard, tuple(found), arrival.transport_domain(found, destination, config)


@dataclass
class Replay:
    """One configuration, ready to answer for many requests.

    `tokens` maps the names of registrations to the `line` tokens seen in the PBX's own REGISTER requests.
    """

    config: Config
    tokens: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.known = PreparedConfig(self.config, self.tokens)
        self._parse = _parser(dialect(self.config.version))
        self._place = lru_cache(MOST_HEARD)(partial(_place, self.config))
        self._texts: dict[object, bytes] = {}
        self._verdicts: dict[AlikeKey, Verdict | Endpoint] = {}
        self._admitted: dict[tuple[AlikeKey, object], Verdict] = {}
        self._traces: dict[tuple[Check, ...], Verdict] = {}

    @cached_property
    def alike(self) -> AlikeKeys:
        """The keys of requests that share a verdict."""
        return AlikeKeys(self.known)

    def verdict(self, message: SipMessage) -> Verdict:
        """The verdict on a request, with every reason in full."""
        return Verdict(tuple(self._checks(message, terse=False, walk=self._walk)))

    def candidates(self, message: SipMessage) -> frozenset[str]:
        """The endpoints that identifiers find for a request, each asked whatever those before it found."""
        checks = self._checks(message, terse=True, walk=self._ask_all)
        return frozenset(check.endpoint for check in checks if check.match is Match.MATCH)

    def verdict_of(self, payload: bytes, transport: str, source: bytes, destination: bytes) -> Verdict:
        """The verdict on one of many requests: alike requests get the same object.

        `payload` is the message, its body may be cut off; `source` and `destination` are packed (`Address.pack`). The
        reasons leave out what differs between alike requests: caller, source address, header values.
        """
        key = self.alike.key(payload, transport, source, destination)
        if key is None:
            return self._replay(None, payload, transport, source, destination)
        return self.verdict_like(key, lambda: payload, source)

    def verdict_like(self, key: AlikeKey, read: Callable[[], bytes], source: bytes) -> Verdict:
        """The same for a request whose key is known: it is read where no request with the same content was judged."""
        kept = self._known_verdict(key, source)
        if kept is not None:
            return kept
        content, _, transport, destination = key
        text = self._texts.get(content)
        if text is None:
            if len(self._texts) == MOST_PARSED:
                self._texts.clear()
            text = self._texts[content] = read()
        return self._replay(key, text, transport, source, destination)

    def asks_source(self, verdict: Verdict) -> bool:
        """Whether requests with one key may get other verdicts: the endpoint has an access list of its own."""
        endpoint = self.config.endpoints.get(verdict.endpoint)
        return endpoint is not None and endpoint.acl != Acl()

    def _known_verdict(self, key: AlikeKey, source: bytes) -> Verdict | None:
        kept = self._verdicts.get(key)
        if isinstance(kept, Endpoint):
            return self._admitted.get((key, admission.denial(kept.acl, unpack_source(source), self.config)))
        return kept

    def _replay(
        self, key: AlikeKey | None, payload: bytes, transport: str, source: bytes, destination: bytes
    ) -> Verdict:
        cut = b"\n\r\n" not in payload and b"\n\n" not in payload
        message = SipMessage(payload, transport, Address.unpack(source), Address.unpack(destination), truncated=cut)
        trace = tuple(self._checks(message, terse=True, walk=self._walk))
        verdict = self._traces.setdefault(trace, Verdict(trace))
        if key is not None:
            self._keep(key, verdict, source)
        return verdict

    def _keep(self, key: AlikeKey, verdict: Verdict, packed: bytes) -> None:
        """Keeps a verdict; where the endpoint has an access list, under what that list says of the source."""
        if len(self._verdicts) + len(self._admitted) > MOST_ANSWERS_KEPT:
            self._verdicts.clear()
            self._admitted.clear()
        if not self.asks_source(verdict):
            self._verdicts[key] = verdict
        else:
            endpoint = self._verdicts[key] = self.config.endpoints[verdict.endpoint]
            self._admitted[key, admission.denial(endpoint.acl, unpack_source(packed), self.config)] = verdict

    def _checks(
        self, message: SipMessage, terse: bool, walk: Callable[[ArrivedRequest], Iterator[Check]]
    ) -> Iterator[Check]:
        where_from = source(message.source)
        hidden = arrival.check_answers(self.config)
        if hidden:
            yield hidden
            return
        # Before anything else, whether Asterisk is there and hears the packet. Where it does not, a transport in a
        # place that was not read may: then nobody knows. And of a copy that lacks included files and has no transport
        # nothing is said, for they may stand in those.
        for module in self.config.unread_objects:
            if module.source == "module":
                yield Check("arrival", Match.UNKNOWN, WalkReason.NOT_READ(what=module), module.where)
        unheard, transports, domain = self._place(message.transport, message.destination)
        if unheard:
            unread = next((unread for unread in self.config.unread_objects if unread.type == "transport"), None)
            if self.config.listeners or not (self.config.is_partial and self.config.missing_files):
                if unread is not None:
                    unheard = Check("arrival", Match.UNKNOWN, WalkReason.NOT_READ(what=unread), unread.where)
                yield unheard
                return
        cut = arrival.check_framing(message)
        if cut:
            yield cut
            return
        request = self._parse(message.raw)
        if isinstance(request, UnparsableMessage):
            yield arrival.cut_off(request) if message.truncated else arrival.refused_by_parser(request)
            return
        if not isinstance(request, Request):
            yield arrival.response()
            return
        request = arrival.receive(request, message.source)
        refused = arrival.arrive(request, where_from, self.config)
        if refused:
            yield refused
            if refused.result is not None:
                return
        yield from walk(ArrivedRequest(request, where_from, transports, domain, terse, message.destination))

    def _ask_all(self, arrived: ArrivedRequest) -> Iterator[Check]:
        for name in self.config.identifiers:
            yield from IDENTIFIERS[name](self.known, arrived)

    def _walk(self, arrived: ArrivedRequest) -> Iterator[Check]:
        # An UNKNOWN before the match opens the verdict: what was not read could find another endpoint first. So its
        # place counts: identifies of a table are asked in place of those of files, and a cache's rows before the
        # table's.
        for name in self.config.identifiers:
            unread, first = self._unread.get(name, (None, False))
            if unread is not None and first:
                yield Check(name, Match.UNKNOWN, WalkReason.NOT_READ(what=unread))
            for check in IDENTIFIERS[name](self.known, arrived):
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
            # What a program writes stands beside what the files have: nothing says that it takes their addresses too.
            if unread is not None and not first:
                yield Check(name, Match.UNKNOWN, WalkReason.NOT_READ(what=unread))

    @cached_property
    def _unread(self) -> Mapping[str, tuple[UnreadObjects, bool]]:
        """Identifier -> the objects by which it could find an endpoint and that were not read, and whether they come
        before, or in the place of, those that were: identifies of a table, and rows of a cache."""
        steps = {"endpoint": IDENTIFIERS, "identify": MODULES[1]}
        return {
            step: (unread, unread.source == "cache" or (unread.type, unread.source) == ("identify", "table"))
            for kind, names in steps.items()
            for unread in self.config.unread_objects
            if unread.type == kind
            for step in names
            if step != "line"
        }

    def _rival(self, match: Check, arrived: ArrivedRequest) -> Check | None:
        """Another identifier that another installation would ask first, and that finds another endpoint."""
        uncertain = self.config.uncertain_identifiers
        if match.step not in uncertain:
            return None
        module = next(module for module in MODULES if match.step in module)
        for name in uncertain:
            if name in module:
                continue
            checks = IDENTIFIERS[name](self.known, arrived)
            found = next((check for check in checks if check.match is Match.MATCH), None)
            if found is not None and found.endpoint != match.endpoint:
                reason = WalkReason.UNCERTAIN_ORDER(
                    identifier=name, endpoint=found.endpoint, other=match.step, other_endpoint=match.endpoint
                )
                return Check(name, Match.UNKNOWN, reason, found.where, found.identify, found.endpoint)
        return None

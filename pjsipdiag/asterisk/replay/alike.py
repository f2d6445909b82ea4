"""Requests that are alike under a configuration: all that the answer to them can depend on, as a key.

Law: two requests with the same key get the same verdict from the same release and configuration, the access list of the
endpoint aside (that is asked for each source). A request gets a key only when every line of its head is of a syntax
that PJSIP surely takes (`header_syntax.LINES`); for any other the key is None, and it is replayed in full.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field

from pjsipdiag.asterisk.addresses.address_rule import unpack_source
from pjsipdiag.asterisk.addresses.index import Hit
from pjsipdiag.asterisk.config import Acl
from pjsipdiag.asterisk.forms.expressions import Fields
from pjsipdiag.asterisk.forms.head_forms import Form
from pjsipdiag.asterisk.forms.header_syntax import (
    ARRAYS,
    CREDENTIAL,
    GENERIC,
    REQUEST_LINE,
    UNUSUAL_HEADERS,
    canonical,
    syntax,
)
from pjsipdiag.asterisk.realtime.collation import CaselessNames
from pjsipdiag.asterisk.replay.admission import denial
from pjsipdiag.asterisk.replay.prepared import NAME_LENGTH, PreparedConfig
from pjsipdiag.dataclass import NamedTuple, dataclass

MOST_NAMES_KEPT, MOST_ANSWERS_KEPT = 50_000, 200_000
"""Entries of a table of names, and of a table of other answers, before it is emptied."""

_ONCE = frozenset((b"via", b"from", b"to", b"call-id", b"cseq"))
_KEPT = _ONCE | ARRAYS | {b"contact", b"authorization"}


class RequestKind(NamedTuple):
    """The method of a form, and those of its headers whose presence can matter."""

    method: bytes
    has_contact: bool
    has_credentials: bool
    has_length: bool
    """Whether it says its length, without which a stream cannot carry it."""


class PlainContent(NamedTuple):
    """All of the head of a plain request that can matter."""

    method: bytes
    has_contact: bool
    names: object
    texts: tuple[object, ...]


AlikeKey = tuple[int | PlainContent, int, str, bytes]
"""The content of a request (or its number), the number of its origin, its transport and its destination."""


class HeaderLine(NamedTuple):
    """All of a header line that can matter: its name, texts that are compared, and the endpoint that the From names."""

    name: bytes
    texts: tuple[object, ...]
    sender: object


_NOTHING = HeaderLine(b"", (), None)
_FAR: object = ((), None, ())
"""The origin of an address that no rule holds or nearly holds: it has number 0."""


@dataclass
class AlikeKeys:
    """The keys of one configuration."""

    prepared: PreparedConfig
    _lines: dict[bytes, HeaderLine] = field(default_factory=dict)
    _names: dict[tuple[bytes, bytes], object] = field(default_factory=dict)
    _hosts: dict[bytes, object] = field(default_factory=dict)
    _origins: dict[bytes, int] = field(default_factory=dict)
    _numbers: dict[object, int] = field(default_factory=lambda: {_FAR: 0})
    """Content or origin -> its number."""

    def __post_init__(self) -> None:
        config = self.prepared.config
        self._watched = {canonical(rule.header.encode("latin-1") + b":") for rule in self.prepared.headers}
        self._watches_uri = bool(self.prepared.uris)
        self._domains = any(transport.domain for transport in config.transports.values())
        # Where these are, the answer hangs on too much of a request for a key: on a Via, From or Call-ID as it is
        # printed, on all hosts of all Contacts, or on names as a database compares them.
        self._hopeless = bool(self._watched & _ONCE) or any(acl.contact_acl != Acl() for acl in config.acls)
        self._hopeless |= any(endpoint.contact_acl != Acl() for endpoint in config.endpoints.values())
        self._hopeless |= isinstance(config.endpoints, CaselessNames)
        # a user that no endpoint is named after names none, whatever the domain or realm
        self._users = {name.lower().encode("utf-8", "surrogateescape").partition(b"@")[0] for name in config.endpoints}
        self._places = None if config.acls else self.prepared.index.places
        rules = [rule for identify in config.identifies for rule in identify.rules]
        for listed in (*config.named_acls.values(), *(acl.acl.rules for acl in config.acls)):
            rules += listed
        self._ports = any(rule.port for rule in rules)
        """Whether a rule can tell sources of one address apart."""

    def key(self, payload: bytes, transport: str, source: bytes, destination: bytes) -> AlikeKey | None:
        """The key of a request, or None where it must be replayed in full."""
        if self._hopeless or (transport != "UDP" and b"\nContent-Length:" not in payload):
            return None
        form = self._form(payload)
        if form is None:
            return None
        return form, self.origin(source), transport, destination

    def kind(self, form: Form | None) -> RequestKind | None:
        """All of `form` that can matter; None where its requests have to be looked at one by one."""
        if form is None or self._hopeless or self._watches_uri or not self._watched.isdisjoint(form.names):
            return None
        names = form.names
        return RequestKind(form.method, b"contact" in names, b"authorization" in names, b"content-length" in names)

    def content(self, kind: RequestKind, sender: Fields) -> int | None:
        """The number that requests of that kind and sender share; None where their text has to be looked at.

        `sender` is user and host of From, user and realm of the credentials, as in the packet; None where it has none.
        """
        user, host, given, realm = sender
        login: object = None
        if kind.has_credentials:
            login = self._login(given or b"", realm or b"")
            if login is None:
                return None
        content = (kind, self._name(user or b"", host or b""), login)
        return self._numbers.setdefault(content, len(self._numbers))

    def origin(self, source: bytes) -> int:
        """The number that sources share which the same rules hold and the same lists deny; `source` is packed."""
        if self._places is not None and len(source) == 6 and source[:2] not in self._places:
            return 0
        asked = source if self._ports else source[:-2]
        known = self._origins.get(asked)
        return self._origin(asked, source) if known is None else known

    def origins(self, sources: Sequence[bytes]) -> Iterator[int]:
        """The origins of many, each address looked up once."""
        asked = sources if self._ports else [source[:-2] for source in sources]
        known = {one: self.origin(source) for one, source in dict(zip(asked, sources, strict=True)).items()}
        return map(known.__getitem__, asked)

    def _form(self, payload: bytes) -> PlainContent | None:
        end = payload.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, *lines = payload[:end].split(b"\r\n")
        request = REQUEST_LINE.fullmatch(first)
        if request is None:
            return None
        names: list[bytes] = []
        texts: list[object] = [request[2]] if self._watches_uri else []
        sender: object = None
        known = self._lines
        for line in lines:
            kept = known.get(line)
            if kept is None:
                kept = self._line(line)
                if kept is None:
                    return None
                if len(known) > MOST_ANSWERS_KEPT:
                    known.clear()
                known[line] = kept
            if kept is _NOTHING:
                continue
            names.append(kept.name)
            texts += kept.texts
            sender = kept.sender or sender
        # A second From or To may differ from the first, and parts of Asterisk go by the one or the other
        # (`Request.last_from`); two lines of a list may together be longer than PJSIP's array.
        if not _ONCE.issubset(names) or names.count(b"from") + names.count(b"to") > 2:
            return None
        if any(names.count(name) > 1 for name in ARRAYS):
            return None
        return PlainContent(request[1], b"contact" in names, sender, tuple(texts))

    def _line(self, line: bytes) -> HeaderLine | None:
        """The parts of a header line that matter; None where PJSIP may refuse it."""
        spelt, colon, value = line.partition(b":")
        name = canonical(spelt + colon)
        form = syntax(name)
        if form is None:
            if GENERIC.fullmatch(line) is None or name in UNUSUAL_HEADERS:
                return None
            return HeaderLine(name, (name, value), None) if name in self._watched else _NOTHING
        # The syntax begins behind the one blank that nearly all write; another form of blanks is replayed in full.
        matched = form.fullmatch(value, 1) if value.startswith(b" ") else None
        if matched is None:
            return None
        sender = self._name(matched[1] or b"", matched[2]) if name == b"from" else None
        texts: tuple[object, ...] = (name, value) if name in self._watched else ()
        if name == b"authorization":
            given = {key.lower(): text.strip(b'"') for key, text in CREDENTIAL.findall(value)}
            login = self._login(given.get(b"username", b""), given.get(b"realm", b""))
            if login is None:
                return None
            texts += (name, login)
        return HeaderLine(name, texts, sender) if name in _KEPT or texts else _NOTHING

    def _login(self, user: bytes, realm: bytes) -> object | None:
        """The endpoints that the names in Authorization lead to; None where that has to be asked in full."""
        if not user.isascii() or not realm.isascii():
            return None
        if user[:NAME_LENGTH].lower().partition(b"@")[0] not in self._users:
            return ()
        return self._looked_up(user, realm)

    def _name(self, user: bytes, host: bytes) -> object:
        """The endpoints that the names in From lead to: the one they name, or one that differs in case."""
        known = self._names.get((user, host))
        if known is None:
            who = user.split(b";", 1)[0] if self.prepared.config.globals.ignore_uri_user_options else user
            anonymous = self._hosts.get(host) or self._host(host)
            if who[:NAME_LENGTH].lower() not in self._users:
                return None, anonymous  # and not kept: a scan has a new user in each request
            known = self._looked_up(who, host.strip(b"[]")), anonymous
            if len(self._names) > MOST_NAMES_KEPT:
                self._names.clear()
            self._names[user, host] = known
        return known

    def _host(self, host: bytes) -> object:
        """The endpoints that `anonymous` leads to at a host."""
        if len(self._hosts) > MOST_NAMES_KEPT:
            self._hosts.clear()
        found = self._hosts[host] = self._looked_up(b"anonymous", host.strip(b"[]"))
        return found

    def _looked_up(self, user: bytes, domain: bytes) -> object:
        """The endpoint of each name that is looked for, or one that differs in case."""
        endpoints, lower = self.prepared.config.endpoints, self.prepared.lower
        tried = self._names_tried(user.decode("ascii")[:NAME_LENGTH], domain.decode("ascii")[:NAME_LENGTH])
        return tuple((name in endpoints and name, lower.get(name.lower())) for name in tried)

    def _names_tried(self, user: str, host: str) -> list[str]:
        """All names that could be looked for, whatever transport takes the request."""
        domains = (
            dict.fromkeys(t.domain for t in self.prepared.config.transports.values()) if self._domains else {"": None}
        )
        return [name for domain in domains for name in self.prepared.names(domain, user, host)]

    def _origin(self, asked: bytes, packed: bytes) -> int:
        source, config = unpack_source(packed), self.prepared.config
        hits: list[tuple[Hit, bool]] = [
            (hit, config.identifies[hit.identify].rules[hit.rule].port in (0, source.port))
            for hit in self.prepared.index.hits(source)
        ]
        near = self.prepared.index.near(source)
        denied = tuple(denial(acl.acl, source, config) for acl in config.acls)
        found = (tuple(hits), near and (source.ip, near.rule), denied)
        if len(self._origins) > MOST_ANSWERS_KEPT:
            self._origins.clear()
        number = self._origins[asked] = self._numbers.setdefault(found, len(self._numbers))
        return number

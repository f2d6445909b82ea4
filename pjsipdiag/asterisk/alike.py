"""Which requests are alike under a configuration: what the answer to them can depend on, as a key.

Law: two requests with the same key get the same verdict from the same release and configuration, the access list of the
endpoint aside (that is asked for each source). A request gets a key
only when every line of its head is of a form that PJSIP surely takes; for any other the key is None, and it is
replayed in full.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from pjsipdiag.asterisk.admission import denial
from pjsipdiag.asterisk.config import Acl
from pjsipdiag.asterisk.index import Hit, unpacked
from pjsipdiag.asterisk.known import NAME_LENGTH, Known
from pjsipdiag.sip import COMPACT

MOST_KEPT = 200_000
"""Entries of a table of answers before it is emptied."""

_TOKEN = rb"[A-Za-z0-9\-.!%*_`'~+]+"
_HOST = rb"(?:[A-Za-z0-9_.\-]+|\[[0-9A-Fa-f:.]+\])"
_PORT = rb"(?::[0-9]{1,4}|:[1-5][0-9]{4}|:6[0-4][0-9]{3})?"
_USER = rb"[A-Za-z0-9&=+$,;?/\-_.!~*'()]+"
_URI_PARAMETERS = rb"(?:;(?!(?i:ttl|line|x-ast))[A-Za-z0-9\[\]/:&+$\-_.!~*'()]+(?:=[A-Za-z0-9\[\]/:&+$\-_.!~*'()]+)?)*"
_URI = rb"sips?:(?:" + _USER + rb"@)?" + _HOST + _PORT + _URI_PARAMETERS
_PARAMETERS = rb"(?:;[ ]?" + _TOKEN + rb"(?:=(?:" + _TOKEN + rb'|"[^"\\\r\n\0]*"))?)*'
_DISPLAY = rb'(?:"[^"\\\r\n\0]*"[ ]?|[^:\r\n<"\0]*)'
_ELEMENT = rb"[ \t]*[^,\s\0][^,\r\n\0]*"
_LIST = _ELEMENT + rb"(?:," + _ELEMENT + rb"){0,9}"

_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") (" + _URI + rb") SIP/2\.0")
_FROM = re.compile(
    _DISPLAY + rb"<sips?:(?:(" + _USER + rb")@)?(" + _HOST + rb")" + _PORT + _URI_PARAMETERS + rb">" + _PARAMETERS
)
_TO = re.compile(_DISPLAY + rb"<" + _URI + rb">" + _PARAMETERS)
_CONTACT = re.compile(_DISPLAY + rb"<" + _URI + rb">" + _PARAMETERS.replace(rb"[ ]?", rb"(?!(?i:q=))"))
_VIA = re.compile(
    rb"SIP/2\.0/"
    + _TOKEN
    + rb" "
    + _HOST
    + _PORT
    + rb"(?:;rport(?:=[0-9]{1,4})?|;(?!(?i:ttl|rport))"
    + _TOKEN
    + rb"(?:=[A-Za-z0-9\-.!%*_`'~+\[:\]]+)?)*"
)
_CREDENTIAL = re.compile(rb"(" + _TOKEN + rb')=("[^"]*"|' + _TOKEN + rb")")
_NUMBER = re.compile(rb"[0-9]{1,9}")

_FORMS: dict[bytes, re.Pattern[bytes]] = {
    b"via": _VIA,
    b"from": _FROM,
    b"to": _TO,
    b"contact": _CONTACT,
    b"call-id": re.compile(rb"[^\s\0][^\r\n\0]*"),
    b"cseq": re.compile(rb"[0-9]{1,9} " + _TOKEN),
    b"max-forwards": _NUMBER,
    b"expires": _NUMBER,
    b"content-length": _NUMBER,
    b"content-type": re.compile(_TOKEN + rb"/" + _TOKEN + _PARAMETERS),
    b"allow": re.compile(_ELEMENT + rb"(?:," + _ELEMENT + rb"){0,29}"),
    b"accept": re.compile(_LIST),
    b"supported": re.compile(_LIST),
    b"require": re.compile(_LIST),
    b"session-expires": re.compile(rb"[0-9]{1,9}" + _PARAMETERS),
    b"min-se": re.compile(rb"[0-9]{1,9}" + _PARAMETERS),
    b"record-route": re.compile(rb"<" + _URI + rb">" + _PARAMETERS),
    b"route": re.compile(rb"<" + _URI + rb">" + _PARAMETERS),
    b"authorization": re.compile(
        rb"Digest "
        + _TOKEN
        + rb'=(?:"[^"\\\r\n\0]*"|'
        + _TOKEN
        + rb")(?:, ?"
        + _TOKEN
        + rb'=(?:"[^"\\\r\n\0]*"|'
        + _TOKEN
        + rb"))*"
    ),
}
"""Header name -> a form of its value that every PJSIP takes; names that PJSIP has no parser for take any text."""

_REFUSED_NAMES = frozenset(
    b"event subscription-state retry-after unsupported min-expires proxy-authorization proxy-authenticate "
    b"www-authenticate".split()
)
"""Headers that PJSIP parses and that have no row in `_FORMS`: a request with one is replayed in full."""

_GENERIC = re.compile(_TOKEN + rb":[^\r\n\0]*")
_ONCE = frozenset((b"via", b"from", b"to", b"call-id", b"cseq"))
_KEPT = _ONCE | {b"contact", b"authorization"}
_LONG = {short.encode(): long.encode() for short, long in COMPACT.items() if short in "ilmcftvkxo"}


class Form(NamedTuple):
    """What of the head of a plain request can matter."""

    method: bytes
    contact: bool
    names: object
    texts: tuple[object, ...]


class Line(NamedTuple):
    """What of a header line can matter: its name, texts that are compared, and what the From names."""

    name: bytes
    texts: tuple[object, ...]
    sender: object


_NOTHING = Line(b"", (), None)


@dataclass
class Alike:
    """The keys of one configuration."""

    known: Known
    _lines: dict[bytes, Line] = field(default_factory=dict)
    _names: dict[tuple[bytes, bytes], object] = field(default_factory=dict)
    _sources: dict[bytes, object] = field(default_factory=dict)
    _classes: dict[object, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        config = self.known.config
        self._watched = {rule.header.lower().encode("utf-8", "surrogateescape") for rule in self.known.headers}
        self._watches_uri = bool(self.known.uris)
        self._domains = any(transport.domain for transport in config.transports.values())
        self._hopeless = bool(self._watched & _ONCE) or any(acl.contact_acl != Acl() for acl in config.acls)
        self._hopeless |= any(endpoint.contact_acl != Acl() for endpoint in config.endpoints.values())

    def key(self, payload: bytes, transport: str, source: bytes, destination: bytes) -> object | None:
        """The key of a request, or None where it must be replayed in full."""
        if self._hopeless or (transport != "UDP" and b"\nContent-Length:" not in payload):
            return None
        form = self._form(payload)
        if form is None:
            return None
        where_from = self._sources.get(source)
        if where_from is None:
            where_from = self._class(source)
        return form, where_from, transport, destination

    def _form(self, payload: bytes) -> Form | None:
        end = payload.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, *lines = payload[:end].split(b"\r\n")
        request = _REQUEST_LINE.fullmatch(first)
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
                if len(known) > MOST_KEPT:
                    known.clear()
                known[line] = kept
            if kept is _NOTHING:
                continue
            names.append(kept.name)
            texts += kept.texts
            sender = kept.sender or sender
        if not _ONCE.issubset(names) or names.count(b"from") + names.count(b"to") > 2:
            return None
        return Form(request[1], b"contact" in names, sender, tuple(texts))

    def _line(self, line: bytes) -> Line | None:
        """What a header line says; None where PJSIP may refuse it."""
        spelt, _, value = line.partition(b": ")
        name = _LONG.get(lower := spelt.lower(), lower)
        form = _FORMS.get(name)
        if form is None:
            if _GENERIC.fullmatch(line) is None or name in _REFUSED_NAMES:
                return None
            return Line(name, (name, value), None) if name in self._watched else _NOTHING
        matched = form.fullmatch(value)
        if matched is None:
            return None
        sender = self._name(matched[1] or b"", matched[2]) if name == b"from" else None
        texts: tuple[object, ...] = (name, value) if name in self._watched else ()
        if name == b"authorization":
            given = {key.lower(): text.strip(b'"') for key, text in _CREDENTIAL.findall(value)}
            user, realm = given.get(b"username", b""), given.get(b"realm", b"")
            if not (user.isascii() and realm.isascii()):
                return None
            texts += (name, self._looked_up(user, realm))
        return Line(name, texts, sender) if name in _KEPT or texts else _NOTHING

    def _name(self, user: bytes, host: bytes) -> object:
        """What the names in From come to: the endpoint they name, or one that differs in case."""
        known = self._names.get((user, host))
        if known is None:
            host_text = host.strip(b"[]")
            who = user.split(b";", 1)[0] if self.known.config.globals.ignore_uri_user_options else user
            known = (self._looked_up(who, host_text), self._looked_up(b"anonymous", host_text))
            if len(self._names) > MOST_KEPT:
                self._names.clear()
            self._names[user, host] = known
        return known

    def _looked_up(self, user: bytes, domain: bytes) -> object:
        """For each name that is looked for: the endpoint, or one that differs in case."""
        endpoints, lower = self.known.config.endpoints, self.known.lower
        tried = self._tried(user.decode("ascii")[:NAME_LENGTH], domain.decode("ascii")[:NAME_LENGTH])
        return tuple((name in endpoints and name, lower.get(name.lower())) for name in tried)

    def _tried(self, user: str, host: str) -> list[str]:
        """All names that could be looked for, whatever transport takes the request."""
        domains = (
            dict.fromkeys(t.domain for t in self.known.config.transports.values()) if self._domains else {"": None}
        )
        return [name for domain in domains for name in self.known.names(domain, user, host)]

    def _class(self, packed: bytes) -> object:
        """What the source address comes to: the rules that hold it, and the access lists that deny it."""
        source = unpacked(packed)
        config = self.known.config
        hits: list[tuple[Hit, bool]] = [
            (hit, config.identifies[hit.identify].rules[hit.rule].port in (0, source.port))
            for hit in self.known.index.hits(source)
        ]
        near = self.known.index.near(source)
        denied = tuple(denial(acl.acl, source, config) for acl in config.acls)
        found = (tuple(hits), near and (source.ip, near.rule), denied)
        if len(self._sources) > MOST_KEPT:
            self._sources.clear()
        kept = self._sources[packed] = self._classes.setdefault(found, found)
        return kept

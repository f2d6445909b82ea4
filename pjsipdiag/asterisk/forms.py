"""Forms of request heads that PJSIP surely takes, each read by one regular expression.

Law: a form is a method and a sequence of header names. A request is of that form when it has just these headers and
every one of its lines is of the syntax that `LINES` gives for its name; all else has no form and is read the long way.
Forms are learnt while a capture streams by: one is compiled once it was met LEARNT times, so that small captures and
hostile ones pay for few.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from pjsipdiag.asterisk.grammar import (
    Fields,
    Match,
    Syntax,
    ahead,
    any_case,
    but,
    first,
    group,
    many,
    matcher,
    maybe,
    seq,
    span,
    text,
    unless,
)
from pjsipdiag.sip import COMPACT

MOST_FORMS = 64
MOST_TRIED = 8
"""Forms that are tried on a request before it is taken to have none."""
LEARNT = 4
MOST_SEEN, LONGEST_HEAD, MOST_LINES = 2000, 4096, 64
MOST_VAIN = 256
"""Forms that are tried to be learnt in vain."""

FIELDS = (
    *("call_id", "cseq", "branch", "to_tag", "tag", "uri", "called", "agent"),
    *("user", "host", "login", "realm"),
)
"""What is read of a request: texts as they stand there, the parameters of From and To, the request URI and its user,
what it names its sender: user and host of From, the digest user and realm."""


def _field(name: str, part: Syntax) -> Syntax:
    return group(name, FIELDS.index(name), part)


_DIGITS, _ALPHANUMERIC = string.digits.encode(), (string.ascii_letters + string.digits).encode()
_HEX = string.hexdigits.encode()
_TOKEN_BYTES = _ALPHANUMERIC + b"-.!%*_`'~+"
_CRLF, _EQUALS, _COLON, _COMMA = text(b"\r\n"), text(b"="), text(b":"), text(b",")
_OPTIONAL_SPACE = maybe(text(b" "))
_TOKEN = span(_TOKEN_BYTES)
_QUOTED_TEXT = span(but(b'"\\\r\n\0'), 0)
_QUOTED = seq(text(b'"'), _QUOTED_TEXT, text(b'"'))
_HOST = first(span(_ALPHANUMERIC + b"_.-"), seq(text(b"["), span(_HEX + b":."), text(b"]")))


def _digits(low: bytes, high: bytes, more: int = 0) -> Syntax:
    """A digit from `low` to `high`, and so many of any kind."""
    return seq(span(range(low[0], high[0] + 1), 1, 1), *([span(_DIGITS, more, more)] if more else []))


_PORT_NUMBER = first(
    seq(span(_DIGITS, 1, 4), unless(span(_DIGITS))),
    _digits(b"1", b"5", 4),
    seq(text(b"6"), _digits(b"0", b"4", 3)),
    seq(text(b"65"), _digits(b"0", b"4", 2)),
    seq(text(b"655"), _digits(b"0", b"2", 1)),
    seq(text(b"6553"), _digits(b"0", b"5")),
)
_PORT = maybe(seq(_COLON, _PORT_NUMBER))
_USER = span(_ALPHANUMERIC + b"&=+$,;?/-_.!~*'()")
_AT = text(b"@")
_URI_TOKEN = span(_ALPHANUMERIC + b"[]/:&+$-_.!~*'()")
_URI_PARAMETERS = many(
    seq(
        text(b";"),
        unless(first(*map(any_case, (b"ttl", b"line", b"x-ast")))),
        _URI_TOKEN,
        maybe(seq(_EQUALS, _URI_TOKEN)),
    )
)
_SCHEME = seq(text(b"sip"), maybe(text(b"s")), _COLON)


def _uri(user: Syntax) -> Syntax:
    return seq(_SCHEME, maybe(seq(user, _AT)), _HOST, _PORT, _URI_PARAMETERS)


_URI = _uri(_USER)
_PARAMETER = seq(_TOKEN, maybe(seq(_EQUALS, first(_TOKEN, _QUOTED))))


def _parameters(before: Syntax) -> Syntax:
    """Any number of them, with `before` behind the semicolon."""
    return many(seq(text(b";"), before, _PARAMETER))


_PARAMETERS = _parameters(_OPTIONAL_SPACE)
_DISPLAY = first(seq(_QUOTED, _OPTIONAL_SPACE), span(but(b':\r\n<"\0'), 0))
_ADDRESS = seq(text(b"<"), _URI, text(b">"))
_ELEMENT = seq(span(b" \t", 0), span(but(b", \t\n\r\v\f\0"), 1, 1), span(but(b",\r\n\0"), 0))


def _list(most: int) -> Syntax:
    return seq(_ELEMENT, many(seq(_COMMA, _ELEMENT), 0, most - 1))


_NUMBER = span(_DIGITS, 1, 9)
_SENT_BY = seq(text(b"SIP/2.0/"), _TOKEN, text(b" "), _HOST, _PORT)
_BRANCH = span(_TOKEN_BYTES + b"[:]")
_RPORT = seq(text(b";rport"), maybe(seq(_EQUALS, _PORT_NUMBER)))


def _via_parameters(*others: bytes) -> Syntax:
    """Any number of them but ttl and `others`, and rport with a number only."""
    refused = unless(first(*map(any_case, (b"ttl", b"rport", *others))))
    return many(first(_RPORT, seq(text(b";"), refused, _TOKEN, maybe(seq(_EQUALS, _BRANCH)))))


_SENDER = seq(
    _DISPLAY,
    text(b"<"),
    _SCHEME,
    maybe(seq(_field("user", seq(_USER, ahead(_AT))), _AT)),
    _field("host", _HOST),
    _PORT,
    _URI_PARAMETERS,
    text(b">"),
)
_CREDENTIAL = seq(_TOKEN, _EQUALS, first(_QUOTED, _TOKEN))
_COMMA_IN_CREDENTIALS = seq(_COMMA, _OPTIONAL_SPACE)
_TEXT = span(but(b"\r\n\0"), 0)

LINES = {
    b"via": seq(_SENT_BY, _via_parameters()),
    b"from": seq(_SENDER, _PARAMETERS),
    b"to": seq(_DISPLAY, _ADDRESS, _PARAMETERS),
    b"contact": seq(unless(text(b"*")), _DISPLAY, _ADDRESS, _parameters(unless(any_case(b"q=")))),
    b"call-id": seq(span(but(b" \t\n\r\v\f\0"), 1, 1), _TEXT),
    b"cseq": seq(_NUMBER, text(b" "), _TOKEN),
    b"max-forwards": _NUMBER,
    b"expires": _NUMBER,
    b"content-length": _NUMBER,
    b"content-type": seq(_TOKEN, text(b"/"), _TOKEN, _PARAMETERS),
    b"allow": _list(30),
    b"accept": _list(10),
    b"supported": _list(10),
    b"require": _list(10),
    b"session-expires": seq(_NUMBER, _PARAMETERS),
    b"min-se": seq(_NUMBER, _PARAMETERS),
    b"record-route": seq(_ADDRESS, _PARAMETERS),
    b"route": seq(_ADDRESS, _PARAMETERS),
    b"authorization": seq(text(b"Digest "), _CREDENTIAL, many(seq(_COMMA_IN_CREDENTIALS, _CREDENTIAL))),
}
"""Header name -> a syntax of its value that every PJSIP takes; names that PJSIP has no parser for take any text."""

REFUSED = frozenset(
    b"event subscription-state retry-after unsupported min-expires proxy-authorization proxy-authenticate "
    b"www-authenticate".split()
)
"""Headers that PJSIP parses and that have no row in LINES: a request with one is replayed in full."""

ONCE = frozenset((b"from", b"to", b"call-id", b"cseq"))
_SINGLE = ONCE | {b"authorization"}
ARRAYS = frozenset((b"accept", b"allow", b"require", b"supported"))
"""Headers whose values PJSIP puts into one array of limited size, wherever they stand: once is surely not too much."""
LONG = {short.encode(): long.encode() for short, long in COMPACT.items() if short in "ilmcftvkxo"}
GENERIC = re.compile(_TOKEN.pattern + rb":[^\r\n\0]*")
REQUEST_LINE = re.compile(rb"(" + _TOKEN.pattern + rb") (" + _URI.pattern + rb") SIP/2\.0")
CREDENTIAL = re.compile(rb"(" + _TOKEN.pattern + rb')=("[^"]*"|' + _TOKEN.pattern + rb")")


def _quoted_field(name: str, field: str) -> Syntax:
    return seq(text(name.encode() + b'="'), _field(field, seq(_QUOTED_TEXT, ahead(text(b'"')))), text(b'"'))


_READ = {
    b"via": seq(
        _SENT_BY,
        _via_parameters(b"branch"),
        text(b";branch="),
        _field("branch", _BRANCH),
        _via_parameters(b"branch"),
    ),
    b"from": seq(
        _SENDER,
        text(b";tag="),
        _field("tag", _TOKEN),
        _parameters(unless(any_case(b"tag"))),
    ),
    b"to": seq(_DISPLAY, _ADDRESS, maybe(seq(text(b";tag="), _field("to_tag", _TOKEN)))),
    b"call-id": _field("call_id", span(but(b" \t\n\r\v\f\0"))),
    b"user-agent": _field("agent", _TEXT),
    b"authorization": seq(
        text(b"Digest "),
        many(
            seq(
                first(
                    _quoted_field("username", "login"),
                    _quoted_field("realm", "realm"),
                    seq(unless(seq(first(any_case(b"realm"), any_case(b"username")), _EQUALS)), _CREDENTIAL),
                ),
                first(seq(_COMMA_IN_CREDENTIALS, ahead(span(_TOKEN_BYTES, 1, 1))), ahead(text(b"\r"))),
            ),
            1,
        ),
    ),
}
"""The same as in LINES, of the first header of that name, with what is read of it; stricter here and there."""


class Form(NamedTuple):
    """A method and the names of its headers: in lower case, compact ones as the long ones."""

    method: bytes
    names: tuple[bytes, ...]
    credentials: bool
    """Whether it has a header with credentials."""


class Forms:
    """The forms met in one capture: `known[number]` says what each is; number 0 stands for none."""

    def __init__(self, known: Iterable[Form | None] = (None,)) -> None:
        self.known = list(known)
        self._seen: dict[tuple[bytes, ...], int] = {}
        self._vain = 0
        self._readers: tuple[list[Match], list[Match]] = ([], [])

    def read(self, payload: bytes) -> tuple[int, int, Fields]:
        """The number of the form of `payload`, the length of its head, and its fields; zeros where it has no form."""
        readers = self._readers[b"uthorization:" in payload]  # those that are likely
        for reader in readers:
            found = reader(payload)
            if found:
                if reader is not readers[0]:
                    readers.remove(reader)
                    readers.insert(0, reader)
                return found
        if len(self.known) <= MOST_FORMS and self._vain < MOST_VAIN:
            end = payload.find(b"\r\n\r\n") + 4
            if 4 <= end <= LONGEST_HEAD:
                self._meet(payload[:end], readers)
        return 0, 0, ()

    def _meet(self, head: bytes, readers: list[Match]) -> None:
        """Counts the form of a head; learns it when that was met often enough."""
        first, *lines = head.split(b"\r\n")
        if len(lines) > MOST_LINES:
            return
        spelt = (first[: first.find(b" ")], *[line[: line.find(b":") + 1] for line in lines])
        times = self._seen.get(spelt, 0) + 1
        if times > LEARNT or len(self._seen) >= MOST_SEEN:
            return
        self._seen[spelt] = times
        if times == LEARNT:
            reader = _learn(len(self.known), lines[: lines.index(b"")], head)
            if reader:
                names = tuple(map(canonical, spelt[1 : lines.index(b"") + 1]))
                self.known.append(Form(spelt[0], names, b"authorization" in names))
                readers.insert(0, reader)
                del readers[MOST_TRIED:]
            else:
                self._vain += 1


def canonical(spelt: bytes) -> bytes:
    """The header name in `Name:` in lower case, compact ones as the long ones."""
    lower = spelt[:-1].strip().lower()
    return LONG.get(lower, lower)


@cache
def syntax(name: bytes) -> re.Pattern[bytes] | None:
    """The syntax of a header's value, None where any text will do."""
    return re.compile(LINES[name].pattern) if name in LINES else None


def read_sender(value: bytes) -> tuple[bytes, bytes] | None:
    """User and host of a From value of the usual syntax; None of another one."""
    usual = syntax(b"from")
    found = usual.fullmatch(value) if usual else None
    return (found[1] or b"", found[2]) if found else None


def _learn(number: int, lines: list[bytes], head: bytes) -> Match | None:
    """The reader of requests that have the headers of `lines`; None where they have no form."""
    method = head[: head.find(b" ")]
    if not re.fullmatch(_TOKEN.pattern, method):
        return None
    parts = [text(method + b" "), _field("uri", _uri(_field("called", seq(_USER, ahead(_AT))))), text(b" SIP/2.0\r\n")]
    met: set[bytes] = set()
    for line in lines:
        spelt, colon, value = line.partition(b":")
        name = canonical(spelt + colon)
        if not GENERIC.fullmatch(line) or name in REFUSED or (name in met and name in _SINGLE | ARRAYS):
            return None
        spaced = value.startswith(b" ")
        if name in LINES and not spaced:
            return None
        start = text(spelt + (b": " if spaced else b":"))
        if name == b"cseq":
            parts += start, _field("cseq", _NUMBER), text(b" " + method + b"\r\n")
        elif name in _READ and name not in met:
            parts += start, _READ[name], _CRLF
        elif name in LINES:
            usual = syntax(name)
            if usual is None or not usual.fullmatch(value, 1):
                return None
            parts.append(first(text(line + b"\r\n"), seq(start, LINES[name], _CRLF)))
        else:
            parts += start, _TEXT, _CRLF
        met.add(name)
    if not (ONCE | {b"via"} <= met):
        return None
    reader = matcher(number, seq(*parts, _CRLF), FIELDS)
    return reader if reader(head) else None

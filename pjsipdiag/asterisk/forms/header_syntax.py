"""The syntax of the lines of a head, as far as every PJSIP surely takes it and tells no release from another.

Stricter than PJSIP in everything: a line that is not of this syntax may be right, and is then read the long way.
"""

from __future__ import annotations

import re
import string
from functools import cache

from pjsipdiag.asterisk.forms.expressions import (
    Syntax,
    ahead,
    any_case,
    but,
    first,
    group,
    maybe,
    repeat,
    seq,
    span,
    text,
    unless,
)
from pjsipdiag.sip import COMPACT_NAMES

PARSED_FIELDS = (
    *("call_id", "cseq", "branch", "to_tag", "tag", "uri", "called", "agent"),
    *("user", "host", "login", "realm"),
)
"""The parts of a request that are read: texts as they stand there, the tags of From and To, the request URI and its
user, and the names of its sender: user and host of From, user and realm of the credentials."""


def field(name: str, part: Syntax) -> Syntax:
    """`part`, kept as one of PARSED_FIELDS."""
    assert name in PARSED_FIELDS
    return group(name, part)


_DIGITS, _ALPHANUMERIC = string.digits.encode(), (string.ascii_letters + string.digits).encode()
_HEX = string.hexdigits.encode()
_TOKEN_BYTES = _ALPHANUMERIC + b"-.!%*_`'~+"
CRLF, _EQUALS, _COLON, _COMMA = text(b"\r\n"), text(b"="), text(b":"), text(b",")
_OPTIONAL_SPACE = maybe(text(b" "))
TOKEN = span(_TOKEN_BYTES)
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
_URI_PARAMETERS = repeat(
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
_PARAMETER = seq(TOKEN, maybe(seq(_EQUALS, first(TOKEN, _QUOTED))))


def _parameters(before: Syntax) -> Syntax:
    """Any number of them, with `before` behind the semicolon."""
    return repeat(seq(text(b";"), before, _PARAMETER))


_PARAMETERS = _parameters(_OPTIONAL_SPACE)
_DISPLAY = first(seq(_QUOTED, _OPTIONAL_SPACE), span(but(b':\r\n<"\0'), 0))
_ADDRESS = seq(text(b"<"), _URI, text(b">"))
_ELEMENT = seq(span(b" \t", 0), span(but(b", \t\n\r\v\f\0"), 1, 1), span(but(b",\r\n\0"), 0))


def _list(most: int) -> Syntax:
    return seq(_ELEMENT, repeat(seq(_COMMA, _ELEMENT), 0, most - 1))


NUMBER = span(_DIGITS, 1, 9)
_SENT_BY = seq(text(b"SIP/2.0/"), TOKEN, text(b" "), _HOST, _PORT)
_BRANCH = span(_TOKEN_BYTES + b"[:]")
_RPORT = seq(text(b";rport"), maybe(seq(_EQUALS, _PORT_NUMBER)))


def _via_parameters(*others: bytes) -> Syntax:
    """Any number of them but ttl and `others`, and rport with a number only."""
    refused = unless(first(*map(any_case, (b"ttl", b"rport", *others))))
    return repeat(first(_RPORT, seq(text(b";"), refused, TOKEN, maybe(seq(_EQUALS, _BRANCH)))))


_SENDER = seq(
    _DISPLAY,
    text(b"<"),
    _SCHEME,
    maybe(seq(field("user", seq(_USER, ahead(_AT))), _AT)),
    field("host", _HOST),
    _PORT,
    _URI_PARAMETERS,
    text(b">"),
)
_CREDENTIAL = seq(TOKEN, _EQUALS, first(_QUOTED, TOKEN))
_COMMA_IN_CREDENTIALS = seq(_COMMA, _OPTIONAL_SPACE)
VALUE_TEXT = span(but(b"\r\n\0"), 0)

LINES = {
    b"via": seq(_SENT_BY, _via_parameters()),
    b"from": seq(_SENDER, _PARAMETERS),
    b"to": seq(_DISPLAY, _ADDRESS, _PARAMETERS),
    b"contact": seq(unless(text(b"*")), _DISPLAY, _ADDRESS, _parameters(unless(any_case(b"q=")))),
    b"call-id": seq(span(but(b" \t\n\r\v\f\0"), 1, 1), VALUE_TEXT),
    b"cseq": seq(NUMBER, text(b" "), TOKEN),
    b"max-forwards": NUMBER,
    b"expires": NUMBER,
    b"content-length": NUMBER,
    b"content-type": seq(TOKEN, text(b"/"), TOKEN, _PARAMETERS),
    b"allow": _list(30),
    b"accept": _list(10),
    b"supported": _list(10),
    b"require": _list(10),
    b"session-expires": seq(NUMBER, _PARAMETERS),
    b"min-se": seq(NUMBER, _PARAMETERS),
    b"record-route": seq(_ADDRESS, _PARAMETERS),
    b"route": seq(_ADDRESS, _PARAMETERS),
    b"authorization": seq(text(b"Digest "), _CREDENTIAL, repeat(seq(_COMMA_IN_CREDENTIALS, _CREDENTIAL))),
}
"""Header name -> a syntax of its value that every PJSIP takes; names that PJSIP has no parser for take any text."""

UNUSUAL_HEADERS = frozenset(
    b"event subscription-state retry-after unsupported min-expires proxy-authorization proxy-authenticate "
    b"www-authenticate".split()
)
"""Headers that PJSIP parses and that have no row in LINES: a request with one is replayed in full."""

ONCE = frozenset((b"from", b"to", b"call-id", b"cseq"))
SINGLE = ONCE | {b"authorization"}
ARRAYS = frozenset((b"accept", b"allow", b"require", b"supported"))
"""Headers whose values PJSIP puts into one array of limited size, wherever they stand: once is surely not too much."""
LONG = {short.encode(): long.encode() for short, long in COMPACT_NAMES.items() if short in "ilmcftvkxo"}
GENERIC = re.compile(TOKEN + rb":[^\r\n\0]*")
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") (" + _URI + rb") SIP/2\.0")
CREDENTIAL = re.compile(rb"(" + TOKEN + rb')=("[^"]*"|' + TOKEN + rb")")


def _credential(name: bytes, kept_as: str) -> Syntax:
    return seq(text(name + b'="'), field(kept_as, seq(_QUOTED_TEXT, ahead(text(b'"')))), text(b'"'))


READ_LINES = {
    b"via": seq(
        _SENT_BY,
        _via_parameters(b"branch"),
        text(b";branch="),
        field("branch", _BRANCH),
        _via_parameters(b"branch"),
    ),
    b"from": seq(
        _SENDER,
        text(b";tag="),
        field("tag", TOKEN),
        _parameters(unless(any_case(b"tag"))),
    ),
    b"to": seq(_DISPLAY, _ADDRESS, maybe(seq(text(b";tag="), field("to_tag", TOKEN)))),
    b"call-id": field("call_id", span(but(b" \t\n\r\v\f\0"))),
    b"user-agent": field("agent", VALUE_TEXT),
    b"authorization": seq(
        text(b"Digest "),
        repeat(
            seq(
                first(
                    _credential(b"username", "login"),
                    _credential(b"realm", "realm"),
                    seq(unless(seq(first(any_case(b"realm"), any_case(b"username")), _EQUALS)), _CREDENTIAL),
                ),
                first(seq(_COMMA_IN_CREDENTIALS, ahead(span(_TOKEN_BYTES, 1, 1))), ahead(text(b"\r"))),
            ),
            1,
        ),
    ),
}
"""As LINES, for the first header of that name, with what is read of it; stricter here and there."""
REQUEST = seq(field("uri", _uri(field("called", seq(_USER, ahead(_AT))))), text(b" SIP/2.0\r\n"))
"""A request line behind its method, with what is read of it."""


def canonical(spelt: bytes) -> bytes:
    """The header name in `Name:` in lower case, compact ones as the long ones."""
    lower = spelt[:-1].strip().lower()
    return LONG.get(lower, lower)


@cache
def syntax(name: bytes) -> re.Pattern[bytes] | None:
    """The syntax of a header's value, None where any text will do."""
    return re.compile(LINES[name]) if name in LINES else None


def read_sender(value: bytes) -> tuple[bytes, bytes] | None:
    """User and host of a From value of the usual syntax; None of another one."""
    usual = syntax(b"from")
    found = usual.fullmatch(value) if usual else None
    return (found[1] or b"", found[2]) if found else None

"""The URI parsers of PJSIP.

Law: user and parameter values are unescaped; without brackets, parameters belong to the header and not to the URI.
Replays the URI part of sip_parser.c, and tel_uri_parse() of sip_tel_uri.c.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pjsipdiag.asterisk.pjsip.scanner import (
    ALNUM,
    DIGITS,
    DISPLAY,
    HEADER_CHAR,
    HOST,
    OTHER_URI,
    PARAM_CHAR,
    PASSWORD,
    PROBE_USER_HOST,
    TOKEN,
    USER_LENIENT,
    Scanner,
    SipSyntaxError,
    Spec,
    spec,
)
from pjsipdiag.asterisk.pjsip.uri import TEL_NUMBER, NameAddress, OtherUri, PjSipUri, TelUri, Uri
from pjsipdiag.dataclass import dataclass
from pjsipdiag.digits import read_number

_TEL_PARSED_VALUE = spec(ALNUM + r"/:@&$,+\-_.!~*'()%\[\]=")
_ESCAPE = re.compile("%([0-9a-fA-F]{2})")


def unescape(text: str) -> str:
    """pj_str_unescape()."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text) if "%" in text else text


def bounded_number(text: str, low: int, high: int) -> int:
    """strtoi_validate(): the number at the start of `text`, refused outside low..high."""
    sign = -1 if text[:1] == "-" else 1
    digits = DIGITS.match(text, 1 if text[:1] in ("+", "-") else 0)
    if digits is None:
        raise SipSyntaxError(value=True)
    found = sign * read_number(digits.group())
    if not low <= found <= high:
        raise SipSyntaxError(value=True)
    return found


def parse_parameter(scanner: Scanner, characters: Spec = TOKEN, *, unescaped: bool = False) -> tuple[str, str]:
    """parse_param_imp(): name, and value with its quotes; both empty of blanks around them."""
    name = scanner.get(characters)
    value = ""
    if scanner.next == "=":
        scanner.get_char()
        if scanner.next == '"':
            value = scanner.get_quoted()
        elif characters.match(scanner.next):
            value = scanner.get(characters)
            value = unescape(value) if unescaped else value
    return (unescape(name) if unescaped else name), value


def parse_host(scanner: Scanner, empty_reference: bool) -> str:
    """int_parse_host(): brackets are taken off; `empty_reference` says that the release lets `[]` pass."""
    if scanner.next != "[":
        return scanner.get(HOST)
    scanner.get_char()
    host = scanner.get_until("]")
    scanner.get_char()
    if not host and not empty_reference:
        raise SipSyntaxError
    return host


@dataclass(frozen=True, slots=True)
class UriParser:
    """The URI parser of one PJSIP release."""

    empty_reference: bool

    def uri_or_name_address(self, scanner: Scanner) -> NameAddress:
        """int_parse_uri_or_name_addr() for From, To and Contact: without brackets, parameters belong to the header."""
        scanner.skip_whitespace()
        if scanner.next in '"<':
            return self.name_address(scanner)
        scheme, after = scanner.peek(DISPLAY)
        if after == ":":
            return NameAddress("", self._parser(scheme)(scanner, False))
        return self.name_address(scanner)

    def name_address(self, scanner: Scanner) -> NameAddress:
        """int_parse_name_addr()."""
        display = ""
        if scanner.next == '"':
            display = scanner.get_quoted()[1:-1]
        elif scanner.next != "<" and scanner.peek(DISPLAY)[1] == "<":
            display = scanner.get_until("<").strip(" \t\n\r\v\f")
        scanner.skip_whitespace()
        bracket = scanner.next == "<"
        if bracket:
            scanner.get_char()
        elif display:
            raise SipSyntaxError
        uri = self.uri(scanner)
        if bracket and scanner.get_char() != ">":
            raise SipSyntaxError
        return NameAddress(display, uri)

    def uri(self, scanner: Scanner) -> Uri:
        """int_parse_uri() with parameters."""
        scheme, after = scanner.peek(TOKEN)
        if after != ":":
            raise SipSyntaxError
        return self._parser(scheme)(scanner, True)

    def _parser(self, scheme: str) -> Callable[[Scanner, bool], Uri]:
        match scheme.lower():
            case "sip" | "sips":
                return self._sip
            case "tel":
                return _tel
        return _other

    def _sip(self, scanner: Scanner, parameters: bool) -> PjSipUri:
        """int_parse_sip_url()."""
        # No blank is part of a URI: one ends it, and is skipped only once the URI is read.
        skip_blanks, scanner.skip_blanks = scanner.skip_blanks, False
        uri = PjSipUri(scanner.get(TOKEN).lower())
        if scanner.get_char() != ":":
            raise SipSyntaxError
        # An @ before the next blank, > or line end makes a user of all before it (int_is_next_user), whatever it is:
        # what the class of users does not hold is a syntax error then, and no host.
        if scanner.peek(PROBE_USER_HOST)[1] == "@":
            uri.user = unescape(scanner.get(USER_LENIENT))
            if scanner.next == ":":
                scanner.get_char()
                uri.password = unescape(scanner.get(PASSWORD))
            scanner.get_char()
        uri.host = parse_host(scanner, self.empty_reference)
        if scanner.next == ":":
            scanner.get_char()
            uri.port = bounded_number(scanner.get(DIGITS), 0, 65535)
        if parameters:
            while scanner.next == ";":
                scanner.get_char()
                _keep_parameter(uri, *parse_parameter(scanner, PARAM_CHAR, unescaped=True))
            while scanner.next == ("&" if uri.headers else "?"):
                uri.headers.append(_header_parameter(scanner))
        scanner.skip_blanks = skip_blanks
        scanner.skip_whitespace()
        return uri


def _keep_parameter(uri: PjSipUri, name: str, value: str) -> None:
    match name.lower():
        case "user" if value:
            uri.user_param = value
        case "method" if value:
            uri.method = value
        case "transport" if value:
            uri.transport = value
        case "ttl" if value:
            uri.ttl = bounded_number(value, 0, 255)
        case "maddr" if value:
            uri.maddr = value
        case "lr":
            uri.lr = True
        case _:
            uri.parameters.append((name, value))


def _header_parameter(scanner: Scanner) -> tuple[str, str]:
    """int_parse_hparam()."""
    scanner.get_char()
    name = unescape(scanner.get(HEADER_CHAR))
    value = ""
    if scanner.next == "=":
        scanner.get_char()
        if HEADER_CHAR.match(scanner.next):
            value = unescape(scanner.get(HEADER_CHAR))
    return name, value


def _tel(scanner: Scanner, parameters: bool) -> TelUri:
    """tel_uri_parse()."""
    skip_blanks, scanner.skip_blanks = scanner.skip_blanks, False
    scanner.get(TOKEN)
    if scanner.get_char() != ":":
        raise SipSyntaxError
    uri = TelUri(unescape(scanner.get(TEL_NUMBER)))
    while parameters and scanner.next == ";":
        scanner.get_char()
        name = scanner.get(PARAM_CHAR)
        value = ""
        if scanner.next == "=":
            scanner.get_char()
            value = unescape(scanner.get(_TEL_PARSED_VALUE))
        match name.lower():
            case "isub":
                uri.subaddress = value
            case "ext":
                uri.extension = value
            case "phone-context":
                uri.phone_context = value
            case _:
                uri.parameters.append((name, value))
    scanner.skip_blanks = skip_blanks
    scanner.skip_whitespace()
    return uri


def _other(scanner: Scanner, parameters: bool) -> OtherUri:  # noqa: ARG001 (one signature for every scheme)
    """int_parse_other_uri()."""
    skip_blanks, scanner.skip_blanks = scanner.skip_blanks, False
    scheme = scanner.get(TOKEN)
    if scanner.get_char() != ":":
        raise SipSyntaxError
    content = scanner.get(OTHER_URI)
    scanner.skip_blanks = skip_blanks
    return OtherUri(scheme, content)

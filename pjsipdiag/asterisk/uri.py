"""URIs as PJSIP parses and prints them.

Law: what PJSIP prints is not what was sent: user and parameter values are unescaped when parsed and escaped anew when
printed, known parameters come first, and each place (`Context`) leaves some parameters out.
Replays sip_uri.c, sip_tel_uri.c and the URI part of sip_parser.c.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from pjsipdiag.asterisk.scanner import (
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
    USER,
    USER_LENIENT,
    Scanner,
    SipSyntaxError,
    Spec,
    spec,
)

Parameters = list[tuple[str, str]]

_TEL_NUMBER = spec(r"0-9a-fA-F*#\-.()+")
_TEL_EXTENSION = spec(r"0-9\-.()")
_TEL_URIC = spec(ALNUM + r"/:@&$,+\-_.!~*'()%\[\]")
_TEL_CONTEXT = spec(ALNUM + r"+\-.()")
_TEL_NAME = spec(ALNUM + r"\-")
_TEL_PARSED_VALUE = spec(ALNUM + r"/:@&$,+\-_.!~*'()%\[\]=")

_ESCAPE = re.compile("%([0-9a-fA-F]{2})")


class Context(Enum):
    """Where a URI is printed (`pjsip_uri_context_e`)."""

    REQUEST = auto()
    FROM_TO = auto()
    CONTACT = auto()
    ROUTING = auto()


@dataclass(slots=True)
class SipUri:
    """`pjsip_sip_uri`; `user` and `password` are unescaped, `ttl` is -1 and `port` 0 where absent."""

    scheme: str
    user: str = ""
    password: str = ""
    host: str = ""
    port: int = 0
    user_param: str = ""
    method: str = ""
    transport: str = ""
    ttl: int = -1
    maddr: str = ""
    lr: bool = False
    parameters: Parameters = field(default_factory=list)
    headers: Parameters = field(default_factory=list)

    def printed(self, context: Context) -> str:
        """pjsip_url_print()."""
        parts = [self.scheme, ":"]
        if self.user:
            parts.append(escape(self.user, USER))
            if self.password:
                parts += (":", escape(self.password, PASSWORD))
            parts.append("@")
        parts.append(bracketed(self.host))
        header = context is Context.FROM_TO
        if self.port and not header:
            parts.append(f":{self.port}")
        if self.user_param:
            parts.append(f";user={self.user_param}")
        if self.transport and not header:
            parts.append(";transport=" + escape(self.transport, PARAM_CHAR))
        if self.ttl >= 0 and not header and context is not Context.ROUTING:
            parts.append(f";ttl={self.ttl}")
        if self.maddr and not header:
            maddr = bracketed(self.maddr) if ":" in self.maddr else escape(self.maddr, PARAM_CHAR)
            parts.append(f";maddr={maddr}")
        if self.lr and not header and context is not Context.CONTACT:
            parts.append(";lr")
        if self.parameters:
            parts.append(print_parameters(self.parameters, PARAM_CHAR, PARAM_CHAR))
        if self.headers and context is Context.CONTACT:
            parts.append(print_parameters(self.headers, HEADER_CHAR, HEADER_CHAR, "?"))
        return "".join(parts)


@dataclass(slots=True)
class TelUri:
    """`pjsip_tel_uri`."""

    number: str = ""
    extension: str = ""
    subaddress: str = ""
    phone_context: str = ""
    parameters: Parameters = field(default_factory=list)
    scheme: str = "tel"

    def printed(self, context: Context) -> str:  # noqa: ARG002 (a tel: URI is the same everywhere)
        """tel_uri_print()."""
        parts = ["tel:", escape(self.number, _TEL_NUMBER)]
        if self.extension:
            parts.append(";ext=" + escape(self.extension, _TEL_EXTENSION))
        if self.subaddress:
            parts.append(";isub=" + escape(self.subaddress, _TEL_URIC))
        if self.phone_context:
            parts.append(";phone-context=" + escape(self.phone_context, _TEL_CONTEXT))
        parts.append(print_parameters(self.parameters, _TEL_NAME, PARAM_CHAR))
        return "".join(parts)


@dataclass(slots=True)
class OtherUri:
    """`pjsip_other_uri`: any scheme that PJSIP has no parser for."""

    scheme: str
    content: str
    parameters: Parameters = field(default_factory=list)

    def printed(self, context: Context) -> str:  # noqa: ARG002 (the same everywhere)
        """other_uri_print()."""
        return f"{self.scheme}:{self.content}"


Uri = SipUri | TelUri | OtherUri


@dataclass(slots=True)
class NameAddress:
    """`pjsip_name_addr`; `display` stands as it did between the quotes."""

    display: str
    uri: Uri

    def printed(self, context: Context) -> str:
        """pjsip_name_addr_print()."""
        display = f'"{self.display}" ' if self.display else ""
        return f"{display}<{self.uri.printed(context)}>"


def bracketed(host: str) -> str:
    """An IPv6 address in brackets, any other host as it is."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def unescape(text: str) -> str:
    """pj_str_unescape()."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text) if "%" in text else text


def escape(text: str, allowed: Spec) -> str:
    """pj_strncpy2_escape(): every character outside the class becomes %xx."""
    if not text or allowed.fullmatch(text):
        return text
    return "".join(c if allowed.match(c) else f"%{ord(c):02x}" for c in text)


def print_parameters(parameters: Parameters, names: Spec, values: Spec, separator: str = ";") -> str:
    """pjsip_param_print_on()."""
    parts: list[str] = []
    for name, value in parameters:
        parts += (separator, escape(name, names))
        if value:
            parts += ("=", value if value.startswith('"') else escape(value, values))
        separator = "&" if separator == "?" else separator
    return "".join(parts)


def bounded(text: str, low: int, high: int) -> int:
    """strtoi_validate(): the number at the start of `text`, refused outside low..high."""
    sign = -1 if text[:1] == "-" else 1
    digits = DIGITS.match(text, 1 if text[:1] in ("+", "-") else 0)
    if digits is None:
        raise SipSyntaxError(value=True)
    number = sign * int(digits.group()[:25])
    if not low <= number <= high:
        raise SipSyntaxError(value=True)
    return number


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

    def _sip(self, scanner: Scanner, parameters: bool) -> SipUri:
        """int_parse_sip_url()."""
        skip_blanks, scanner.skip_blanks = scanner.skip_blanks, False
        uri = SipUri(scanner.get(TOKEN).lower())
        if scanner.get_char() != ":":
            raise SipSyntaxError
        if scanner.peek(PROBE_USER_HOST)[1] == "@":
            uri.user = unescape(scanner.get(USER_LENIENT))
            if scanner.next == ":":
                scanner.get_char()
                uri.password = unescape(scanner.get(PASSWORD))
            scanner.get_char()
        uri.host = parse_host(scanner, self.empty_reference)
        if scanner.next == ":":
            scanner.get_char()
            uri.port = bounded(scanner.get(DIGITS), 0, 65535)
        if parameters:
            while scanner.next == ";":
                scanner.get_char()
                _keep_parameter(uri, *parse_parameter(scanner, PARAM_CHAR, unescaped=True))
            while scanner.next == ("&" if uri.headers else "?"):
                uri.headers.append(_header_parameter(scanner))
        scanner.skip_blanks = skip_blanks
        scanner.skip_whitespace()
        return uri


def _keep_parameter(uri: SipUri, name: str, value: str) -> None:
    match name.lower():
        case "user" if value:
            uri.user_param = value
        case "method" if value:
            uri.method = value
        case "transport" if value:
            uri.transport = value
        case "ttl" if value:
            uri.ttl = bounded(value, 0, 255)
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
    uri = TelUri(unescape(scanner.get(_TEL_NUMBER)))
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

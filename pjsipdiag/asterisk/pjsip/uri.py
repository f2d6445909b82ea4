"""URIs as PJSIP keeps and prints them.

Law: what PJSIP prints is not what was sent: user and parameter values are escaped anew, known parameters come first,
and each place (`UriContext`) leaves some parameters out.
Replays sip_uri.c and sip_tel_uri.c.
"""

from __future__ import annotations

from dataclasses import field
from enum import Enum, auto

from pjsipdiag.asterisk.pjsip.scanner import (
    ALNUM,
    HEADER_CHAR,
    PARAM_CHAR,
    PASSWORD,
    USER,
    Spec,
    spec,
)
from pjsipdiag.dataclass import dataclass

Parameters = list[tuple[str, str]]

TEL_NUMBER = spec(r"0-9a-fA-F*#\-.()+")
_TEL_EXTENSION = spec(r"0-9\-.()")
_TEL_URIC = spec(ALNUM + r"/:@&$,+\-_.!~*'()%\[\]")
_TEL_CONTEXT = spec(ALNUM + r"+\-.()")
_TEL_NAME = spec(ALNUM + r"\-")


class UriContext(Enum):
    """Where a URI is printed (`pjsip_uri_context_e`)."""

    REQUEST = auto()
    FROM_TO = auto()
    CONTACT = auto()
    ROUTING = auto()


@dataclass(slots=True)
class PjSipUri:
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

    def as_text(self, context: UriContext) -> str:
        """pjsip_url_print(): each place leaves out what table 1 of RFC 3261, section 19.1.1, does not allow in it."""
        parts = [self.scheme, ":"]
        if self.user:
            parts.append(escape(self.user, USER))
            if self.password:
                parts += (":", escape(self.password, PASSWORD))
            parts.append("@")
        parts.append(bracket(self.host))
        header = context is UriContext.FROM_TO
        if self.port and not header:
            parts.append(f":{self.port}")
        if self.user_param:
            parts.append(f";user={self.user_param}")
        if self.transport and not header:
            parts.append(";transport=" + escape(self.transport, PARAM_CHAR))
        if self.ttl >= 0 and not header and context is not UriContext.ROUTING:
            parts.append(f";ttl={self.ttl}")
        if self.maddr and not header:
            maddr = bracket(self.maddr) if ":" in self.maddr else escape(self.maddr, PARAM_CHAR)
            parts.append(f";maddr={maddr}")
        if self.lr and not header and context is not UriContext.CONTACT:
            parts.append(";lr")
        if self.parameters:
            parts.append(print_parameters(self.parameters, PARAM_CHAR, PARAM_CHAR))
        if self.headers and context is UriContext.CONTACT:
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

    def as_text(self, context: UriContext) -> str:  # noqa: ARG002 (a tel: URI is the same everywhere)
        """tel_uri_print()."""
        parts = ["tel:", escape(self.number, TEL_NUMBER)]
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

    def as_text(self, context: UriContext) -> str:  # noqa: ARG002 (the same everywhere)
        """other_uri_print()."""
        return f"{self.scheme}:{self.content}"


Uri = PjSipUri | TelUri | OtherUri


@dataclass(slots=True)
class NameAddress:
    """`pjsip_name_addr`; `display` stands as it did between the quotes."""

    display: str
    uri: Uri

    def as_text(self, context: UriContext) -> str:
        """pjsip_name_addr_print()."""
        display = f'"{self.display}" ' if self.display else ""
        return f"{display}<{self.uri.as_text(context)}>"


def bracket(host: str) -> str:
    """An IPv6 address in brackets, any other host as it is."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


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

"""The headers that PJSIP has a parser for, and how it prints each of them.

Law: a header is kept as parsed and printed anew (`Header.as_text`), under PJSIP's own spelling of its name; that text
is what `match_header` compares.
Replays sip_msg.c and sip_auth_msg.c.
"""

from __future__ import annotations

from dataclasses import field

from pjsipdiag.asterisk.pjsip.scanner import TOKEN
from pjsipdiag.asterisk.pjsip.uri import (
    NameAddress,
    Parameters,
    UriContext,
    bracket,
    escape,
    print_parameters,
)
from pjsipdiag.dataclass import dataclass


@dataclass(slots=True)
class Header:
    """A header whose printed value is `text`."""

    name: str
    text: str = ""

    def as_text(self) -> str:
        """The value as pjsip_hdr_print_on() writes it after the name."""
        return self.text


@dataclass(slots=True)
class ArrayHeader(Header):
    """Accept, Allow, Require, Supported, Unsupported."""

    values: list[str] = field(default_factory=list)

    def as_text(self) -> str:
        return ", ".join(self.values)


@dataclass(slots=True)
class AddressHeader(Header):
    """From, To."""

    address: NameAddress = field(kw_only=True)
    tag: str = ""
    parameters: Parameters = field(default_factory=list)

    def as_text(self) -> str:
        tag = f";tag={escape(self.tag, TOKEN)}" if self.tag else ""
        return self.address.as_text(UriContext.FROM_TO) + tag + print_parameters(self.parameters, TOKEN, TOKEN)


@dataclass(slots=True)
class ContactHeader(Header):
    """Contact; `address` is None for `*`, `quality` is q in thousandths, `expires` in seconds."""

    address: NameAddress | None = None
    quality: int = 0
    expires: int | None = None
    parameters: Parameters = field(default_factory=list)

    def as_text(self) -> str:
        if self.address is None:
            return "*"
        parts = [self.address.as_text(UriContext.CONTACT)]
        if self.quality:
            whole, fraction = divmod(self.quality, 1000)
            parts.append(f";q={whole}" + (f".{_shorten_fraction(fraction)}" if fraction else ""))
        if self.expires is not None:
            parts.append(f";expires={self.expires}")
        parts.append(print_parameters(self.parameters, TOKEN, TOKEN))
        return "".join(parts)


@dataclass(slots=True)
class RouteHeader(Header):
    """Route, Record-Route."""

    address: NameAddress = field(kw_only=True)
    parameters: Parameters = field(default_factory=list)

    def as_text(self) -> str:
        return self.address.as_text(UriContext.ROUTING) + print_parameters(self.parameters, TOKEN, TOKEN)


@dataclass(slots=True)
class ViaHeader(Header):
    """Via; -1 or an empty string is an absent parameter, `port` 0 an absent port."""

    transport: str = ""
    host: str = ""
    port: int = 0
    ttl: int = -1
    rport: int = -1
    maddr: str = ""
    received: str = ""
    branch: str = ""
    parameters: Parameters = field(default_factory=list)

    def as_text(self) -> str:
        parts = ["SIP/2.0/", _upper(self.transport), " ", bracket(self.host)]
        if self.port:
            parts.append(f":{self.port}")
        if self.ttl >= 0:
            parts.append(f";ttl={self.ttl}")
        if self.rport >= 0:
            parts.append(f";rport={self.rport}" if self.rport else ";rport")
        if self.maddr:
            parts.append(f";maddr={bracket(self.maddr)}")
        if self.received:
            parts.append(f";received={self.received}")
        if self.branch:
            parts.append(f";branch={escape(self.branch, TOKEN)}")
        parts.append(print_parameters(self.parameters, TOKEN, TOKEN))
        return "".join(parts)


@dataclass(slots=True)
class CSeqHeader(Header):
    """CSeq."""

    number: int = 0
    method: str = ""

    def as_text(self) -> str:
        return f"{self.number} {self.method}"


@dataclass(slots=True)
class AuthorizationHeader(Header):
    """Authorization, Proxy-Authorization of scheme Digest; `values` by lower-case name, without quotes."""

    scheme: str = ""
    values: dict[str, str] = field(default_factory=dict)
    parameters: Parameters = field(default_factory=list)

    def as_text(self) -> str:
        """print_digest_credential()."""
        get = self.values.get
        return "".join(
            (
                f"{self.scheme} ",
                quoted_if("username=", get("username", "")),
                quoted_if(", realm=", get("realm", "")) or ', realm=""',
                f', nonce="{get("nonce", "")}"',
                quoted_if(", uri=", get("uri", "")),
                f', response="{get("response", "")}"',
                pair(", algorithm=", get("algorithm", "")),
                quoted_if(", cnonce=", get("cnonce", "")),
                quoted_if(", opaque=", get("opaque", "")),
                pair(", qop=", get("qop", "")),
                pair(", nc=", get("nc", "")),
                print_parameters(self.parameters, TOKEN, TOKEN, ","),
            )
        )


def _shorten_fraction(fraction: int) -> int:
    """Thousandths as pjsip_contact_hdr_print() cuts them: leading zeros are lost with the trailing ones."""
    fraction = fraction // 100 if fraction % 100 == 0 else fraction
    return fraction // 10 if fraction % 10 == 0 else fraction


def _upper(text: str) -> str:
    return "".join(c.upper() if c.isascii() else c for c in text)


def pair(key: str, value: str) -> str:
    """copy_advance_pair(): nothing where the value is empty."""
    return key + value if value else ""


def quoted_if(key: str, value: str) -> str:
    """copy_advance_pair_quote_cond()."""
    return "" if not value else key + (value if value.startswith('"') else f'"{value}"')

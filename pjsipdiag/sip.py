"""SIP messages, URIs and transport addresses, as every part of the program speaks of them.

Nothing here knows captures or Asterisk. Reading is lenient: what a header means to a person or to a report.
What PJSIP makes of the same bytes, and when it refuses them, is `pjsipdiag.asterisk.pjsip.message`.
"""

from __future__ import annotations

import ipaddress
import re
from _socket import inet_ntoa  # as socket's, which makes enums of all constants: 4 ms
from collections.abc import Iterator
from functools import cached_property, lru_cache
from urllib.parse import unquote

from pjsipdiag.dataclass import NamedTuple, dataclass
from pjsipdiag.digits import is_number, read_number

COMPACT_NAMES = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
}
"""Compact header names (RFC 3261 section 7.3.3 and the IANA registry), in lower case."""

METHODS = frozenset(
    {
        "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "PRACK", "SUBSCRIBE", "NOTIFY", "PUBLISH", "INFO",
        "REFER", "MESSAGE", "UPDATE",
    }
)  # fmt: skip
"""The methods that there are (IANA's registry): any other word in their place is somebody's."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
SIP_PORT, SIPS_PORT = 5060, 5061
SIP_PORTS = (SIP_PORT, SIPS_PORT)
"""Where SIP is as a rule (RFC 3261 section 19.1.2)."""


def default_port(protocol: str) -> int:
    """The port of a transport that names none: udp, tcp and ws are plain; tls and wss are not."""
    return SIPS_PORT if protocol in ("tls", "wss") else SIP_PORT


def ip_text(ip: int | str | bytes) -> str:
    """An IP address in canonical text; a number is one of IPv6. Raises ValueError for what is none.

    IPv4-mapped ones end in dots, as `getnameinfo` writes them; Python's own text of them does so since 3.13 only.
    """
    parsed = ipaddress.IPv6Address(ip) if isinstance(ip, int) else ipaddress.ip_address(ip)
    if parsed.version == 6 and not parsed.scope_id and (inner := parsed.ipv4_mapped):
        return f"::ffff:{inner}"
    return str(parsed)


def short_network(network: Network) -> str:
    """A network as it is written: a single address without its length."""
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


class Address(NamedTuple):
    """A transport address: `ip` is canonical text without brackets, `port` 0 where it is not known."""

    ip: str
    port: int = 0

    def __str__(self) -> str:
        host = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"{host}:{self.port}" if self.port else host

    @classmethod
    def unpack(cls, packed: bytes) -> Address:
        """The address behind `packed`: 4 or 16 bytes of IP, then 2 bytes of port, in network order."""
        ip = inet_ntoa(packed[:4]) if len(packed) == 6 else ip_text(packed[:-2])
        return cls(ip, int.from_bytes(packed[-2:], "big"))

    def pack(self) -> bytes:
        """The inverse of `unpack`."""
        return ipaddress.ip_address(self.ip).packed + self.port.to_bytes(2, "big")


NOWHERE = Address("0.0.0.0")
"""An address that is not known."""
LONGEST_REMEMBERED = 256
"""Characters of texts with a URI whose meaning is kept: the same senders call again and again."""
_QUOTED_NAME = re.compile(r'^\s*"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True, slots=True)
class SipUri:
    """A `sip:`, `sips:` or `tel:` URI (RFC 3261 section 19.1, RFC 3966).

    `scheme` and `host` are in lower case, `host` without brackets; `user` is percent-decoded, and empty in place of
    none; `port` is 0 where there is none. `parameters` are (name in lower case, value as written). Of a tel: URI `user`
    is the number.
    """

    scheme: str
    user: str
    host: str
    port: int = 0
    parameters: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        return (
            f"{self.scheme}:{self.user}@{host}{port}"
            if self.user and host
            else f"{self.scheme}:{self.user}{host}{port}"
        )


def parse_uri(text: str) -> SipUri | None:
    """The URI in `text`, which may be a whole From, To or Contact value; None when there is none."""
    return _remembered_uri(text) if len(text) <= LONGEST_REMEMBERED else _parse_uri(text)


def _parse_uri(text: str) -> SipUri | None:
    text = _QUOTED_NAME.sub("", text)
    if "<" in text:
        text = text[text.index("<") + 1 :].split(">", 1)[0]
    scheme, colon, rest = text.strip().partition(":")
    scheme = scheme.lower()
    if not colon or scheme not in ("sip", "sips", "tel"):
        return None
    if scheme == "tel":
        return SipUri(scheme, rest.split(";", 1)[0], "")
    userinfo, at, hostpart = rest.rpartition("@")  # a user may hold "?", RFC 3261 section 25.1 (user-unreserved)
    user = unquote(userinfo.split(":", 1)[0]) if at else ""
    hostport, *parameters = hostpart.split("?", 1)[0].split(";")
    host, port = _split_port(hostport)
    pairs = tuple((name.lower(), value) for name, _, value in (item.partition("=") for item in parameters))
    return SipUri(scheme, user, host.lower(), port, pairs)


_remembered_uri = lru_cache(maxsize=4096)(_parse_uri)


def _split_port(hostport: str) -> tuple[str, int]:
    if hostport.startswith("["):
        host, _, port = hostport[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = hostport.partition(":")
    return host.strip(), int(port) if is_number(port) and len(port) <= 5 else 0


@dataclass(frozen=True)
class SipMessage:
    """One SIP request or response as it was seen on the wire.

    `raw` is the whole message (up to Content-Length, the datagram or the snap length), `time` is in nanoseconds since
    1970, UTC, `frame` counts the capture's records from 1 (0: no capture holds it), `transport` is UDP, TCP, TLS, WS
    or WSS. `direction` is "in" or "out" where the capture says so, else "". `truncated` says that the capture has only
    the beginning.
    """

    raw: bytes
    transport: str = "UDP"
    source: Address = NOWHERE
    destination: Address = NOWHERE
    time: int = 0
    frame: int = 0
    direction: str = ""
    truncated: bool = False

    @cached_property
    def first_line(self) -> str:
        return decode(self.raw.lstrip(b"\r\n").split(b"\n", 1)[0].rstrip(b"\r"))

    @cached_property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """(name as spelt, value) in order; folded lines are joined (RFC 3261 section 7.3.1)."""
        return tuple(_headers(self.head))

    @cached_property
    def head(self) -> bytes:
        """Request or status line and headers, without the body and the empty line before it."""
        # The first of the ends counts: what a body or a folded text holds behind it may look like another one.
        raw = self.raw.lstrip(b"\r\n")
        ends = [at for at in (raw.find(b"\r\n\r\n"), raw.find(b"\n\n"), raw.find(b"\n\r\n")) if at >= 0]
        return raw[: min(ends)] if ends else raw

    @property
    def is_request(self) -> bool:
        return not self.first_line.startswith("SIP/2.0 ")

    @property
    def method(self) -> str:
        """The request's method, or for a response the CSeq method."""
        return self.first_line.split(" ", 1)[0] if self.is_request else self.header("CSeq").split(" ")[-1]

    @property
    def request_uri(self) -> str:
        """The request URI as written; empty for a response."""
        return self.first_line.split(" ", 1)[-1].rpartition(" ")[0] if self.is_request else ""

    @property
    def status(self) -> int:
        """The status code of a response; 0 for a request."""
        code = self.first_line[8:11]
        return int(code) if not self.is_request and is_number(code) else 0

    def values(self, name: str) -> list[str]:
        """Every value of the header `name`, long or compact form, in order."""
        return list(self._by_name.get(long_name(name), ()))

    def header(self, name: str) -> str:
        """The first value of the header `name`, or an empty string."""
        return next(iter(self._by_name.get(long_name(name), ())), "")

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for spelt, value in self.headers:
            found.setdefault(long_name(spelt), []).append(value)
        return found

    @property
    def call_id(self) -> str:
        return self.header("Call-ID")

    @property
    def cseq(self) -> int:
        sequence = self.header("CSeq").split(" ")[0]
        return read_number(sequence) if is_number(sequence) else 0

    @property
    def branch(self) -> str:
        """The branch of the top Via."""
        return parameter(self.header("Via").split(",", 1)[0], "branch")

    @property
    def from_uri(self) -> SipUri | None:
        return parse_uri(self.header("From"))


def parameter(value: str, name: str) -> str:
    """The value of `;name=` in a header value, unquoted; empty when it is absent."""
    for part in value.split(";")[1:]:
        key, _, text = part.partition("=")
        if key.strip().lower() == name:
            return text.strip().strip('"')
    return ""


def decode(raw: bytes) -> str:
    """UTF-8 text of `raw`; other bytes become lone surrogates, so that nothing is lost."""
    return raw.decode("utf-8", "surrogateescape")


def long_name(name: str) -> str:
    """A header name in lower case, the long one for a compact one."""
    lower = name.lower()
    return COMPACT_NAMES.get(lower, lower)


def _headers(head: bytes) -> Iterator[tuple[str, str]]:
    name, value = "", ""
    for line in decode(head).split("\n")[1:]:
        if line[:1] in (" ", "\t") and name:
            value = f"{value} {line.strip(_BLANKS)}"
            continue
        if name:
            yield name, value
        name, colon, value = line.partition(":")
        name, value = (name.strip(_BLANKS), value.strip(_BLANKS)) if colon else ("", "")
    if name:
        yield name, value


_BLANKS = " \t\r\n\v\f"

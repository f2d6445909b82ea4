"""A request that no capture holds, made from what a person knows of it."""

from __future__ import annotations

from collections.abc import Sequence

from pjsipdiag.asterisk.config import Config, Transport
from pjsipdiag.digits import is_number, read_number
from pjsipdiag.errors import PjsipdiagError
from pjsipdiag.sip import Address, SipMessage, ip_text

LOCAL = Address("192.0.2.1", 5060)
"""Where the request arrives when nothing else is said (RFC 5737: an address that nobody has)."""


def parse_source(text: str) -> Address:
    """`203.0.113.7`, `203.0.113.7:5062`, `2001:db8::7` or `[2001:db8::7]:5062`; port 5060 when there is none.

    Raises PjsipdiagError for anything else.
    """
    host, port = text, "5060"
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":") or port
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    try:
        wanted = read_number(port) if is_number(port) else -1
        if not 0 < wanted < 65536:
            raise ValueError
        return Address(ip_text(host), wanted)
    except ValueError:
        raise PjsipdiagError(f"{text}: not a source address; write IP or IP:PORT, as 203.0.113.7:5060") from None


def socket_of(bound: Transport) -> Address:
    """Where requests reach a transport: an address that nobody has stands for any, and for a name that is not known."""
    named = LOCAL.ip if ":" not in bound.bind else "2001:db8::1"
    try:
        return Address(named if bound.bind in ("", "0.0.0.0", "::") else ip_text(bound.bind), bound.port)
    except ValueError:
        return Address(named, bound.port)


def receiving_socket(config: Config, source: Address, transport: str | None) -> tuple[str, Address | None]:
    """The transport and the socket that a request from `source` comes to: of a transport that listens, UDP before TCP
    before the others where none is asked for; no socket where nothing of that kind listens."""
    found = [
        (bound.protocol, socket_of(bound))
        for bound in config.listeners
        if bound.protocol != "flow" and transport in (None, bound.protocol)
    ]
    fitting = [one for one in found if (":" in one[1].ip) == (":" in source.ip)]
    ranks = {"udp": 0, "tcp": 1}
    return min(fitting, key=lambda one: ranks.get(one[0], 2), default=(transport or "udp", None))


def request(
    source: Address,
    *,
    from_: str | None = None,
    uri: str | None = None,
    headers: Sequence[str] = (),
    transport: str = "UDP",
    destination: Address | None = None,
) -> SipMessage:
    """An INVITE as a provider would send it from `source`, with what is given in place of the usual.

    `from_` is a user, a URI or a whole From value, `uri` the request URI, `headers` are lines as `Name: value`.
    Raises PjsipdiagError for a header line without a colon or any value with a line break.
    """
    for value in (from_ or "", uri or "", *headers):
        if "\r" in value or "\n" in value:
            raise PjsipdiagError(f"{value!r}: a line break cannot be part of a header")
    for line in headers:
        if ":" not in line:
            raise PjsipdiagError(f"--header {line!r}: write 'Name: value'")
    local = destination or LOCAL._replace(ip="2001:db8::1" if ":" in source.ip else LOCAL.ip)
    host = f"[{source.ip}]" if ":" in source.ip else source.ip
    from_value = from_ or f"<sip:caller@{host}>"
    # Without brackets a parameter of the URI would be one of the header (RFC 3261 section 20).
    if "<" not in from_value:
        scheme = "" if ":" in from_value else "sip:"
        from_value = f"<{scheme}{from_value}{'' if '@' in from_value or not scheme else '@' + host}>"
    target = uri or f"sip:100@{local}"
    lines = [
        f"INVITE {target} SIP/2.0",
        f"Via: SIP/2.0/{transport} {source};branch=z9hG4bKpjsipdiag;rport",
        "Max-Forwards: 70",
        f"From: {from_value};tag=pjsipdiag",
        f"To: <{target}>",
        "Call-ID: pjsipdiag",
        "CSeq: 1 INVITE",
        f"Contact: <sip:{source}>",
        *headers,
        "Content-Length: 0",
    ]
    raw = "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n"
    return SipMessage(raw, transport, source, local)

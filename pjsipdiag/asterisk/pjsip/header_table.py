"""Which header is read by which parser (init_parser() of sip_parser.c, and of the modules that add their own)."""

from __future__ import annotations

from collections.abc import Callable

from pjsipdiag.asterisk.pjsip.header_parser import HeaderParser

Parse = Callable[[HeaderParser], None]

PARSERS: dict[str, Parse] = {
    "accept": lambda p: p.array("Accept"),
    "allow": lambda p: p.array("Allow"),
    "authorization": lambda p: p.authorization("Authorization"),
    "call-id": HeaderParser.call_id,
    "i": HeaderParser.call_id,
    "contact": HeaderParser.contact,
    "m": HeaderParser.contact,
    "content-length": HeaderParser.content_length,
    "l": HeaderParser.content_length,
    "content-type": HeaderParser.content_type,
    "c": HeaderParser.content_type,
    "cseq": HeaderParser.cseq,
    "event": HeaderParser.event,
    "o": HeaderParser.event,
    "expires": lambda p: p.number("Expires"),
    "from": lambda p: p.from_or_to("From"),
    "f": lambda p: p.from_or_to("From"),
    "max-forwards": lambda p: p.number("Max-Forwards"),
    "min-expires": lambda p: p.number("Min-Expires"),
    "min-se": HeaderParser.min_se,
    "proxy-authenticate": lambda p: p.authenticate("Proxy-Authenticate"),
    "proxy-authorization": lambda p: p.authorization("Proxy-Authorization"),
    "record-route": lambda p: p.route("Record-Route"),
    "require": lambda p: p.array("Require", merged=True),
    "retry-after": HeaderParser.retry_after,
    "route": lambda p: p.route("Route"),
    "session-expires": HeaderParser.session_expires,
    "x": HeaderParser.session_expires,
    "subscription-state": HeaderParser.subscription_state,
    "supported": lambda p: p.array("Supported", merged=True),
    "k": lambda p: p.array("Supported", merged=True),
    "to": lambda p: p.from_or_to("To"),
    "t": lambda p: p.from_or_to("To"),
    "unsupported": lambda p: p.array("Unsupported"),
    "via": HeaderParser.via,
    "v": HeaderParser.via,
    "www-authenticate": lambda p: p.authenticate("WWW-Authenticate"),
}
"""Lower-case header name (compact forms too) -> its parser."""

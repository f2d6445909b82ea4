"""The transport that a message names itself, where a capture shows another one (RFC 3261 section 20.42)."""

from __future__ import annotations

import re

VIA_TRANSPORTS = frozenset({"UDP", "TCP", "TLS", "WS", "WSS"})
_TOP_VIA = re.compile(
    rb"\n(?:via|v)[ \t]*:[ \t]*SIP[ \t]*/[ \t]*2\.0[ \t]*/[ \t]*([A-Za-z]{2,4})[ \t\r\n]", re.IGNORECASE
)


def via_transport(payload: bytes, otherwise: str) -> str:
    """The transport of the top Via: over it this hop was made, for a request as for its response."""
    found = _TOP_VIA.search(payload)
    name = found[1].decode().upper() if found else ""
    return name if name in VIA_TRANSPORTS else otherwise

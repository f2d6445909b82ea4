"""The meanings of ICMP errors (RFC 792, RFC 1812, RFC 4443) and TLS alerts (RFC 8446 section 6), and what to do."""

from __future__ import annotations

from pjsipdiag.capture.signs import SignKind
from pjsipdiag.dataclass import NamedTuple


class Meaning(NamedTuple):
    """The name that the standard has for it, what it means, and what to do."""

    name: str
    text: str
    advice: str


_LISTENS = "`ss -lnup` (TCP: `ss -lntp`) and `pjsip show transports` show what listens there, and on which port"
_WAY = "look at the way there: address, route (`ip route get ADDRESS`), and whether that host runs"
_FIREWALL = (
    "look for the rule that rejects it (`iptables -L -n -v`, `nft list ruleset`, the firewall of whoever says so)"
)
_SIZE = "make the message smaller (fewer codecs), or use TCP; let firewalls pass ICMP and fragments"
_NOBODY = "nothing listens at {place} over {transport}, or a firewall there rejects it, which looks the same"
_NOT_THERE = "nobody has the address of {place}, or no way leads there"
_REJECTED = "a firewall does not let it through to {place}"
_TOO_BIG = "it is larger than a link on the way to {place} takes"
_LOST = "some of its fragments never came to {place}: a firewall or NAT drops them"
_LOOP = "it was handed on until its hop limit was used up: a loop of routes on the way to {place}"

_FOUR = {
    (3, 0): Meaning("network unreachable", _NOT_THERE, _WAY),
    (3, 1): Meaning("host unreachable", _NOT_THERE, _WAY),
    (3, 2): Meaning("protocol unreachable", "{place} does not speak {transport} at all", _LISTENS),
    (3, 3): Meaning("port unreachable", _NOBODY, _LISTENS),
    (3, 4): Meaning("fragmentation needed", _TOO_BIG, _SIZE),
    (3, 9): Meaning("network prohibited", _REJECTED, _FIREWALL),
    (3, 10): Meaning("host prohibited", _REJECTED, _FIREWALL),
    (3, 13): Meaning("administratively prohibited", _REJECTED, _FIREWALL),
    (11, 0): Meaning("time to live exceeded", _LOOP, _WAY),
    (11, 1): Meaning("fragment reassembly time exceeded", _LOST, _SIZE),
}
_SIX = {
    (1, 0): Meaning("no route", _NOT_THERE, _WAY),
    (1, 1): Meaning("administratively prohibited", _REJECTED, _FIREWALL),
    (1, 3): Meaning("address unreachable", _NOT_THERE, _WAY),
    (1, 4): Meaning("port unreachable", _NOBODY, _LISTENS),
    (1, 5): Meaning("source address failed policy", _REJECTED, _FIREWALL),
    (1, 6): Meaning("reject route", _REJECTED, _FIREWALL),
    (2, 0): Meaning("packet too big", _TOO_BIG, _SIZE),
    (3, 0): Meaning("hop limit exceeded", _LOOP, _WAY),
    (3, 1): Meaning("fragment reassembly time exceeded", _LOST, _SIZE),
}
REFUSED = Meaning("connection refused", _NOBODY, _LISTENS)
UNANSWERED = Meaning(
    "no answer",
    "its SYN was sent again; a firewall drops it without a word, the host does not run, or the capture lacks what comes"
    " back",
    "look for the rule that drops it (`iptables -L -n -v`, `nft list ruleset`, a firewall on the way; tcpdump sees what"
    " comes in before the PBX's own firewall does); `ss -lntp` shows what listens",
)
RESET = Meaning(
    "connection reset",
    "whoever resets it dropped the call with it: a crash or restart, a time-out of a NAT or firewall, or a message that"
    " it does not take",
    "look into the log of whoever reset it at that time",
)
OF_TCP = {SignKind.REFUSED: REFUSED, SignKind.UNANSWERED: UNANSWERED, SignKind.RESET: RESET}
_TRUST = "give the side that refuses the authority that signed the certificate, or a certificate that it trusts"
_SUITES = "compare method= and cipher= of the transport with what the other side offers (`openssl s_client -connect`)"
_ALERTS = {
    0: Meaning("close_notify", "", ""),
    40: Meaning(
        "handshake_failure",
        "both sides have no version, cipher or certificate in common, or a certificate of the client is missing",
        _SUITES,
    ),
    42: Meaning("bad_certificate", "the certificate is not taken", _TRUST),
    43: Meaning("unsupported_certificate", "the certificate is of a kind that is not taken", _TRUST),
    45: Meaning("certificate_expired", "the certificate has expired, or a clock is wrong", "renew the certificate"),
    46: Meaning("certificate_unknown", "the certificate is not taken", _TRUST),
    48: Meaning("unknown_ca", "the authority that signed the certificate is not known there", _TRUST),
    70: Meaning("protocol_version", "both sides have no version of TLS in common", _SUITES),
    71: Meaning("insufficient_security", "the ciphers that are offered are too weak", _SUITES),
    112: Meaning(
        "unrecognized_name", "nobody there has the name that was asked for", "compare server_uri with its names"
    ),
    116: Meaning(
        "certificate_required", "the client has to show a certificate", "see verify_client and require_client_cert"
    ),
}
CLOSED = 0
"""The alert that ends a connection as it should be."""


def icmp(code: int, version: int) -> Meaning:
    """The meaning of an ICMP error, `type << 8 | code`, in an IP packet of that version."""
    kind, detail = divmod(code, 256)
    known = (_FOUR if version == 4 else _SIX).get((kind, detail if (version, kind) != (6, 2) else 0))
    return known or Meaning(f"type {kind} code {detail}", "it could not be handed to {place}", _WAY)


def alert(description: int) -> Meaning:
    """The meaning of a TLS alert."""
    return _ALERTS.get(description) or Meaning(f"alert {description}", "TLS could not be set up", _SUITES)

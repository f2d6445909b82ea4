"""Parts of headers that several parsers need, or that a header's parser keeps in fields of their own (sip_parser.c)."""

from __future__ import annotations

from pjsipdiag.asterisk.pjsip.header import ContactHeader, ViaHeader
from pjsipdiag.asterisk.pjsip.scanner import ALPHA, DIGITS, Scanner, SipSyntaxError
from pjsipdiag.asterisk.pjsip.uri_parser import bounded_number
from pjsipdiag.digits import wrapped

INT32 = 2**31 - 1
CREDENTIAL_FIELDS = frozenset(
    ("username", "realm", "nonce", "uri", "response", "algorithm", "cnonce", "opaque", "qop", "nc")
)
CHALLENGE_FIELDS = frozenset(("realm", "domain", "nonce", "opaque", "stale", "algorithm", "qop"))
"""Parameters of Digest that PJSIP keeps in fields of their own; all others are kept as they come."""


def parse_sip_version(scanner: Scanner) -> None:
    """parse_sip_version(): SIP/2.0, blanks around the slash allowed."""
    name = scanner.get(ALPHA)
    if scanner.get_char() != "/":
        raise SipSyntaxError
    if name.upper() != "SIP" or scanner.get_count(3) != "2.0":
        raise SipSyntaxError


PJSIP_METHODS = ("INVITE", "CANCEL", "ACK", "BYE", "REGISTER", "OPTIONS")


def method_name(token: str) -> str:
    """pjsip_method_init_np(): the six methods PJSIP knows are recognised in any case; all others stay as they are."""
    return token.upper() if token.upper() in PJSIP_METHODS else token


def leading_number(text: str) -> int:
    """pj_strtoul(), as far as an int of C keeps it."""
    digits = DIGITS.match(text)
    return wrapped(digits.group()) if digits else 0


def keep_contact_parameter(header: ContactHeader, name: str, value: str) -> None:
    match name.lower():
        case "q" if value:
            whole, dot, fraction = value.partition(".")
            header.quality = bounded_number(whole, 0, INT32 // 1000) * 1000
            if dot:
                header.quality += int((fraction[:3] + "000")[:3]) if fraction[:3].isdigit() or not fraction else 0
        case "expires" if value:
            header.expires = min(leading_number(value), 0xFFFFFFFE)
        case _:
            header.parameters.append((name, value))


def keep_via_parameter(header: ViaHeader, name: str, value: str) -> None:
    match name.lower():
        case "branch" if value:
            header.branch = value
        case "ttl" if value:
            header.ttl = bounded_number(value, 0, 255)
        case "maddr" if value:
            header.maddr = value
        case "received" if value:
            header.received = value
        case "rport":
            header.rport = bounded_number(value, 0, 65535) if value else 0
        case _:
            header.parameters.append((name, value))

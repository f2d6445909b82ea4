"""Demands on a `type=registration` (res_pjsip_outbound_registration.c: `sip_outbound_registration_apply`,
`sip_outbound_registration_regc_alloc`, `sip_dialog_create_contact`): PJSIP must be able to write its REGISTER.

Not asked here is whether a transport of the kind that server_uri needs was started: `way_out` does.
"""

from __future__ import annotations

from pjsipdiag.asterisk.files.lines import latin
from pjsipdiag.asterisk.loading.values.candidate import Candidate, Drop, Requirement
from pjsipdiag.asterisk.loading.values.uris import is_sip_uri_of_sane_length
from pjsipdiag.asterisk.pjsip.header_parser import HeaderParser
from pjsipdiag.asterisk.pjsip.scanner import DISPLAY, Scanner, SipSyntaxError
from pjsipdiag.asterisk.pjsip.uri import NameAddress, PjSipUri, Uri
from pjsipdiag.asterisk.pjsip.uri_parser import UriParser
from pjsipdiag.asterisk.reasons.values import ValueReason

_TRANSPORTS = frozenset({"udp", "tcp", "tls", "sctp", "loop", "loop-dgram", "ws", "wss"})
_URIS = UriParser(empty_reference=False)


def _scanner(text: str) -> Scanner:
    return Scanner(latin(text))


def parse_uri(text: str) -> Uri | NameAddress | None:
    """`pjsip_parse_uri`: a URI or a name and address that is all of the text, or None."""
    scanner = _scanner(text)
    scanner.skip_blanks = False
    try:
        named = scanner.next in '"<' or scanner.peek(DISPLAY)[1] != ":"
        uri = _URIS.name_address(scanner) if named else _URIS.uri(scanner)
    except SipSyntaxError:
        return None
    return uri if scanner.at_end or scanner.at_newline else None


def _is_header(name: str, text: str) -> bool:
    parser = HeaderParser(_scanner(text), _URIS, True, False)
    try:
        parser.contact() if name == "Contact" else parser.route(name)
    except SipSyntaxError:
        return False
    return True


def lengths(registration: Candidate) -> Drop | None:
    for option, words in (("server_uri", "server"), ("client_uri", "client")):
        uri = registration.text(option)
        if not uri:
            text = f"No {words} URI specified on outbound registration '{registration.name}'"
            return Drop(ValueReason.IS_MISSING(option=option), text, option)
        if not is_sip_uri_of_sane_length(uri):
            text = (
                f"{words.capitalize()} URI or hostname length exceeds pjproject limit or is not a sip(s) uri: "
                f"'{registration.name}'"
            )
            return Drop(ValueReason.NO_SIP_URI(option=option, uri=uri), text, option)
    return None


def line(registration: Candidate) -> Drop | None:
    wanted, endpoint = registration.flag("line"), registration.text("endpoint")
    if wanted and not endpoint:
        text = (
            f"Line support has been enabled on outbound registration '{registration.name}' without providing an "
            "endpoint"
        )
        return Drop(ValueReason.LINE_NEEDS_ENDPOINT(), text, "line")
    if endpoint and not wanted:
        text = (
            f"An endpoint has been specified on outbound registration '{registration.name}' without enabling line "
            "support"
        )
        return Drop(ValueReason.ENDPOINT_NEEDS_LINE(), text, "endpoint")
    return None


def uris(registration: Candidate) -> Drop | None:
    for option, words in (("server_uri", "server"), ("client_uri", "client")):
        uri = registration.text(option)
        if parse_uri(uri) is None:
            text = f"Invalid {words} URI '{uri}' specified on outbound registration '{registration.name}'"
            return Drop(ValueReason.NO_URI(option=option, uri=uri), text, option)
    return None


def proxy(registration: Candidate) -> Drop | None:
    uri = registration.text("outbound_proxy")
    if not uri:
        return None
    if registration.release.has("proxy_is_uri") and parse_uri(uri) is None:
        text = f"Invalid outbound proxy URI '{uri}' specified on outbound registration '{registration.name}'"
        return Drop(ValueReason.NO_URI(option="outbound_proxy", uri=uri), text, "outbound_proxy")
    if not _is_header("Route", uri):
        return Drop(ValueReason.NO_ROUTE(uri=uri), "", "outbound_proxy")
    return None


def contact(registration: Candidate) -> Drop | None:
    uri = parse_uri(registration.text("server_uri"))
    server = uri.uri if isinstance(uri, NameAddress) else uri
    if isinstance(server, PjSipUri) and server.scheme == "sip" and server.transport.lower() not in ("", *_TRANSPORTS):
        return Drop(ValueReason.NO_SUCH_TRANSPORT(transport=server.transport), "", "server_uri")
    user, parameters = registration.text("contact_user"), registration.text("contact_header_params")
    if not _is_header("Contact", f"<sip:{user or 's'}@192.0.2.1:5060>"):
        return Drop(ValueReason.NO_CONTACT_USER(user=user), "", "contact_user")
    if parameters and not _is_header("Contact", f"<sip:s@192.0.2.1:5060>;{parameters}"):
        return Drop(ValueReason.NO_CONTACT_PARAMETERS(parameters=parameters), "", "contact_header_params")
    return None


def expiration(registration: Candidate) -> Drop | None:
    if registration.number("expiration", 3600):
        return None
    return Drop(ValueReason.ZERO_EXPIRATION(), "", "expiration")


REGISTRATION_CHECKS: tuple[Requirement, ...] = (lengths, line, uris, proxy, contact, expiration)
"""The checks of a registration, in Asterisk's order."""

"""Before identification: reasons why a request is not identified at all.

Law: in the order of PJSIP's modules: the packet reaches a transport, is parsed, passes the `type=acl` objects, the
message filter and the distributor; the first that refuses ends the request.
Replays sip_transport.c, res_pjsip_acl.c, res_pjsip/pjsip_message_filter.c and distributor() of pjsip_distributor.c.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache

from pjsipdiag.asterisk.addresses.address_rule import SourceSocket
from pjsipdiag.asterisk.config import Config, Transport
from pjsipdiag.asterisk.loading.walk_order import MEMORY_BUCKETS, str_hash
from pjsipdiag.asterisk.pjsip.message import Request, UnparsableMessage
from pjsipdiag.asterisk.pjsip.uri import PjSipUri, TelUri, Uri
from pjsipdiag.asterisk.reasons.reason import Reason, quote_words
from pjsipdiag.asterisk.reasons.walk import WalkReason
from pjsipdiag.asterisk.releases import has
from pjsipdiag.asterisk.replay.admission import contact_denial, denial
from pjsipdiag.asterisk.verdict import Check, Match, Outcome
from pjsipdiag.sip import Address, Ip, SipMessage

_NOT_LISTED = ("identifiers", "identify", "endpoint", "transport", "global")
"""Kinds of facts that may decide each request and that only some interfaces of a running Asterisk tell."""
DIALOG_METHODS = ("INVITE", "SUBSCRIBE", "REFER", "NOTIFY", "UPDATE")
"""Methods that need a Contact header (pjsip_method_creates_dialog)."""


def refused_by_parser(refused: UnparsableMessage) -> Check:
    """A message that PJSIP drops: no answer."""
    dropped = WalkReason.DROPPED_BY_PARSER(words=refused.why)
    return _end(WalkReason.LOGGED(why=dropped, log=refused.log) if refused.log else dropped)


def response() -> Check:
    """A response in place of a request."""
    return _end(WalkReason.RESPONSE())


def cut_off(refused: UnparsableMessage) -> Check:
    """A message whose end the capture does not hold."""
    reason = WalkReason.CUT_OFF(words=refused.why)
    return Check("arrival", Match.UNKNOWN, reason)


_LENGTH = re.compile(rb"\n(?:content-length|l(?=[ \t:]))[ \t]*:[ \t]*([0-9]+)[ \t]*\r?\n", re.IGNORECASE)


def check_framing(message: SipMessage) -> Check | None:
    """Why pjsip_find_msg() does not find the message on a stream: it needs CRLF line ends, a Content-Length, and as
    much body.

    A message without any body may be one whose body was left out, and passes.
    """
    if message.transport == "UDP" or message.truncated:
        return None
    head, end, body = message.raw.lstrip(b"\r\n").partition(b"\n\r\n")
    if not end:
        return _end(WalkReason.NO_END_OF_HEADERS())
    length = _LENGTH.search(head + b"\n")
    if length is None:
        return _end(WalkReason.NO_LENGTH())
    if body and len(body) < int(length[1][:12]):
        return _end(WalkReason.SHORT_BODY(length=int(length[1][:12]), size=len(body)))
    return None


def check_answers(config: Config) -> Check | None:
    """Says that a running Asterisk was asked alone through an interface that leaves out what decides."""
    missing = [kind for kind in _NOT_LISTED if kind in config.not_shown]
    if not missing:
        return None
    return Check("arrival", Match.UNKNOWN, WalkReason.NOT_LISTED(kinds=", ".join(missing)))


def receive(request: Request, source: Address) -> Request:
    """The request with what pjsip_tpmgr_receive_packet() writes into its top Via."""
    top = request.via
    via = replace(top, received=source.ip, rport=top.rport or source.port)
    return Request(request.method, request.uri, [via if header is top else header for header in request.headers])


def arrive(request: Request, where_from: SourceSocket, config: Config) -> Check | None:
    """The check that refuses a parsed request before it is identified, or None."""
    return _acl(request, where_from, config) or _filter(request, config) or _distributor(request)


def find_listening(transport: str, destination: Address, config: Config) -> list[Transport]:
    """The transports that take packets of a protocol (UDP, TCP, TLS, WS, WSS) to a destination, most specific first.

    A destination whose address or port is not known (0.0.0.0, 0) may be any.
    """
    protocol = transport.lower()
    if is_web(protocol):
        return [t for t in config.listeners if is_web(t.protocol)]
    found = [t for t in config.listeners if t.protocol == protocol and _takes(t, destination)]
    return sorted(found, key=lambda t: _any(t.bind))


def transport_domain(received: Sequence[Transport], destination: Address, config: Config) -> str:
    """The `domain` of the transport that find_transport_state_in_use() takes a request to have come in on.

    It is the first, in hash order, of the UDP transport itself and all TCP and TLS transports of the same address and
    port: a TCP transport without a domain can hide the domain of the UDP transport beside it.
    """
    if not received or is_web(received[0].protocol):
        return ""
    here = received[0]
    place = (_name(here, destination), here.port)
    found = [
        transport
        for transport in config.transports.values()
        if transport is here
        or (transport.protocol in ("tcp", "tls") and (_name(transport, destination), transport.port) == place)
    ]
    if not found:
        return ""  # a second transport of one name leaves sockets without objects
    return min(found, key=lambda transport: str_hash(transport.name) % MEMORY_BUCKETS).domain


def _name(transport: Transport, destination: Address) -> str:
    """The address a transport goes by: one that is bound to all takes the host's own, where the packet went."""
    bind, went = _parse_ip(transport.bind), _parse_ip(destination.ip)
    if bind is not None and int(bind) == 0:
        return str(went) if went is not None and went.version == bind.version else f"any {bind.version}"
    return str(bind) if bind is not None else transport.bind


def is_web(transport: str) -> bool:
    """Whether it comes by the HTTP server, which hands requests on whatever transports there are (websocket_cb of
    res_pjsip_transport_websocket.c)."""
    return transport.lower() in ("ws", "wss")


def check_listening(transport: str, destination: Address, config: Config) -> Check | None:
    """Says that nothing listens where the packet went; None where something does."""
    found = find_listening(transport, destination, config)
    # A transport that is bound to a name takes packets to that name's addresses only, which the files do not have:
    # where no other transport listens there, nothing is certain.
    if found:
        named = next((t for t in found if _parse_ip(t.bind) is None and t.bind), None)
        if named is None or _is_unknown(destination.ip) or any(t is not named and _parse_ip(t.bind) for t in found):
            return None
        reason = WalkReason.BIND_IS_A_NAME(host=named.bind)
        bind = named.option("bind")
        return Check("arrival", Match.UNKNOWN, reason, bind.where if bind else named.where)
    ended = next((absent for absent in config.absent_modules if absent.is_fatal), None)
    if ended is not None:
        return replace(_end(quote_words(ended.reason)), where=ended.where)
    if "transport" in config.not_shown or is_web(transport):
        return None
    if not config.listeners:
        return _end(WalkReason.NO_TRANSPORT())
    place = "" if _is_unknown(destination.ip) else f" on {destination}"
    return _end(WalkReason.NOBODY_LISTENS(transport=transport.lower(), place=place))


def _takes(transport: Transport, destination: Address) -> bool:
    if destination.port and transport.port != destination.port:
        return False
    if _is_unknown(destination.ip):
        return True
    bind, address = _parse_ip(transport.bind), _parse_ip(destination.ip)
    return bind is None or address is None or (bind.version == address.version and (int(bind) == 0 or bind == address))


@lru_cache(maxsize=4096)
def _parse_ip(ip: str) -> Ip | None:
    try:
        return ipaddress.ip_address(ip.split("%", 1)[0])
    except ValueError:
        return None


def _any(bind: str) -> bool:
    parsed = _parse_ip(bind)
    return parsed is not None and int(parsed) == 0


def _is_unknown(ip: str) -> bool:
    return ip in ("", "0.0.0.0")


def _acl(request: Request, where_from: SourceSocket, config: Config) -> Check | None:
    """acl_on_rx_msg() of res_pjsip_acl.c."""
    if "acl" in config.not_shown:
        return Check("arrival", Match.UNKNOWN, WalkReason.HIDDEN_ACLS())
    for acl in config.acls:
        refused = denial(acl.acl, where_from, config) or contact_denial(acl.contact_acl, request, config)
        if refused is not None:
            match, reason = refused
            if match is Match.UNKNOWN:
                return Check("arrival", Match.UNKNOWN, reason, acl.where)
            status = 0 if request.method == "ACK" else 403
            return Check(
                "arrival",
                Match.NO_MATCH,
                WalkReason.DENIED_BY_ACL(name=acl.name, why=reason),
                acl.where,
                result=Outcome.NOT_IDENTIFIED,
                status=status,
            )
    return None


def _filter(request: Request, config: Config) -> Check | None:
    """on_rx_process_uris(): URI schemes, and the Contact that INVITE and its like need."""
    tel = has(config.version, "tel_identified")
    uris: Iterable[tuple[str, Uri]] = (
        ("request URI", request.uri),
        ("From", request.last_from.address.uri),
        ("To", request.last_to.address.uri),
    )
    for place, uri in uris:
        if not (isinstance(uri, PjSipUri) or (tel and (isinstance(uri, TelUri) or place == "request URI"))):
            return _end(WalkReason.SCHEME_NOT_TAKEN(place=place, scheme=uri.scheme, release=config.version), 416)
        _remove_marks(uri)
    if not request.contacts and request.method in DIALOG_METHODS:
        return _end(WalkReason.NO_CONTACT(method=request.method), 400)
    for contact in request.contacts:
        if contact.address is None:
            continue
        if not isinstance(contact.address.uri, PjSipUri):
            return _end(WalkReason.SCHEME_OF_CONTACT(scheme=contact.address.uri.scheme), 416)
        _remove_marks(contact.address.uri)
    return None


def _remove_marks(uri: Uri) -> None:
    """remove_x_ast_params()."""
    if isinstance(uri, PjSipUri) and uri.parameters:
        uri.parameters = [pair for pair in uri.parameters if not pair[0].startswith("x-ast-")]


def _distributor(request: Request) -> Check | None:
    if request.method in ("BYE", "CANCEL"):
        return _end(WalkReason.NO_DIALOG(method=request.method), 481)
    return None


def _end(reason: Reason, status: int = 0) -> Check:
    return Check("arrival", Match.NO_MATCH, reason, result=Outcome.NOT_IDENTIFIED, status=status)

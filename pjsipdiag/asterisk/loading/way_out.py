"""The transport by which the REGISTER of a registration can leave (`sip_dialog_create_contact` of
res_pjsip_outbound_registration.c, `pjsip_tpmgr_find_local_addr` of PJSIP).

A transport that `transport=` names serves, whatever server_uri says, if it is UDP, TCP or TLS. Without one, or where it
is not loaded, one must listen of the protocol and the family of addresses that server_uri asks for: a name counts as
IPv4. Else Asterisk drops the registration, and says in its log that it could not be created, not why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pjsipdiag.asterisk.config import Problem, Registration, Transport
from pjsipdiag.asterisk.loading.values.registration import parse_uri
from pjsipdiag.asterisk.pjsip.uri import NameAddress, PjSipUri
from pjsipdiag.asterisk.reasons.loading import LoadReason
from pjsipdiag.dataclass import dataclass

_SENDING = ("udp", "tcp", "tls")
"""The protocols by which Asterisk opens connections of its own."""


@dataclass(frozen=True, slots=True)
class WaysOut:
    """The transports that are loaded, by name, and all that listen."""

    transports: Mapping[str, Transport]
    sockets: Sequence[Transport]

    def missing(self, registration: Registration) -> Problem | None:
        """Why a registration has no way out; None where it has one."""
        name = registration.value("transport")
        named = self.transports.get(name) if name else None
        uri = parse_uri(registration.server_uri)
        server = uri.uri if isinstance(uri, NameAddress) else uri
        if (named and named.protocol in _SENDING) or not isinstance(server, PjSipUri):
            return None
        protocol = "tls" if server.scheme == "sips" else server.transport.lower() or "udp"
        is_version6 = ":" in server.host
        if protocol in _SENDING and any(
            one.protocol == protocol and (":" in one.bind) == is_version6 for one in self.sockets
        ):
            return None
        needed = {"protocol": protocol, "family": "IPv6" if is_version6 else "IPv4"}
        if name and not named:
            log = f"Unable to retrieve PJSIP transport '{name}'"
            reason = LoadReason.NAMED_WAY_OUT_MISSING(name=name, **needed)
            return Problem(reason, registration.line_of("transport"), log)
        return Problem(LoadReason.NO_WAY_OUT(**needed), registration.line_of("server_uri"))

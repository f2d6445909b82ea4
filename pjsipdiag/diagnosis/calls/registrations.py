"""What the PBX registers elsewhere: its own REGISTER requests, and the tokens by which calls come back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pjsipdiag.asterisk.config import Config
from pjsipdiag.diagnosis.calls.merge import Merged
from pjsipdiag.diagnosis.calls.pbx import Pbx
from pjsipdiag.sip import SipMessage, parameter, parse_uri


def own_registrations(merged: Merged, pbx: Pbx) -> Iterator[SipMessage]:
    """The REGISTER requests that the PBX sent."""
    for datagram in merged.registrations.values():
        if datagram.source[:-2] in pbx.addresses:
            yield datagram.message()


def tokens(registers: Sequence[SipMessage], config: Config) -> dict[str, str]:
    """Registration name -> the `line` token in the Contact of its REGISTER, by server, user and host of the AOR."""
    found: dict[str, str] = {}
    for register in registers:
        contact = register.header("Contact")
        token = parameter(contact.partition("<")[2].partition(">")[0], "line") or parameter(contact, "line")
        sender, server = register.from_uri, parse_uri(register.request_uri)
        if not token or sender is None or server is None:
            continue
        for registration in config.registrations.values():
            client, target = parse_uri(registration.client_uri), parse_uri(registration.server_uri)
            if not registration.line or client is None or target is None:
                continue
            if (client.user, client.host, target.host) == (sender.user, sender.host, server.host):
                found[registration.name] = token
    return found

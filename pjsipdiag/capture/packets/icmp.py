"""ICMP errors (RFC 792, RFC 4443) that quote a SIP packet: what did not arrive, and who says so."""

from __future__ import annotations

import re

from pjsipdiag.capture.packets.ip import ICMP, ICMP6, TCP, UDP
from pjsipdiag.capture.signs import Sign, SignKind
from pjsipdiag.capture.streams.start import START
from pjsipdiag.sip import SIP_PORTS, decode

_ERRORS = {ICMP: (3, 11, 12), ICMP6: (1, 2, 3, 4)}
"""Destination unreachable, packet too big, time exceeded, parameter problem."""
_FRAGMENT6 = 44
_CALL_ID = re.compile(rb"\n(?:Call-ID|i)[ \t]*:[ \t]*([^\r\n]+)\r?\n", re.IGNORECASE)


def error_about(protocol: int, teller: bytes, data: bytes) -> tuple[Sign, str] | None:
    """The error of an ICMP message from `teller` about a SIP packet, and the Call-ID that it quotes; None for any
    other.

    Routers may quote no more than the ports: such a packet may be SIP.
    """
    quoted = _quoted(protocol, data[8:]) if len(data) > 8 and data[0] in _ERRORS[protocol] else None
    if quoted is None:
        return None
    carried, source, destination, packet = quoted
    if carried not in (TCP, UDP) or len(packet) < 8:
        return None
    start = 8 if carried == UDP else (packet[12] >> 4) * 4 if len(packet) > 12 else len(packet)
    text, ports = packet[start:], (packet[:2], packet[2:4])
    is_sip = START.match(text) is not None
    # RFC 792 wants 8 bytes of the payload quoted, which are the ports and lengths: only the ports can tell SIP then.
    if text and not is_sip and not any(int.from_bytes(port, "big") in SIP_PORTS for port in ports):
        return None
    found = _CALL_ID.search(text)
    sign = Sign(
        SignKind.ICMP,
        data[0] << 8 | data[1],
        teller,
        source + ports[0],
        destination + ports[1],
        "UDP" if carried == UDP else "TCP",
        _about(text.lstrip(b"\r\n")) if is_sip else "",
    )
    return sign, decode(found[1].strip()) if found else ""


def _quoted(protocol: int, packet: bytes) -> tuple[int, bytes, bytes, bytes] | None:
    """The quoted packet's protocol, ends and payload; None for a later fragment and what is no packet."""
    if protocol == ICMP:
        if len(packet) < 20 or packet[0] >> 4 != 4 or int.from_bytes(packet[6:8], "big") & 0x1FFF:
            return None
        return packet[9], packet[12:16], packet[16:20], packet[(packet[0] & 15) * 4 :]
    if len(packet) < 48 or packet[0] >> 4 != 6:
        return None
    carried, payload = packet[6], packet[40:]
    if carried == _FRAGMENT6:
        if int.from_bytes(payload[2:4], "big") & 0xFFF8:
            return None
        carried, payload = payload[0], payload[8:]
    return carried, packet[8:24], packet[24:40], payload


def _about(text: bytes) -> str:
    """The method of a request, the status of an answer."""
    words = text.split(b" ", 2)
    return decode(words[1][:3] if words[0] == b"SIP/2.0" else words[0])

"""How TCP connections end that carry SIP, or were to carry it: refused, reset, or with a TLS alert."""

from __future__ import annotations

from collections.abc import Mapping

from pjsipdiag.capture.signs import Sign, SignKind, Signs, Times
from pjsipdiag.capture.streams.flow import Flow, ends, reverse
from pjsipdiag.capture.streams.hep import HepStream

RST, ACK = 4, 16
ALERT = b"\x15\x03"
"""How a TLS record of alerts begins (RFC 8446 section 5.1)."""
_PLAIN = b"\0\2"
"""The length of an alert that is not encrypted."""
_LEVELS = (1, 2)


def note_end(  # noqa: PLR0917  (as a segment is handed on)
    signs: Signs, flows: Mapping[bytes, Flow], time: int, flow: bytes, sequence: int, flags: int, payload: bytes
) -> None:
    """Notes what a segment with RST, or one that begins with ALERT, says of its connection.

    A reset that answers a SYN has the sequence number 0 (RFC 9293 section 3.10.7.1).
    """
    speaker, other = ends(flow)
    if flags & RST and flags & ACK and not sequence:
        sign = Sign(SignKind.REFUSED, 0, speaker[:-2], other[:-2] + b"\0\0", speaker, "TCP")
    elif flags & RST:
        if not any(map(_carries_sip, (flows.get(flow), flows.get(reverse(flow))))):
            return
        sign = Sign(SignKind.RESET, 0, speaker[:-2], other, speaker, "TCP")
    elif payload[3:5] == _PLAIN and len(payload) > 6 and payload[5] in _LEVELS:
        sign = Sign(SignKind.ALERT, payload[6], speaker[:-2], other, speaker, "TLS")
    else:
        return
    signs.add(sign, Times(1, time, time))


def _carries_sip(flow: Flow | None) -> bool:
    return flow is not None and flow.stream is not None and flow.stream.transport != HepStream.transport

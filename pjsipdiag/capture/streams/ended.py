"""How TCP connections end that carry SIP, or were to carry it: refused, reset, or with a TLS alert."""

from __future__ import annotations

from collections.abc import Mapping

from pjsipdiag.capture.signs import Sign, SignKind
from pjsipdiag.capture.streams.hep import HepStream
from pjsipdiag.capture.streams.sequence import distance
from pjsipdiag.capture.streams.tcp_flow import ACK, RST, Flow, ends, reverse

ALERT = b"\x15\x03"
"""How a TLS record of alerts begins (RFC 8446 section 5.1)."""
_PLAIN = b"\0\2"
"""The length of an alert that is not encrypted."""
_LEVELS = (1, 2)
NEAR_ENOUGH = 1 << 16
"""Bytes that a reset may lie behind the last one that is known: some may not be in the capture."""


def end_of(  # noqa: PLR0917  (as a segment is handed on)
    flows: Mapping[bytes, Flow], flow: bytes, sequence: int, flags: int, payload: bytes, acknowledges: int
) -> Sign | None:
    """The sign in a segment with RST, or one that begins with ALERT, about its connection; None where it does not fit.

    A reset that answers a SYN has the sequence number 0, and acknowledges it (RFC 9293 section 3.10.7.1); any other has
    the number that its receiver expects (RFC 5961 section 3), which is known by what was sent, or acknowledged, before.
    """
    speaker, other = ends(flow)
    sent, got = flows.get(flow), flows.get(reverse(flow))
    # A forged reset has to guess a 32-bit number: only one near to what its receiver expects is a sign.
    if flags & RST and flags & ACK and not sequence:
        if got is None or not got.sequence.opened or got.sequence.begin != acknowledges:
            return None
        return Sign(SignKind.REFUSED, 0, speaker[:-2], other[:-2] + b"\0\0", speaker, "TCP")
    expected = [sent.sequence.next] if sent is not None else []
    expected += [got.acknowledges] if got is not None and got.acknowledges else []
    fits = any(0 <= distance(number, sequence) < NEAR_ENOUGH for number in expected)
    if flags & RST:
        carries = _carries_sip(sent) or _carries_sip(got)
        return Sign(SignKind.RESET, 0, speaker[:-2], other, speaker, "TCP") if fits and carries else None
    if payload[3:5] == _PLAIN and len(payload) > 6 and payload[5] in _LEVELS and (fits or not expected):
        return Sign(SignKind.ALERT, payload[6], speaker[:-2], other, speaker, "TLS")
    return None


def _carries_sip(flow: Flow | None) -> bool:
    return flow is not None and flow.stream is not None and flow.stream.transport != HepStream.transport

"""How a TCP flow begins that is of interest, and what reads it then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

from pjsipdiag.capture.streams import hep, websocket
from pjsipdiag.capture.streams.start import may_start_sip, starts_like_sip
from pjsipdiag.capture.streams.stream import MessageStream
from pjsipdiag.capture.streams.tcp_flow import Stream


def _starts_sip(payload: bytes) -> bool:
    return starts_like_sip(payload[:64]) or may_start_sip(payload)


def _may_be_sip(payload: bytes) -> bool:
    return _starts_sip(payload) or not payload.strip(b"\r\n")


def join_stream(payload: bytes, undecoded: Counter[str]) -> Stream:
    """The reader of a flow whose first known segment, `payload`, holds SIP further on."""
    return hep.HepStream(undecoded, joined=True) if hep.HEP_MAGIC in payload else MessageStream(undecoded, joined=True)


BEGINNINGS = (_starts_sip, websocket.starts_frame, hep.looks_like)
"""How a segment looks that begins with a message, as nearly every one does in the middle of a connection."""

STREAMS: tuple[tuple[Callable[[bytes], bool], Callable[[Counter[str]], Stream]], ...] = (
    (websocket.starts_upgrade, websocket.WebSocketStream),
    (hep.looks_like, hep.HepStream),
    (_may_be_sip, MessageStream),
    (websocket.starts_frame, partial(websocket.WebSocketStream, upgraded=True)),
)
"""How the first bytes of a flow look -> what reads it."""

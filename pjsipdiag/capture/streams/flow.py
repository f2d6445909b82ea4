"""One direction of a TCP connection, and the key by which it is known."""

from __future__ import annotations

from pjsipdiag.capture.streams.hep import HepStream
from pjsipdiag.capture.streams.sequence import Direction
from pjsipdiag.capture.streams.stream import MessageStream
from pjsipdiag.capture.streams.websocket import WebSocketStream

Stream = MessageStream | WebSocketStream | HepStream


class Flow:
    """One direction of one connection; `stream` reads its bytes once its first ones told what they are."""

    __slots__ = ("direction", "ends", "frame", "lost", "sequence", "stream", "time")

    def __init__(self, flow: bytes, begin: int, time: int, opened: bool) -> None:
        self.ends = ends(flow)
        self.sequence = Direction(begin, opened)
        self.stream: Stream | None = None
        self.lost = False
        self.time = time
        self.frame = 0
        self.direction = ""

    @property
    def waiting(self) -> int:
        return self.sequence.waiting + (self.stream.waiting if self.stream else 0)


def reverse(flow: bytes) -> bytes:
    """The flow of the other direction."""
    size = (len(flow) - 4) // 2
    return flow[size : 2 * size] + flow[:size] + flow[-2:] + flow[-4:-2]


def ends(flow: bytes) -> tuple[bytes, bytes]:
    """The packed source and destination of `flow`."""
    size = (len(flow) - 4) // 2
    return flow[:size] + flow[-4:-2], flow[size : 2 * size] + flow[-2:]


def port_pair(flow: bytes) -> int:
    """Source and destination port of `flow` as one number."""
    return int.from_bytes(flow[-4:], "big")

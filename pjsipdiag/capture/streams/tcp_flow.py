"""One direction of a TCP connection, and the key by which it is known."""

from __future__ import annotations

from pjsipdiag.capture.datagram import TOLD
from pjsipdiag.capture.streams.hep import HepStream
from pjsipdiag.capture.streams.sequence import Direction
from pjsipdiag.capture.streams.stream import MessageStream
from pjsipdiag.capture.streams.websocket import WebSocketStream

Stream = MessageStream | WebSocketStream | HepStream
SYN, RST, ACK = 2, 4, 16
"""Flags of a segment (RFC 9293 section 3.1)."""


class Flow:
    """One direction of one connection; `stream` reads its bytes once its first ones told what they are.

    `acknowledges` is what its last segment did. `shown` says that a segment acknowledged what the other side sent,
    `told` that one was in a tunnel. `former` had the same ports before, and may still go on.
    """

    __slots__ = (
        "acknowledges",
        "direction",
        "former",
        "frame",
        "lost",
        "sequence",
        "shown",
        "stream",
        "time",
        "told",
    )

    def __init__(self, begin: int, time: int, opened: bool) -> None:
        self.sequence = Direction(begin, opened)
        self.stream: Stream | None = None
        self.lost = False
        self.time = time
        self.frame = 0
        self.direction = ""
        self.acknowledges = 0
        self.shown = self.told = False
        self.former: Flow | None = None

    @property
    def waiting(self) -> int:
        return self.sequence.waiting + (self.stream.waiting if self.stream else 0)

    @property
    def is_begun(self) -> bool:
        """Whether it may go on: it was opened, or anything of it was read or is kept."""
        return self.sequence.opened or self.stream is not None or self.sequence.waiting > 0

    def turn(self, direction: str) -> None:
        """From here on its segments have another direction."""
        self.direction = direction
        self.told = self.told or direction.startswith(TOLD)

    def is_answered_by(self, other: Flow) -> bool:
        """Whether it acknowledges what the `other` side sent, which does not come from where it comes from itself."""
        alike = self.direction and self.direction == other.direction
        return not other.told and not alike and other.sequence.holds(self.acknowledges)

    def both(self) -> tuple[Flow, ...]:
        """It and the former one."""
        return (self, self.former) if self.former else (self,)

    def forget(self) -> int:
        """Drops what waits, and says how many bytes that were."""
        waiting = self.waiting
        self.sequence.forget()
        self.stream = None
        return waiting


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

"""One direction of a TCP connection, and the key by which it is known."""

from __future__ import annotations

import marshal
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

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
    def waiting_bytes(self) -> int:
        return self.sequence.waiting + (self.stream.waiting_bytes if self.stream else 0)

    @property
    def is_begun(self) -> bool:
        """Whether it may go on: it was opened, or anything of it was read or is kept."""
        return self.sequence.opened or self.stream is not None or self.sequence.waiting > 0

    @property
    def has_rest(self) -> bool:
        """Whether anything is left to tell of it where it ends."""
        return self.former is not None or self.sequence.has_gap or bool(self.stream and self.stream.waiting_bytes)

    def turn(self, direction: str) -> None:
        """Gives its segments another direction from here on."""
        self.direction = direction
        self.told = self.told or direction.startswith(TOLD)

    def is_answered_by(self, other: Flow) -> bool:
        """Whether it acknowledges what the `other` side sent, which does not come from where it comes from itself."""
        alike = self.direction and self.direction == other.direction
        return not other.told and not alike and other.sequence.holds(self.acknowledges)

    def both(self) -> tuple[Flow, ...]:
        """This flow and its former one."""
        return (self, self.former) if self.former else (self,)

    def forget(self) -> int:
        """Drops what waits, and says how many bytes that were."""
        waiting = self.waiting_bytes
        self.sequence.forget()
        self.stream = None
        return waiting


class Flows(dict[bytes, Flow]):
    """Flows by their keys. Most wait for nothing: these are pickled as numbers, in a twentieth of the time."""

    def __reduce__(self) -> tuple[Callable[..., Flows], tuple[bytes, dict[bytes, Flow]]]:
        idle = [(key, _idle(flow)) for key, flow in self.items()]
        return _unpacked, (marshal.dumps(idle), {key: self[key] for key, row in idle if row is None})


def _idle(flow: Flow) -> tuple[Any, ...] | None:
    """All that there is of a flow that stands between two messages as most do, for `_made`; None for another one."""
    sequence, stream = flow.sequence, flow.stream
    if flow.has_rest or not (stream is None or (type(stream) is MessageStream and stream.is_between)):
        return None
    place = sequence.begin, sequence.next, sequence.opened
    last = flow.time, flow.frame, flow.direction, flow.acknowledges
    return *place, *last, flow.lost, flow.shown, flow.told, stream is not None


def _made(row: tuple[Any, ...], undecoded: Counter[str]) -> Flow:
    begin, next_, opened, time, frame, direction, acknowledges, lost, shown, told, is_read = row
    flow = Flow(begin, time, opened)
    flow.sequence.next, flow.frame, flow.direction, flow.acknowledges = next_, frame, direction, acknowledges
    flow.lost, flow.shown, flow.told = lost, shown, told
    if is_read:
        flow.stream = MessageStream.start_between(undecoded)
    return flow


def _unpacked(idle: bytes, others: dict[bytes, Flow]) -> Flows:
    """Flows in their order; what they cannot decode is counted by who takes them up (`FlowTable.take_up`)."""
    rows: Iterable[tuple[bytes, tuple[Any, ...] | None]] = marshal.loads(idle)
    undecoded = Counter[str]()
    return Flows((key, others[key] if row is None else _made(row, undecoded)) for key, row in rows)


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

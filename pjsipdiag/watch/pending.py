"""Messages of calls that are not settled yet: only whole calls are judged, and each message once.

A call is what has one Call-ID. It is settled when its last request has a final answer and nothing came for GRACE (a
caller that was challenged tries again at once), or when TRANSACTION_TIMEOUT has passed since it began (timers B and F
of RFC 3261 section 17.1: then nobody waits for an answer any more; who rings so long was let in). Messages inside of
calls say nothing of how they were let in and are not kept, but for ACK, which shows that its sender got the answer.
"""

from __future__ import annotations

from dataclasses import field

from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.calls.fold import IN_DIALOG
from pjsipdiag.diagnosis.calls.heads import call_id, value_of
from pjsipdiag.watch.sources.source import FilePosition

SECOND = 1_000_000_000
"""In nanoseconds, as all times of packets are."""
GRACE = 2 * SECOND
TRANSACTION_TIMEOUT = 32 * SECOND
WAITING_BYTES = 32 << 20
"""Bytes of messages that wait: beyond, the oldest talks are given up."""
MOST_OF_ONE = 200
"""Messages of one Call-ID that are kept together: whoever uses it for ever is judged in parts."""


@dataclass(slots=True)
class Talk:
    """The messages of one Call-ID; `first` and `last` are their times in nanoseconds since 1970, `is_answered` is
    whether the last request has its answer, `place` that of the first message."""

    first: int
    last: int
    place: FilePosition | None
    is_answered: bool = False
    messages: list[Datagram] = field(default_factory=list)

    def is_settled(self, now: int) -> bool:
        if self.is_answered:
            return now - self.last >= GRACE or len(self.messages) >= MOST_OF_ONE
        return now - self.first >= TRANSACTION_TIMEOUT


class PendingTalks:
    """The talks that wait; `overrun` counts those that were given up for the memory they took, unjudged."""

    def __init__(self) -> None:
        self.size = 0
        self.overrun = 0
        self._talks: dict[bytes, Talk] = {}

    def add(self, datagram: Datagram, place: FilePosition | None) -> None:
        payload = datagram.payload.lstrip(b"\r\n")
        answer = payload.startswith(b"SIP/2.0 ")
        method = value_of(payload, b"cseq").rpartition(b" ")[2] if answer else payload[: payload.find(b" ")]
        name = call_id(payload)
        talk = self._talks.get(name)
        if talk is None:
            if answer or method in IN_DIALOG:
                return
            talk = self._talks[name] = Talk(datagram.time, datagram.time, place)
        elif method in IN_DIALOG and method != b"ACK":
            return
        talk.last = datagram.time
        if method != b"ACK":
            talk.is_answered = answer and b"2" <= payload[8:9] <= b"6"
        talk.messages.append(datagram)
        self.size += len(payload)

    def take_settled(self, now: int) -> list[Datagram]:
        """The messages of the talks that are settled at `now`, in the order of time; they are kept no longer."""
        return self._take([name for name, talk in self._talks.items() if talk.is_settled(now)])

    def take_all(self) -> list[Datagram]:
        """The messages of all talks: nothing more comes."""
        return self._take([*self._talks])

    def trim(self) -> None:
        """Gives up the oldest talks where all together are too large."""
        for name, talk in [*self._talks.items()]:
            if self.size <= WAITING_BYTES:
                break
            self.overrun += 1
            self.size -= sum(len(one.payload) for one in talk.messages)
            del self._talks[name]

    @property
    def place(self) -> FilePosition | None:
        """Where the oldest talk begins; None where none waits."""
        return min((talk.place for talk in self._talks.values() if talk.place), default=None)

    def _take(self, names: list[bytes]) -> list[Datagram]:
        found = [datagram for name in names for datagram in self._talks.pop(name).messages]
        self.size -= sum(len(one.payload) for one in found)
        return sorted(found, key=lambda one: one.time)

"""Messages that the thread of a source has read and nobody has taken yet, in bounded memory.

While something is judged and told, the thread reads on. Where even this is full, it waits, and what comes meanwhile is
kept by the kernel; what the kernel drops is counted there.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Condition, Event, Thread

from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.watch.sources.source import FilePosition, Source

AHEAD_BYTES = 4 << 20
"""Bytes that are read ahead: beyond, the thread waits."""
OVERHEAD = 400
"""Bytes that a message takes beside its text."""
ROOM_SECONDS, JOIN_SECONDS = 0.5, 15.0
"""Seconds between two looks whether there is room, and those in which a source has to end."""

Received = tuple[Datagram, FilePosition | None]


class Feed:
    """Reads `source` from `start` on until it ends or `stop` is called."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._stop = Event()
        self._items: list[Received] = []
        self._size = 0
        self._condition = Condition()
        self._error: Exception | None = None
        self._closed = False
        self._thread = Thread(target=self._read, name="source", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def take(self, seconds: float) -> Sequence[Received]:
        """The messages that have come, waiting at most so long for one. An error of the source is raised once all its
        messages were taken."""
        with self._condition:
            if not self._items and self._thread.is_alive():
                self._condition.wait(seconds)
            items, self._items, self._size = self._items, [], 0
            self._condition.notify_all()
        if not items and not self._thread.is_alive() and self._error is not None:
            error, self._error = self._error, None
            raise error
        return items

    @property
    def has_ended(self) -> bool:
        """Whether nothing more comes, and all was taken."""
        return not self._thread.is_alive() and not self._items

    def stop(self) -> None:
        """Has the source end; what it has read can still be taken."""
        self._stop.set()

    def close(self) -> None:
        """Has the source end, and waits until it has; what it has read is not wanted any more."""
        self._stop.set()
        self._closed = True
        if self._thread.ident is not None:
            self._thread.join(JOIN_SECONDS)

    def _read(self) -> None:
        try:
            self.source.read(self._put, self._stop)
        except Exception as error:
            self._error = error
        with self._condition:
            self._condition.notify_all()

    def _put(self, datagram: Datagram, place: FilePosition | None) -> None:
        with self._condition:
            while self._size > AHEAD_BYTES and not self._closed:
                self._condition.wait(ROOM_SECONDS)
            self._items.append((datagram, place))
            self._size += len(datagram.payload) + OVERHEAD
            self._condition.notify_all()

"""The interface of a source, and captures that are read as their bytes come."""

from __future__ import annotations

import io
import os
import select
from collections.abc import Callable, Iterator
from threading import Event
from typing import Protocol

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.formats.pieces import pieces
from pjsipdiag.capture.formats.scan import scan
from pjsipdiag.capture.packets.dissect import Dissector
from pjsipdiag.errors import CaptureError

STOP_SECONDS, GATHER_SECONDS = 0.2, 0.02
"""Seconds between two looks at whether to stop, and those in which more of what has begun to come is waited for."""
READ_AT_ONCE = 1 << 18
"""Bytes that are read at once."""
TIDY = 15 * 60 * 1_000_000_000
"""Nanoseconds of the capture after which connections and fragments that nobody ends are given up."""

FilePosition = tuple[int, int]
"""(time of a file's first record in nanoseconds since 1970, number of a record in it): from there a restart goes on."""
Put = Callable[[Datagram, "FilePosition | None"], None]


class Source(Protocol):
    """`tally` counts what was read and passed over; `name` says what is read."""

    name: str
    tally: Tally

    def read(self, put: Put, stop: Event) -> None:
        """Hands all datagrams to `put`, until the source ends or `stop` is set. Raises CaptureError."""
        ...

    def count_lost(self) -> int | None:
        """How many packets were lost before they got here; None where that is not known."""
        ...


class Records:
    """Pieces of captures -> datagrams, with what goes on from one piece and one file to the next."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._dissector = Dissector(tally)
        self._tidied = 0

    def datagrams(self, read: Callable[[], bytes]) -> Iterator[Datagram]:
        """The messages of the capture that `read` gives bytes of."""
        for piece in pieces(read, self._tally.file):
            for datagram in scan(io.BytesIO(piece), self._tally, self._dissector):
                yield datagram
                if datagram.time - self._tidied > TIDY:
                    yield from self._tidy(datagram.time)
            yield from self._late()

    def finish(self) -> Iterator[Datagram]:
        """The messages that are complete only because nothing more comes."""
        yield from self._dissector.finish()
        yield from self._late()

    def _tidy(self, now: int) -> Iterator[Datagram]:
        self._tidied = now
        yield from self._dissector.finish(now)

    def _late(self) -> Iterator[Datagram]:
        late, self._dissector.late[:] = [*self._dissector.late], []
        return iter(late)


def reading(descriptor: int, stop: Event) -> Callable[[], bytes]:
    """Reads what comes through a pipe: what is there, and what follows at once; nothing at the end or on `stop`."""

    def read() -> bytes:
        data = b""
        while not data and not stop.is_set():
            if not select.select([descriptor], [], [], STOP_SECONDS)[0]:
                continue
            data = os.read(descriptor, READ_AT_ONCE)
            if not data:
                break
            while len(data) < READ_AT_ONCE and select.select([descriptor], [], [], GATHER_SECONDS)[0]:
                more = os.read(descriptor, READ_AT_ONCE)
                data += more
                if not more:
                    break
        return data

    return read


class PipedCapture:
    """A capture that comes through a pipe, as standard input."""

    def __init__(self, descriptor: int, name: str) -> None:
        self.name, self.tally, self._descriptor = name, Tally(name), descriptor

    def read(self, put: Put, stop: Event) -> None:
        records = Records(self.tally)
        try:
            for datagram in records.datagrams(reading(self._descriptor, stop)):
                put(datagram, None)
        except CaptureError:
            if not stop.is_set():
                raise
        for datagram in records.finish():
            put(datagram, None)

    def count_lost(self) -> int | None:
        return None

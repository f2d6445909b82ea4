"""Where the heads of INVITEs wait until it is known how they are judged: in memory first, then in a temporary file.

Which requests Asterisk received, which release it was and what its files say is known only at the end of a capture.
A spool travels with its fold: its bytes are what is pickled, except to the process that shares its file.
"""

from __future__ import annotations

import os
import signal
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

MOST_IN_MEMORY, BUFFER = 8 << 20, 1 << 18
"""Bytes in memory before they go to a file; once there is one, so few that the processor's cache still holds them."""
READ_WINDOW, JUMP = 1 << 20, 1 << 11
"""Bytes that are read at once: up to the first, growing, where reading goes on in order; the second elsewhere."""

LEVEL = 1
"""Heads resemble each other: the quickest compression takes nine bytes of ten."""


class Spool:
    """Bytes that are appended once and read by (offset, length), best in order."""

    def __init__(self, most: int = MOST_IN_MEMORY) -> None:
        self._file: BinaryIO | None = None
        self._most, self._shared = most, False
        self._tail = bytearray()
        self._flushed = 0
        self._window = b""
        self._window_at = 0

    def __del__(self) -> None:
        if self._file is not None:
            self._file.close()

    def __getstate__(self) -> int | bytes:
        """Its content; its size alone where the file is shared with the process that it was forked from."""
        if self._shared:
            self.flush()
            return self._flushed
        return zlib.compress(self.content(), LEVEL)

    def __setstate__(self, state: int | bytes) -> None:
        self.__init__()  # type: ignore[misc]  # (an empty one that is filled, or knows how much the file holds)
        if isinstance(state, int):
            self._flushed = state
        else:
            self.append(zlib.decompress(state))

    def share(self) -> Spool:
        """Opens the file, so that a process forked from here fills it for this one."""
        self._file, self._most, self._shared = _open(), BUFFER, True
        return self

    def adopt(self, filled: Spool) -> Spool:
        """The spool that another process filled: this one where it shares its file, else what it sent."""
        if not self._shared:
            return filled
        self._flushed = filled._flushed
        return self

    def content(self) -> bytes:
        """All that it holds."""
        flushed = os.pread(self._file.fileno(), self._flushed, 0) if self._file is not None else b""
        return flushed + self._tail

    def append(self, data: bytes) -> int:
        """Keeps `data` and says at which offset."""
        at = self._flushed + len(self._tail)
        self._tail += data
        if len(self._tail) > self._most:
            self.flush()
        return at

    def flush(self) -> None:
        """Moves what is in memory to the file, so that another process that shares it can read it."""
        if self._file is None:
            self._file = _open()
        self._most = BUFFER
        rest = memoryview(self._tail)
        while rest:
            written = os.pwrite(self._file.fileno(), rest, self._flushed)
            self._flushed += written
            rest = rest[written:]
        self._tail = bytearray()

    def read(self, offset: int, length: int) -> bytes:
        at = offset - self._window_at
        if 0 <= at <= len(self._window) - length:
            return self._window[at : at + length]
        if offset >= self._flushed:
            at = offset - self._flushed
            return bytes(self._tail[at : at + length])
        assert self._file is not None
        size = len(self._window)
        wanted = min(4 * size, READ_WINDOW) if 0 < at < 2 * size else JUMP
        self._window, self._window_at = os.pread(self._file.fileno(), max(wanted, length), offset), offset
        return self._window[:length]


class SpoolView(Spool):
    """The bytes of another spool from some place on; they are only read."""

    def __init__(self, spool: Spool, at: int) -> None:
        super().__init__()
        self._spool, self._at = spool, at

    def read(self, offset: int, length: int) -> bytes:
        return self._spool.read(self._at + offset, length)


def _open() -> BinaryIO:
    import tempfile  # costs more than the small captures that need none

    # The first one looks for a folder by a file that it writes there: a signal before it is gone again would leave it.
    with _without_signals():
        return tempfile.TemporaryFile(prefix="pjsipdiag-", buffering=0)


@contextmanager
def _without_signals() -> Iterator[None]:
    """Signals wait, where a system has them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

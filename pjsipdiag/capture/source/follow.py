"""A capture that is still being written, to a file or a pipe: reading waits for more bytes until it is told to end.

The caller decides when it is over, by setting `stop` (an interrupt) or by a time. Whatever was written to a file until
then is read to its end first. Where a rotation cuts the file or puts another in its place, that is what follows.
"""

from __future__ import annotations

import io
import os
import select
import stat
import time
from pathlib import Path
from threading import Event

from pjsipdiag.capture.source.location import open_plain
from pjsipdiag.errors import CaptureError

GROWTH_PAUSE = 0.1
"""Seconds between two looks at the end of the file."""


class GrowingFile(io.RawIOBase):
    """The file at `path`, and what stands there after it; the end is reported once `stop` is set or `seconds` have
    passed, never before.

    A read gives what is there, which may be less than was asked for. Raises CaptureError when it cannot be opened.
    """

    def __init__(self, path: str | Path, stop: Event, seconds: float | None = None) -> None:
        super().__init__()
        try:
            self._file = open_plain(Path(path), waits=False)  # closed with this object
        except OSError as error:
            super().close()  # so that the collector does not close a file that was never opened
            raise CaptureError(f"{path}: {error.strerror or error}") from error
        self._path, self._stop = Path(path), stop
        self._end = None if seconds is None else time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._file.fileno()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer has no name in 3.11
        while True:
            over, is_other = self._over(), self._is_other()
            size = self._file.readinto(buffer)
            if size or (over and not is_other):
                return size or 0
            if is_other:
                self._file.close()
                self._file = open_plain(self._path, waits=False)
            else:
                self._stop.wait(GROWTH_PAUSE)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def _over(self) -> bool:
        return self._stop.is_set() or (self._end is not None and time.monotonic() >= self._end)

    def _is_other(self) -> bool:
        """Whether another file stands at the path, or the same one begun anew."""
        own = os.fstat(self._file.fileno())
        try:
            there = self._path.stat()
        except OSError:  # the next one will come
            return False
        is_same = (own.st_dev, own.st_ino) == (there.st_dev, there.st_ino)
        return not is_same or (stat.S_ISREG(own.st_mode) and own.st_size < self._file.tell())


class PipeStream(io.RawIOBase):
    """The bytes that come through the pipe `descriptor`, until it ends, `stop` is set or `seconds` have passed."""

    def __init__(self, descriptor: int, stop: Event, seconds: float | None = None) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._stop = stop
        self._end = None if seconds is None else time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer has no name in 3.11
        while not self._stop.is_set() and (self._end is None or time.monotonic() < self._end):
            if select.select([self._descriptor], [], [], GROWTH_PAUSE)[0]:
                return os.readv(self._descriptor, [buffer])
        return 0

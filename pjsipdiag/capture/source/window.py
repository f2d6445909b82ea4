"""A reused buffer that slides over a stream: big reads, no copy of what is passed over.

`buffer[:end]` holds bytes `base` to `base + end` of the stream; after `end` there are always PADDING zero bytes, so
that fixed fields can be unpacked without asking whether the last record is whole.
"""

from __future__ import annotations

import io
from typing import BinaryIO

WINDOW_SIZE = 1 << 20
PADDING = 256


class Window:
    """Slides forward with `advance`; `ended` says that the stream holds no more than the buffer does.

    `view` is a memoryview of `buffer`.
    `limit` is the number of bytes of the stream that are read at most (a part of a capture), None for all.
    """

    def __init__(self, stream: io.RawIOBase | BinaryIO, base: int = 0, limit: int | None = None) -> None:
        self.buffer = bytearray(WINDOW_SIZE + PADDING)
        self.base = base
        self.end = 0
        self.ended = False
        self._stream = stream
        self._left = limit
        self.view = memoryview(self.buffer)

    def advance(self, to: int) -> None:
        """Makes `buffer[to]` the first byte, `to` being at most `end`, and fills the rest."""
        kept = self.end - to
        self.buffer[:kept] = self.view[to : self.end]
        self.base += to
        self.end = kept
        while not self.ended and self.end < WINDOW_SIZE:
            self._fill(self.end, WINDOW_SIZE - self.end)
        self.view[self.end : self.end + PADDING] = bytes(PADDING)

    def skip(self, to: int) -> int:
        """Makes the byte `to`, which lies after `end`, the first one without keeping what is before it.

        Answers where it is now: 0, or more when the stream ends before it.
        """
        left = to - self.end
        self.base += self.end
        self.end = 0
        while left and not self.ended:
            self._fill(0, min(left, WINDOW_SIZE))
            left -= self.end
            self.base += self.end
            self.end = 0
        self.advance(0)
        return left

    def _fill(self, at: int, size: int) -> None:
        if self._left is not None:
            size = min(size, self._left)
        if not size:
            self.ended = True
            return
        got: int = self._stream.readinto(self.view[at : at + size]) or 0  # type: ignore[union-attr]  # every raw file has it
        self.ended = not got
        self.end = at + got
        if self._left is not None:
            self._left -= got

"""Captures as a stream of bytes: plain, gzip, zstd, xz or bzip2, a file or standard input.

Compression is recognised by content, not by name. Decompression runs ahead in a thread and never makes more than
CONTENT_CHUNK bytes at a time and BATCHES_AHEAD batches of them in all, whatever the ratio. A compressed file that is
cut or damaged gives what it holds, and says so.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import get_ident
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from pjsipdiag.capture.source.libraries import COMPRESSIONS, CONTENT_CHUNK, Decompressor

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

_T = TypeVar("_T")
COMPRESSED_CHUNK = 1 << 16
CONTENT_BATCH, BATCHES_AHEAD = 1 << 19, 4
"""Bytes that are handed over at once, and how many times as much is ready at most."""

UNUSUAL, MOST_RATIO = 64 << 20, 400
"""From so much content on, more than so many bytes out of one are no capture: a file made to fill machines."""


class PeekedStream(io.RawIOBase):
    """A stream whose first bytes were looked at and are given again."""

    def __init__(self, stream: BinaryIO | io.RawIOBase, head: bytes) -> None:
        super().__init__()
        self._stream, self._head = stream, memoryview(head)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub has a private buffer type
        if not self._head:
            return self._stream.readinto(buffer) or 0  # type: ignore[union-attr]  # every raw or buffered file has it
        size = min(len(buffer), len(self._head))
        buffer[:size], self._head = self._head[:size], self._head[size:]
        return size


class GuardedStream(io.RawIOBase):
    """A stream from byte `start` on that ends where it cannot be read any further; `damage` then says where and why."""

    def __init__(self, stream: BinaryIO | io.RawIOBase, damage: list[str], start: int = 0) -> None:
        super().__init__()
        self._stream, self._damage = stream, damage
        self._read = start

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub has a private buffer type
        try:
            got: int = self._stream.readinto(buffer) or 0  # type: ignore[union-attr]  # every binary file has it
        except OSError as error:
            self._damage.append(f"read error at byte {self._read}: {error.strerror or error}")
            return 0
        self._read += got
        return got


class _InLine:
    """Does at once what it is told, where no thread can be started: in a browser, or at the limit of processes."""

    def submit(self, work: Callable[[], _T]) -> Future[_T]:
        from concurrent.futures import Future

        done = Future[_T]()
        done.set_result(work())
        return done

    def shutdown(self, *, wait: bool, cancel_futures: bool) -> None:
        """Nothing is under way."""


class DecompressedStream(io.RawIOBase):
    """The content of a compressed stream; members one after another are one content."""

    def __init__(
        self,
        stream: io.RawIOBase,
        make: Callable[[], Decompressor],
        damage: list[str],
        from_byte: Callable[[int], io.RawIOBase] | None,
        *,
        any_ratio: bool,
    ) -> None:
        """`from_byte` gives the compressed bytes from one on again, where they can be had again."""
        from concurrent.futures import ThreadPoolExecutor  # with logging and queues: most captures are not compressed

        super().__init__()
        self._stream, self._make, self._damage, self._any_ratio = stream, make, damage, any_ratio
        self._object: Decompressor | None = None
        self._rest = b""
        self._worker: int | None = None
        self._taken = self._given = 0
        self._first, self._of_first = b"", 0
        """The bytes that the member at hand began with, and how much came of it; of longer ones they are not all."""
        self._from_byte = from_byte
        self._read = self._member_at = self._piece_at = 0
        """How many bytes were read, and where the member and the last piece of it began."""
        self._saved: Iterator[bytes] = iter(())
        """Content from before damage, to be given yet."""
        self._pool: Executor | _InLine = ThreadPoolExecutor(1)
        try:
            self._ahead = deque(self._pool.submit(self._batch) for _ in range(BATCHES_AHEAD))
        except RuntimeError:
            self._pool = _InLine()
            self._ahead = deque(self._pool.submit(self._batch) for _ in range(BATCHES_AHEAD))
        self._ready: Iterator[bytes] = iter(())
        self._now = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub has a private buffer type
        while not self._now:
            following = next(self._ready, None)
            if following is not None:
                self._now = memoryview(following)
                continue
            batch = self._ahead.popleft().result()
            self._ahead.append(self._pool.submit(self._batch))
            if not batch:
                return 0
            self._ready = iter(batch)
        size = min(len(buffer), len(self._now))
        buffer[:size], self._now = self._now[:size], self._now[size:]
        return size

    def close(self) -> None:
        # The collector may close this in the pool's own thread, which cannot wait for itself.
        self._pool.shutdown(wait=get_ident() != self._worker, cancel_futures=True)
        super().close()

    def _batch(self) -> list[bytes]:
        """The next pieces of content, about CONTENT_BATCH bytes; none at the end."""
        self._worker = get_ident()
        pieces: list[bytes] = []
        size = 0
        while size < CONTENT_BATCH and (content := self._more()):
            pieces.append(content)
            size += len(content)
        return pieces

    def _more(self) -> bytes:
        """The next content, about CONTENT_CHUNK bytes at most; nothing at the end or after damage."""
        content = b""
        # The compressed bytes are asked for only when the library needs them: it may still hold output, and what it is
        # given meanwhile it keeps, without a bound. A member that ends is followed by the next one, as `gzip -c a b`
        # writes them.
        while not content and not self._damage:
            raw = b""
            if self._object is None or self._object.needs_input:
                raw, self._rest = self._rest, b""
                if not raw:
                    raw = self._stream.read(COMPRESSED_CHUNK) or b""
                    self._read += len(raw)
                self._piece_at = self._read - len(raw)
                self._taken += len(raw)
                if not raw:
                    if self._object is not None:
                        self._damage.append("the compressed file ends early")
                    break
            try:
                if self._object is None:
                    self._object, self._first, self._of_first = self._make(), b"", 0
                    self._member_at = self._piece_at
                if len(self._first) <= COMPRESSED_CHUNK:
                    self._first += raw
                content = self._object.decompress(raw, CONTENT_CHUNK)
            except ModuleNotFoundError as error:  # in a browser, where not every library is
                self._damage.append(f"{error.name} is not here: decompress the file before")
            except Exception as error:  # each library has errors of its own
                self._damage.append(f"the compressed file is damaged: {error}")
                self._saved = self._salvaged()
            else:
                self._given += len(content)
                self._of_first += len(content)
                if self._grows_too_much():
                    self._damage.append(
                        f"the compressed file grows more than {MOST_RATIO} times, which no capture does: diagnose it"
                        " with --any-ratio, or decompress it"
                    )
                if self._object.eof:
                    self._taken -= len(self._object.unused_data)
                    self._rest, self._object = self._object.unused_data.lstrip(b"\0"), None
        return content or next(self._saved, b"")

    def _grows_too_much(self) -> bool:
        return not self._any_ratio and self._given > max(UNUSUAL, self._taken * MOST_RATIO)

    def _salvaged(self) -> Iterator[bytes]:
        """The content before the damage of the last piece: of what a library is given at once, it gives nothing where
        it fails."""
        content, known = bytearray(), self._of_first
        with suppress(Exception):
            again = self._make()
            for piece in self._pieces_again():
                if self._grows_too_much():
                    break
                got = again.decompress(piece, CONTENT_CHUNK)
                while got:
                    content += got[known:]
                    self._given += len(got[known:])
                    known = max(0, known - len(got))
                    got = again.decompress(b"", CONTENT_CHUNK) if not (again.needs_input or again.eof) else b""
                if len(content) > CONTENT_CHUNK:
                    yield bytes(content)
                    content.clear()
        if content:
            yield bytes(content)

    def _pieces_again(self) -> Iterator[bytes]:
        """The compressed bytes of the member at hand, those of the last piece one by one."""
        last = self._first
        if len(self._first) > COMPRESSED_CHUNK:
            if self._from_byte is None:
                return
            stream, left = self._from_byte(self._member_at), self._piece_at - self._member_at
            while left and (piece := stream.read(min(left, COMPRESSED_CHUNK))):
                left -= len(piece)
                yield piece
            last = stream.read(COMPRESSED_CHUNK) or b""
        for at in range(len(last)):
            yield last[at : at + 1]


def decompress(stream: BinaryIO | io.RawIOBase, damage: list[str], *, any_ratio: bool = False) -> io.RawIOBase:
    """The content of `stream`, decompressed when its first bytes say that it is compressed.

    What is wrong with the compressed file is added to `damage` while it is read: also, unless `any_ratio`, that more
    comes out of it than out of any capture.
    """
    head = b""
    begun = stream.tell() if stream.seekable() else 0
    guarded = GuardedStream(stream, damage)
    while len(head) < 6 and (more := guarded.read(6 - len(head))):
        head += more
    whole = PeekedStream(guarded, head)

    def from_byte(at: int) -> io.RawIOBase:
        stream.seek(begun + at)
        return GuardedStream(stream, [])

    for magic, make in COMPRESSIONS.items():
        if head.startswith(magic):
            again = from_byte if stream.seekable() else None
            return DecompressedStream(whole, make, damage, again, any_ratio=any_ratio)
    return whole

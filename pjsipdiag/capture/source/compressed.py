"""Captures as a stream of bytes: plain, gzip, zstd, xz or bzip2, a file or standard input.

Compression is recognised by content, not by name. Decompression runs ahead in a thread and never makes more than
CONTENT_CHUNK bytes at a time and BATCHES_AHEAD batches of them in all, whatever the ratio. A compressed file that is
cut or damaged gives what it holds, and says so.
"""

from __future__ import annotations

import io
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import get_ident
from typing import TYPE_CHECKING, BinaryIO, Protocol, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

_T = TypeVar("_T")
CONTENT_CHUNK = 1 << 17
"""More makes isal slower: it grows its output step by step."""
COMPRESSED_CHUNK = 1 << 16
CONTENT_BATCH, BATCHES_AHEAD = 1 << 19, 4
"""Bytes that are handed over at once, and how many times as much is ready at most."""

MOST_DICTIONARY = 192 << 20
"""Memory that a file in the format of xz may ask for; `xz -9` takes 65 MB."""
UNUSUAL, MOST_RATIO = 64 << 20, 400
"""From so much content on, more than so many bytes out of one are no capture: a file made to fill machines."""


class Decompressor(Protocol):
    """The methods that bz2, lzma and isal have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes: ...


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
        self, stream: io.RawIOBase, make: Callable[[], Decompressor], damage: list[str], *, any_ratio: bool
    ) -> None:
        from concurrent.futures import ThreadPoolExecutor  # with logging and queues: most captures are not compressed

        super().__init__()
        self._stream, self._make, self._damage, self._any_ratio = stream, make, damage, any_ratio
        self._object: Decompressor | None = None
        self._rest = b""
        self._worker: int | None = None
        self._taken = self._given = 0
        self._first, self._of_first = b"", 0
        """The bytes that the member at hand began with, and how much came of it; of longer ones they are not all."""
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
        """The next content, at most CONTENT_CHUNK bytes; nothing at the end or after damage."""
        content = b""
        # The compressed bytes are asked for only when the library needs them: it may still hold output, and what it is
        # given meanwhile it keeps, without a bound. A member that ends is followed by the next one, as `gzip -c a b`
        # writes them.
        while not content and not self._damage:
            raw = b""
            if self._object is None or self._object.needs_input:
                raw = self._rest or self._stream.read(COMPRESSED_CHUNK) or b""
                self._rest = b""
                self._taken += len(raw)
                if not raw:
                    if self._object is not None:
                        self._damage.append("the compressed file ends early")
                    break
            try:
                if self._object is None:
                    self._object, self._first, self._of_first = self._make(), b"", 0
                if len(self._first) <= COMPRESSED_CHUNK:
                    self._first += raw
                content = self._object.decompress(raw, CONTENT_CHUNK)
            except ModuleNotFoundError as error:  # in a browser, where not every library is
                self._damage.append(f"{error.name} is not here: decompress the file before")
            except Exception as error:  # each library has errors of its own
                self._damage.append(f"the compressed file is damaged: {error}")
                content = self._salvaged()
            else:
                self._given += len(content)
                self._of_first += len(content)
                if not self._any_ratio and self._given > max(UNUSUAL, self._taken * MOST_RATIO):
                    self._damage.append(
                        f"the compressed file grows more than {MOST_RATIO} times, which no capture does: diagnose it"
                        " with --any-ratio, or decompress it"
                    )
                if self._object.eof:
                    self._taken -= len(self._object.unused_data)
                    self._rest, self._object = self._object.unused_data.lstrip(b"\0"), None
        return content

    def _salvaged(self) -> bytes:
        """The content before the damage of what a member begins with: of what a library is given at once, it gives
        nothing where it fails."""
        content = bytearray()
        if len(self._first) > COMPRESSED_CHUNK:
            return b""  # others were read behind it
        with suppress(Exception):
            again = self._make()
            for at in range(len(self._first)):
                content += again.decompress(self._first[at : at + 1])
                if len(content) > self._of_first + CONTENT_CHUNK:
                    break
        return bytes(content[self._of_first :])


class _Gzip:
    """zlib in the shape of the others, where isal is not installed."""

    def __init__(self) -> None:
        self._object = zlib.decompressobj(31)

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def needs_input(self) -> bool:
        return not self._object.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._object.unused_data

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        return self._object.decompress(self._object.unconsumed_tail + data, max_length)


def _gzip() -> Decompressor:
    try:
        from isal import igzip_lib
    except ImportError:
        return _Gzip()
    return igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)


class _Zstd:
    """zstandard in the shape of the others: so little goes in at a time that what comes out stays small."""

    LEAST, MOST = 16, 2048
    """Bytes; at most 128 KiB can come of every 4 of them (RFC 8878 section 3.1.1.2)."""

    def __init__(self) -> None:
        import zstandard

        self._object = zstandard.ZstdDecompressor().decompressobj()
        self._pending = memoryview(b"")
        self._size = self.LEAST

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def needs_input(self) -> bool:
        return not self._pending

    @property
    def unused_data(self) -> bytes:
        return self._object.unused_data + bytes(self._pending)

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        if data:
            self._pending = memoryview(data)
        parts, size = [], 0
        while self._pending and not self._object.eof and not 0 <= max_length <= size:
            parts.append(self._object.decompress(self._pending[: self._size]))
            self._pending = self._pending[self._size :]
            size += len(parts[-1])
            larger = len(parts[-1]) < CONTENT_CHUNK
            self._size = min(self._size * 2, self.MOST) if larger else max(self._size // 8, self.LEAST)
        return b"".join(parts)


def _xz() -> Decompressor:
    import lzma

    return lzma.LZMADecompressor(memlimit=MOST_DICTIONARY)


def _bzip2() -> Decompressor:
    import bz2

    return bz2.BZ2Decompressor()


COMPRESSIONS: dict[bytes, Callable[[], Decompressor]] = {
    b"\x1f\x8b": _gzip,
    b"\x28\xb5\x2f\xfd": _Zstd,
    b"\xfd7zXZ\0": _xz,
    b"BZh": _bzip2,
}


def decompress(stream: BinaryIO | io.RawIOBase, damage: list[str], *, any_ratio: bool = False) -> io.RawIOBase:
    """The content of `stream`, decompressed when its first bytes say that it is compressed.

    What is wrong with the compressed file is added to `damage` while it is read: also, unless `any_ratio`, that more
    comes out of it than out of any capture.
    """
    head = b""
    guarded = GuardedStream(stream, damage)
    while len(head) < 6 and (more := guarded.read(6 - len(head))):
        head += more
    whole = PeekedStream(guarded, head)
    for magic, make in COMPRESSIONS.items():
        if head.startswith(magic):
            return DecompressedStream(whole, make, damage, any_ratio=any_ratio)
    return whole

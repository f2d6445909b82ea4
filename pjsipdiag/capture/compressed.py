"""Captures as a stream of bytes: plain, gzip, zstd, xz or bzip2, a file or standard input.

Compression is recognised by content, not by name. A compressed file that ends early gives what it holds.
"""

from __future__ import annotations

import bz2
import io
import lzma
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol

from pjsipdiag.errors import CaptureError

CHUNK = 1 << 20


class Stream(Protocol):
    """What a capture is read from."""

    def read(self, size: int = -1, /) -> bytes: ...


class Peeked:
    """A stream whose first bytes were looked at and are given again."""

    def __init__(self, stream: Stream, head: bytes) -> None:
        self._stream, self._head = stream, head

    def read(self, size: int = -1, /) -> bytes:
        if not self._head:
            return self._stream.read(size)
        given, self._head = (self._head, b"") if size < 0 else (self._head[:size], self._head[size:])
        return given

    def readinto(self, buffer: memoryview) -> int:
        """Fills the start of `buffer`; the number of bytes, 0 at the end."""
        if not self._head and isinstance(self._stream, io.RawIOBase | io.BufferedIOBase):
            return self._stream.readinto(buffer) or 0
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class Decompressed:
    """A compressed stream as its content; members one after another are one content."""

    def __init__(self, stream: Stream, make: Callable[[], Decompressor], *errors: type[Exception]) -> None:
        self._stream, self._make, self._errors = stream, make, errors
        self._object: Decompressor | None = None
        self._rest = b""
        self._ready = b""
        self.damage = ""

    def read(self, size: int = -1, /) -> bytes:
        while not self._ready and not self.damage:
            raw = self._rest or self._stream.read(CHUNK)
            self._rest = b""
            if not raw:
                if self._object is not None:
                    self.damage = "the compressed file ends early"
                break
            self._feed(raw)
        given, self._ready = (self._ready, b"") if size < 0 else (self._ready[:size], self._ready[size:])
        return given

    def _feed(self, raw: bytes) -> None:
        if self._object is None:
            self._object = self._make()
        try:
            self._ready = self._object.decompress(raw)
        except self._errors as error:
            self.damage = f"the compressed file is damaged: {error}"
            return
        if self._object.eof:
            self._rest, self._object = self._object.unused_data.lstrip(b"\0"), None


class Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _gzip(stream: Stream) -> Decompressed:
    try:
        from isal import isal_zlib
    except ImportError:
        return Decompressed(stream, lambda: zlib.decompressobj(31), zlib.error)
    return Decompressed(stream, lambda: isal_zlib.decompressobj(31), zlib.error, isal_zlib.error)  # type: ignore[arg-type]  # its stub takes the class for an instance


def _zstd(stream: Stream) -> Decompressed:
    import zstandard

    return Decompressed(stream, zstandard.ZstdDecompressor().decompressobj, zstandard.ZstdError)


def _xz(stream: Stream) -> Decompressed:
    return Decompressed(stream, lzma.LZMADecompressor, lzma.LZMAError)


def _bzip2(stream: Stream) -> Decompressed:
    return Decompressed(stream, bz2.BZ2Decompressor, OSError)


COMPRESSIONS: dict[bytes, Callable[[Stream], Decompressed]] = {
    b"\x1f\x8b": _gzip,
    b"\x28\xb5\x2f\xfd": _zstd,
    b"\xfd7zXZ\0": _xz,
    b"BZh": _bzip2,
}


def open_file(path: str) -> BinaryIO:
    """The file at `path`, `-` being standard input. Raises CaptureError."""
    if path == "-":
        return sys.stdin.buffer
    try:
        return Path(path).open("rb", buffering=0)
    except OSError as error:
        raise CaptureError(f"{path}: {error.strerror or error}: the capture cannot be opened") from error


def decompressed(stream: Stream) -> Stream:
    """The content of `stream`, decompressed when its first bytes say that it is compressed."""
    head = b""
    while len(head) < 6 and (more := stream.read(6 - len(head))):
        head += more
    whole = Peeked(stream, head)
    for magic, decompress in COMPRESSIONS.items():
        if head.startswith(magic):
            return decompress(whole)
    return whole

"""The libraries that decompress, in one shape, by the bytes that what they read begins with."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Protocol

CONTENT_CHUNK = 1 << 17
"""More makes isal slower: it grows its output step by step."""
MOST_DICTIONARY = 192 << 20
"""Memory that a file in the format of xz may ask for; `xz -9` takes 65 MB."""


class Decompressor(Protocol):
    """The methods that bz2, lzma and isal have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes: ...


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
    b"\x50\x2a\x4d\x18": _Zstd,  # a frame to be passed over, with which pzstd begins
    b"\xfd7zXZ\0": _xz,
    b"BZh": _bzip2,
}

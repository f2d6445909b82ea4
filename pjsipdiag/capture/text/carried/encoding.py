"""Text of 16 or 32 bits for each character, in either byte order, as UTF-8.

A shell or an editor on Windows writes such files, with or without the mark at their beginning.
"""

from __future__ import annotations

import codecs
import io
import re
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_FORMS = {"utf-32-le": (0, 1, 1, 1), "utf-32-be": (1, 1, 1, 0), "utf-16-le": (0, 1, 0, 1), "utf-16-be": (1, 0, 1, 0)}
"""Which bytes of four are zero in nearly all characters, for most of them are Latin."""
_PLAIN = re.compile(rb"[\t\r\n -~]")
ENCODED_PIECE = 1 << 16


def wide_encoding(head: bytes) -> str | None:
    """The encoding of a text that starts with `head`, when its characters have 16 or 32 bits; else None."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    sample = head[: len(head) // 4 * 4][:400]
    if len(sample) < 16:
        return None
    zero = [2 * (len(part) - part.count(0)) <= len(part) // 2 for part in (sample[at::4] for at in range(4))]
    plain = [4 * len(_PLAIN.findall(sample[at::4])) >= 3 * len(sample[at::4]) for at in range(4)]
    for name, form in _FORMS.items():
        if all(zero[at] if void else plain[at] for at, void in enumerate(form)):
            return name
    return None


class WideTextDecoder:
    """Text in a wide encoding as UTF-8."""

    def __init__(self, encoding: str) -> None:
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")

    def decode(self, data: bytes, *, final: bool) -> bytes:
        return self._decoder.decode(data, final=final).replace("\ufeff", "").encode("utf-8", "replace")


class Decoder(Protocol):
    """Takes the bytes of a file as they come, and answers with those of the text."""

    def decode(self, data: bytes, *, final: bool) -> bytes: ...


class DecodedFile(io.RawIOBase):
    """A binary file, read through a decoder."""

    def __init__(self, file: io.RawIOBase | BinaryIO, decoder: Decoder) -> None:
        self._file = file
        self._decoder = decoder
        self._ready = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        target = memoryview(buffer).cast("B")
        while not self._ready and not self._ended:
            data = self._file.read(ENCODED_PIECE) or b""
            self._ended = not data
            self._ready = self._decoder.decode(data, final=not data)
        count = min(len(target), len(self._ready))
        target[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

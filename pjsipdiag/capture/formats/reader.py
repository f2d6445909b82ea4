"""One file, whatever it is -> SIP datagrams: a capture, compressed or not, or a log of Asterisk."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.formats.pcap import MAGICS
from pjsipdiag.capture.formats.pcapng import SECTION_MAGIC
from pjsipdiag.capture.formats.scan import scan
from pjsipdiag.capture.packets.dissect import Dissector
from pjsipdiag.capture.source.compressed import PeekedStream, decompress
from pjsipdiag.capture.source.location import open_file
from pjsipdiag.errors import CaptureError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

PEEK = 64
MAGICS_OF_CAPTURES = (*MAGICS, SECTION_MAGIC)


def read(path: str | Path, tally: Tally, dissector: Dissector | None = None) -> Iterator[Datagram]:
    """The SIP datagrams of the capture or log at `path` (`-`: standard input), in the order in which they are complete.

    A `dissector` is handed in where the capture is more than this file; the caller finishes it.
    Raises CaptureError when nothing of it can be read.
    """
    with open_file(str(path)) as file:
        yield from read_stream(CountedFile(file, tally.on_read) if tally.on_read else file, tally, dissector)


def read_stream(
    stream: BinaryIO | io.RawIOBase, tally: Tally, dissector: Dissector | None = None
) -> Iterator[Datagram]:
    """Reads an open binary file, which need not be seekable."""
    damage: list[str] = []
    with decompress(stream, damage, any_ratio=tally.any_ratio) as content:
        head = b""
        while len(head) < PEEK and (more := content.read(PEEK - len(head))):
            head += more
        whole = PeekedStream(content, head)
        try:
            if looks_like_text(head):
                from pjsipdiag.capture.text import read_text  # with all forms of texts, which no capture needs

                yield from read_text(whole, tally, head)
            else:
                yield from scan(whole, tally, dissector)
        except CaptureError as error:
            raise (
                CaptureError(f"{tally.file}: {damage[0]}, and nothing of it can be read") if damage else error
            ) from None
    say_damage(tally, damage)


def say_damage(tally: Tally, damage: list[str]) -> None:
    """Why the bytes of a file end before it does, if they do."""
    if damage:
        tally.truncated = f"{damage[0]}: {tally.truncated or f'read up to record {tally.records}'}"


class CountedFile(io.RawIOBase):
    """A binary file that tells how many of its bytes were read."""

    def __init__(self, file: BinaryIO | io.RawIOBase, tell: Callable[[int], None]) -> None:
        self._file = file
        self._tell = tell
        self._seen = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        got: int = self._file.readinto(buffer) or 0  # type: ignore[union-attr]  # every binary file has it
        self._seen += got
        self._tell(self._seen)
        return got


def looks_like_text(head: bytes) -> bool:
    """Whether a file that starts with `head` can be a log: captures have zero bytes in their first header, and so has
    a text only where its characters have 16 or 32 bits, or where somebody emptied it while it was written to.

    In a log they may stand further on, where a disk was not written to its end.
    """
    if not head or head.startswith(MAGICS_OF_CAPTURES):
        return False
    from pjsipdiag.capture.text import wide_encoding

    return (
        b"\0" not in head[:24]
        or not head.strip(b"\0")
        or wide_encoding(head) is not None
        or b"\r\n" in head.partition(b"\0")[0]  # another text before one of 16 bits
    )

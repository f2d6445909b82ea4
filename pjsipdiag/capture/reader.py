"""One file, whatever it is -> SIP datagrams: a capture, compressed or not, or a log of Asterisk."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pjsipdiag.capture.compressed import Peeked, decompressed, open_file
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.log import looks_like_log, read_log
from pjsipdiag.capture.scan import scan
from pjsipdiag.errors import CaptureError

PEEK = 1 << 16


def read(path: str | Path, tally: Tally) -> Iterator[Datagram]:
    """The SIP datagrams of the capture or log at `path` (`-`: standard input), in the order in which they are complete.

    Raises CaptureError when nothing of it can be read.
    """
    with open_file(str(path)) as file:
        yield from read_stream(file, tally)


def read_stream(stream: BinaryIO | io.RawIOBase, tally: Tally) -> Iterator[Datagram]:
    """The same for an open binary file, which need not be seekable."""
    damage: list[str] = []
    with decompressed(stream, damage) as content:
        head = b""
        while len(head) < PEEK and (more := content.read(PEEK - len(head))):
            head += more
            if not looks_like_text(head):
                break
        whole = Peeked(content, head)
        try:
            if looks_like_text(head) and looks_like_log(head):
                yield from read_log(io.BufferedReader(whole), tally)
            else:
                yield from scan(whole, tally)
        except CaptureError as error:
            raise (
                CaptureError(f"{tally.file}: {damage[0]}, and nothing of it can be read") if damage else error
            ) from None
    if damage:
        tally.truncated = f"{damage[0]}: {tally.truncated or f'read up to record {tally.records}'}"


def looks_like_text(head: bytes) -> bool:
    """Whether a file that starts with `head` can be a log: captures have zero bytes in their first header."""
    return b"\0" not in head[:64]

"""How a capture is read: by our own reader, through Wireshark, or while it is still being written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.formats import reader as native
from pjsipdiag.capture.formats.reader import read_stream
from pjsipdiag.capture.packets.dissect import Dissector
from pjsipdiag.capture.source.follow import GrowingFile, PipeStream
from pjsipdiag.errors import CaptureError

STANDARD_INPUT = 0

Reader = Callable[[str | Path, Tally, str | Path | None], Iterator[Datagram]]
"""(path, tally, key log file or None) -> datagrams."""


def read(
    path: str | Path,
    tally: Tally,
    *,
    reader: str = "native",
    keylog: str | Path | None = None,
    follow: bool = False,
    seconds: float | None = None,
    dissector: Dissector | None = None,
) -> Iterator[Datagram]:
    """The SIP datagrams of the capture or log at `path` (`-`: standard input), in the order in which they are complete.

    `reader` is one of READERS; a key log needs Wireshark. With `follow` the file is read until an interrupt (SIGINT) or
    for `seconds`. The native reader takes a `dissector` where the capture is more than this file, and leaves it
    unfinished. Raises CaptureError.
    """
    if follow:
        if reader != "native" or keylog is not None:
            raise CaptureError("--follow reads with the native reader only: leave out --reader and --keylog")
        yield from _follow(path, tally, seconds)
        return
    if keylog is not None:
        reader = "wireshark"
    if reader not in READERS:
        raise CaptureError(f"no reader {reader!r}: choose one of {', '.join(READERS)}")
    if dissector is not None and reader == "native":
        yield from native.read(path, tally, dissector)
    else:
        yield from READERS[reader](path, tally, keylog)


def until_gone(datagrams: Iterable[Datagram], tally: Tally, files: int) -> Iterator[Datagram]:
    """Yields the messages of a file. One of several `files` that went away is noted, and the others are read all the
    same."""
    try:
        yield from datagrams
    except CaptureError as error:
        if files == 1:
            raise
        tally.truncated = str(error).removeprefix(f"{tally.file}: ")


def _native(path: str | Path, tally: Tally, _: str | Path | None) -> Iterator[Datagram]:
    return native.read(path, tally)


def _wireshark(path: str | Path, tally: Tally, keylog: str | Path | None) -> Iterator[Datagram]:
    from pjsipdiag.capture.formats.wireshark import read_wireshark

    yield from read_wireshark(path, tally, keylog)


def _follow(path: str | Path, tally: Tally, seconds: float | None) -> Iterator[Datagram]:
    stop = threading.Event()
    piped = str(path) == "-"
    with (
        _interrupted(stop),
        PipeStream(STANDARD_INPUT, stop, seconds) if piped else GrowingFile(path, stop, seconds) as file,
    ):
        yield from read_stream(file, tally)


@contextmanager
def _interrupted(stop: threading.Event) -> Iterator[None]:
    """An interrupt ends the waiting instead of the program."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    former = signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


READERS: dict[str, Reader] = {"native": _native, "wireshark": _wireshark}
"""Name of --reader -> how it reads."""

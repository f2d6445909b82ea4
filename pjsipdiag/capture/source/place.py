"""Where a capture lies: on this machine, behind a URL, or nowhere but in standard input."""

from __future__ import annotations

import io
import sys
import zlib
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

from pjsipdiag import storage
from pjsipdiag.capture.datagram import Stamp
from pjsipdiag.errors import CaptureError
from pjsipdiag.storage import Url


def open_file(path: str, start: int = 0, end: int | None = None) -> BinaryIO | io.RawIOBase:
    """The file at `path`, `-` being standard input, from the byte `start` on; what stands behind `end` need not be
    fetched. Raises CaptureError.
    """
    if path == "-":
        return sys.stdin.buffer
    place = storage.located(path)
    try:
        if isinstance(place, Url):
            return storage.open_url(place, start, end)
        file = Path(place).open("rb", buffering=0)  # noqa: SIM115  # whoever asks closes it
        if start:
            file.seek(start)
    except OSError as error:
        raise CaptureError(f"{path}: the capture cannot be opened: {error.strerror or error}") from error
    return file


def size_of(path: str) -> int | None:
    """The bytes of a file that can be read in pieces and more than once; None for anything else."""
    found = stamp(path)
    return found.size if found else None


def stamp(path: str) -> Stamp | None:
    """What tells that a file is still the same; None for what can be read only once (standard input, a pipe)."""
    try:
        place = storage.located(path)
        if isinstance(place, Url):
            entry = storage.entry(place)
            if entry.size is None or entry.is_folder:
                return None
            return Stamp(zlib.crc32(place.whole.encode()), entry.version, entry.size, entry.modified)
        found = Path(place).stat()
    except (OSError, ValueError):
        return None
    return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns) if S_ISREG(found.st_mode) else None

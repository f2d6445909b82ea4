"""Where a capture lies: on this machine, behind a URL, or nowhere but in standard input."""

from __future__ import annotations

import errno
import io
import os
import sys
import zlib
from pathlib import Path
from stat import S_ISBLK, S_ISCHR, S_ISREG
from typing import BinaryIO

from pjsipdiag import storage
from pjsipdiag.capture.datagram import Stamp
from pjsipdiag.errors import CaptureError
from pjsipdiag.storage import Url


class RelativePath(str):
    """A path as it may be shown, and the folder on this machine or another one that it is seen from."""

    __slots__ = ("folder",)
    folder: str

    def __new__(cls, path: str, folder: str) -> RelativePath:
        self = super().__new__(cls, path)
        self.folder = folder
        return self

    def __str__(self) -> RelativePath:
        return self

    def __reduce__(self) -> tuple[type[RelativePath], tuple[str, str]]:
        return RelativePath, (self[:], self.folder)

    @property
    def whole(self) -> Path:
        """Where it is."""
        return Path(self.folder, self[:])


def here(path: str) -> Path:
    """Where a path of this machine is."""
    return path.whole if isinstance(path, RelativePath) else Path(path)


def from_here(path: str) -> str:
    """A path that machines which work in other folders can open, too; a URL is the same everywhere."""
    is_relative = not storage.SCHEME.match(path) and path != "-" and not Path(path).is_absolute()
    return RelativePath(path, str(Path.cwd())) if is_relative else path


def open_file(path: str, start: int = 0, end: int | None = None) -> BinaryIO | io.RawIOBase:
    """The file at `path`, `-` being standard input, from the byte `start` on; what stands behind `end` need not be
    fetched. Raises CaptureError.
    """
    if path == "-":
        return sys.stdin.buffer
    place = storage.locate(path)
    try:
        if isinstance(place, Url):
            return storage.open_url(place, start, end)
        file = open_plain(here(place))  # whoever asks closes it
        if start:
            file.seek(start)
    except OSError as error:
        raise CaptureError(f"{path}: the capture cannot be opened: {error.strerror or error}") from error
    return file


def open_plain(path: Path, *, waits: bool = True) -> io.FileIO:
    """The file or pipe at `path`; it `waits` for a pipe's writer, never for events of the kernel (/proc/kmsg). Raises
    OSError, also for a device: most of them never end."""
    waits = waits and not S_ISREG(path.stat().st_mode)
    file = open(path, "rb", buffering=0, opener=None if waits else _open_at_once)  # noqa: SIM115  (it is returned)
    mode = os.fstat(file.fileno()).st_mode
    if S_ISCHR(mode) or S_ISBLK(mode):
        file.close()
        raise OSError(errno.ENODEV, "it is a device: pipe what comes out of it into `-`")
    return file


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def size_of(path: str) -> int | None:
    """The bytes of a file that can be read in pieces and more than once; None for anything else."""
    found = stamp(path)
    return found.size if found else None


def stamp(path: str) -> Stamp | None:
    """The stamp by which a file is known to be still the same; None for what can be read only once (standard input, a
    pipe)."""
    try:
        place = storage.locate(path)
        if isinstance(place, Url):
            entry = storage.entry(place)
            if entry.size is None or entry.is_folder:
                return None
            return Stamp(zlib.crc32(place.whole.encode()), entry.version, entry.size, entry.modified)
        found = here(place).stat()
    except (OSError, ValueError):
        return None
    return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns) if S_ISREG(found.st_mode) else None

"""A capture read a second time: only while it is the file that was read the first time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG

from pjsipdiag.capture import read
from pjsipdiag.capture.datagram import Datagram, Stamp, Tally
from pjsipdiag.errors import CaptureError


def stamp(path: str) -> Stamp | None:
    """What tells that a file is still the same; None for what can be read only once (standard input, a pipe)."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return None
    return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns) if S_ISREG(found.st_mode) else None


def changed(tally: Tally) -> bool:
    """Whether a file is no longer the one that was read, or is not here; never of what can be read only once."""
    return tally.stamp is not None and tally.stamp != stamp(tally.file)


def read_again(tally: Tally) -> Iterator[Datagram]:
    """The messages of a capture that was counted in `tally`; none where it may have changed since."""
    if tally.stamp is not None and not changed(tally):
        with suppress(CaptureError):
            yield from read(tally.file, Tally(tally.file))

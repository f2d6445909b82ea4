"""Keeps what was read of a capture in a folder, so that a run that was ended goes on where it was.

One file for each piece, named by a digest of all that its content follows from: place and stamp of the capture, what
was asked of it, the releases of Python and pjsipdiag. Opening such a file can run programs, as Python's own caches do:
so folder and files must belong to the user alone, and what is damaged or strange is done anew, never opened.
"""

from __future__ import annotations

import os
import platform
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pjsipdiag import __version__
from pjsipdiag.capture.datagram import Stamp
from pjsipdiag.capture.joining.part_handover import FilePart
from pjsipdiag.capture.source.location import here
from pjsipdiag.errors import PjsipdiagError, visible
from pjsipdiag.storage import Url

if TYPE_CHECKING:
    from pjsipdiag.diagnosis.work.reading import DonePiece, ReadingPlan

FOLD_MAGIC = b"pjsipdiag fold 5\n"
_DIGEST_SIZE = 32


def prepare(folder: str) -> None:
    """Makes the folder where it is not there.

    :raises PjsipdiagError: it cannot be made, or others may write there.
    """
    try:
        Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        found = Path(folder).stat()
    except OSError as error:
        raise PjsipdiagError(f"--resume {visible(folder)}: {error.strerror}") from None
    if found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PjsipdiagError(
            f"--resume {visible(folder)}: the folder has to be yours alone (chmod 700): what is kept there is trusted"
        )


def once(
    reading: ReadingPlan, piece: FilePart, alone: bool, stamp: Stamp | None, read: Callable[[], DonePiece]
) -> DonePiece:
    """The reading of a piece: kept before, or read now and kept. `stamp` is that of its capture."""
    folder = reading.kept_in
    if folder is None or stamp is None or not reading.carries_over:
        return read()
    path = Path(folder) / _name(reading, piece, alone, stamp)
    done = _opened(path)
    if done is None:
        done = read()
        # what could not be read to its end may be readable next time
        if not done.why_lost and done.tally.truncated is None and done.tally.stamp == stamp:
            _keep(path, done)
    return done


def _name(reading: ReadingPlan, piece: FilePart, alone: bool, stamp: Stamp) -> str:
    """Sets are put in order: their own differs from process to process."""
    wanted = reading.selection
    place = piece.path.whole if isinstance(piece.path, Url) else str(here(piece.path).absolute())
    said = (
        (platform.python_version(), __version__),
        (place, stamp.inode, stamp.size, stamp.modified),
        (piece.start, piece.end, piece.header, piece.section, alone, reading.most_rows),
        (wanted.since, wanted.until, sorted(map(str, wanted.sources)), sorted(wanted.call_ids), sorted(wanted.mirrors)),
    )
    return _digest(repr(said).encode("utf-8", "surrogateescape")).hex()


def _digest(content: bytes) -> bytes:
    from hashlib import sha256

    return sha256(content).digest()


def _opened(path: Path) -> DonePiece | None:
    """The piece that was kept; None where there is nothing, nothing whole, or nothing of this user's alone."""
    import pickle

    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    with open(handle, "rb") as file:  # noqa: PTH123  (a handle)
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            return None
        with suppress(OSError):
            data = file.read()
            head = FOLD_MAGIC + data[len(FOLD_MAGIC) : len(FOLD_MAGIC) + _DIGEST_SIZE]
            content = data[len(head) :]
            if data.startswith(FOLD_MAGIC) and head == FOLD_MAGIC + _digest(content):
                done: DonePiece = pickle.loads(content)
                return done
    return None


def _keep(path: Path, done: DonePiece) -> None:
    """Writes it beside its place, then renames it; where there is no room it is not kept."""
    import pickle

    content = pickle.dumps(done, pickle.HIGHEST_PROTOCOL)
    with suppress(OSError):
        from tempfile import mkstemp

        handle, beside = mkstemp(dir=path.parent, prefix=".")
        try:
            with open(handle, "wb") as file:  # noqa: PTH123  (a handle)
                file.writelines((FOLD_MAGIC, _digest(content), content))
            Path(beside).replace(path)
        finally:
            with suppress(FileNotFoundError):
                Path(beside).unlink()

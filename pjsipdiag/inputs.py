"""Small files that a user or a folder's settings name: read whole, in bounded size and time.

A pipe (`--hosts <(...)`) is read like a file. A device, or a file of /proc that waits for events, ends with an error.
"""

from __future__ import annotations

import errno
import os
import select
import stat
from pathlib import Path

from pjsipdiag.errors import ConfigError, visible

LARGEST_WHOLE = 256 << 20
"""Bytes of a file that is read whole: no configuration and no list is larger, and all of it has to fit into memory."""
PIPE_SECONDS = 10.0
"""Seconds in which a pipe has to give something."""


def read_whole(path: str | Path, most: int = LARGEST_WHOLE) -> bytes:
    """The bytes of a file or a pipe.

    :raises OSError: it cannot be read, holds more than `most`, or gives nothing for PIPE_SECONDS; `strerror`
        says so.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        waits = not stat.S_ISREG(os.fstat(handle).st_mode)
        parts: list[bytes] = []
        size = 0
        while True:
            if waits and not select.select([handle], [], [], PIPE_SECONDS)[0]:
                raise OSError(errno.ETIMEDOUT, f"nothing came out of it for {PIPE_SECONDS:.0f} s")
            try:
                part = os.read(handle, 1 << 20)
            except BlockingIOError:
                waits = True
                continue
            if not part:
                return b"".join(parts)
            size += len(part)
            if size > most:
                raise OSError(errno.EFBIG, f"more than {most >> 20} MB")
            parts.append(part)
    finally:
        os.close(handle)


def read_plain(path: Path) -> bytes:
    """The bytes of a plain file, never waiting for any; one more than LARGEST_WHOLE at most.

    :raises BlockingIOError: it is none, or a file of /proc that waits for events.
    :raises OSError: it cannot be read.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, "rb") as file:  # noqa: PTH123  (a handle)
        content = file.read(LARGEST_WHOLE + 1) if stat.S_ISREG(os.fstat(handle).st_mode) else None
        if content is None:
            raise BlockingIOError(errno.EAGAIN, "it is no plain file")
        return content


def read_text(path: str | Path) -> str:
    """The text of such a file, in UTF-8.

    :raises ConfigError: it cannot be read, or is no text.
    """
    try:
        return read_whole(path).decode("utf-8")
    except OSError as error:
        raise ConfigError(f"{visible(str(path))}: {error.strerror}") from None
    except ValueError:
        raise ConfigError(f"{visible(str(path))}: no text in UTF-8") from None

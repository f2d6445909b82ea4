"""Directories, globs and lists of files that a rotating capture wrote, in the order of their first records.

The names say little (`tcpdump -C` counts, `-W` starts again at 0, archives are renamed): the first record decides.
"""

from __future__ import annotations

import glob
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from struct import Struct

from pjsipdiag.capture.datagram import Tally
from pjsipdiag.capture.formats.pcap import HEADER, file_header
from pjsipdiag.capture.formats.pcapng import find_leading_section, first_time
from pjsipdiag.capture.formats.reader import read
from pjsipdiag.capture.source.compressed import decompress
from pjsipdiag.capture.source.location import RelativePath, here, open_file
from pjsipdiag.capture.source.window import Window
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.errors import CaptureError
from pjsipdiag.storage import Url, locate, members

LOOKED_AT = (1 << 15, 1 << 20)
"""Bytes in which the first record is looked for: the second where the first are not enough."""


MOST_AT_ONCE = 16
"""Files elsewhere that are looked into at the same time."""


class Captures(NamedTuple):
    """`files` in time order; `passed_over` says why other files of a directory were not taken.

    `starts` are the times of their first records in nanoseconds, 0 where there is none or it is not known.
    """

    files: tuple[str, ...]
    starts: tuple[int, ...]
    passed_over: tuple[str, ...] = ()


def expand(paths: Iterable[str | Path]) -> Captures:
    """The files that `paths` name: files, directories (all files in them), patterns with `*`, `?` or `[`, and `-`; on
    this machine, or as URLs.

    Raises CaptureError for what does not exist and for a directory or pattern without any capture.
    """
    files: dict[str, int] = {}
    passed_over: list[str] = []
    for path in map(locate, map(str, paths)):
        members = _members(path)
        found = 0
        names = [path] if members is None else members
        for member, time in zip(names, _starts(names), strict=True):
            if isinstance(time, CaptureError):
                if members is None:
                    raise time
                passed_over.append(str(time))
                continue
            files.setdefault(member, time)
            found += 1
        if members is not None and not found:
            swapped = "; it holds a configuration: give it with -c, and a capture or a log in its place"
            hint = swapped if (here(path) / "pjsip.conf").is_file() else ""
            raise CaptureError(f"{path}: there is no capture and no log of Asterisk{hint}")
    ordered = sorted(files, key=lambda name: files[name])
    return Captures(tuple(ordered), tuple(files[name] for name in ordered), tuple(passed_over))


def _members(path: str) -> Sequence[str] | None:
    """The files of a directory or pattern in the order of their names; None for a single file."""
    if isinstance(path, Url):
        try:
            return members(path)
        except OSError as error:
            raise CaptureError(f"{path}: {error.strerror}") from None
    place, folder = here(path), path.folder if isinstance(path, RelativePath) else None
    if path == "-" or place.is_file():
        return None
    if place.is_dir():
        found = [str(Path(path[:], member.name)) for member in place.iterdir()]
    elif glob.has_magic(path):
        found = glob.glob(path, root_dir=folder)  # noqa: PTH207  (also absolute patterns)
    else:
        return None
    return sorted(
        name for name in (RelativePath(name, folder) if folder else name for name in found) if here(name).is_file()
    )


def _starts(names: Sequence[str]) -> Iterator[int | CaptureError]:
    """The time of each file's first record, or why nobody can tell; storages elsewhere are asked for many at once."""

    def start(name: str) -> int | CaptureError:
        try:
            return 0 if name == "-" else start_of(name)
        except CaptureError as error:
            return error

    if len(names) < 2 or not isinstance(names[0], Url):
        yield from map(start, names)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        yield from pool.map(start, names)


def start_of(path: str) -> int:
    """The time of the first record in nanoseconds, at least 1; 0 when there is none. Raises CaptureError."""
    if not isinstance(path, Url) and not here(path).is_file():
        if not here(path).exists():
            open_file(path)
        return 0  # a pipe can be read only once
    time: int | None = 0
    for size in LOOKED_AT:
        if time == 0:
            time = _first(path, size)
    if time is None:
        with suppress(StopIteration):
            return max(next(read(path, Tally(path))).time, 1)
    return time or 0


def _first(path: str, size: int) -> int | None:
    """The time of the first record, 0 where the first `size` bytes do not tell it; None for what is no capture."""
    with open_file(path) as file, decompress(file, []) as content:
        window = Window(io.BufferedReader(content), 0, size)
        window.advance(0)
        header = file_header(window.buffer[:HEADER])
        if header is not None:
            if window.end < HEADER + 8:
                return 0
            seconds, fraction = Struct(header.format.order + "II").unpack_from(window.buffer, HEADER)
            return max(int(seconds * 1_000_000_000 + fraction * header.format.unit), 1)
        return first_time(window) if find_leading_section(window) is not None else None

"""The files of a rotating capture, one after the other in the order of their first records, the last one as it grows.

A file is told by when its first record is from, not by its name: `tcpdump -W` writes into the same names again. Its
place in that order is what a restart goes on from. A file is left when a later one holds something and it gives no
more itself; one that grows after that has another writer, which is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import BinaryIO

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.formats.pcap import MAGICS
from pjsipdiag.capture.formats.pcapng import SECTION_MAGIC
from pjsipdiag.capture.formats.reader import read
from pjsipdiag.capture.rotated import start_of
from pjsipdiag.errors import CaptureError, PjsipdiagError, visible
from pjsipdiag.watch.sources.source import READ_AT_ONCE, FilePosition, Put, Records

LOOK_MILLISECONDS = 1000
"""Milliseconds after which the folder is looked at even when nothing seems to change."""
PLAIN_MAGICS = (*MAGICS, SECTION_MAGIC)


class Folder:
    """The captures in the directory `path`, from `start` on; `say` takes what a person has to know."""

    def __init__(self, path: str, start: FilePosition, say: Callable[[str], None]) -> None:
        if not Path(path).is_dir():
            raise CaptureError(f"{path}: no directory; a growing file is watched by 'tail -c +1 -F FILE | ... watch -'")
        self.name, self.tally = path, Tally(path)
        self._start, self._say = start, say
        self._known: dict[Path, tuple[tuple[int, int], int]] = {}
        """The time of each file's first record (0: it holds none), with its size and the time of its change."""
        self._left: dict[str, tuple[int, int]] = {}
        """Files that were left: when their first record is from, and their size."""

    def read(self, put: Put, stop: Event) -> None:
        changes = _changes(self.name, stop)
        records = Records(self.tally)
        before = self._start[0] - 1
        while not stop.is_set():
            following = self._following(before)
            if following is None:
                next(changes, None)
                continue
            path, begun = following
            self.tally.records = 0
            self._read_file(path, begun, records, put, stop, changes)
            before = begun
        for datagram in records.finish():
            put(datagram, None)

    def count_lost(self) -> int | None:
        return None

    def _following(self, before: int) -> tuple[str, int] | None:
        """The first file whose first record is later than `before`."""
        starts = self._starts()
        self._look_back(starts)
        later = sorted((begun, path) for path, begun in starts.items() if begun > before and begun)
        return (later[0][1], later[0][0]) if later else None

    def _starts(self) -> dict[str, int]:
        """The files that are captures, and when their first records are from; only what has changed is opened."""
        before, self._known = self._known, {}
        for path in Path(self.name).iterdir():
            try:
                if not path.is_file():
                    continue
                found = path.stat()
                mark = found.st_size, found.st_mtime_ns
                known = before.get(path)
            except OSError:  # it was removed meanwhile, as whoever rotates does
                continue
            try:
                self._known[path] = known if known and known[0] == mark else (mark, start_of(str(path)))
            except (CaptureError, OSError) as error:
                self._known[path] = mark, 0
                if path not in before:
                    self._say(f"{visible(str(error))}: it is left out")
        return {str(path): begun for path, (_, begun) in self._known.items()}

    def _look_back(self, starts: dict[str, int]) -> None:
        for path, (begun, size) in [*self._left.items()]:
            if starts.get(path) != begun:
                del self._left[path]
            elif _size(path) > size:
                del self._left[path]
                self._say(f"{visible(path)} grew after a later file had begun: watch each writer's folder by itself")

    def _read_file(  # noqa: PLR0917  (where it stands, and what reads it)
        self, path: str, begun: int, records: Records, put: Put, stop: Event, changes: Iterator[object]
    ) -> None:
        first = self._start[1] if begun == self._start[0] else 0
        try:
            with Path(path).open("rb") as file:
                head = file.read(4)
                file.seek(0)
                if head in PLAIN_MAGICS:
                    more = self._growing(file, path, begun, stop, changes)
                    found: Iterator[Datagram] = records.datagrams(more)
                else:
                    found = read(path, Tally(path))
                for datagram in found:
                    if datagram.frame >= first:
                        put(datagram, (begun, datagram.frame))
                    if stop.is_set():
                        break
        except OSError as error:
            self._say(f"{visible(path)}: {error.strerror}: it is left out")
        except CaptureError as error:
            self._say(f"{visible(str(error))}: what follows there is left out")
        self._left[path] = begun, _size(path)

    def _growing(
        self, file: BinaryIO, path: str, begun: int, stop: Event, changes: Iterator[object]
    ) -> Callable[[], bytes]:
        """Reads the file, and waits at its end until a later one is there."""

        def more() -> bytes:
            while not stop.is_set():
                data = file.read(READ_AT_ONCE)
                if data:
                    return data
                if self._following(begun) is not None or not Path(path).exists() or _size(path) < file.tell():
                    return file.read(READ_AT_ONCE)  # what came since the last look
                next(changes, None)
            return b""

        return more


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def _changes(path: str, stop: Event) -> Iterator[object]:
    try:
        from watchfiles import watch
    except ImportError:
        raise PjsipdiagError("to watch a directory takes watchfiles: pip install '.[watch]' in a checkout") from None
    changes: Iterator[object] = watch(
        path, stop_event=stop, rust_timeout=LOOK_MILLISECONDS, yield_on_timeout=True, recursive=False, debounce=200
    )
    return changes

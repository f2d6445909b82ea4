"""Long tables of a report, written by other processes: ahead of the rest, where somebody starts them in time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.work.jobs import Shared

if TYPE_CHECKING:
    from pjsipdiag.diagnosis.traffic import CallRow, SourceRow

ROWS_WRITTEN_AT_ONCE, CHARACTERS_AT_ONCE = 250, 1 << 17
"""Rows, and characters of a file, that are handed on at once: texts of a megabyte take three times as long, as the
system gives their memory anew for each."""
LEAST_SHARED = 1000
"""Rows from which on processes share them."""


@dataclass(frozen=True, slots=True)
class Table:
    """The first `count` of `rows`, each as a `line` of ASCII text, with `before` before the first one and `separator`
    between them."""

    rows: Sequence[Any]
    count: int
    line: Callable[[Any], str]
    before: str
    separator: str

    def text(self, first: int = 0, end: int | None = None) -> Iterator[str]:
        """Rows `first` to `end`, ROWS_WRITTEN_AT_ONCE rows at a time."""
        end = self.count if end is None else min(end, self.count)
        for start in range(first, end, ROWS_WRITTEN_AT_ONCE):
            yield self.separator if start else self.before
            yield self.separator.join(map(self.line, self.rows[start : min(start + ROWS_WRITTEN_AT_ONCE, end)]))


@dataclass(frozen=True, slots=True)
class _Part:
    """The work of one process: some rows of each table, into a file each."""

    number: int
    files: Sequence[TextIO]


class BackgroundTables:
    """The tables that `make` makes of calls and sources, written by `jobs` processes where there are many rows."""

    def __init__(self, jobs: int, make: Callable[[Sequence[CallRow], Sequence[SourceRow]], Sequence[Table]]) -> None:
        self._jobs, self._make = jobs, make
        self._rows: tuple[object, ...] = ()
        self._tables: Sequence[Table] = ()
        self._parts: Sequence[_Part] = ()
        self._started = ExitStack()

    def __enter__(self) -> BackgroundTables:
        return self

    def __exit__(self, *_: object) -> None:
        self._started.close()

    def start(self, calls: Sequence[CallRow], sources: Sequence[SourceRow]) -> None:
        """Starts on the tables of these rows, unless they are those that were started on last."""
        if self._tables and self._rows[0] is calls and self._rows[1] is sources:
            return
        self._started.close()
        self._rows, self._tables, self._parts = (calls, sources), self._make(calls, sources), ()
        many = max((table.count for table in self._tables), default=0) >= LEAST_SHARED
        if self._jobs < 2 or not many or not hasattr(os, "fork"):
            return
        from tempfile import TemporaryFile  # costs more than the small reports that need none

        def file() -> TextIO:
            return self._started.enter_context(TemporaryFile("w+", encoding="ascii", newline=""))

        self._parts = [_Part(number, [file() for _ in self._tables]) for number in range(self._jobs)]
        self._shared = self._started.enter_context(Shared(self._write, self._parts, self._jobs))

    def _write(self, part: _Part) -> None:
        os.nice(10)  # what the rest is waiting for comes first
        for table, file in zip(self._tables, part.files, strict=True):
            size = -(-table.count // self._jobs)
            file.writelines(table.text(part.number * size, (part.number + 1) * size))
            file.flush()

    def texts(self) -> Iterator[Iterator[str]]:
        """Each table, piece by piece."""
        if not self._parts:
            yield from (table.text() for table in self._tables)
            return
        self._shared.results()
        for number in range(len(self._tables)):
            yield (piece for part in self._parts for piece in _pieces(part.files[number]))


def _pieces(file: TextIO) -> Iterator[str]:
    file.seek(0)
    return iter(partial(file.read, CHARACTERS_AT_ONCE), "")

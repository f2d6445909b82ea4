"""Long tables of a report, written by other processes: ahead of the rest, where somebody starts them in time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.work.jobs import SharedWork

if TYPE_CHECKING:
    from pjsipdiag.diagnosis.traffic import CallRow, SourceRow

ROWS_WRITTEN_AT_ONCE, CHARACTERS_AT_ONCE = 250, 1 << 17
"""Rows, and characters of a file, that are handed on at once: texts of a megabyte take three times as long, as the
system gives their memory anew for each."""
LEAST_SHARED = 1000
"""Rows from which on processes share them."""
PARTS, MOST_PARTS = 4, 200
"""Parts for each process, of which who is done with one takes the next; and about as many as there may be, as a byte
says which."""


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
    """Rows of a table that one process writes at once, into a file of their own."""

    table: Table
    rows: range
    file: TextIO


class BackgroundTables:
    """The tables that `make` makes of calls and sources, written by `jobs` processes where there are many rows: by this
    one, too, as soon as it has nothing else to do."""

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

        def part(table: Table, rows: range) -> _Part:
            return _Part(table, rows, self._started.enter_context(TemporaryFile("w+", encoding="ascii", newline="")))

        size = -(-sum(table.count for table in self._tables) // min(PARTS * self._jobs, MOST_PARTS))
        split = (
            (table, range(table.count)[at : at + size]) for table in self._tables for at in range(0, table.count, size)
        )
        self._parts = [part(*rows) for rows in split]
        self._left, numbers = os.pipe()
        self._started.callback(os.close, self._left)
        os.write(numbers, bytes(range(len(self._parts))))
        os.close(numbers)
        others = range(1, self._jobs)
        self._shared = self._started.enter_context(SharedWork(self._write_behind, others, self._jobs, least=1))

    def _write_behind(self, _: int) -> None:
        os.nice(10)  # what the rest is waiting for comes first
        self._write()

    def _write(self) -> None:
        """Writes parts as long as there are some that no other process has taken."""
        while number := os.read(self._left, 1):
            part = self._parts[number[0]]
            part.file.writelines(part.table.text(part.rows.start, part.rows.stop))
            part.file.flush()

    def texts(self) -> Iterator[Iterator[str]]:
        """Each table, piece by piece."""
        if not self._parts:
            yield from (table.text() for table in self._tables)
            return
        self._write()
        self._shared.results()
        for table in self._tables:
            files = [part.file for part in self._parts if part.table is table]
            yield (piece for file in files for piece in _pieces(file))


def _pieces(file: TextIO) -> Iterator[str]:
    file.seek(0)
    return iter(partial(file.read, CHARACTERS_AT_ONCE), "")

"""Captures are read and folded, by one process or by several: the answer is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from pjsipdiag.capture import Part as Piece
from pjsipdiag.capture import Rest, Unjoinable, expand, join, read_part, split
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.readers import read_as
from pjsipdiag.diagnosis.fold import Fold
from pjsipdiag.diagnosis.jobs import share
from pjsipdiag.diagnosis.merge import Merged, Part, merge
from pjsipdiag.diagnosis.selection import Selection
from pjsipdiag.diagnosis.spool import Spool

Progress = Callable[[int, int, int | None], None]
"""(records read, bytes read, bytes in all or None)."""
FEW = 4
"""Files for each process from which on each is read by one process, instead of being cut."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How captures are read; see `diagnose.Options`."""

    wanted: Selection
    methods: tuple[bytes, ...] = (b"INVITE",)
    jobs: int = 1
    reader: str = "native"
    keylog: str | None = None
    follow: bool = False
    seconds: float | None = None
    progress: Progress | None = None

    @property
    def plain(self) -> bool:
        """Whether files may be cut in pieces."""
        return self.reader == "native" and self.keylog is None and not self.follow and not self.wanted.of_day


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything that the captures hold; `notes` say which files were passed over."""

    merged: Merged
    tallies: tuple[Tally, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Task:
    capture: int
    piece: Piece
    whole: bool
    spool: Spool


@dataclass(slots=True)
class _Done:
    capture: int
    fold: Fold
    tally: Tally
    rest: Rest


def gather(captures: Sequence[str | Path], reading: Reading) -> Gathered:
    """Reads and folds all captures. Raises CaptureError when one of them cannot be read at all."""
    files, passed_over = tuple(map(str, captures)), tuple[str, ...]()
    if not reading.follow:
        files, passed_over = expand(captures)
    jobs = 1 if reading.follow else reading.jobs
    tasks = list(_tasks(files, reading, jobs))
    work = _Worker(files, reading if jobs == 1 else None, reading)
    done = share(work, tasks, jobs)
    for task, one in zip(tasks, done, strict=True):
        if one.fold.spool is not task.spool:
            one.fold.spool = task.spool.adopt(one.fold.spool)
    parts: list[Part] = []
    tallies: list[Tally] = []
    for capture, pieces in groupby(done, key=lambda one: one.capture):
        found, tally = _joined(files[capture], list(pieces), reading)
        parts += found
        tallies.append(tally)
    return Gathered(merge(parts), tuple(tallies), tuple(f"passed over: {reason}" for reason in passed_over))


def _tasks(files: Sequence[str], reading: Reading, jobs: int) -> Iterator[_Task]:
    cut = reading.plain and jobs > 1 and len(files) < FEW * jobs
    for number, path in enumerate(files):
        pieces = split(path, jobs) if cut else [Piece(path, 0, -1)]
        for piece in pieces:
            yield _Task(number, piece, len(pieces) == 1, Spool() if jobs == 1 else Spool().share())


@dataclass(frozen=True, slots=True)
class _Worker:
    files: Sequence[str]
    shown: Reading | None
    """Says where progress is reported; None in a process that shares the work."""
    reading: Reading

    def __call__(self, task: _Task) -> _Done:
        path = self.files[task.capture]
        tally, rest, fold = Tally(path), Rest(), Fold(task.spool, self.reading.methods)
        if self.shown and self.shown.progress:
            tally.on_read = _telling(tally, self.shown.progress, self.files, task.capture)
        datagrams = _read(path, tally, self.reading) if task.whole else read_part(task.piece, tally, rest)
        _feed(fold, datagrams, tally, self.reading)
        return _Done(task.capture, fold, tally, rest)


def _read(path: str, tally: Tally, reading: Reading) -> Iterator[Datagram]:
    return read_as(
        path,
        tally,
        reader=reading.reader,
        keylog=reading.keylog,
        follow=reading.follow,
        seconds=reading.seconds,
    )


def _feed(fold: Fold, datagrams: Iterable[Datagram], tally: Tally, reading: Reading) -> None:
    messages, requests = fold.messages, fold.requests
    fold.feed(reading.wanted.in_time(datagrams))
    tally.sip_messages += fold.messages - messages
    tally.invites += fold.requests - requests


def _joined(path: str, done: Sequence[_Done], reading: Reading) -> tuple[list[Part], Tally]:
    """The parts of one capture, and what was counted in all of it."""
    if len(done) == 1:
        return [Part(done[0].fold, done[0].capture)], done[0].tally
    parts: list[Part] = []
    tally = Tally(path)
    for one in done:
        parts.append(Part(one.fold, one.capture, tally.records))
        tally.merge(one.tally)
    last = Fold(methods=reading.methods)
    try:
        _feed(last, join([one.rest for one in done], tally), tally, reading)
    except Unjoinable:
        tally, fold = Tally(path), Fold(methods=reading.methods)
        _feed(fold, _read(path, tally, reading), tally, reading)
        return [Part(fold, done[0].capture)], tally
    return [*parts, Part(last, done[0].capture)], tally


def _telling(tally: Tally, progress: Progress, files: Sequence[str], at: int) -> Callable[[int], None]:
    """Reports progress in the file number `at`, of which a number of bytes were read."""
    sizes = [Path(path).stat().st_size if Path(path).is_file() else 0 for path in files]
    before, total = sum(sizes[:at]), sum(sizes) if all(sizes) else None
    return lambda read: progress(tally.records, before + read, total)

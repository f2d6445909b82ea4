"""Captures are read and folded, by one process or by several: the answer is the same."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, groupby
from mmap import mmap
from pathlib import Path

from pjsipdiag.capture import Part as Piece
from pjsipdiag.capture import Rest, Unjoinable, expand, join, read_part, split
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.readers import read_as
from pjsipdiag.diagnosis.fold import Fold
from pjsipdiag.diagnosis.jobs import Shared
from pjsipdiag.diagnosis.merge import Merged, Part, merge
from pjsipdiag.diagnosis.options import Options, Progress
from pjsipdiag.diagnosis.selection import Selection, selection
from pjsipdiag.diagnosis.spool import Spool

FEW = 4
"""Files for each process from which on each is read by one process, instead of being cut."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How captures are read; see `Options`."""

    wanted: Selection
    methods: tuple[bytes, ...] = (b"INVITE",)
    jobs: int = 1
    reader: str = "native"
    keylog: str | None = None
    follow: bool = False
    seconds: float | None = None

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


class _Seen:
    """How far each task is, in memory that all processes share."""

    def __init__(self, files: Sequence[str], tasks: int, progress: Progress | None) -> None:
        self._counts = memoryview(mmap(-1, 16 * max(tasks, 1))).cast("q")
        self._progress, self._parent = progress, os.getpid()
        sizes = [Path(path).stat().st_size if Path(path).is_file() else 0 for path in files] if progress else []
        self._total = sum(sizes) if all(sizes) else None

    def watch(self, tally: Tally, task: int) -> None:
        """Notes what `tally` counts, whenever something was read."""
        if self._progress is None:
            return
        counts = self._counts

        def note(read: int) -> None:
            counts[2 * task], counts[2 * task + 1] = tally.records, read
            self.tell()

        tally.on_read = note

    def tell(self) -> None:
        """Reports what all tasks have read so far."""
        if self._progress and os.getpid() == self._parent:
            self._progress(sum(self._counts[::2]), sum(self._counts[1::2]), self._total)


@dataclass(frozen=True, slots=True)
class _Task:
    number: int
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


def begin(captures: Sequence[str | Path], options: Options) -> Begun:
    """Begins to read captures: with several processes at once, else when it is asked to finish.

    Raises PjsipdiagError for options that make no sense, and for captures that do not exist.
    """
    files, passed_over = tuple(map(str, captures)), tuple[str, ...]()
    reading = _reading(options)
    if not reading.follow:
        files, passed_over = expand(captures)
    tasks = tuple(_tasks(files, reading))
    seen = _Seen(files, len(tasks), options.get("progress"))
    work = Shared(_Worker(files, seen, reading), tasks, reading.jobs)
    return Begun(reading, files, passed_over, tasks, seen, work)


@dataclass(frozen=True, slots=True)
class Begun:
    """Captures that are being read; left behind, what processes are still doing is ended."""

    reading: Reading
    _files: Sequence[str]
    _passed_over: Sequence[str]
    _tasks: Sequence[_Task]
    _seen: _Seen
    _work: Shared[_Task, _Done]

    def __enter__(self) -> Begun:
        return self

    def __exit__(self, *_: object) -> None:
        self._work.__exit__()

    def finish(self) -> Gathered:
        """All that was read. Raises CaptureError when one of the captures cannot be read at all."""
        done = self._work.results(self._seen.tell)
        for task, one in zip(self._tasks, done, strict=True):
            if one.fold.spool is not task.spool:
                one.fold.spool = task.spool.adopt(one.fold.spool)
        parts: list[Part] = []
        tallies: list[Tally] = []
        for capture, pieces in groupby(done, key=lambda one: one.capture):
            found, tally = _joined(self._files[capture], list(pieces), self.reading)
            parts += found
            tallies.append(tally)
        return Gathered(merge(parts), tuple(tallies), tuple(f"passed over: {reason}" for reason in self._passed_over))


def _reading(options: Options) -> Reading:
    others = (method.upper().encode() for method in options.get("methods", ()))
    follow = options.get("follow", False)
    return Reading(
        selection(options.get("since"), options.get("until"), options.get("sources", ()), options.get("call_ids", ())),
        tuple(dict.fromkeys((b"INVITE", *others))),
        1 if follow else options.get("jobs", 1),
        options.get("reader", "native"),
        options.get("keylog"),
        follow,
        options.get("seconds"),
    )


def _tasks(files: Sequence[str], reading: Reading) -> Iterator[_Task]:
    jobs = reading.jobs
    cut = reading.plain and jobs > 1 and len(files) < FEW * jobs
    pieces = [split(path, jobs) if cut else [Piece(path, 0, -1)] for path in files]
    shared = jobs > 1 and sum(map(len, pieces)) > 1
    numbers = count()
    for capture, parts in enumerate(pieces):
        for piece in parts:
            yield _Task(next(numbers), capture, piece, len(parts) == 1, Spool().share() if shared else Spool())


@dataclass(frozen=True, slots=True)
class _Worker:
    files: Sequence[str]
    seen: _Seen
    reading: Reading

    def __call__(self, task: _Task) -> _Done:
        path = self.files[task.capture]
        tally, rest, fold = Tally(path), Rest(), Fold(task.spool, self.reading.methods)
        self.seen.watch(tally, task.number)
        datagrams = _read(path, tally, self.reading) if task.whole else read_part(task.piece, tally, rest)
        _feed(fold, datagrams, tally, self.reading)
        tally.on_read = None
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

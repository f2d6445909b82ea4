"""Captures are read and folded, by one process or by several: the answer is the same.

The files are one capture in the order of their first records: fragments and TCP streams go on from one to the next, as
far as `capture.dissect` and `capture.tcp` let them. What a file's end left unfinished belongs to the file that held its
last packet, whenever it is told.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, groupby
from mmap import mmap
from pathlib import Path

from pjsipdiag.capture import Captures, Dissector, Handover, Unfinished, Unjoinable, expand, join, read_part, split
from pjsipdiag.capture.again import stamp
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.joining.chain import by_owner
from pjsipdiag.capture.joining.parts import SMALLEST, WHOLE, FilePart
from pjsipdiag.capture.readers import read_as, until_gone
from pjsipdiag.diagnosis.calls.fold import Fold
from pjsipdiag.diagnosis.calls.merge import CapturePart, Merged
from pjsipdiag.diagnosis.calls.selection import Selection, selection
from pjsipdiag.diagnosis.calls.spool import Spool
from pjsipdiag.diagnosis.options import Options, Progress
from pjsipdiag.diagnosis.work.executor import Executor, Processes, Started
from pjsipdiag.sip import Address

MOST_TASKS = 8
"""Tasks for each process: files beyond are read together, as each task has a temporary file open."""
FEW = 4
"""Files for each process from which on each is read by one process, instead of being cut."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How captures are read; see `Options`."""

    wanted: Selection
    jobs: int = 1
    reader: str = "native"
    keylog: str | None = None
    follow: bool = False
    seconds: float | None = None

    def fold(self, spool: Spool) -> Fold:
        """An empty one for what is read so."""
        return Fold(spool, _mirrors=self.wanted.mirrors)

    @property
    def splittable(self) -> bool:
        """Whether files may be cut in pieces."""
        return self.carries_over and not self.wanted.of_day

    @property
    def carries_over(self) -> bool:
        """Whether one file goes on where another one ends."""
        return self.reader == "native" and self.keylog is None and not self.follow


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything that the captures hold; `notes` say which files were passed over."""

    merged: Merged
    tallies: tuple[Tally, ...]
    notes: tuple[str, ...] = ()

    @property
    def encrypted(self) -> tuple[tuple[Address, Address, int], ...]:
        """Connections that cannot be read: client, server, how often."""
        found = (item for tally in self.tallies for item in sorted(tally.encrypted.items()))
        return tuple((Address.unpack(client), Address.unpack(server), count) for (client, server), count in found)


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

    def forget(self, tasks: Iterable[int]) -> None:
        """What these tasks have read is read again."""
        for task in tasks:
            self._counts[2 * task] = self._counts[2 * task + 1] = 0

    def tell(self) -> None:
        """Reports what all tasks have read so far."""
        if self._progress and os.getpid() == self._parent:
            self._progress(sum(self._counts[::2]), sum(self._counts[1::2]), self._total)


@dataclass(frozen=True, slots=True)
class _Task:
    """Pieces of captures for one process: (progress number, capture, piece) of each, in the order of the captures."""

    pieces: Sequence[tuple[int, int, FilePart]]
    spool: Spool


@dataclass(slots=True)
class _Done:
    number: int
    capture: int
    fold: Fold
    tally: Tally
    rest: Handover | None


def begin(captures: Sequence[str | Path], options: Options, executor: Executor | None = None) -> Begun:
    """Begins to read captures: with several processes (or another `executor`) at once, else when it is asked to finish.

    Raises PjsipdiagError for options that make no sense, and for captures that do not exist.
    """
    reading = _reading(options)
    if reading.follow:
        names = tuple(map(str, captures))
        found = Captures(names, (0,) * len(names))
    else:
        found = expand(captures)
    executor = executor or Processes(reading.jobs)
    tasks = tuple(_tasks(found.files, reading, executor.forks))
    pieces = sum(len(task.pieces) for task in tasks)
    seen = _Seen(found.files, pieces or len(found.files), options.get("progress"))
    work = _Worker(found.files, seen if executor.forks else None, reading)
    return Begun(reading, found, tasks, seen, executor, executor.submit(work, tasks))


@dataclass(frozen=True, slots=True)
class Begun:
    """Captures that are being read; left behind, what processes are still doing is ended."""

    reading: Reading
    _captures: Captures
    _tasks: Sequence[_Task]
    """What other processes do; nothing where this one reads alone."""
    _seen: _Seen
    _executor: Executor
    _work: Started[list[_Done]]

    def __enter__(self) -> Begun:
        return self

    def __exit__(self, *_: object) -> None:
        self._work.__exit__()

    def finish(self) -> Gathered:
        """All that was read. Raises CaptureError when one of the captures cannot be read at all."""
        chain = _Chain(self._captures, self.reading, self._seen)
        if not self._tasks:
            for capture in range(len(self._captures.files)):
                chain.read(capture, capture)
        done: list[_Done] = []
        for task, found in zip(self._tasks, self._work.results(self._seen.tell), strict=True):
            spool = task.spool.adopt(found[0].fold.spool)
            for one in found:
                one.fold.adopt(spool)
            done += found
        for capture, pieces in groupby(done, key=lambda one: one.capture):
            chain.join(capture, list(pieces))
        notes = tuple(f"passed over: {reason}" for reason in self._captures.passed_over)
        return Gathered(
            self._executor.merge([part for parts in chain.parts for part in parts]), tuple(chain.tallies), notes
        )


def _reading(options: Options) -> Reading:
    return Reading(
        selection(options),
        options.get("jobs", 1),
        options.get("reader", "native"),
        options.get("keylog"),
        options.get("follow", False),
        options.get("seconds"),
    )


def _tasks(files: Sequence[str], reading: Reading, forks: bool) -> Iterator[_Task]:
    """What several processes can do; nothing where one has to read alone: what is followed, what can be read only once,
    and what depends on the first message that one process finds."""
    jobs = reading.jobs
    if jobs == 1 or reading.follow or reading.wanted.of_day or (reading.carries_over and not all(map(stamp, files))):
        return
    cut = reading.splittable and len(files) < FEW * jobs
    numbers = count()
    pieces = [
        (next(numbers), capture, piece)
        for capture, path in enumerate(files)
        for piece in (split(path, jobs) if cut else [FilePart(path, 0, WHOLE)])
    ]
    if len(pieces) < 2 and not (cut and _is_long(files[0])):
        return
    size = -(-len(pieces) // (MOST_TASKS * jobs))
    for at in range(0, len(pieces), size):
        yield _Task(pieces[at : at + size], Spool().share() if forks else Spool())


def _is_long(path: str) -> bool:
    """Whether a file that cannot be cut is worth a process beside the one that loads the rest of the program."""
    return Path(path).stat().st_size >= SMALLEST


@dataclass(frozen=True, slots=True)
class _Worker:
    files: Sequence[str]
    seen: _Seen | None
    reading: Reading

    def __call__(self, task: _Task) -> list[_Done]:
        return [self._read(*piece, task.spool) for piece in task.pieces]

    def _read(self, number: int, capture: int, piece: FilePart, spool: Spool) -> _Done:
        path = self.files[capture]
        tally, fold = Tally(path, stamp=stamp(path)), self.reading.fold(spool)
        if self.seen:
            self.seen.watch(tally, number)
        # a whole file alone leaves nothing to others: it is read as one process reads it
        rest = Handover() if self.reading.carries_over and (len(self.files) > 1 or piece.end != WHOLE) else None
        datagrams = read_part(piece, tally, rest) if rest else _read(path, tally, self.reading)
        _feed(fold, until_gone(datagrams, tally, len(self.files)), tally, self.reading, [])
        tally.on_read = None
        return _Done(number, capture, fold, tally, rest)


@dataclass(slots=True)
class _Chain:
    """Files one after the other; `parts` and `tallies` are those of each."""

    captures: Captures
    reading: Reading
    seen: _Seen
    parts: list[list[CapturePart]] = field(default_factory=list)
    tallies: list[Tally] = field(default_factory=list)
    _unfinished: Unfinished | None = None
    _spool: Spool = field(default_factory=Spool)
    _days: list[int] = field(default_factory=list)

    def read(self, capture: int, task: int) -> None:
        """Reads the next file in this process, in the place of a task."""
        path, reading = self.captures.files[capture], self.reading
        tally, fold = Tally(path, stamp=stamp(path)), reading.fold(self._spool)
        self.seen.watch(tally, task)
        dissector = Dissector(tally, self._unfinished) if reading.carries_over else None
        found = until_gone(_read(path, tally, reading, dissector), tally, len(self.captures.files))
        _feed(fold, self._whole(capture, found, dissector), tally, reading, self._days)
        self._add([CapturePart(fold, capture)], tally, dissector)

    def join(self, capture: int, done: Sequence[_Done]) -> None:
        """Takes what other processes found in the next file."""
        parts: list[CapturePart] = []
        tally = Tally(self.captures.files[capture], stamp=done[0].tally.stamp if done else None)
        rests = []
        for one in done:
            parts.append(CapturePart(one.fold, capture, tally.records))
            tally.merge(one.tally)
            rests += [one.rest] if one.rest else []
        if not rests:
            self._add(parts, tally, None)
            return
        last = self.reading.fold(self._spool)
        try:
            dissector, found = join(rests, tally, self._unfinished)
        except Unjoinable:
            self.seen.forget([one.number for one in done])
            self.read(capture, done[0].number)
            return
        _feed(last, self._whole(capture, found, dissector), tally, self.reading, self._days)
        self._add([*parts, CapturePart(last, capture)] if last.counts[0] else parts, tally, dissector)

    def _whole(self, capture: int, found: Iterable[Datagram], dissector: Dissector | None) -> Iterator[Datagram]:
        """What was found in a file, then what is told at its end."""
        yield from found
        if dissector is not None:
            after = self.captures.starts[capture + 1 :]
            yield from dissector.finish(after[0] if after else None)

    def _add(self, parts: list[CapturePart], tally: Tally, dissector: Dissector | None) -> None:
        self.parts.append(parts)
        self.tallies.append(tally)
        if dissector is None:
            return
        self._unfinished = dissector.unfinished()
        late: dict[int, list[Datagram]] = {}
        for of, datagram in by_owner(dissector.late, [tally.records for tally in self.tallies]):
            late.setdefault(of, []).append(datagram)
        for of, found in late.items():
            fold = self.reading.fold(self._spool)
            _feed(fold, found, self.tallies[of], self.reading, self._days)
            self.parts[of].append(CapturePart(fold, of))


def _read(path: str, tally: Tally, reading: Reading, dissector: Dissector | None = None) -> Iterator[Datagram]:
    return read_as(
        path,
        tally,
        reader=reading.reader,
        keylog=reading.keylog,
        follow=reading.follow,
        seconds=reading.seconds,
        dissector=dissector,
    )


def _feed(fold: Fold, datagrams: Iterable[Datagram], tally: Tally, reading: Reading, days: list[int]) -> None:
    """Folds what is wanted; `days`: see `Selection.in_time`."""
    messages, requests = fold.counts
    fold.feed(reading.wanted.in_time(datagrams, days))
    tally.sip_messages += fold.counts[0] - messages
    tally.invites += fold.counts[1] - requests

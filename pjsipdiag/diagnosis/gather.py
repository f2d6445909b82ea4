"""Captures are read and folded, by one process or by several: the answer is the same.

The files are one capture in the order of their first records: fragments and TCP streams go on from one to the next, as
far as `capture.dissect` and `capture.tcp` let them. What a file's end left unfinished belongs to the file that held its
last packet, whenever it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from pjsipdiag.capture import Captures, Dissector, Rest, Unfinished, Unjoinable, expand, join, read_part, split
from pjsipdiag.capture import Part as Piece
from pjsipdiag.capture.chain import owned
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
        return self.goes_on and not self.wanted.of_day

    @property
    def goes_on(self) -> bool:
        """Whether one file goes on where another one ends."""
        return self.reader == "native" and self.keylog is None and not self.follow


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
    spool: Spool


@dataclass(slots=True)
class _Done:
    capture: int
    fold: Fold
    tally: Tally
    rest: Rest | None


def gather(captures: Sequence[str | Path], reading: Reading) -> Gathered:
    """Reads and folds all captures. Raises CaptureError when one of them cannot be read at all."""
    if reading.follow:
        names = tuple(map(str, captures))
        found = Captures(names, (0,) * len(names))
    else:
        found = expand(captures)
    files = found.files
    tasks = list(_tasks(files, reading))
    chain = _Chain(found, reading)
    if len(tasks) < 2:
        for capture in range(len(files)):
            chain.read(capture)
    else:
        done = share(_Worker(files, reading), tasks, reading.jobs)
        for task, one in zip(tasks, done, strict=True):
            one.fold.spool = task.spool.adopt(one.fold.spool)
        for capture, pieces in groupby(done, key=lambda one: one.capture):
            chain.join(capture, list(pieces))
    notes = tuple(f"passed over: {reason}" for reason in found.passed_over)
    return Gathered(merge([part for parts in chain.parts for part in parts]), tuple(chain.tallies), notes)


def _tasks(files: Sequence[str], reading: Reading) -> Iterator[_Task]:
    """What several processes can do; nothing where one has to read alone: what is followed, what can be read only once,
    and what depends on the first message that one process finds."""
    jobs = reading.jobs
    if jobs == 1 or reading.follow or (reading.goes_on and not (reading.plain and all(map(_is_file, files)))):
        return
    cut = reading.plain and len(files) < FEW * jobs
    for number, path in enumerate(files):
        for piece in split(path, jobs) if cut else [Piece(path, 0, -1)]:
            yield _Task(number, piece, Spool().share())


def _is_file(path: str) -> bool:
    return Path(path).is_file()


@dataclass(frozen=True, slots=True)
class _Worker:
    files: Sequence[str]
    reading: Reading

    def __call__(self, task: _Task) -> _Done:
        path = self.files[task.capture]
        tally, fold = Tally(path), Fold(task.spool, self.reading.methods)
        rest = Rest() if self.reading.goes_on else None
        datagrams = read_part(task.piece, tally, rest) if rest else _read(path, tally, self.reading)
        _feed(fold, datagrams, tally, self.reading)
        return _Done(task.capture, fold, tally, rest)


@dataclass(slots=True)
class _Chain:
    """Files one after the other; `parts` and `tallies` are those of each."""

    captures: Captures
    reading: Reading
    parts: list[list[Part]] = field(default_factory=list)
    tallies: list[Tally] = field(default_factory=list)
    _unfinished: Unfinished | None = None

    def read(self, capture: int) -> None:
        """Reads the next file in this process."""
        path, reading = self.captures.files[capture], self.reading
        tally, fold = Tally(path), Fold(methods=reading.methods)
        if reading.progress:
            tally.on_read = _telling(tally, reading.progress, self.captures.files, capture)
        dissector = Dissector(tally, self._unfinished) if reading.goes_on else None
        _feed(fold, self._whole(capture, _read(path, tally, reading, dissector), dissector), tally, reading)
        self._add([Part(fold, capture)], tally, dissector)

    def join(self, capture: int, done: Sequence[_Done]) -> None:
        """Takes what other processes found in the next file."""
        parts: list[Part] = []
        tally = Tally(self.captures.files[capture])
        rests = []
        for one in done:
            parts.append(Part(one.fold, capture, tally.records))
            tally.merge(one.tally)
            rests += [one.rest] if one.rest else []
        if not rests:
            self._add(parts, tally, None)
            return
        last = Fold(methods=self.reading.methods)
        try:
            dissector, found = join(rests, tally, self._unfinished)
        except Unjoinable:
            self.read(capture)
            return
        _feed(last, self._whole(capture, found, dissector), tally, self.reading)
        self._add([*parts, Part(last, capture)], tally, dissector)

    def _whole(self, capture: int, found: Iterable[Datagram], dissector: Dissector | None) -> Iterator[Datagram]:
        """What was found in a file, then what is told at its end."""
        yield from found
        if dissector is not None:
            after = self.captures.starts[capture + 1 :]
            yield from dissector.finish(after[0] if after else None)

    def _add(self, parts: list[Part], tally: Tally, dissector: Dissector | None) -> None:
        self.parts.append(parts)
        self.tallies.append(tally)
        if dissector is None:
            return
        self._unfinished = dissector.unfinished()
        late: dict[int, list[Datagram]] = {}
        for of, datagram in owned(dissector.late, [tally.records for tally in self.tallies]):
            late.setdefault(of, []).append(datagram)
        for of, found in late.items():
            fold = Fold(methods=self.reading.methods)
            _feed(fold, found, self.tallies[of], self.reading)
            self.parts[of].append(Part(fold, of))


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


def _feed(fold: Fold, datagrams: Iterable[Datagram], tally: Tally, reading: Reading) -> None:
    messages, requests = fold.messages, fold.requests
    fold.feed(reading.wanted.in_time(datagrams))
    tally.sip_messages += fold.messages - messages
    tally.invites += fold.requests - requests


def _telling(tally: Tally, progress: Progress, files: Sequence[str], at: int) -> Callable[[int], None]:
    """Reports progress in the file number `at`, of which a number of bytes were read."""
    sizes = [Path(path).stat().st_size if Path(path).is_file() else 0 for path in files]
    before, total = sum(sizes[:at]), sum(sizes) if all(sizes) else None
    return lambda read: progress(tally.records, before + read, total)

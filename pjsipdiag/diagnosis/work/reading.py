"""One piece of a capture is read and folded, in this process or in another one: what is asked for, what comes of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field, replace
from itertools import chain, islice
from mmap import mmap

from pjsipdiag.capture import Dissector, FilePart, Handover, UnfinishedState, read_part
from pjsipdiag.capture.datagram import Datagram, Stamp, Tally
from pjsipdiag.capture.joining.part_handover import WHOLE
from pjsipdiag.capture.readers import read, until_gone
from pjsipdiag.capture.source.location import size_of, stamp
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.calls.fold import Fold
from pjsipdiag.diagnosis.calls.fold_content import FoldContent
from pjsipdiag.diagnosis.calls.rows import ROW
from pjsipdiag.diagnosis.calls.selection import Selection
from pjsipdiag.diagnosis.calls.spool import Spool
from pjsipdiag.diagnosis.options import Progress
from pjsipdiag.diagnosis.work.executor import AnyFold, RemoteFold
from pjsipdiag.diagnosis.work.kept import once

MESSAGES = 50_000
"""Messages that are fed at once to a fold whose size is bounded."""


@dataclass(frozen=True, slots=True)
class ReadingPlan:
    """How captures are read; see `Options`. A fold ends behind `most_rows` transactions, None: with its piece."""

    selection: Selection
    jobs: int = 1
    reader: str = "native"
    keylog: str | None = None
    follow: bool = False
    seconds: float | None = None
    most_rows: int | None = None
    any_ratio: bool = False
    kept_in: str | None = None
    """The folder where what was read is kept; see `kept_in`."""

    @property
    def splittable(self) -> bool:
        """Whether files may be cut in pieces."""
        return self.carries_over and not self.selection.of_day

    @property
    def carries_over(self) -> bool:
        """Whether one file goes on where another one ends."""
        return self.reader == "native" and self.keylog is None and not self.follow


class TaskProgress:
    """How far each task is, in memory that all processes share."""

    def __init__(self, files: Sequence[str], tasks: int, progress: Progress | None) -> None:
        self._counts = memoryview(mmap(-1, 16 * max(tasks, 1))).cast("q")
        self._progress, self._parent = progress, os.getpid()
        sizes = [size_of(path) for path in files] if progress else []
        self._total = sum(map(int, filter(None, sizes))) if sizes and all(sizes) else None

    def watch(self, tally: Tally, task: int) -> None:
        """Notes what `tally` counts, whenever something was read."""
        if self._progress is None:
            return
        counts = self._counts

        def note(read: int) -> None:
            counts[2 * task], counts[2 * task + 1] = tally.records, read
            self.tell()

        tally.on_read = note

    def note(self, number: int, tally: Tally, piece: FilePart) -> None:
        """Notes a piece that was read elsewhere."""
        size = tally.stamp.size if tally.stamp else 0
        self._counts[2 * number] = tally.records
        self._counts[2 * number + 1] = size if piece.end == WHOLE else piece.end - piece.start
        self.tell()

    def forget(self, tasks: Iterable[int]) -> None:
        """Forgets what these tasks have read, as it is read again."""
        for task in tasks:
            self._counts[2 * task] = self._counts[2 * task + 1] = 0

    def tell(self) -> None:
        """Reports what all tasks have read so far."""
        if self._progress and os.getpid() == self._parent:
            self._progress(sum(self._counts[::2]), sum(self._counts[1::2]), self._total)


@dataclass(frozen=True, slots=True)
class Task:
    """Pieces of captures for one process: (progress number, capture, piece) of each, in the order of the captures."""

    pieces: Sequence[tuple[int, int, FilePart]]
    spool: Spool


@dataclass(slots=True)
class DonePiece:
    """The result of reading a piece; `why_lost` says why it could not be read."""

    number: int
    capture: int
    piece: FilePart
    folds: list[AnyFold]
    tally: Tally
    rest: Handover | None = None
    why_lost: str = ""


Keep = Callable[[FoldContent], RemoteFold]
"""Puts a fold that is done away, where the memory of many is not to be had."""


@dataclass(frozen=True, slots=True)
class PieceReader:
    """Reads the pieces of a task, each without what was before it; `is_alone` says that there is one file only."""

    is_alone: bool
    progress: TaskProgress | None
    reading: ReadingPlan
    keep: Keep | None = None

    def __call__(self, task: Task) -> list[DonePiece]:
        apart = self.keep or self.reading.kept_in  # each piece travels by itself, with its heads
        return [self._read(*piece, Spool() if apart else task.spool) for piece in task.pieces]

    def result_when_lost(self, task: Task, reason: str) -> list[DonePiece]:
        """Pieces that nobody can read, with the reason."""
        return [DonePiece(*place, [], Tally(place[-1].path), why_lost=reason) for place in task.pieces]

    def _read(self, number: int, capture: int, piece: FilePart, spool: Spool) -> DonePiece:
        found = stamp(piece.path)
        if self.reading.kept_in is None:
            return self._done(number, capture, piece, spool, found)
        alone = replace(self, keep=None)
        done = once(
            self.reading, piece, self.is_alone, found, lambda: alone._done(number, capture, piece, spool, found)
        )
        folds = [self.keep(fold) if self.keep and isinstance(fold, FoldContent) else fold for fold in done.folds]
        return replace(done, number=number, capture=capture, piece=piece, folds=folds)

    def _done(self, number: int, capture: int, piece: FilePart, spool: Spool, found: Stamp | None) -> DonePiece:
        tally = Tally(piece.path, stamp=found, any_ratio=self.reading.any_ratio)
        if self.progress:
            self.progress.watch(tally, number)
        # a whole file alone leaves nothing to others: it is read as one process reads it
        rest = Handover() if self.reading.carries_over and (not self.is_alone or piece.end != WHOLE) else None
        datagrams = read_part(piece, tally, rest) if rest else read_file(piece.path, tally, self.reading)
        datagrams = until_gone(datagrams, tally, 1 if self.is_alone else 2)
        folds = fold(datagrams, tally, self.reading, [], spool, self.keep)
        tally.on_read = None
        return DonePiece(number, capture, piece, folds, tally, rest)


@dataclass(slots=True)
class WholeFile:
    """The result of reading a file in one go, behind those before it."""

    folds: list[AnyFold]
    tally: Tally
    days: list[int]
    unfinished: UnfinishedState | None = None
    late: list[Datagram] = field(default_factory=list)
    """Messages that began in files before it."""
    why_lost: str = ""


@dataclass(frozen=True, slots=True)
class FileReader:
    """Reads a file in one go, with what those before it left unfinished; `after` is when the next one begins, and
    `is_alone` says that there is none."""

    path: str
    is_alone: bool
    reading: ReadingPlan
    after: int | None
    keep: Keep | None = None

    def __call__(self, left: tuple[UnfinishedState | None, list[int]]) -> WholeFile:
        return self.read(*left, self.tally(), Spool())

    def tally(self) -> Tally:
        """The counts of its file, before any is read."""
        return Tally(self.path, stamp=stamp(self.path), any_ratio=self.reading.any_ratio)

    def result_when_lost(self, left: tuple[UnfinishedState | None, list[int]], reason: str) -> WholeFile:
        """A file that nobody can read, with the reason."""
        return WholeFile([], Tally(self.path), left[1], left[0], why_lost=reason)

    def read(self, unfinished: UnfinishedState | None, days: list[int], tally: Tally, spool: Spool) -> WholeFile:
        """Reads it here; `days`: see `Selection.in_time`."""
        dissector = Dissector(tally, unfinished) if self.reading.carries_over else None
        found = until_gone(read_file(self.path, tally, self.reading, dissector), tally, 1 if self.is_alone else 2)
        folds = fold(to_the_end(found, dissector, self.after), tally, self.reading, days, spool, self.keep)
        tally.on_read = None
        if dissector is None:
            return WholeFile(folds, tally, days)
        return WholeFile(folds, tally, days, dissector.take_unfinished(), dissector.late)


def read_file(path: str, tally: Tally, reading: ReadingPlan, dissector: Dissector | None = None) -> Iterator[Datagram]:
    """The datagrams of a file, read as it was asked for."""
    return read(
        path,
        tally,
        reader=reading.reader,
        keylog=reading.keylog,
        follow=reading.follow,
        seconds=reading.seconds,
        dissector=dissector,
    )


def to_the_end(found: Iterable[Datagram], dissector: Dissector | None, after: int | None) -> Iterator[Datagram]:
    """The messages that were found in a file, then those that are told at its end."""
    yield from found
    if dissector is not None:
        yield from dissector.finish(after)


def fold(  # noqa: PLR0917  (what is read, and how)
    datagrams: Iterable[Datagram],
    tally: Tally,
    reading: ReadingPlan,
    days: list[int],
    spool: Spool,
    keep: Keep | None = None,
) -> list[AnyFold]:
    """Folds what is wanted, and counts it; `days`: see `Selection.in_time`."""
    wanted, most = iter(reading.selection.in_time(datagrams, days)), reading.most_rows
    last, folds = Fold(spool=spool, _mirrors=reading.selection.mirrors), list[AnyFold]()
    if most is None:
        last.feed(wanted, None if reading.selection.of_time else tally)
    else:
        for first in wanted:
            if len(last.rows) >= most * ROW.size:
                folds.append(_counted(last, tally, keep))
                last = Fold(spool=Spool(), _mirrors=reading.selection.mirrors)
            last.feed(chain((first,), islice(wanted, MESSAGES - 1)))
    return [*folds, _counted(last, tally, keep)]


def _counted(one: Fold, tally: Tally, keep: Keep | None) -> AnyFold:
    messages, invites = one.counts
    tally.sip_messages += messages
    tally.invites += invites
    return keep(one) if keep else one

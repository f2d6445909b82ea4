"""Files one after the other: what goes on from one to the next, and to which of them a message belongs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field
from itertools import chain

from pjsipdiag.capture import Captures, UnfinishedState, UnjoinableError, join, read_on
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.joining.file_by_file import by_owner
from pjsipdiag.capture.readers import until_gone
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.calls.fold_content import FoldContent
from pjsipdiag.diagnosis.calls.spool import Spool
from pjsipdiag.diagnosis.work.executor import Executor, PlacedFold
from pjsipdiag.diagnosis.work.reading import (
    DonePiece,
    FileReader,
    ReadingPlan,
    TaskProgress,
    WholeFile,
    fold,
    to_the_end,
)
from pjsipdiag.errors import CaptureError


@dataclass(slots=True)
class Chain:
    """`places` and `tallies` are those of each file."""

    captures: Captures
    reading: ReadingPlan
    progress: TaskProgress
    executor: Executor
    places: list[list[PlacedFold]] = field(default_factory=list)
    tallies: list[Tally] = field(default_factory=list)
    _unfinished: UnfinishedState | None = None
    _spool: Spool = field(default_factory=Spool)
    _days: list[int] = field(default_factory=list)

    def read(self, capture: int, task: int) -> None:
        """Reads the next file in one go, in the place of a task."""
        reader = FileReader(
            self.captures.files[capture], len(self.captures.files) == 1, self.reading, self._after(capture)
        )
        if self.executor.forks:
            tally = reader.tally()
            self.progress.watch(tally, task)
            whole = reader.read(self._unfinished, self._days, tally, self._spool)
        else:
            (whole,) = self.executor.submit(reader, [(self._unfinished, self._days)]).results()
        self._days = whole.days
        if whole.why_lost:
            self._lose(whole)
            return
        self._add([PlacedFold(one, capture) for one in whole.folds], whole.tally, whole)

    def join(self, capture: int, done: Sequence[DonePiece]) -> None:
        """Takes what others found in the pieces of the next file."""
        lost = next((one.why_lost for one in done if one.why_lost), "")
        if lost:
            self._lose(WholeFile([], Tally(self.captures.files[capture]), self._days, self._unfinished, why_lost=lost))
            return
        if any(one.rest is None for one in done):
            self._add(*self._merged(capture, done), None)
            return
        # The pieces before the one that does not join are kept, and the file is read on from there in one go. On other
        # machines nothing is kept: their spools are not here.
        joined = len(done)
        while True:
            places, tally = self._merged(capture, done[:joined])
            try:
                dissector, found = join([one.rest for one in done[:joined] if one.rest], tally, self._unfinished)
                break
            except UnjoinableError as reason:
                joined = reason.part if self.executor.forks else 0
                self.progress.forget([one.number for one in done[joined:]])
                if not joined:
                    self.read(capture, done[0].number)
                    return
        more: Iterable[Datagram] = ()
        if joined < len(done):
            self.progress.watch(tally, done[joined].number)
            dissector, more = read_on(done[joined].piece, tally, dissector)
            more = until_gone(more, tally, len(self.captures.files))
        told = to_the_end(chain(found, more), dissector, self._after(capture))
        (last,) = fold(told, tally, self._here(), self._days, self._spool)
        tally.on_read = None
        places += [PlacedFold(last, capture)] if isinstance(last, FoldContent) and last.counts[0] else []
        self._add(places, tally, WholeFile([], tally, self._days, dissector.take_unfinished(), dissector.late))

    def _merged(self, capture: int, done: Sequence[DonePiece]) -> tuple[list[PlacedFold], Tally]:
        """The folds of some pieces and what they counted, one after the other."""
        places: list[PlacedFold] = []
        first = done[0].tally.stamp if done else None
        tally = Tally(self.captures.files[capture], stamp=first, any_ratio=self.reading.any_ratio)
        frames = 0
        for one in done:
            places += [PlacedFold(part, capture, frames) for part in one.folds]
            tally.merge(one.tally)
            frames += one.rest.records if one.rest else one.tally.records
        return places, tally

    def _after(self, capture: int) -> int | None:
        return next(iter(self.captures.starts[capture + 1 :]), None)

    def _here(self) -> ReadingPlan:
        """Puts what is folded here into one fold."""
        return ReadingPlan(self.reading.selection)

    def _lose(self, whole: WholeFile) -> None:
        """Goes on without a file that cannot be read. Raises CaptureError where it is the only one."""
        if len(self.captures.files) == 1:
            raise CaptureError(f"{whole.tally.file}: {whole.why_lost}")
        whole.tally.truncated = whole.why_lost
        self.places.append([])
        self.tallies.append(whole.tally)

    def _add(self, places: list[PlacedFold], tally: Tally, whole: WholeFile | None) -> None:
        self.places.append(places)
        self.tallies.append(tally)
        if whole is None:
            return
        self._unfinished = whole.unfinished
        late: dict[int, list[Datagram]] = {}
        for of, datagram in by_owner(whole.late, [tally.records for tally in self.tallies]):
            late.setdefault(of, []).append(datagram)
        for of, found in late.items():
            (one,) = fold(found, self.tallies[of], self._here(), self._days, self._spool)
            self.places[of].append(PlacedFold(one, of))

"""Captures are read and folded, by one process or by several: the answer is the same.

The files are one capture in the order of their first records: fragments and TCP streams go on from one to the next, as
far as `capture.dissect` and `capture.tcp` let them. What a file's end left unfinished belongs to the file that held its
last packet, whenever it is told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field, replace
from functools import partial
from itertools import groupby
from pathlib import Path

from pjsipdiag.asterisk.secrets import hide_secrets
from pjsipdiag.capture import Captures, expand
from pjsipdiag.capture.datagram import LoggedRefusal, Tally
from pjsipdiag.capture.signs import Signs
from pjsipdiag.capture.source.location import from_here
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.calls.fold_content import FoldContent, MergedFolds
from pjsipdiag.diagnosis.calls.selection import selection
from pjsipdiag.diagnosis.calls.spool import Spool, SpoolView
from pjsipdiag.diagnosis.options import Options
from pjsipdiag.diagnosis.traffic import CaptureSummary
from pjsipdiag.diagnosis.work.chain import Chain
from pjsipdiag.diagnosis.work.executor import RESTARTS, Executor, Processes, StartedWork
from pjsipdiag.diagnosis.work.holders import Holders
from pjsipdiag.diagnosis.work.jobs import LostError
from pjsipdiag.diagnosis.work.kept import prepare
from pjsipdiag.diagnosis.work.reading import DonePiece, PieceReader, ReadingPlan, Task, TaskProgress
from pjsipdiag.diagnosis.work.tasks import tasks_elsewhere, tasks_here
from pjsipdiag.errors import CaptureError, PjsipdiagError
from pjsipdiag.sip import Address

LARGEST_FOLD = 100_000
"""Transactions in one fold on another machine: its memory is bounded."""


@dataclass(frozen=True, slots=True)
class GatheredCaptures:
    """Everything that the captures hold; `notes` say what was passed over."""

    merged: MergedFolds
    tallies: tuple[Tally, ...]
    notes: tuple[str, ...] = ()

    @property
    def encrypted_connections(self) -> tuple[tuple[Address, Address, int], ...]:
        """Connections that cannot be read: client, server, how often."""
        found = (item for tally in self.tallies for item in sorted(tally.encrypted_connections.items()))
        return tuple((Address.unpack(client), Address.unpack(server), count) for (client, server), count in found)

    @property
    def log_lines(self) -> dict[str, tuple[str, ...]]:
        """The lines of Asterisk's log about calls, by Call-ID, without the secrets of URIs in them."""
        said: dict[str, list[str]] = defaultdict(list)
        for tally in self.tallies:
            for call_id, lines in tally.log_lines.items():
                said[call_id].extend(map(hide_secrets, lines))
        return {call_id: tuple(lines) for call_id, lines in said.items()}

    @property
    def logged_refusals(self) -> tuple[LoggedRefusal, ...]:
        """The refusals that Asterisk's log tells alone, without the secrets of URIs in them."""
        return tuple(
            replace(one, sender=hide_secrets(one.sender), reason=hide_secrets(one.reason), text=hide_secrets(one.text))
            for tally in self.tallies
            for one in tally.logged_refusals
        )

    @property
    def signs(self) -> Signs:
        """ICMP errors, resets and alerts of all captures."""
        found = Signs()
        for tally in self.tallies:
            for sign, times in tally.signs.items():
                found.add(sign, replace(times))
        return found


def summary(tally: Tally) -> CaptureSummary:
    """The summary of a file that a report shows."""
    return CaptureSummary(
        tally.name,
        tally.records,
        tally.sip_messages,
        tally.invites,
        dict(tally.undecoded),
        tally.truncated,
        tuple(tally.notes),
        tally.changed,
    )


@dataclass(frozen=True, slots=True)
class AlreadyRead:
    """Captures that were gathered already, in place of some whose reading has begun."""

    reading: ReadingPlan
    gathered: GatheredCaptures

    def finish(self) -> GatheredCaptures:
        """Gives what was gathered."""
        return self.gathered


def begin(captures: Sequence[str | Path], options: Options, executor: Executor | None = None) -> BegunReading:
    """Begins to read captures: with several processes (or another `executor`) at once, else when it is asked to finish.

    Raises PjsipdiagError for options that make no sense, and for captures that do not exist.
    """
    executor = executor or _executor(options)
    left = RESTARTS
    while True:
        try:
            return _begin(captures, options, executor)
        except LostError as error:
            left -= 1
            executor = _another(executor, error, left)
        except BaseException:
            executor.close()
            raise


def _another(executor: Executor, error: LostError, left: int) -> Executor:
    """An executor in place of one that was lost. Raises `error` where none comes, or where it happened too often."""
    try:
        found = executor.another() if left >= 0 else None
    except PjsipdiagError:
        found = None
    if found is None:
        raise error
    return found


def _begin(captures: Sequence[str | Path], options: Options, executor: Executor) -> BegunReading:
    reading = _reading(options, executor)
    if reading.kept_in:
        prepare(reading.kept_in)
    if reading.follow:
        names = tuple(map(str, captures))
        found = Captures(names, (0,) * len(names))
    elif executor.forks:
        found = expand(captures)
    else:
        (found,) = executor.submit(Expansion(), [tuple(from_here(str(path)) for path in captures)]).results()
    tasks = tuple(
        tasks_here(found.files, reading) if executor.forks else tasks_elsewhere(found.files, reading, executor)
    )
    pieces = sum(len(task.pieces) for task in tasks)
    seen = TaskProgress(found.files if executor.forks else (), pieces or len(found.files), options.get("progress"))
    work = PieceReader(len(found.files) == 1, seen if executor.forks else None, reading)
    anew = partial(begin, captures, options)
    return BegunReading(reading, found, tasks, seen, executor, executor.submit(work, tasks), anew)


@dataclass(slots=True)
class BegunReading:
    """Captures that are being read; left behind, what others are still doing is ended."""

    reading: ReadingPlan
    _captures: Captures
    _tasks: Sequence[Task]
    """The tasks of other processes; none where this one reads alone."""
    _seen: TaskProgress
    _executor: Executor
    _work: StartedWork[list[DonePiece]]
    _anew: Callable[[Executor], BegunReading]
    _heads: Spool = field(default_factory=Spool)
    """The heads of folds that came with heads of their own."""
    _gathered: GatheredCaptures | None = None

    def __enter__(self) -> BegunReading:
        return self

    def __exit__(self, *_: object) -> None:
        self._work.__exit__()
        self._executor.close()

    def finish(self) -> GatheredCaptures:
        """All that was read; from the beginning where those who read were lost and others came. Raises CaptureError
        when the only capture cannot be read at all."""
        left = RESTARTS
        while self._gathered is None:
            try:
                self._gathered = self._finish()
            except LostError as error:
                left -= 1
                again = self._anew(_another(self._executor, error, left))
                self._captures, self._tasks, self._seen = again._captures, again._tasks, again._seen
                self._executor, self._work = again._executor, again._work
        return self._gathered

    def _finish(self) -> GatheredCaptures:
        chain = Chain(self._captures, self.reading, self._seen, self._executor)
        if not self._tasks:
            for capture in range(len(self._captures.files)):
                chain.read(capture, capture)
        for capture, pieces in groupby(self._done(), key=lambda one: one.capture):
            chain.join(capture, list(pieces))
        if not self._executor.forks:
            holder = Holders(self._executor)
            for tally in chain.tallies:
                tally.holder = holder
        merged = self._executor.merge([place for places in chain.places for place in places])
        notes = tuple(f"passed over: {reason}" for reason in self._captures.passed_over)
        if merged.lacks_tags:
            notes += ("who acknowledged an answer is known for the first calls only: the captures hold too many",)
        return GatheredCaptures(merged, tuple(chain.tallies), notes)

    def _done(self) -> Iterator[DonePiece]:
        """The pieces in order, with the spools that others filled."""
        for task, found in zip(self._tasks, self._work.results(self._seen.tell), strict=True):
            # Heads lie in spools: in one of their own for each piece that was kept in a folder, in a file shared by
            # fork, or on the machine that read them.
            if self._executor.forks and self.reading.kept_in:
                for one in (one for done in found for one in done.folds if isinstance(one, FoldContent)):
                    one.adopt(SpoolView(self._heads, self._heads.append(one.spool.content())))
            elif self._executor.forks:
                folds = [one for done in found for one in done.folds if isinstance(one, FoldContent)]
                spool = task.spool.adopt(folds[0].spool) if folds else task.spool
                for one in folds:
                    one.adopt(spool)
            if not self._executor.forks:
                for done, (_, _, piece) in zip(found, task.pieces, strict=True):
                    self._seen.note(done.number, done.tally, piece)
            yield from found


def _executor(options: Options) -> Executor:
    address = options.get("dask")
    if address is None:
        return Processes(options.get("jobs", 1))
    if options.get("follow"):
        raise PjsipdiagError("--follow waits for a capture on this machine: leave out --dask")
    from pjsipdiag.diagnosis.work.cluster import DaskCluster  # with distributed, which few runs need

    return DaskCluster(address)


def _reading(options: Options, executor: Executor) -> ReadingPlan:
    return ReadingPlan(
        selection(options),
        options.get("jobs", 1),
        options.get("reader", "native"),
        options.get("keylog"),
        options.get("follow", False),
        options.get("seconds"),
        None if executor.forks else LARGEST_FOLD,
        options.get("any_ratio", False),
        options.get("kept"),
    )


class Expansion:
    """Finds the files of captures where they are."""

    def __call__(self, captures: Sequence[str]) -> Captures:
        return expand(captures)

    def result_when_lost(self, captures: Sequence[str], reason: str) -> Captures:
        raise CaptureError(f"{captures[0]}: {reason}")

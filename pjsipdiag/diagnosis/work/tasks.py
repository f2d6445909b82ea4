"""Which pieces of which files are read together by one process or machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain, count

from pjsipdiag.capture import split
from pjsipdiag.capture.joining.part_handover import WHOLE, FilePart
from pjsipdiag.capture.source.location import size_of, stamp
from pjsipdiag.diagnosis.calls.spool import Spool
from pjsipdiag.diagnosis.work.executor import Executor
from pjsipdiag.diagnosis.work.reading import ReadingPlan, Task
from pjsipdiag.errors import CaptureError

MOST_TASKS = 8
"""Tasks for each process: files beyond are read together, as each task has a temporary file open."""
LEAST_PACKED = 4 << 20
"""Bytes of a file that cannot be cut (it is packed, say) that are worth a process."""
FEW_FILES = 4
"""Files for each process from which on each is read by one process, instead of being cut."""
PIECE, TOGETHER, FILES_TOGETHER = 128 << 20, 16 << 20, 32
"""Bytes of a capture that another machine reads at once, bytes of small files that it reads together, and files whose
pieces it names together: each message to it and from it costs as much as reading some MB."""


def tasks_here(files: Sequence[str], reading: ReadingPlan) -> Iterator[Task]:
    """The tasks for several processes; none where one has to read alone: what is followed, what can be read only once,
    and what depends on the first message that one process finds."""
    jobs = reading.jobs
    if (
        (jobs == 1 and not reading.kept_in)
        or reading.follow
        or reading.selection.of_day
        or (reading.carries_over and not all(map(stamp, files)))
    ):
        return
    # Cutting costs: what goes over a cut is read again by `join`. With many files each process has whole ones to read.
    cut = reading.splittable and len(files) < FEW_FILES * jobs
    cutting = _pieces if reading.kept_in and reading.splittable else partial(split, parts=jobs if cut else 1)
    numbers = count()
    pieces = [(next(numbers), capture, piece) for capture, path in enumerate(files) for piece in cutting(path)]
    if len(pieces) < 2 and not (cut and _is_long(files[0])) and not reading.kept_in:
        return
    size = -(-len(pieces) // (MOST_TASKS * jobs))
    for at in range(0, len(pieces), size):
        yield Task(pieces[at : at + size], Spool() if reading.kept_in else Spool().share())


def tasks_elsewhere(files: Sequence[str], reading: ReadingPlan, executor: Executor) -> Iterator[Task]:
    """Tasks where others open the files: each of a bounded size, each a piece of a file or some small ones."""
    if reading.selection.of_day:
        return
    if not reading.splittable:
        yield from (Task([(number, number, FilePart(path, 0, WHOLE))], Spool()) for number, path in enumerate(files))
        return
    batches = [tuple(files[at : at + FILES_TOGETHER]) for at in range(0, len(files), FILES_TOGETHER)]
    together: list[tuple[int, int, FilePart]] = []
    numbers, size = count(), 0
    for capture, pieces in enumerate(chain.from_iterable(executor.submit(PieceCutter(), batches).results())):
        for piece, length in pieces:
            together.append((next(numbers), capture, piece))
            size += length
            if size >= TOGETHER:
                yield Task(together, Spool())
                together, size = [], 0
    if together:
        yield Task(together, Spool())


Cuts = list[list[tuple[FilePart, int]]]
"""The pieces of each of some files, with how many bytes each has."""


class PieceCutter:
    """Says in which pieces files are read, where they are."""

    def __call__(self, paths: Sequence[str]) -> Cuts:
        return [[(piece, _length(piece)) for piece in _pieces(path)] for path in paths]

    def result_when_lost(self, paths: Sequence[str], _reason: str) -> Cuts:
        return [[(FilePart(path, 0, WHOLE), TOGETHER)] for path in paths]


def _length(piece: FilePart) -> int:
    """The length of a file in bytes; where nobody can tell, enough for a task of its own."""
    if piece.end != WHOLE:
        return piece.end - piece.start
    size = size_of(piece.path)
    return TOGETHER if size is None else size


def _pieces(path: str) -> list[FilePart]:
    """Pieces of about PIECE bytes, whoever reads them."""
    try:
        return split(path, -(-(size_of(path) or 1) // PIECE))
    except CaptureError:  # its reader will say it
        return [FilePart(path, 0, WHOLE)]


def _is_long(path: str) -> bool:
    """Whether a file is worth a process beside the one that loads the rest of the program: one that cannot be cut."""
    return (size_of(path) or 0) >= LEAST_PACKED and len(split(path, 2, LEAST_PACKED // 2)) < 2

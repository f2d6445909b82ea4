"""What many workers would take, by a model of what few of them take on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from pjsipdiag.diagnosis.work import tasks
from pjsipdiag.diagnosis.work.jobs import processors

STORAGE = 10.0
"""GB/s that a storage gives all workers together: a 100 Gbit/s network."""
FILE = 0.1
"""GB of a rotated file."""
PBXS, AT_ONCE = 100, 16
"""PBXs that a fleet has, and how many of them are diagnosed at the same time (`--jobs`)."""


class Cost(NamedTuple):
    """Of one run: seconds as a whole, processor seconds of each side, and what was moved and held."""

    wall: float
    client: float
    scheduler: float
    workers: float
    moved: int
    client_mb: int
    scheduler_mb: int
    worker_mb: int

    @property
    def spent(self) -> float:
        """Processor seconds of all together."""
        return self.client + self.scheduler + self.workers


class Case(NamedTuple):
    """So many workers (0: none, one process) read a folder."""

    workers: int
    name: str
    folder: Path
    gb: float
    files: int
    together: int = tasks.TOGETHER

    @property
    def tasks(self) -> float:
        """That the workers do: of small files as many together as `together` bytes say."""
        size = self.gb * 1e9
        return size / min(max(size / self.files, self.together), tasks.PIECE)


class Each(NamedTuple):
    """Processor seconds of a worker, the scheduler and the client, as a whole or for each of something."""

    worker: float
    scheduler: float
    client: float

    @classmethod
    def of(cls, cost: Cost) -> Each:
        """What a run took."""
        return cls(cost.workers, cost.scheduler, cost.client)

    def more(self, less: Each) -> Each:
        """What this takes beyond another one."""
        return Each(*(max(one - other, 0.0) for one, other in zip(self, less, strict=True)))

    def times(self, number: float) -> Each:
        return Each(*(one * number for one in self))

    def __str__(self) -> str:
        return (
            f"{self.worker * 1e3:.1f} ms of a worker, {self.scheduler * 1e3:.1f} ms of the scheduler and"
            f" {self.client * 1e3:.1f} ms of the client"
        )


class Model(NamedTuple):
    """What each task, file and GB costs, and what a run costs beside them: `start` is its time."""

    task: Each
    file: Each
    gb: Each
    idle: Each = Each(0.0, 0.0, 0.0)
    start: float = 0.0

    def spent(self, case: Case) -> Each:
        """Processor seconds of each side."""
        parts = self.idle, self.task.times(case.tasks), self.file.times(case.files), self.gb.times(case.gb)
        return Each(*map(sum, zip(*parts, strict=True)))

    def wall(self, case: Case) -> float:
        """How long a run takes on this machine: the client judges when all is read."""
        judging = self.gb.client * case.gb
        busy = self.spent(case).more(self.idle)
        at_once = max(busy.worker / case.workers, (sum(busy) - judging) / processors(), busy.scheduler)
        return self.start + at_once + judging

    def seconds(self, size: float, workers: int, pbxs: int, storage: float) -> tuple[float, str]:
        """How long `size` GB take where each has a processor, and what all wait for."""
        case = Case(workers, "", Path(), size, round(size / FILE))
        busy = self.spent(case).more(self.idle)
        parts = {
            "reading": busy.worker / workers,
            "the scheduler": busy.scheduler,
            "the clients": busy.client / min(pbxs, AT_ONCE),
            "the storage": size / storage,
        }
        slowest = max(parts, key=lambda name: parts[name])
        return self.start + parts[slowest], slowest


def model_of(costs: Mapping[Case, Cost]) -> tuple[Model, set[Case]]:
    """The model, and the runs that it is made of: the big one, few and many files, and a task for each file."""
    named = {case.name: case for case in costs}
    cases = big, few, many, each = [named[name] for name in ("big 2", "few", "many", "each")]
    took = {case: Each.of(costs[case]) for case in cases}
    none = Each(0.0, 0.0, 0.0)
    task = took[each].more(took[many]).times(1 / (each.tasks - many.tasks))
    file = took[many].more(took[few]).more(task.times(many.tasks - few.tasks)).times(1 / (many.files - few.files))
    known = Model(task, file, none)
    gb = took[big].more(known.spent(big)).more(took[few].more(known.spent(few))).times(1 / (big.gb - few.gb))
    known = Model(task, file, gb)
    idle = took[few].more(known.spent(few))
    return Model(task, file, gb, idle, max(costs[few].wall - known.wall(few), 0.0)), set(cases)


def modelled(costs: Mapping[Case, Cost]) -> Iterator[str]:
    """What the model says, line by line."""
    model, made_of = model_of(costs)
    yield (
        "A model of four of these runs (two workers on the most bytes, on the fewest and on the most files, and with a"
        f" task for each): a GB takes {model.gb}, a task {model.task}, a file {model.file}, and a run {model.start:.2f}"
        f" s and {sum(model.idle):.2f} s of processors beside them. What it says of the others:"
    )
    yield ""
    yield "| workers | GB | files | s | by the model | CPU s of all | by the model |"
    yield "|---|---|---|---|---|---|---|"
    for case, one in costs.items():
        if case not in made_of and case.workers:
            yield (
                f"| {case.workers} | {case.gb:.2f} | {case.files:,} | {one.wall:.2f} | {model.wall(case):.2f} |"
                f" {one.spent:.2f} | {sum(model.spent(case)):.2f} |"
            )
    yield ""
    yield (
        f"With a processor for each, pieces of {tasks.PIECE >> 20} MB and files of {FILE * 1000:.0f} MB of such calls:"
        f" how long, and what all wait for. A storage gives {STORAGE:.0f} GB/s to all, or as much as they take; one PBX"
        f" has all of the captures, or each of {PBXS} has its part and {AT_ONCE} are diagnosed at a time:"
    )
    yield ""
    yield f"| workers | storage | 1 TB, one PBX | 1 TB, {PBXS} PBXs | 100 TB, one PBX | 100 TB, {PBXS} PBXs |"
    yield "|---|---|---|---|---|---|"
    for workers in (10, 100, 1000):
        for storage, said in ((STORAGE, f"{STORAGE:.0f} GB/s"), (float("inf"), "any")):
            found = [model.seconds(size, workers, pbxs, storage) for size in (1e3, 1e5) for pbxs in (1, PBXS)]
            cells = " | ".join(f"{_duration(seconds)}: {slowest}" for seconds, slowest in found)
            yield f"| {workers:,} | {said} | {cells} |"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"

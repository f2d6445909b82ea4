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
    """Processor seconds of a worker, the scheduler and the client for each of something."""

    worker: float
    scheduler: float
    client: float

    @classmethod
    def between(cls, less: Cost, more: Cost, number: float) -> Each:
        """What `number` more of it cost."""
        spent = more.workers - less.workers, more.scheduler - less.scheduler, more.client - less.client
        return cls(*(max(one, 0.0) / number for one in spent))

    def __str__(self) -> str:
        return (
            f"{self.worker * 1e3:.1f} ms of a worker, {self.scheduler * 1e3:.1f} ms of the scheduler and"
            f" {self.client * 1e3:.1f} ms of the client"
        )


class Model(NamedTuple):
    """What each task, file and GB costs; `start` is how long an empty run takes, `idle` what all spend in it."""

    start: float
    idle: float
    task: Each
    file: Each
    worker_gb: float
    client_gb: float

    def spent(self, case: Case) -> float:
        """Processor seconds of all together."""
        each = case.tasks * sum(self.task) + case.files * sum(self.file)
        return self.idle + case.gb * (self.worker_gb + self.client_gb) + each

    def wall(self, case: Case) -> float:
        """How long a run takes on this machine."""
        parts = [case.tasks * task + case.files * file for task, file in zip(self.task, self.file, strict=True)]
        reading, merging = case.gb * self.worker_gb + parts[0], case.gb * self.client_gb
        at_once = max(reading / case.workers, (reading + parts[1] + parts[2]) / processors(), parts[1], parts[2])
        return self.start + at_once + merging

    def seconds(self, size: float, workers: int, pbxs: int, storage: float) -> tuple[float, str]:
        """How long `size` GB take where each has a processor, and what all wait for."""
        count, files = size * 1e9 / tasks.PIECE, size / FILE
        worker, scheduler, client = (
            count * task + files * file for task, file in zip(self.task, self.file, strict=True)
        )
        parts = {
            "reading": (size * self.worker_gb + worker) / workers,
            "the scheduler": scheduler,
            "merging": (client + size * self.client_gb) / min(pbxs, AT_ONCE),
            "the storage": size / storage,
        }
        slowest = max(parts, key=lambda name: parts[name])
        return self.start + parts[slowest], slowest


def model_of(costs: Mapping[Case, Cost]) -> tuple[Model, set[Case]]:
    """The model, and the runs that it is made of: an empty one, the big one, few and many files, a task for each."""
    named = {case.name: case for case in costs}
    cases = [named[name] for name in ("empty", "big 2", "few", "many", "each")]
    empty, big, few, many, each = (costs[case] for case in cases)
    of_big, of_few, of_many, of_each = cases[1:]
    task = Each.between(many, each, of_each.tasks - of_many.tasks)
    file = Each.between(few, many, of_many.files - of_few.files)
    model = Model(
        start=empty.wall,
        idle=empty.spent,
        task=task,
        file=file,
        worker_gb=max(big.workers - empty.workers - of_big.tasks * task.worker, 0.0) / of_big.gb,
        client_gb=max(few.client - empty.client - of_few.tasks * task.client, 0.0) / of_few.gb,
    )
    return model, set(cases)


def modelled(costs: Mapping[Case, Cost]) -> Iterator[str]:
    """What the model says, line by line."""
    model, made_of = model_of(costs)
    yield (
        "A model of five of these runs (the empty one, two workers on the most bytes, on the fewest and on the most"
        f" files, and with a task for each): a GB takes {model.worker_gb:.2f} s of a worker and {model.client_gb:.2f} s"
        f" of the client, a task {model.task}, a file {model.file}, and a run {model.start:.2f} s. What it says of the"
        " others:"
    )
    yield ""
    yield "| workers | GB | files | s | by the model | CPU s of all | by the model |"
    yield "|---|---|---|---|---|---|---|"
    for case, one in costs.items():
        if case not in made_of and case.workers:
            yield (
                f"| {case.workers} | {case.gb:.2f} | {case.files:,} | {one.wall:.2f} | {model.wall(case):.2f} |"
                f" {one.spent:.2f} | {model.spent(case):.2f} |"
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

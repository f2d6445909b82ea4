"""What reading with Dask costs, measured on this machine, and what many workers would take by a model of it.

    python -m tests.bench.cluster [--mb N] [--rounds N] [--readme]

A scheduler and workers run on the loopback address, each a process. Bytes moved are those of the loopback device: where
others use it too, run this in a network of its own: `unshare -n sh -c 'ip link set lo up; exec python -m
tests.bench.cluster'`. The model is made of three figures of these runs and is checked against the others.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from pjsipdiag.diagnosis.work import tasks
from pjsipdiag.diagnosis.work.jobs import processors
from tests.bench.captures import write
from tests.capture.files import cut, records
from tests.diagnosis.work.test_cluster import CONFIG, running

README = Path(__file__).parents[2] / "README.md"
MARKS = "<!-- cluster -->", "<!-- /cluster -->"
FILES = (10, 100, 1000)
LINKS = 10
"""How often the capture is read again where bytes are to cost more than files."""
WORKERS = (1, 2, 4)
COLUMNS = (
    "workers",
    "files",
    "s",
    "times one process",
    "worker CPU s",
    "scheduler CPU s",
    "client CPU s",
    "MB moved for 1 GB read",
    "client MB",
    "scheduler MB",
    "worker MB",
)
PACKET = 250
"""Bytes of a packet of calls with RTP, about."""
STORAGE = 10.0
"""GB/s that a storage gives all workers together, in the model: a 100 Gbit/s network."""


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


class Model(NamedTuple):
    """Processor seconds: of a worker for each GB and each task, of the scheduler and of the client for each task."""

    per_gb: float
    worker: float
    scheduler: float
    client: float

    def spent(self, size: float, tasks: float) -> float:
        """Of all together, beside what an empty run takes."""
        return size * self.per_gb + tasks * (self.worker + self.scheduler + self.client)

    def seconds(self, size: float, tasks: float, workers: float) -> tuple[float, str]:
        """How long `size` GB take where each has a processor, and what all wait for."""
        parts = {
            "reading": (size * self.per_gb + tasks * self.worker) / workers,
            "the scheduler": tasks * self.scheduler,
            "the client": tasks * self.client,
            "the storage": size / STORAGE,
        }
        slowest = max(parts, key=lambda name: parts[name])
        return parts[slowest], slowest


def client(folder: str, address: str, together: str) -> None:
    """One diagnosis; what it cost is printed."""
    import distributed  # noqa: F401  (not to be counted)

    from pjsipdiag.diagnosis.diagnose import diagnose

    tasks.TOGETHER = int(together)
    wall, cpu = time.perf_counter(), time.process_time()
    assert diagnose([folder], CONFIG, jobs=1, dask=address or None).calls
    sys.stdout.write(json.dumps([time.perf_counter() - wall, time.process_time() - cpu, _peak(os.getpid())]))


def _run(folder: Path, address: str = "", together: int = tasks.TOGETHER) -> tuple[float, float, int]:
    command = [sys.executable, "-m", "tests.bench.cluster", "--client", str(folder), address, str(together)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    wall, cpu, held = json.loads(done.stdout)
    return wall, cpu, held


def measure(folder: Path, workers: int, rounds: int, place: Path, together: int = tasks.TOGETHER) -> Cost:
    """The median of some runs with warm workers."""
    with running(place, workers) as (dask, started):
        _run(CONFIG.parent, dask.address)
        costs = []
        for _ in range(rounds):
            before = _worked(dask.scheduler.pid), sum(_worked(one.pid) for one in started), _moved()
            wall, cpu, held = _run(folder, dask.address, together)
            after = _worked(dask.scheduler.pid), sum(_worked(one.pid) for one in started), _moved()
            spent, read, moved = (now - then for now, then in zip(after, before, strict=True))
            peak = max(_peak(one.pid) for one in started)
            costs.append(Cost(wall, cpu, spent, read, int(moved), held, _peak(dask.scheduler.pid), peak))
    return Cost(*(statistics.median(column) for column in zip(*costs, strict=True)))


def _worked(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) >> 10 if found else 0


def _moved() -> int:
    """Bytes that the loopback device brought."""
    found = re.search(r"^\s*lo:\s*(\d+)", Path("/proc/net/dev").read_text(), re.MULTILINE)
    return int(found[1]) if found else 0


def report(size_mb: int, rounds: int, folder: Path) -> Iterator[str]:
    """The tables, line by line."""
    whole, big = folder / "whole.pcap", folder / "big"
    write(whole, "mixed", size_mb * 1_000_000 // PACKET)
    raw = whole.read_bytes()
    count = len(records(raw)[1])
    gb = len(raw) / 1e9
    big.mkdir()
    for number in range(LINKS):  # reading costs the same, whatever stands in them
        (big / f"{number}.pcap").symlink_to(whole)
    made = {
        files: cut(raw, range(count // files, count - files, count // files), folder / str(files)) for files in FILES
    }
    alone = [statistics.median(column) for column in zip(*(_run(made[10]) for _ in range(rounds)), strict=True)]
    yield (
        f"Python {platform.python_version()}, {processors()} cores, {gb:.2f} GB of calls with RTP in rotated files"
        f" (the last row: {LINKS} times as much),"
        f" median of {rounds} rounds, load of the machine {os.getloadavg()[0]:.1f}:"
    )
    yield ""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---" * len(COLUMNS) + "|"
    yield f"| none: one process | {FILES[0]} | {alone[0]:.2f} | 1 | | | {alone[1]:.2f} | | {alone[2]:.0f} | | |"
    costs: dict[tuple[int, str], Cost] = {}
    single = folder / "single"
    single.mkdir()
    (single / "one.pcap").write_bytes((CONFIG.parent / "capture.pcap").read_bytes())
    for workers, name, captures, together in [
        (2, "1, empty", single, tasks.TOGETHER),
        *((workers, f"{FILES[1]}", made[FILES[1]], tasks.TOGETHER) for workers in WORKERS),
        (2, f"{FILES[0]}", made[FILES[0]], tasks.TOGETHER),
        (2, f"{FILES[2]:,}", made[FILES[2]], tasks.TOGETHER),
        (2, f"{FILES[2]:,}, a task for each", made[FILES[2]], 0),
        (2, f"{LINKS}, big", big, tasks.TOGETHER),
    ]:
        one = costs[workers, name] = measure(captures, workers, rounds, folder / f"dask-{len(costs)}", together)
        moved = one.moved / 1e6 / (gb * (LINKS if captures is big else 1))
        yield (
            f"| {workers} | {name} | {one.wall:.2f} | {one.wall / alone[0]:.2f} | {one.workers:.2f} |"
            f" {one.scheduler:.2f} | {one.client:.2f} | {moved:.1f} | {one.client_mb:.0f} |"
            f" {one.scheduler_mb:.0f} | {one.worker_mb:.0f} |"
        )
    yield ""
    yield from _modelled(costs, gb)


def _modelled(costs: dict[tuple[int, str], Cost], gb: float) -> Iterator[str]:
    empty, few, each = costs[2, "1, empty"], costs[2, f"{FILES[0]}"], costs[2, f"{FILES[2]:,}, a task for each"]
    big = costs[2, f"{LINKS}, big"]
    number = FILES[2] - FILES[0]
    model = Model(
        per_gb=max(big.workers - empty.workers, 0.0) / (gb * LINKS),
        worker=(each.workers - few.workers) / number,
        scheduler=(each.scheduler - few.scheduler) / number,
        client=(each.client - few.client) / number,
    )
    yield (
        f"A model of the empty run, the big one, of {FILES[0]} files and of a task for each of {FILES[2]:,}:"
        f" {model.per_gb:.2f} s of a worker for each GB; for each task {model.worker * 1e3:.1f} ms of a worker,"
        f" {model.scheduler * 1e3:.1f} ms of the scheduler, {model.client * 1e3:.1f} ms of the client. It says of the"
        " other runs:"
    )
    yield ""
    yield "| workers | files | CPU s of all, measured | by the model |"
    yield "|---|---|---|---|"
    base = empty.workers + empty.scheduler + empty.client
    for (workers, name), one in costs.items():
        if one in (empty, few, each, big):
            continue
        of_task = max(gb * 1e9 / float(name.replace(",", "")), tasks.TOGETHER)
        spent = base + model.spent(gb, gb * 1e9 / of_task)
        yield f"| {workers} | {name} | {one.workers + one.scheduler + one.client:.2f} | {spent:.2f} |"
    yield ""
    yield (
        f"With a processor for each, a storage of {STORAGE:.0f} GB/s and pieces of {tasks.PIECE >> 20} MB, that is for"
        " captures of such calls:"
    )
    yield ""
    yield "| workers | 1 TB | waits for | 100 TB | waits for |"
    yield "|---|---|---|---|---|"
    for workers in (10, 100, 1000):
        cells = []
        for size in (1e3, 1e5):
            seconds, slowest = model.seconds(size, size * 1e9 / tasks.PIECE, workers)
            cells += [_duration(seconds), slowest]
        yield f"| {workers:,} | {' | '.join(cells)} |"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=int, default=500, help="size of the capture")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--readme", action="store_true", help="renew the README's tables")
    parser.add_argument("--client", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.client:
        client(*given.client)
        return
    with TemporaryDirectory() as folder:
        lines = []
        for line in report(given.mb, given.rounds, Path(folder)):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
            lines.append(line)
    if given.readme:
        text = README.read_text()
        before, after = text.index(MARKS[0]) + len(MARKS[0]), text.index(MARKS[1])
        README.write_text(text[:before] + "\n" + "\n".join(lines) + "\n" + text[after:])


if __name__ == "__main__":
    main()

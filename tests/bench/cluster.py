"""What reading with Dask costs, measured on this machine, and what many workers would take by a model of it.

    python -m tests.bench.cluster [--mb N] [--rounds N] [--readme]

A scheduler and workers run on the loopback address, each a process. Bytes moved are those of the loopback device, which
is one of their own where this user may have one (`unshare -n`). The model is made of four of these runs and is checked
against the others.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import string
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from pjsipdiag.diagnosis.work import tasks
from pjsipdiag.diagnosis.work.jobs import processors
from tests.bench.captures import write
from tests.bench.model import Case, Cost, modelled
from tests.capture.files import cut, records
from tests.diagnosis.work.test_cluster import CONFIG, running

README = Path(__file__).parents[2] / "README.md"
WIDTH = 140
"""Of a line of words there."""
MARKS = "<!-- cluster -->", "<!-- /cluster -->"
FILES = {10: "few", 100: "some", 1000: "many"}
COPIES = string.ascii_uppercase[:8]
"""Of the capture, where bytes are to cost more than files: what the Call-IDs of each begin with."""
WORKERS = (1, 2, 4)
COLUMNS = (
    "workers",
    "GB",
    "files",
    "s",
    "efficiency",
    "worker CPU s",
    "scheduler CPU s",
    "client CPU s",
    "MB moved for 1 GB",
    "client MB",
    "scheduler MB",
    "worker MB",
)
PACKET = 231
"""Bytes of a packet of calls with RTP, about."""
ALONE = "PJSIPDIAG_BENCH_ALONE"


def client(folder: str, address: str, together: str) -> None:
    """One diagnosis; what it cost is printed."""
    import distributed  # noqa: F401  (not to be counted)

    from pjsipdiag.diagnosis.diagnose import diagnose

    tasks.TOGETHER = int(together)
    wall, cpu = time.perf_counter(), time.process_time()
    assert diagnose([folder], CONFIG, jobs=1, dask=address or None).calls
    sys.stdout.write(json.dumps([time.perf_counter() - wall, time.process_time() - cpu, _peak(os.getpid())]))


def _run(folder: Path, address: str = "", together: int = tasks.TOGETHER) -> tuple[float, float, int]:
    """Seconds, processor seconds and MB of a client, or of one process."""
    command = [sys.executable, "-m", "tests.bench.cluster", "--client", str(folder), address, str(together)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    wall, cpu, held = json.loads(done.stdout)
    return wall, cpu, held


def measure(case: Case, rounds: int, place: Path) -> Cost:
    """The median of some runs with warm workers."""
    if not case.workers:
        wall, cpu, held = (statistics.median(column) for column in zip(*_runs(case, rounds), strict=True))
        return Cost(wall, cpu, 0, 0, 0, int(held), 0, 0)
    with running(place, case.workers) as (dask, started):
        _run(CONFIG.parent, dask.address)
        costs = []
        for _ in range(rounds):
            before = _worked(dask.scheduler.pid), sum(_worked(one.pid) for one in started), _moved()
            wall, cpu, held = _run(case.folder, dask.address, case.together)
            after = _worked(dask.scheduler.pid), sum(_worked(one.pid) for one in started), _moved()
            spent, read, moved = (now - then for now, then in zip(after, before, strict=True))
            peak = max(_peak(one.pid) for one in started)
            costs.append(Cost(wall, cpu, spent, read, int(moved), held, _peak(dask.scheduler.pid), peak))
    return Cost(*(statistics.median(column) for column in zip(*costs, strict=True)))


def _runs(case: Case, rounds: int) -> Iterator[tuple[float, float, int]]:
    return (_run(case.folder) for _ in range(rounds))


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


def _cases(size_mb: int, folder: Path) -> list[Case]:
    """An empty one first; then those of which bytes cost, then those of which files cost."""
    whole, big, single = folder / "whole.pcap", folder / "big", folder / "single"
    write(whole, "mixed", size_mb * 1_000_000 // PACKET)
    raw = whole.read_bytes()
    count, gb = len(records(raw)[1]), len(raw) / 1e9
    big.mkdir()
    single.mkdir()
    (single / "one.pcap").write_bytes((CONFIG.parent / "capture.pcap").read_bytes())
    for copy in COPIES:  # with calls of its own
        (big / f"{copy}.pcap").write_bytes(re.sub(rb"(?<=\r\nCall-ID: ).", copy.encode(), raw))
    made = {
        files: cut(raw, range(count // files, count - files, count // files), folder / str(files)) for files in FILES
    }
    return [
        Case(2, "empty", single, 0.0, 1),
        *(Case(workers, f"big {workers}", big, gb * len(COPIES), len(COPIES)) for workers in (0, *WORKERS)),
        *(Case(2, name, made[files], gb, files) for files, name in FILES.items()),
        Case(2, "each", made[max(FILES)], gb, max(FILES), 0),
    ]


def report(size_mb: int, rounds: int, folder: Path) -> Iterator[str]:
    """The tables, line by line."""
    cases = _cases(size_mb, folder)
    yield (
        f"Python {platform.python_version()}, {processors()} cores, calls with RTP whose pages are in memory, median of"
        f" {rounds} rounds, load of the machine before {os.getloadavg()[0]:.1f}. Efficiency is the time of one process"
        " by that of the workers and their number:"
    )
    yield ""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---" * len(COLUMNS) + "|"
    costs: dict[Case, Cost] = {}
    for case in cases:
        one = costs[case] = measure(case, rounds, folder / f"dask-{len(costs)}")
        alone = next((cost for of, cost in costs.items() if not of.workers), None)
        yield f"| {' | '.join(_row(case, one, alone))} |"
    two, four = (next(one for case, one in costs.items() if case.name == f"big {workers}") for workers in WORKERS[1:])
    yield ""
    yield (
        f"Four workers take {four.wall / two.wall:.2f} times as long as two here, and {four.spent / two.spent:.2f}"
        " times the CPU."
    )
    yield ""
    yield from modelled(costs)


def _row(case: Case, one: Cost, alone: Cost | None) -> Sequence[str]:
    files = f"{case.files:,}, a task for each" if case.together == 0 else f"{case.files:,}"
    size = f"{case.gb:.2f}" if case.gb else "0"
    if not case.workers:
        return (
            "one process",
            size,
            files,
            f"{one.wall:.2f}",
            "",
            "",
            "",
            f"{one.client:.2f}",
            "",
            f"{one.client_mb}",
            "",
            "",
        )
    big = alone and case.name.startswith("big")
    return (
        f"{case.workers}",
        size,
        files,
        f"{one.wall:.2f}",
        f"{alone.wall / one.wall / case.workers:.0%}" if alone and big else "",
        f"{one.workers:.2f}",
        f"{one.scheduler:.2f}",
        f"{one.client:.2f}",
        f"{one.moved / 1e6 / case.gb:.1f}" if case.gb else "",
        f"{one.client_mb:.0f}",
        f"{one.scheduler_mb:.0f}",
        f"{one.worker_mb:.0f}",
    )


def _alone() -> None:
    """Goes on in a network of its own, where this user may have one: nobody else's bytes are counted."""
    may = shutil.which("unshare") and shutil.which("ip") and subprocess.run(["unshare", "-n", "true"], check=False)
    if ALONE not in os.environ and may and not may.returncode:
        os.environ[ALONE] = "1"
        words = [sys.executable, "-m", "tests.bench.cluster", *sys.argv[1:]]
        os.execvp("unshare", ["unshare", "-n", "sh", "-c", 'ip link set lo up; exec "$@"', "sh", *words])


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
    _alone()
    with TemporaryDirectory() as folder:
        lines = []
        for line in report(given.mb, given.rounds, Path(folder)):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
            lines.append(line)
    if given.readme:
        text = README.read_text()
        before, after = text.index(MARKS[0]) + len(MARKS[0]), text.index(MARKS[1])
        told = (line if line.startswith("|") else textwrap.fill(line, WIDTH) for line in lines)
        README.write_text(text[:before] + "\n" + "\n".join(told) + "\n" + text[after:])


if __name__ == "__main__":
    main()

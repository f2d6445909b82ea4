"""Workers of a real Dask scheduler say what one process says, whatever becomes of them."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pjsipdiag.capture.joining import parts
from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.diagnosis.work import gather, tasks
from pjsipdiag.errors import PjsipdiagError
from pjsipdiag.report import render
from tests.bench.captures import write
from tests.capture.files import cut, records

distributed = pytest.importorskip("distributed", reason="needs Dask: pip install 'pjsipdiag[dask]'")

ROOT = Path(__file__).parents[3]
CONFIG = ROOT / "fixtures/demo/etc"
PATIENCE = 120
"""Seconds in which a process starts on a machine that has much to do."""
MANY = 100_000
"""Messages that workers read for some tenths of a second."""


class Dask:
    """A scheduler and its workers, each a process of its own, on the loopback address."""

    def __init__(self, folder: Path, port: str = "0") -> None:
        self._folder = folder
        self._file = folder / "scheduler.json"
        self.scheduler = self._start("dask_scheduler", "--port", port, "--no-dashboard", "--scheduler-file", self._file)
        self.address = self._said(self._folder / "dask_scheduler-0.log", "Scheduler at:").split()[-1]

    def _start(self, module: str, *arguments: str | Path, path: str = "") -> subprocess.Popen[bytes]:
        number = len(list(self._folder.glob(f"{module}-*.log")))
        with (self._folder / f"{module}-{number}.log").open("wb") as log:
            found = os.pathsep.join(filter(None, (path, str(ROOT))))
            environment = {**os.environ, "PYTHONPATH": found, "PYTHONHASHSEED": "random"}
            command = [sys.executable, "-m", f"distributed.cli.{module}", "--host", "127.0.0.1", *map(str, arguments)]
            return subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder, env=environment)

    def _said(self, log: Path, words: str) -> str:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            line = next((line for line in log.read_text().splitlines() if words in line), "")
            if line:
                return line
            time.sleep(0.1)
        raise AssertionError(log.read_text())

    def worker(self, path: str = "") -> subprocess.Popen[bytes]:
        """One more; `path` is where it looks for modules first."""
        number = len(list(self._folder.glob("dask_worker-*.log")))
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--scheduler-file", self._file)
        started = self._start("dask_worker", *options, path=path)
        self._said(self._folder / f"dask_worker-{number}.log", "Registered to")
        return started


@contextmanager
def running(folder: Path, workers: int, port: str = "0") -> Iterator[tuple[Dask, list[subprocess.Popen[bytes]]]]:
    folder.mkdir(exist_ok=True)
    dask = Dask(folder, port)
    started = [dask.worker() for _ in range(workers)]
    try:
        yield dask, started
    finally:
        for process in (*started, dask.scheduler):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    with running(tmp_path_factory.mktemp("dask"), 2) as (started, _):
        yield started


class Many(NamedTuple):
    """Files of one capture, and what one process says of them."""

    folder: Path
    expected: str


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Many:
    place = tmp_path_factory.mktemp("many")
    write(place / "whole.pcap", "siponly", MANY)
    raw = (place / "whole.pcap").read_bytes()
    folder = cut(raw, range(MANY // 6, len(records(raw)[1]), MANY // 6), place / "files")
    return Many(folder, reported(folder))


def reported(path: Path, dask: str | None = None, **options: str) -> str:
    return render(diagnose([path], CONFIG, jobs=1, dask=dask, **options), "json")  # type: ignore[arg-type]


@contextmanager
def command(*arguments: str | Path, wait: bool = False) -> Iterator[subprocess.Popen[str]]:
    """The command line at work, which waits for a scheduler as long as Dask says; it is ended, whatever happens."""
    options = ("-c", CONFIG, "--format", "json", "-q")
    with subprocess.Popen(
        [sys.executable, "-m", "pjsipdiag", "diagnose", *map(str, (*arguments, *options))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "30s" if wait else "3s"},
    ) as started:
        try:
            yield started
        finally:
            started.kill()


@pytest.mark.parametrize("kind", ["tcp", "frag", "varied", "scan"])
def test_rotated_files_say_what_the_whole_says(
    kind: str, dask: Dask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streams, fragments and calls go on from file to file, and folds end in the middle of a piece."""
    monkeypatch.setattr(gather, "LARGEST_FOLD", 300)
    path = tmp_path / "whole.pcap"
    write(path, kind, 2000)
    raw = path.read_bytes()
    places = sorted(random.Random(3).sample(range(1, len(records(raw)[1])), 6))
    folder = cut(raw, places, tmp_path / "files", zipped=kind == "tcp")
    assert reported(path, dask.address) == reported(path)
    assert reported(folder, dask.address) == reported(folder)


def test_a_big_file_is_read_in_pieces(dask: Dask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "PIECE", 4 << 20)
    monkeypatch.setattr(parts, "SMALLEST", 4 << 20)
    path = tmp_path / "whole.pcap"
    write(path, "siponly", 30_000)
    assert path.stat().st_size > 2 * tasks.PIECE
    assert reported(path, dask.address) == reported(path)


def test_what_workers_read_is_kept_and_not_read_again(dask: Dask, tmp_path: Path) -> None:
    path = tmp_path / "whole.pcap"
    write(path, "tcp", 2000)
    raw = path.read_bytes()
    folder, kept = cut(raw, [300, 900], tmp_path / "files"), str(tmp_path / "kept")
    expected = reported(folder)
    assert reported(folder, dask.address, kept=kept) == expected
    for file in folder.iterdir():
        before = file.stat()
        with file.open("r+b") as stream:
            stream.seek(4096)
            stream.write(bytes(before.st_size - 4096))
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert reported(folder, dask.address, kept=kept) == expected


def test_clock_times_are_of_the_day_of_the_first_message(dask: Dask, tmp_path: Path) -> None:
    path = tmp_path / "whole.pcap"
    write(path, "siponly", 500)
    raw = path.read_bytes()
    folder = cut(raw, [200, 300], tmp_path / "files")
    assert reported(folder, dask.address, since="00:00") == reported(folder, since="00:00")


def wait_until_read(folder: Path, worker: subprocess.Popen[bytes]) -> None:
    """Waits until the worker has one of the files open."""
    until = time.monotonic() + PATIENCE
    while not any(path.is_relative_to(folder) for path in _opened(worker)):
        assert time.monotonic() < until
        time.sleep(0.001)


def _opened(process: subprocess.Popen[bytes]) -> Iterator[Path]:
    for link in Path(f"/proc/{process.pid}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            yield link.readlink()


def test_a_worker_that_is_killed_is_done_without(many: Many, tmp_path: Path) -> None:
    with running(tmp_path / "dask", 2) as (dask, workers), command(many.folder, "--dask", dask.address) as diagnosing:
        wait_until_read(many.folder, workers[0])
        workers[0].send_signal(signal.SIGKILL)
        told, said = diagnosing.communicate(timeout=PATIENCE)
    assert (diagnosing.returncode, said) == (1, "")
    assert told == many.expected


def test_a_scheduler_that_is_killed_is_named_in_one_line(many: Many, tmp_path: Path) -> None:
    with running(tmp_path / "dask", 1) as (dask, workers), command(many.folder, "--dask", dask.address) as diagnosing:
        wait_until_read(many.folder, workers[0])
        dask.scheduler.send_signal(signal.SIGKILL)
        told, said = diagnosing.communicate(timeout=PATIENCE)
    assert (diagnosing.returncode, told, len(said.splitlines())) == (2, "", 1), said
    assert dask.address in said


def test_a_scheduler_that_starts_again_is_waited_for(many: Many, tmp_path: Path) -> None:
    """Under its old address, with workers: what was lost with it is read again."""
    with (
        running(tmp_path / "dask", 1) as (dask, workers),
        command(many.folder, "--dask", dask.address, wait=True) as diagnosing,
    ):
        wait_until_read(many.folder, workers[0])
        for process in (dask.scheduler, workers[0]):
            process.send_signal(signal.SIGKILL)
            process.wait()
        with running(tmp_path / "again", 2, dask.address.rpartition(":")[2]):
            told, said = diagnosing.communicate(timeout=PATIENCE)
    assert (diagnosing.returncode, said) == (1, "")
    assert told == many.expected


def test_files_that_vanish_or_are_damaged_are_named_and_the_rest_goes_on(
    dask: Dask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "whole.pcap"
    write(path, "siponly", 3000)
    raw = path.read_bytes()
    folder = cut(raw, [1000, 2000, 3000], tmp_path / "files")
    first, second, *_ = sorted(folder.iterdir())
    data = first.read_bytes()
    first.write_bytes(data[: len(data) // 2] + os.urandom(5000) + data[len(data) // 2 :])
    expected = json.loads(reported(folder))
    assert json.loads(reported(folder, dask.address)) == expected
    known = tasks.tasks_elsewhere

    def vanishing(*arguments: Any) -> Iterator[Any]:
        yield from list(known(*arguments))
        second.unlink()

    monkeypatch.setattr(gather, "tasks_elsewhere", vanishing)
    found = {one["file"]: one for one in json.loads(reported(folder, dask.address))["captures"]}
    assert {name: bool(one["truncated"]) for name, one in found.items()} == {
        one["file"]: bool(one["truncated"]) or one["file"] == str(second) for one in expected["captures"]
    }
    assert "cannot be opened" in found[str(second)]["truncated"]
    assert sum(one["records"] > 0 for one in found.values()) == len(found) - 1


def test_progress_is_told_while_workers_read(dask: Dask, tmp_path: Path) -> None:
    path = tmp_path / "whole.pcap"
    write(path, "siponly", 3000)
    raw = path.read_bytes()
    folder = cut(raw, [1000, 2000], tmp_path / "files")
    told: list[tuple[int, int, int | None]] = []
    diagnose([folder], CONFIG, jobs=1, dask=dask.address, progress=lambda *counts: told.append(counts))
    assert told == sorted(told)
    assert told[-1][:2] == (len(records(raw)[1]), sum(file.stat().st_size for file in folder.iterdir()))


def test_a_worker_stays_small_whatever_the_captures_hold(tmp_path: Path) -> None:
    """Nothing but SIP, each message of another source, is the most that a fold can come to."""
    path = tmp_path / "whole.pcap"
    write(path, "scan", 120_000)
    with running(tmp_path / "dask", 1) as (dask, workers):
        with gather.begin([path], {"jobs": 1, "dask": dask.address}) as begun:
            begun.finish()
        status = Path(f"/proc/{workers[0].pid}/status").read_text()
    peak = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))
    assert peak < 500 << 10


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    """A scheduler to which one worker after the other comes."""
    with running(tmp_path_factory.mktemp("strangers"), 0) as (started, _):
        yield started


@pytest.mark.parametrize(
    ("program", "theirs"),
    [
        ("import pjsipdiag; pjsipdiag.__version__ = '0.0.9'", "pjsipdiag 0.0.9"),
        ("from importlib import metadata\n"
         "known = metadata.version\n"
         "metadata.version = lambda name: 1 / 0 if name == 'pjsipdiag' else known(name)", "no pjsipdiag"),
        ("from distributed import versions\n"
         "known = versions.get_system_info\n"
         "versions.get_system_info = lambda: {**known(), 'python': '3.99.1.final.0'}", "Python 3.99.1"),
    ],
)  # fmt: skip
def test_workers_of_another_version_are_refused(program: str, theirs: str, strangers: Dask, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(program)
    worker = strangers.worker(str(tmp_path))
    try:
        with pytest.raises(PjsipdiagError, match=f"^[^\n]*{re.escape(theirs)}[^\n]*$"):
            reported(CONFIG.parent / "capture.pcap", strangers.address)
    finally:
        worker.kill()
        worker.wait()


def test_the_environment_names_the_scheduler_where_it_is_asked(dask: Dask, monkeypatch: pytest.MonkeyPatch) -> None:
    capture = CONFIG.parent / "capture.pcap"
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", dask.address)
    assert reported(capture, "env") == reported(capture)

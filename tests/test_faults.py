"""Faults of the machine: signals, memory, disks. One line says what, where and how far; nothing stays."""

from __future__ import annotations

import gzip
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.bench.captures import write
from tests.command import CAPTURE, ETC, ROOT, command, run

PATIENCE = 30
"""Seconds for what takes a moment on a machine without other work."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture of some seconds."""
    path = tmp_path_factory.mktemp("large") / "large.pcap"
    write(path, "scan", 100_000)
    return path


@pytest.fixture(scope="module")
def endless(large: Path) -> Path:
    """A folder that nobody reads within PATIENCE, nor one of two workers the first files that are given to him."""
    folder = large.parent / "endless"
    folder.mkdir()
    for number in range(400):
        (folder / f"{number}.pcap").hardlink_to(large)
    return folder


def children(process: int) -> list[int]:
    found = [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    return [*found, *(grandchild for child in found for grandchild in children(child))]


def reads(process: int, folder: Path) -> bool:
    """Whether a process has a file of the folder open."""
    with suppress(OSError):  # what ends or is closed meanwhile
        return any(link.readlink().parent == folder for link in Path(f"/proc/{process}/fd").iterdir())
    return False


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"])
def test_a_signal_ends_all_of_it(name: str, jobs: str, endless: Path, tmp_path: Path) -> None:
    """No process works on without the first one, no temporary file stays, and the old report is untouched."""
    temporary, report = tmp_path / "tmp", tmp_path / "report.json"
    temporary.mkdir()
    report.write_text("KEEP")
    arguments = ("diagnose", endless, "-c", ETC, "--jobs", jobs, "-o", report, "--force")
    environment = {**os.environ, "TMPDIR": str(temporary)}
    process = subprocess.Popen(command(*arguments), stderr=subprocess.PIPE, env=environment, start_new_session=True)
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        if any(reads(one, endless) for one in ([process.pid] if jobs == "1" else children(process.pid))):
            break
        time.sleep(0.01)
    time.sleep(0.1)
    working = children(process.pid) if process.poll() is None else []
    process.send_signal(getattr(signal, name))
    _, said = process.communicate(timeout=PATIENCE)
    assert b"Traceback" not in said
    expected = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129, "SIGKILL": -9}[name]
    assert process.returncode == expected
    end = time.monotonic() + PATIENCE
    while any(map(alive, working)) and time.monotonic() < end:
        time.sleep(0.02)
    assert not [one for one in working if alive(one)]
    assert list(temporary.iterdir()) == []
    assert report.read_text() == "KEEP"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json", "tmp"] or name == "SIGKILL"


def test_an_interruption_of_the_start_has_no_traceback() -> None:
    for delay in (0.05, 0.1, 0.2, 0.3):
        process = subprocess.Popen(command("check", "-c", ETC), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(delay)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
        assert b"pjsipdiag" not in said
        assert process.returncode in (143, -15, 0, 1)


def test_too_little_memory_is_the_machines(large: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (130 << 20, 130 << 20))

    for jobs in ("1", "2"):
        done = run("diagnose", large, "-c", ETC, "--jobs", jobs, preexec_fn=limit)
        assert done.returncode in (1, 2)
        if done.returncode == 2:
            assert len(done.stderr.splitlines()) == 1, done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_worker_that_is_killed_is_said(large: Path) -> None:
    process = subprocess.Popen(
        command("diagnose", large, "-c", ETC, "--jobs", "2"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    end = time.monotonic() + PATIENCE
    while not (working := children(process.pid)) and time.monotonic() < end:
        time.sleep(0.01)
    os.kill(working[0], signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said.decode().startswith("pjsipdiag: a process that shared the work was ended")


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A library that makes files fail; see shim.c."""
    if sys.platform != "linux" or shutil.which("cc") is None:
        pytest.skip("needs a C compiler on Linux")
    path = tmp_path_factory.mktemp("shim") / "shim.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", path, ROOT / "tests/shim.c", "-ldl"], check=True)
    return str(path)


def failing(
    shim: str, name: str, *, at: int | None = None, opened: int | None = None, number: int = 5
) -> dict[str, str]:
    """The environment in which the file `name` fails from a byte on, or when it is opened for the n-th time."""
    found = {**os.environ, "LD_PRELOAD": shim, "FAULT_NAME": name, "FAULT_ERRNO": str(number), "COLUMNS": "300"}
    if at is not None:
        found["FAULT_AT"] = str(at)
    if opened is not None:
        found["FAULT_OPEN"] = str(opened)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Captures of each kind."""
    shutil.copy(CAPTURE, tmp_path / "plain.pcap")
    (tmp_path / "packed.gz").write_bytes(gzip.compress(CAPTURE.read_bytes()))
    shutil.copy(ROOT / "fixtures/log/asterisk-22.log", tmp_path / "full.log")
    return tmp_path


COMMANDS = {
    "diagnose": ("diagnose", "{}", "-c", ETC),
    "suggest": ("suggest", "{}", "-c", ETC),
    "compare": ("compare", "{}", "-c", ETC, "--asterisk", "16", "--asterisk", "22"),
    "what if": ("diagnose", "{}", "-c", ETC, "--try-order", "ip"),
    "redact": ("redact", "{}", "-c", ETC, "-o", "{}.out"),
}


@pytest.mark.parametrize(
    ("capture", "name"),
    [
        *(("plain.pcap", name) for name in COMMANDS),
        *((name, command) for name in ("packed.gz", "full.log") for command in ("diagnose", "redact")),
    ],
)
def test_a_disk_that_fails_is_said_and_what_was_read_is_told(capture: str, name: str, folder: Path, shim: str) -> None:
    path = folder / capture
    half = path.stat().st_size // 2
    arguments = [str(one).format(path) for one in COMMANDS[name]]
    done = run(*arguments, env=failing(shim, capture, at=half))
    assert done.returncode == 1
    said = [line for line in (done.stdout + done.stderr).splitlines() if "Input/output error" in line]
    assert any(f"{capture}: " in line and f"read error at byte {half}" in line for line in said)
    done = run(*arguments, env=failing(shim, capture, at=0))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("opened", [1, 2])
def test_a_file_that_vanishes_is_said_and_the_others_are_read(opened: int, jobs: str, folder: Path, shim: str) -> None:
    shutil.copy(CAPTURE, folder / "gone.pcap")
    environment = failing(shim, "gone.pcap", opened=opened, number=2)
    done = run("diagnose", folder, "-c", ETC, "--jobs", jobs, env=environment)
    assert done.returncode == 1
    assert "gone.pcap" in done.stdout
    assert "No such file or directory" in done.stdout
    assert "24 SIP messages" in done.stdout


def test_a_configuration_that_fails_is_one_line(shim: str) -> None:
    for environment in (failing(shim, "pjsip.conf", at=100), failing(shim, "pjsip.conf", opened=1, number=2)):
        done = run("check", "-c", ETC, env=environment)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert "pjsip.conf" in done.stderr


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 KB."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("needs the right to mount")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("diagnose", CAPTURE, "-c", ETC, "-o", "{}/old.html", "--force"),
        ("check", "-c", ETC, "-o", "{}/old.html", "--force", "--format", "html"),
        ("redact", *[CAPTURE] * 8, "-c", ETC, "-o", "{}", "--force"),
        ("suggest", CAPTURE, "-c", "{}.etc", "-o", "{}", "--force"),
    ],
    ids=lambda arguments: arguments[0],
)  # fmt: skip
def test_a_full_disk_leaves_the_old_file(arguments: tuple[str | Path, ...], small: Path) -> None:
    etc = Path(shutil.copytree(ETC, f"{small}.etc"))
    (etc / "pjsip.conf").write_text((etc / "pjsip.conf").read_text() + "; comment\n" * 4000)
    (small / "old.html").write_text("KEEP" * 3000)
    done = run(*(str(one).format(small) for one in arguments))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "No space left on device" in done.stderr
    assert (small / "old.html").read_text() == "KEEP" * 3000
    assert [path.name for path in small.iterdir()] == ["old.html"]


def test_a_file_that_grows_is_read_as_far_as_it_went(tmp_path: Path) -> None:
    path = tmp_path / "growing.pcap"
    raw = CAPTURE.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    process = subprocess.Popen(
        command("diagnose", path, "-c", ETC, "--follow", "--for", "3"), stdout=subprocess.PIPE, text=True
    )
    time.sleep(1)
    with path.open("ab") as file:
        file.write(raw[len(raw) // 2 :])
    shown, _ = process.communicate(timeout=60)
    assert "24 SIP messages" in shown
    assert process.returncode == 1

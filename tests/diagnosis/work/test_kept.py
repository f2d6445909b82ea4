"""What was read is kept and not read again; what is damaged, foreign or not private is never trusted."""

from __future__ import annotations

import os
import pickle
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pjsipdiag.capture.joining import parts
from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.diagnosis.work import tasks
from pjsipdiag.diagnosis.work.kept import FOLD_MAGIC
from pjsipdiag.errors import PjsipdiagError
from pjsipdiag.report import render
from tests.bench.captures import write
from tests.capture.files import cut, records

CONFIG = Path(__file__).parents[3] / "fixtures/demo/etc"


def reported(captures: Path, kept: Path | None = None, jobs: int = 1, **options: object) -> str:
    return render(
        diagnose([captures], CONFIG, jobs=jobs, kept=str(kept) if kept else None, **options),  # type: ignore[arg-type]
        "json",
    )


@pytest.fixture(params=["tcp", "frag", "siponly"])
def captures(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "whole.pcap"
    write(path, request.param, 400)
    raw = path.read_bytes()
    return cut(raw, sorted(random.Random(5).sample(range(1, len(records(raw)[1])), 5)), tmp_path / "files")


def spoil(captures: Path) -> None:
    """Makes the files hold nothing behind their first records, unseen by their stamps."""
    for path in captures.iterdir():
        before = path.stat()
        data = path.read_bytes()
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(bytes(max(len(data) - 4096, 0)))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_second_run_reads_nothing_again_and_says_the_same(captures: Path, jobs: int, tmp_path: Path) -> None:
    expected = reported(captures)
    assert reported(captures, tmp_path / "kept", jobs) == expected
    spoil(captures)
    assert reported(captures, tmp_path / "kept", 3 - jobs) == expected
    assert reported(captures) != expected


def test_pieces_of_a_big_file_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "PIECE", 4 << 20)
    monkeypatch.setattr(parts, "SMALLEST", 4 << 20)
    path = tmp_path / "whole.pcap"
    write(path, "siponly", 20_000)
    expected = reported(path)
    assert [reported(path, tmp_path / "kept", jobs) for jobs in (1, 2)] == [expected, expected]
    assert len(list((tmp_path / "kept").iterdir())) > 1


def test_a_file_that_changed_is_read_again(captures: Path, tmp_path: Path) -> None:
    reported(captures, tmp_path / "kept")
    first = sorted(captures.iterdir())[0]
    raw = first.read_bytes()
    head, found = records(raw)
    first.write_bytes(head + b"".join(found[: len(found) // 2]))
    assert reported(captures, tmp_path / "kept") == reported(captures)


def test_other_questions_are_read_for_themselves(captures: Path, tmp_path: Path) -> None:
    reported(captures, tmp_path / "kept")
    for options in ({"since": "1971-01-01T00:00:00"}, {"until": "1971-01-01T00:00:00"}, {"mirrors": ("192.0.2.7",)}):
        assert reported(captures, tmp_path / "kept", **options) == reported(captures, **options)


class Evil:
    """Runs a program where it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch ran",)


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda data: data[:-1],
        lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:],
        lambda data: bytes(len(data)),
        lambda _: FOLD_MAGIC + bytes(32) + pickle.dumps(Evil()),
        lambda _: pickle.dumps(Evil()),
    ],
)
def test_what_is_damaged_or_foreign_is_done_anew(
    damage: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path, kept = tmp_path / "whole.pcap", tmp_path / "kept"
    write(path, "siponly", 300)
    expected = reported(path, kept)
    for one in kept.iterdir():
        one.write_bytes(damage(one.read_bytes()))
    assert reported(path, kept) == expected
    assert not (tmp_path / "ran").exists()
    spoil_free = [one.read_bytes() for one in kept.iterdir()]
    assert all(data.startswith(FOLD_MAGIC) for data in spoil_free)


def test_files_that_others_may_write_and_links_are_not_opened(tmp_path: Path) -> None:
    path, kept = tmp_path / "whole.pcap", tmp_path / "kept"
    write(path, "siponly", 300)
    expected = reported(path, kept)
    (one,) = kept.iterdir()
    one.chmod(0o666)
    before = one.stat().st_ino
    assert reported(path, kept) == expected
    (two,) = kept.iterdir()
    assert two.stat().st_ino != before
    two.rename(tmp_path / "elsewhere")
    two.symlink_to(tmp_path / "elsewhere")
    assert reported(path, kept) == expected
    assert not two.is_symlink()


def test_a_folder_where_others_may_write_is_refused(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    kept.chmod(0o777)
    with pytest.raises(PjsipdiagError, match="chmod 700"):
        reported(CONFIG.parent / "capture.pcap", kept)
    with pytest.raises(PjsipdiagError, match="--resume"):
        reported(CONFIG.parent / "capture.pcap", CONFIG / "pjsip.conf")


def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "whole.pcap"
    write(path, "siponly", 100_000)
    raw = path.read_bytes()
    files = cut(raw, range(10_000, len(records(raw)[1]), 10_000), tmp_path / "a" / "files")
    (tmp_path / "FLEET.toml").write_text(f'[[pbx]]\nname = "a"\ncaptures = "a/files"\nconfig = "{CONFIG}"\n')
    kept = tmp_path / "kept"
    command = [sys.executable, "-m", "pjsipdiag", "fleet", str(tmp_path / "FLEET.toml"), "--jobs", "1",
               "--resume", str(kept), "--format", "json"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        until = time.monotonic() + 60
        while len(list(kept.glob("[!.]*"))) < 3 and running.poll() is None and time.monotonic() < until:
            time.sleep(0.005)
        running.send_signal(signal.SIGKILL)
    done = {one.name: one.stat().st_mtime_ns for one in kept.glob("[!.]*")}
    assert 0 < len(done) < len(list(files.iterdir()))
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 1, again.stderr
    assert done.items() <= {one.name: one.stat().st_mtime_ns for one in kept.iterdir()}.items()
    assert len(list(kept.glob("[!.]*"))) == len(list(files.iterdir()))
    plain = [*command[:7], *command[-2:]]
    assert again.stdout == subprocess.run(plain, capture_output=True, text=True, check=False).stdout

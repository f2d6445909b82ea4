"""Files that a user names: pipes are read, and nothing makes the program wait or grow without end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

FIXTURES = Path(__file__).parent.parent / "fixtures"
ETC = str(FIXTURES / "demo/etc")
OPTIONS = ("--hosts", "--resolved", "--baseline", "--expect")


def check(*arguments: str, script: str = "") -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "pjsipdiag", "check", "-c", ETC, *arguments]
    command = ["bash", "-c", script.format(" ".join(program))] if script else program
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_pipes_that_nobody_writes_to_end_in_one_line(tmp_path: Path) -> None:
    """An option's and a settings file's: all wait at the same time."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / ".pjsipdiag.toml").write_text('hosts = "pipe"\n')
    program = [sys.executable, "-m", "pjsipdiag", "check", "-c", ETC]
    started = time.monotonic()
    runs = [
        subprocess.Popen([*program, *words], cwd=folder, stderr=subprocess.PIPE, text=True)
        for words, folder in [*(((option, str(tmp_path / "pipe")), None) for option in OPTIONS), ((), tmp_path)]
    ]
    for run in runs:
        said = run.communicate(timeout=60)[1]
        assert (run.returncode, "nothing came out of it for 10 s" in said) == (2, True), said
    assert time.monotonic() - started < 40


@pytest.mark.parametrize("option", OPTIONS)
def test_what_never_ends_ends_in_one_line(option: str) -> None:
    run = check(option, "/dev/zero")
    assert run.returncode == 2
    assert "more than 256 MB" in run.stderr


def test_a_pipe_that_is_written_to_is_read() -> None:
    run = check(
        script="{} --hosts <(sleep 0.3; echo 203.0.113.99 sip.example) --expect <(echo '203.0.113.10 -> provider')"
    )
    assert run.returncode == 1, run.stderr
    assert "open-door" in run.stdout
    assert "expectation-failed" not in run.stdout


def test_a_configuration_that_cannot_be_read_is_no_healthy_one() -> None:
    program = [sys.executable, "-m", "pjsipdiag", "check", "-c", "/proc/self/mem"]
    run = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, "cannot be read" in run.stderr) == (2, True)

"""`make bench` in small: what it makes is read whole, and its table has a line for each ratio."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pjsipdiag.capture import Tally, read
from tests.bench import logs
from tests.bench.rows import TABLE
from tests.bench.runs import ROOT


@pytest.mark.parametrize("kind", logs.KINDS)
def test_every_message_of_a_log_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "full"
    logs.write(path, kind, 400_000)
    calls, rest = divmod(sum(1 for _ in read(path, Tally(str(path)))), 10)
    lines = path.read_text().splitlines()
    assert calls > 1
    assert rest == 0
    assert sum("<--- " in line for line in lines) == 10 * calls
    assert (
        sum("res_pjsip_logger" not in line and "VERBOSE" in line for line in lines)
        >= len(lines) * (kind != "traces") * 0.89
    )


def test_a_small_run(tmp_path: Path) -> None:
    options = ["--rounds", "1", "--scale", "0.0001", "--only", "log", "--directory", str(tmp_path)]
    command = [sys.executable, "-m", "tests.bench", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
    assert len(rows) == sum(len(rows) for name, (_, rows) in TABLE.items() if "log" in name)
    assert {len(row) for row in rows} == {10}
    assert not list(tmp_path.glob("*.log"))

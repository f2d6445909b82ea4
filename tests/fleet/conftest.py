"""One run over the twenty PBXs, which the tests look at from all sides."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner, Result

from pjsipdiag.cli import main
from tests.fleet.build import write_fleet


class Run(NamedTuple):
    """The command, its folder with FLEET.toml, and what it wrote: out.json, html/, calls/."""

    status: int
    said: str
    folder: Path


def fleet(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["fleet", *map(str, arguments)])


def apart(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "pjsipdiag", "fleet", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("fleet")
    rows: tuple[str | Path, ...] = ()
    try:
        import pyarrow  # noqa: F401  (whether it is there)
    except ImportError:
        pass
    else:
        rows = ("--parquet", folder / "calls")
    done = fleet(write_fleet(folder), "-o", folder / "out.json", "--html", folder / "html", *rows)
    return Run(done.exit_code, done.stderr, folder)

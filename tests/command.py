"""The command line in a process of its own, and the capture and configuration that it is given."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "fixtures/demo"
CAPTURE, ETC = DEMO / "capture.pcap", DEMO / "etc"
HIDDEN = ("Traceback", "a fault of pjsipdiag")


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "pjsipdiag", *map(str, arguments)]


def run(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(  # type: ignore[call-overload]  # options are passed on
        command(*arguments), capture_output=True, text=True, errors="replace", check=False, timeout=120, **options
    )
    assert not any(word in done.stderr for word in HIDDEN), done.stderr
    return done  # type: ignore[no-any-return]

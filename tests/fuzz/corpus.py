"""What targets are begun with: the seeds, what was found once, and a corpus in fixtures/fuzz/NAME.zip.

The corpus holds inputs that lead to different lines of the program: `keep` chooses them, the shortest first.
"""

from __future__ import annotations

import sys
import zipfile
from contextlib import suppress
from pathlib import Path
from types import CodeType, FrameType

from pjsipdiag.errors import PjsipdiagError
from tests.fuzz.seeds import regressions, seeds
from tests.fuzz.targets import FIXTURES, TARGETS

PROGRAM = str(Path(__file__).parents[2] / "pjsipdiag")
MOST = 120
"""Inputs of a corpus."""
DAY = (2026, 1, 1, 0, 0, 0)


def kept(name: str) -> list[bytes]:
    """The corpus of a target."""
    path = FIXTURES / "fuzz" / f"{name}.zip"
    if not path.exists():
        return []
    with zipfile.ZipFile(path) as file:
        return [file.read(member) for member in file.namelist()]


def corpus(name: str) -> list[bytes]:
    """All that a target is begun with."""
    return list(dict.fromkeys([*seeds(name), *regressions(name), *kept(name)]))


def keep(name: str, folder: Path) -> int:
    """Takes from a folder of inputs what reaches lines that nothing else reaches; how many are kept."""
    known = set[tuple[CodeType, int]]()
    for data in [*seeds(name), *regressions(name)]:
        known |= reached(name, data)
    found = sorted({*kept(name), *(path.read_bytes() for path in folder.glob("*"))}, key=lambda data: (len(data), data))
    chosen: list[bytes] = []
    for data in found:
        new = reached(name, data) - known
        if new and len(chosen) < MOST:
            known |= new
            chosen.append(data)
    with zipfile.ZipFile(FIXTURES / "fuzz" / f"{name}.zip", "w") as file:
        for number, data in enumerate(chosen):
            file.writestr(zipfile.ZipInfo(f"{number:03}", DAY), data, zipfile.ZIP_DEFLATED)
    return len(chosen)


def reached(name: str, data: bytes) -> set[tuple[CodeType, int]]:
    """The lines of the program that an input leads to."""
    lines = set[tuple[CodeType, int]]()

    def inside(frame: FrameType, event: str, _argument: object) -> object:
        if event == "line":
            lines.add((frame.f_code, frame.f_lineno))
        return inside

    def enter(frame: FrameType, _event: str, _argument: object) -> object:
        return inside if frame.f_code.co_filename.startswith(PROGRAM) else None

    sys.settrace(enter)  # type: ignore[arg-type]  # what a trace function returns is its own
    try:
        with suppress(PjsipdiagError):
            TARGETS[name].run(data)
    finally:
        sys.settrace(None)
    return lines

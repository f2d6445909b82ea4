"""A compiled part is used when it is wanted and no older than its source."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from pjsipdiag.capture.fast import compiled

SOURCES = (
    *("capture/fast/_records.c", "diagnosis/calls/_fold.c", "capture/text/_needles.c"),
    *("capture/fast/limited_api.h", "capture/fast/taker.h"),
)
ASKED = """
from pjsipdiag.capture.fast import compiled
from pjsipdiag.capture.text import needles
from pjsipdiag.diagnosis.calls import fold
print(compiled.passed is not None, fold.taker is not None, needles.used)
"""


@pytest.mark.skipif(compiled.passed is None, reason="needs a C compiler: apt install gcc python3-dev")
@pytest.mark.parametrize(
    ("changed", "environment", "used"),
    [
        ((), {}, "True True True"),
        ((), {"PJSIPDIAG_NO_EXTENSIONS": "1"}, "False False False"),
        (SOURCES[:1], {}, "False True True"),
        (SOURCES[1:2], {}, "True False True"),
        (SOURCES[2:3], {}, "True True False"),
        (SOURCES[3:4], {}, "False False False"),
        (SOURCES[4:], {}, "False False False"),
    ],
)
def test_what_is_used(changed: tuple[str, ...], environment: dict[str, str], used: str, tmp_path: Path) -> None:
    package = tmp_path / "pjsipdiag"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(str(resources.files("pjsipdiag"))), package, ignore=ignored)
    for name in SOURCES:
        os.utime(package / name, (0, 0) if name not in changed else None)
    for built in package.rglob("*.so"):
        os.utime(built, (1, 1))
    told = subprocess.run(
        [sys.executable, "-c", ASKED], cwd=tmp_path, env={"PATH": os.environ["PATH"], **environment},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert told.strip() == used

"""Runs tests in a copy of the checkout, few at a time, with a mutant in it."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import pytest

from tests.mutants.plugin import FAILED, WANTED
from tests.mutants.sites import Mutant, mutated

ENDLESS = 60.0
"""Seconds of patience, beside four times what the tests took without a mutant: a mutant may never end."""
PAUSE = 0.02
"""Seconds between two looks whether tests have ended."""
OPTIONS = ("-p", "tests.mutants.plugin", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
ENDED = "the process"
"""Named in place of a test where no test failed but the process ended, never ended or could not begin."""
WARM = (
    "click.testing",
    "dns.resolver",
    "hypothesis.strategies",
    "jinja2",
    "jsonschema",
    "rich.console",
    "rich.table",
    "scapy.layers.inet6",
    "scapy.layers.l2",
    "scapy.utils",
    "zstandard",
)


def copy_checkout(root: Path, copy: Path) -> Path:
    """What git knows of the checkout, as it stands, without compiled parts."""
    shutil.rmtree(copy, ignore_errors=True)
    names = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True).stdout
    for name in filter(None, names.decode().split("\0")):
        if (root / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, copy / name)
    return copy


def noticed_by(mutant: Mutant, tests: dict[str, float], copy: Path) -> str:
    """The first of the tests (with their seconds) that fails with the mutant in `copy`; "" where none does."""
    path = copy / mutant.path
    source = path.read_text()
    try:
        _replace(path, mutated(source, mutant))
        return next(iter(failing(tests, copy)), "")
    finally:
        _replace(path, source)


def _replace(path: Path, text: str) -> None:
    """Writes a module so that no compiled form of another content is taken for it: they go by size and second."""
    later = int(path.stat().st_mtime) + 2
    path.write_text(text)
    os.utime(path, (later, later))


def failing(tests: dict[str, float], copy: Path, all_of_them: bool = False) -> list[str]:
    """The first of the tests that fails, or all that do, in a process forked from this one: much is loaded in it."""
    patience = time.monotonic() + ENDLESS + 4 * sum(tests.values())
    told = copy / ".failed"
    told.write_text("")
    pid = os.fork()
    if not pid:
        _run(list(tests), copy, told, () if all_of_them else ("-x",))
    try:
        while time.monotonic() < patience:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended and os.waitstatus_to_exitcode(status) in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
                return []
            if ended:
                return told.read_text().splitlines() or [ENDED]
            time.sleep(PAUSE)
        return [ENDED]
    finally:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)


def _run(tests: list[str], copy: Path, told: Path, options: tuple[str, ...]) -> NoReturn:
    """Runs tests of the copy in this process, which is one of its own, then ends it."""
    status = 1
    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(nowhere, number)
        wanted = copy / ".wanted.json"
        wanted.write_text(json.dumps(tests))
        os.environ.update(environment(copy, {WANTED: str(wanted), FAILED: str(told)}))
        os.chdir(copy)
        sys.path[0] = str(copy)
        for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
            del sys.modules[name]
        files = list(dict.fromkeys(name.partition("::")[0] for name in tests))
        status = pytest.main([*OPTIONS, *options, "--hypothesis-seed=0", *files])
    finally:
        os._exit(status)


def warm_up() -> None:
    """Loads what tests import, but nothing of the checkout: processes forked later need not."""
    for name in WARM:
        importlib.import_module(name)


def environment(copy: Path, more: dict[str, str]) -> dict[str, str]:
    """What tests of a copy are run with."""
    return {**os.environ, "PYTHONPATH": str(copy), "PJSIPDIAG_NO_EXTENSIONS": "1", **more}

"""Runs tests in a copy of the checkout: all of them once to learn what each reaches, then few with a mutant in it."""

from __future__ import annotations

import ast
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from bisect import bisect_right
from collections import Counter
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import NoReturn

import pytest

from tests.mutants.plugin import RECORD, WANTED
from tests.mutants.sites import Mutant, mutated

FIRST = 20.0
"""Seconds of tests that are tried before all others that reach a mutant: most mutants do not survive them."""
ENDLESS = 60.0
"""Seconds of patience, beside four times what the tests took without a mutant: a mutant may never end."""

PAUSE = 0.02
"""Seconds between two looks whether tests have ended."""
OPTIONS = ("-p", "tests.mutants.plugin", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
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


class Reached:
    """Which tests reach which line, and how long they take."""

    def __init__(self, folder: Path, copy: Path) -> None:
        from coverage import CoverageData

        self._data = CoverageData(str(folder / "data"))
        self._data.read()
        self._copy = copy
        self.seconds: dict[str, float] = {}
        for path in folder.glob("seconds.*.json"):
            self.seconds.update(json.loads(path.read_text()))
        self._lines: dict[str, dict[int, set[str]]] = {}

    def tests(self, mutant: Mutant) -> dict[str, float]:
        """Those that reach the statement of a mutant, with their seconds: the quickest of each test module, then the
        next of each; of a line that runs when its module is imported, those that reach the module."""
        if mutant.path not in self._lines:
            told = self._data.contexts_by_lineno(str(self._copy / mutant.path))
            self._lines[mutant.path] = {line: set(names) for line, names in told.items()}
        lines = self._lines[mutant.path]
        found = {name for line in _statement(self._copy / mutant.path, mutant.line) for name in lines.get(line, ())}
        if "" in found:
            found.update(*lines.values())
        quickest = sorted(found & self.seconds.keys(), key=lambda name: (self.seconds[name], name))
        places: dict[str, int] = Counter()
        ranks: dict[str, int] = {}
        for name in quickest:
            module = name.partition("::")[0]
            ranks[name] = places[module]
            places[module] += 1
        return {name: self.seconds[name] for name in sorted(quickest, key=ranks.__getitem__)}


def _statement(path: Path, line: int) -> range:
    """The lines of the statement that holds a line: of one with a body, those before the body."""
    spans = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            body = getattr(node, "body", None)
            first = node.pattern.lineno if isinstance(node, ast.match_case) else node.lineno
            last = body[0].lineno - 1 if body else getattr(node, "end_lineno", first)
            spans.append(range(first, max(first, last) + 1))
    return min((span for span in spans if line in span), key=len, default=range(line, line + 1))


def copy_checkout(root: Path, copy: Path) -> Path:
    """What git knows of the checkout, as it stands, without compiled parts."""
    shutil.rmtree(copy, ignore_errors=True)
    names = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True).stdout
    for name in filter(None, names.decode().split("\0")):
        if (root / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, copy / name)
    return copy


def record(copy: Path, folder: Path, jobs: int) -> None:
    """Runs all tests, and leaves in `folder` what `Reached` reads; what fails already is left out of it."""
    from coverage import Coverage

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "coverage.ini").write_text("[run]\npatch = _exit\ndisable_warnings = no-data-collected\n")
    command = [sys.executable, "-m", "pytest", *OPTIONS, "-n", str(jobs), "tests"]
    done = subprocess.run(command, cwd=copy, env=_environment(copy, {RECORD: str(folder)}), check=False)
    if done.returncode not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        sys.exit("the tests cannot be run")
    Coverage(data_file=str(folder / "data"), config_file=False).combine([str(folder)])


def is_noticed(mutant: Mutant, tests: dict[str, float], copy: Path) -> bool:
    """Whether one of the tests fails with the mutant in `copy`, ends the process or does not end."""
    path = copy / mutant.path
    source = path.read_text()
    names, took = list(tests), list(accumulate(tests.values()))
    first = max(bisect_right(took, FIRST), 1)
    try:
        _replace(path, mutated(source, mutant))
        return any(
            _fails(part, copy, sum(map(tests.__getitem__, part))) for part in (names[:first], names[first:]) if part
        )
    finally:
        _replace(path, source)


def _replace(path: Path, text: str) -> None:
    """Writes a module so that no compiled form of another content is taken for it: they go by size and second."""
    later = int(path.stat().st_mtime) + 2
    path.write_text(text)
    os.utime(path, (later, later))


def _fails(tests: list[str], copy: Path, seconds: float) -> bool:
    """Whether one of the tests fails, in a process forked from this one: what tests import is loaded in it."""
    patience = time.monotonic() + ENDLESS + 4 * seconds
    pid = os.fork()
    if not pid:
        _run(tests, copy)
    try:
        while time.monotonic() < patience:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                return status != 0
            time.sleep(PAUSE)
        return True
    finally:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)


def _run(tests: list[str], copy: Path) -> NoReturn:
    """Runs tests of the copy in this process, which is one of its own, then ends it."""
    status = 1
    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(nowhere, number)
        wanted = copy / ".wanted.json"
        wanted.write_text(json.dumps(tests))
        os.environ.update(_environment(copy, {WANTED: str(wanted)}))
        os.chdir(copy)
        sys.path[0] = str(copy)
        for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
            del sys.modules[name]
        files = list(dict.fromkeys(name.partition("::")[0] for name in tests))
        status = pytest.main([*OPTIONS, "-x", "--hypothesis-seed=0", *files])
    finally:
        os._exit(status)


def warm_up() -> None:
    """Loads what tests import, but nothing of the checkout: processes forked later need not."""
    for name in WARM:
        importlib.import_module(name)


def _environment(copy: Path, more: dict[str, str]) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(copy), "PJSIPDIAG_NO_EXTENSIONS": "1", **more}

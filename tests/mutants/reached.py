"""Which tests reach which line: learned once by running all of them, kept, and brought up to date by running few.

What is kept stands beside the checkout on which it was learned. Later, test modules that are new, changed or hold tests
that nobody knows are run again; lines of other modules are followed to where they have moved, and a new line has the
tests of its function. What that misses makes a mutant survive, never the other way round.
"""

from __future__ import annotations

import ast
import json
import pickle
import shutil
import subprocess
import sys
from difflib import SequenceMatcher
from pathlib import Path

import pytest

from tests.mutants.plugin import RECORD
from tests.mutants.run import OPTIONS, environment
from tests.mutants.sites import Mutant, folders

Lines = dict[int, frozenset[str]]
"""Line -> the tests that reach it; "" stands for whoever imports the module."""


class Reached:
    """What is known of a checkout's tests."""

    def __init__(self, tree: Path, lines: dict[str, Lines], seconds: dict[str, float]) -> None:
        self._tree, self.lines, self.seconds = tree, lines, seconds

    def tests(self, mutant: Mutant) -> list[str]:
        """Those that reach the statement of a mutant. Those of the module that mirrors its own come first, then those
        of its folder, then the others: of these the quickest of each test module, then the next of each. A line that
        runs when its module is imported is reached by all that reach the module."""
        lines = self.lines.get(mutant.path, {})
        source = (self._tree / mutant.path).read_text()
        found = {name for line in _statement(source, mutant.line) for name in lines.get(line, ())}
        if "" in found:
            found.update(*lines.values())
        near, _, name = mutant.path.replace("pjsipdiag/", "tests/", 1).rpartition("/")
        mirror = f"{near}/test_{name}"
        places: dict[str, int] = {}
        ranks: dict[str, tuple[bool, bool, int]] = {}
        for name in sorted(found & self.seconds.keys(), key=lambda name: (self.seconds[name], name)):
            module = name.partition("::")[0]
            places[module] = places.get(module, -1) + 1
            ranks[name] = module != mirror, not module.startswith(near), places[module]
        return sorted(ranks, key=ranks.__getitem__)


def learn(tree: Path, folder: Path, jobs: int, anew: bool) -> Reached:
    """What the tests of `tree` reach; kept in `folder` with a copy of the modules and tests it is true of."""
    kept = folder / "reached.pickle"
    seconds: dict[str, float] = {}
    failed: set[str] = set()
    lines: dict[str, Lines] = {}
    stale = ["tests"]
    if kept.exists() and not anew:
        lines, seconds, failed = pickle.loads(kept.read_bytes())
        lines = _followed(lines, folder / "tree", tree)
        stale = _stale(tree, folder / "tree", seconds.keys() | failed)
        gone = [
            name
            for name in seconds
            if name.partition("::")[0] in stale or not (tree / name.partition("::")[0]).exists()
        ]
        for name in gone:
            del seconds[name]
    if stale:
        _run(tree, folder / "found", jobs, stale)
        lines = _joined(lines, _recorded(folder / "found", tree), set(seconds))
        for path in (folder / "found").glob("seconds.*.json"):
            known = json.loads(path.read_text())
            seconds |= known["passed"]
            failed |= set(known["failed"])
    shutil.rmtree(folder / "tree", ignore_errors=True)
    for part in ("pjsipdiag", "tests"):
        shutil.copytree(tree / part, folder / "tree" / part, ignore=shutil.ignore_patterns("__pycache__"))
    kept.write_bytes(pickle.dumps((lines, seconds, failed)))
    return Reached(tree, lines, seconds)


def _stale(tree: Path, before: Path, known: set[str]) -> list[str]:
    """Test modules that are new or changed, or hold tests that are not known."""
    command = [sys.executable, "-m", "pytest", *OPTIONS, "--collect-only", "-q", "tests"]
    done = subprocess.run(command, cwd=tree, env=environment(tree, {}), check=False, capture_output=True, text=True)
    names = [line for line in done.stdout.splitlines() if "::" in line]
    unknown = {name.partition("::")[0] for name in names if name not in known}
    changed = {
        name
        for path in tree.glob("tests/**/test_*.py")
        if not (old := before / (name := str(path.relative_to(tree)))).exists() or old.read_bytes() != path.read_bytes()
    }
    return sorted(unknown | changed)


def _run(tree: Path, folder: Path, jobs: int, tests: list[str]) -> None:
    """Runs tests so that the plugin notes in `folder` what they reach; what fails already is of no use."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "coverage.ini").write_text("[run]\npatch = _exit\ndisable_warnings = no-data-collected\n")
    command = [sys.executable, "-m", "pytest", *OPTIONS, "-n", str(jobs), *tests]
    done = subprocess.run(command, cwd=tree, env=environment(tree, {RECORD: str(folder)}), check=False)
    if done.returncode not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        sys.exit("the tests cannot be run")


def _recorded(folder: Path, tree: Path) -> dict[str, Lines]:
    from coverage import Coverage, CoverageData

    Coverage(data_file=str(folder / "data"), config_file=False).combine([str(folder)])
    data = CoverageData(str(folder / "data"))
    data.read()
    found: dict[str, Lines] = {}
    for path in data.measured_files():
        name = str(Path(path).relative_to(tree))
        if name.startswith(folders()):
            found[name] = {line: frozenset(names) for line, names in data.contexts_by_lineno(path).items()}
    return found


def _joined(old: dict[str, Lines], new: dict[str, Lines], valid: set[str]) -> dict[str, Lines]:
    """What was known of tests that were not run again, and what is known now."""
    kept = valid | {""}
    found = {}
    for path in old.keys() | new.keys():
        before, after = old.get(path, {}), new.get(path, {})
        found[path] = {
            line: before.get(line, frozenset()) & kept | after.get(line, frozenset())
            for line in before.keys() | after.keys()
        }
    return found


def _followed(lines: dict[str, Lines], before: Path, after: Path) -> dict[str, Lines]:
    """The same, with the lines of modules as they are now."""
    found = {}
    for path, reached in lines.items():
        if not (after / path).exists():
            continue
        old, new = (before / path).read_text(), (after / path).read_text()
        found[path] = reached if old == new else _moved(reached, old, new)
    return found


def _moved(reached: Lines, old: str, new: str) -> Lines:
    was, now = old.split("\n"), new.split("\n")
    found: Lines = {}
    for block in SequenceMatcher(None, was, now, autojunk=False).get_matching_blocks():
        for at in range(block.size):
            if names := reached.get(block.a + at + 1):
                found[block.b + at + 1] = names
    known = dict(found)
    spans = sorted(_functions(new), key=len, reverse=True)
    for span in (range(1, len(now) + 1), *spans):  # the innermost last: it has the last word
        of_span: frozenset[str] = frozenset().union(*(known.get(line, frozenset()) for line in span))
        for line in span:
            if line not in known and of_span:
                found[line] = of_span
    return found


def _functions(source: str) -> list[range]:
    return [
        range(node.lineno, (node.end_lineno or node.lineno) + 1)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
    ]


def _statement(source: str, line: int) -> range:
    """The lines of the statement that holds a line: of one with a body, those before the body."""
    spans = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            body = getattr(node, "body", None)
            first = node.pattern.lineno if isinstance(node, ast.match_case) else node.lineno
            last = body[0].lineno - 1 if body else getattr(node, "end_lineno", first)
            spans.append(range(first, max(first, last) + 1))
    return min((span for span in spans if line in span), key=len, default=range(line, line + 1))

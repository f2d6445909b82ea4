"""For pytest: notes which test reaches which line, or runs the tests that a file names, in its order."""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

RECORD, WANTED, FAILED = "MUTANTS_RECORD", "MUTANTS_WANTED", "MUTANTS_FAILED"
"""Environment variables: where to note what was reached; the file that names the tests; the one for failed ones."""
MEMORY = 4 << 30
"""Bytes that tests of a mutant may have: it may want all."""
_measured: dict[str, Any] = {}


def pytest_configure(config: pytest.Config) -> None:
    if WANTED in os.environ:
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        _do_not_shrink()
    shared = getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput")
    if RECORD not in os.environ or shared:
        return
    import coverage

    folder = Path(os.environ[RECORD])
    measured = coverage.Coverage(
        data_file=str(folder / "data"), data_suffix=True, source=["pjsipdiag"], config_file=str(folder / "coverage.ini")
    )
    measured.start()
    _measured.update(coverage=measured, seconds={}, failed=set())


def _do_not_shrink() -> None:
    """One failing example of a property is enough."""
    from hypothesis import Phase, settings

    settings.register_profile("mutants", database=None, phases=(Phase.explicit, Phase.generate))
    settings.load_profile("mutants")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    if not _measured:
        return (yield)
    _measured["coverage"].switch_context(item.nodeid)
    begun = time.perf_counter()
    found = yield
    _measured["seconds"][item.nodeid] = time.perf_counter() - begun
    _measured["coverage"].switch_context("")
    return found


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A test that fails without a change tells nothing of one."""
    if report.failed and _measured:
        _measured["failed"].add(report.nodeid)
    elif report.failed and FAILED in os.environ:
        with Path(os.environ[FAILED]).open("a") as file:
            file.write(f"{report.nodeid}\n")


def pytest_unconfigure() -> None:
    if _measured:
        _measured["coverage"].stop()
        _measured["coverage"].save()
        path, failed = Path(os.environ[RECORD]) / f"seconds.{os.getpid()}.json", _measured["failed"]
        passed = {name: seconds for name, seconds in _measured["seconds"].items() if name not in failed}
        path.write_text(json.dumps({"passed": passed, "failed": sorted(failed)}))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if WANTED in os.environ:
        order = {name: at for at, name in enumerate(json.loads(Path(os.environ[WANTED]).read_text()))}
        items[:] = sorted((item for item in items if item.nodeid in order), key=lambda item: order[item.nodeid])

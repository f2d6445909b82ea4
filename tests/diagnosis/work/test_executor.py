"""Parts may be read anywhere: here by interpreters that share nothing, each with another salt for `hash`."""

from __future__ import annotations

import json
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pjsipdiag.capture import expand
from pjsipdiag.capture.joining import parts
from pjsipdiag.diagnosis.calls.fold_content import MergedFolds
from pjsipdiag.diagnosis.diagnose import conclude
from pjsipdiag.diagnosis.options import Options
from pjsipdiag.diagnosis.work import gather
from pjsipdiag.diagnosis.work.executor import PlacedFold, merge_here
from pjsipdiag.report import render
from tests.bench.captures import write
from tests.capture.files import cut, records

CONFIG = Path(__file__).parents[3] / "fixtures/demo/etc"
PROGRAM = """
import pickle, sys
work, item = pickle.load(sys.stdin.buffer)
pickle.dump(work(item), sys.stdout.buffer)
"""


class Interpreters:
    """An executor that starts an interpreter for each item; every other one does without compiled parts."""

    forks = False

    def __init__(self, here: tuple[type, ...] = ()) -> None:
        self.moved, self.here = 0, here
        """Bytes that came back; work that is done in this process."""

    def submit(self, work: Callable[[Any], Any], items: Sequence[Any]) -> _Running:
        return _Running(work, items, self)

    def merge(self, places: Sequence[PlacedFold]) -> MergedFolds:
        return merge_here(places)

    def another(self) -> None: ...

    def close(self) -> None: ...


class _Running:
    def __init__(self, work: Callable[[Any], Any], items: Sequence[Any], of: Interpreters) -> None:
        self._work, self._items, self._of = work, items, of

    def __exit__(self, *_: object) -> None: ...

    def results(self, look: Callable[[], None] = lambda: None) -> Iterator[Any]:
        for number, item in enumerate(self._items):
            if isinstance(self._work, self._of.here):
                yield self._work(item)
                continue
            environment = {**os.environ, "PYTHONHASHSEED": str(number), "PJSIPDIAG_NO_EXTENSIONS": "01"[number % 2]}
            environment = environment if number % 2 else {**environment, "PJSIPDIAG_NO_EXTENSIONS": ""}
            sent = subprocess.run(
                [sys.executable, "-c", PROGRAM],
                input=pickle.dumps((self._work, item)),
                capture_output=True,
                check=True,
                env=environment,
            ).stdout
            self._of.moved += len(sent)
            yield pickle.loads(sent)
            look()


def reported(captures: Sequence[Path], jobs: int, executor: Interpreters | None = None) -> str:
    options: Options = {"jobs": jobs}
    with gather.begin(captures, options, executor) as begun:
        return render(conclude(begun, CONFIG, options).report, "json")


@pytest.mark.parametrize("kind", ["tcp", "frag", "siponly"])
def test_folds_of_other_interpreters_say_the_same(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "SMALLEST", 20_000)
    path = tmp_path / "whole.pcap"
    write(path, kind, 1000)
    expected = reported([path], 1)
    assert json.loads(expected)["captures"][0]["invites"]
    assert reported([path], 2, Interpreters()) == expected
    raw = path.read_bytes()
    places = sorted(random.Random(3).sample(range(1, len(records(raw)[1])), 2))
    folder = cut(raw, places, tmp_path / "files")
    assert reported([folder], 2, Interpreters()) == reported([folder], 1)


def test_heads_travel_with_their_fold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many, so that they wait in a file of the one that read them; what is sent is smaller than they are."""
    monkeypatch.setattr(parts, "SMALLEST", 1 << 20)
    path = tmp_path / "whole.pcap"
    write(path, "siponly", 60_000)
    executor = Interpreters()
    assert reported([path], 2, executor) == reported([path], 1)
    assert executor.moved < path.stat().st_size / 2


@pytest.mark.parametrize("jobs", [1, 2, 0])
def test_a_file_that_vanishes_is_named_and_the_rest_goes_on(
    jobs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads: this process, two, or others that share nothing."""
    path = tmp_path / "whole.pcap"
    write(path, "siponly", 400)
    raw = path.read_bytes()
    folder, rest = (cut(raw, [100, 200, 300], tmp_path / name) for name in ("files", "rest"))
    gone = sorted(folder.iterdir(), key=lambda one: int(one.name.rpartition("-")[2]))[1]
    (rest / gone.name).unlink()
    real = expand

    def vanishing(captures: Sequence[str | Path]) -> Any:
        found = real(captures)
        gone.unlink()
        return found

    monkeypatch.setattr(gather, "expand", vanishing)
    monkeypatch.setattr(gather.Expansion, "__call__", lambda _, captures: vanishing(captures))
    executor = None if jobs else Interpreters(here=(gather.Expansion,))
    report = json.loads(reported([folder], jobs or 2, executor))
    monkeypatch.undo()
    expected = json.loads(reported([rest], 1))
    assert [bool(one["truncated"]) for one in report["captures"]] == [False, True, False, False]
    assert [call["call_id"] for call in report["calls"]] == [call["call_id"] for call in expected["calls"]]
    assert [one["records"] for one in report["captures"]] == [100, 0, 100, len(records(raw)[1]) - 300]

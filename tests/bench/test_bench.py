"""`make bench` in small: what it makes is read whole, and its table has a line for each ratio."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from pjsipdiag.capture import Tally, read
from tests.bench import logs
from tests.bench.model import Case, Cost, Each, model_of
from tests.bench.picture import draw
from tests.bench.rows import TABLE
from tests.bench.runs import ROOT, Run

SVG = "{http://www.w3.org/2000/svg}"


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


def test_what_grows_in_proportion_is_as_steep_as_the_dashed_line() -> None:
    runs = {
        name: {10**power: Run(0, 10.0 ** (power - start), 50) for power in (4, 5, 6)}
        for name, start in (("media", 6), ("calls", 5), ("sources", 4))
    }
    drawn = fromstring(draw(runs))
    names = [text.text for text in drawn.iter(f"{SVG}text") if text.text in runs]
    assert names == [*runs] * 2
    ways = [path.attrib["d"] for path in drawn.iter(f"{SVG}path") if "L" in path.attrib["d"]]
    dashed, *slopes = [_slope(way) for way in ways[:4]]
    assert slopes == pytest.approx([dashed] * 3, abs=0.01)
    assert [_slope(way) for way in ways[5:]] == [0] * 3


def _slope(way: str) -> float:
    (x, y), *_, (last_x, last_y) = (map(float, place.split()) for place in way[1:].split("L"))
    return (last_y - y) / (last_x - x)


def test_a_model_finds_the_costs_that_runs_were_made_of() -> None:
    task, file, gb = Each(0.005, 0.003, 0.002), Each(0.001, 0.0005, 0.0004), Each(0.2, 0.01, 0.1)

    def cost(case: Case) -> Cost:
        parts = task.times(case.tasks), file.times(case.files), gb.times(case.gb), Each(0.1, 0.05, 0.2)
        workers, scheduler, client = map(sum, zip(*parts, strict=True))
        return Cost(1.0, client, scheduler, workers, 0, 0, 0, 0)

    cases = [
        Case(2, "big 2", ROOT, 5.0, 10),
        Case(2, "few", ROOT, 0.5, 10),
        Case(2, "many", ROOT, 0.5, 1000),
        Case(2, "each", ROOT, 0.5, 1000, 0),
    ]
    model, _ = model_of({case: cost(case) for case in cases})
    assert [*model.task, *model.file, *model.gb] == pytest.approx([*task, *file, *gb])
    other = Case(4, "other", ROOT, 2.0, 100)
    assert sum(model.spent(other)) == pytest.approx(cost(other).spent)

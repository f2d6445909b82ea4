"""The table of PBXs for a spreadsheet."""

from __future__ import annotations

import csv

from tests.fleet.build import COUNT
from tests.fleet.conftest import Run, fleet


def test_a_row_for_each_pbx(run: Run) -> None:
    rows = list(csv.DictReader(fleet(run.folder / "FLEET.toml", "--format", "csv").stdout.splitlines()))
    assert len(rows) == COUNT
    assert (rows[2]["name"], rows[2]["calls"], rows[2]["errors"], rows[2]["warnings"]) == ("pbx-03", "5", "1", "1")

"""The report on a fleet for a terminal."""

from __future__ import annotations

from tests.fleet.build import NEW, SCANNER
from tests.fleet.conftest import Run, fleet


def test_places_that_read_alike_are_told_once_and_v_tells_all(run: Run) -> None:
    plan = run.folder / "FLEET.toml"
    short, long = fleet(plan).stdout, fleet(plan, "-v").stdout
    assert f"error at 20 PBXs, 20 calls: {NEW}" in short
    assert short.count(f"ip saddr {SCANNER} drop") <= 1
    assert "and at 12 more PBXs: -v names them" in short
    assert "more PBXs" not in long
    assert all(f"pbx-{number:02}: " in long for number in range(1, 21) if number % 3)

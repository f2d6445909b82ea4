"""What a second reading knows, and that it says where it does not look."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from pjsipdiag.diagnosis.diagnose import observe
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.diagnosis.work.rereading import second_reading
from tests.diagnosis.scene import write_scene

FIXTURES = Path(__file__).parents[4] / "fixtures/diagnosis"


def situation_of(rule: str, name: str, folder: Path) -> tuple[Situation, CallGroup]:
    """The case of a rule whose name begins so, and the group of its first call."""
    cases = tomllib.loads((FIXTURES / f"{rule}.toml").read_text())["case"]
    case = next(one for one in cases if one["name"].startswith(name))
    (folder / "pjsip.conf").write_text(case["files"]["pjsip.conf"])
    situation = observe([write_scene(case["calls"], folder / "c.pcap")], folder, pbx=("192.0.2.1",)).situation
    return situation, situation.groups[0]


@pytest.mark.parametrize(("most", "acknowledged"), [(second_reading.MOST_ALL, 0), (0, None)])
def test_calls_that_are_not_looked_for_are_not_known(
    most: int, acknowledged: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_reading, "MOST_ALL", most)
    situation, group = situation_of("answer-not-acknowledged", "the 200 names a private Contact", tmp_path)
    assert situation.unheard(group)[:2] == (1, acknowledged)


@pytest.mark.parametrize(
    ("limit", "most", "known"),
    [("MOST_NONCES", 3, True), ("MOST_NONCES", 2, False), ("MOST_NONCES", 0, False), ("MOST_ALL", 0, False)],
)
def test_a_limit_that_is_reached_leaves_challenges_open(
    limit: str, most: int, known: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_reading, limit, most)
    situation, group = situation_of(
        "challenged-by-auth", "credentials under a new Call-ID in the same second", tmp_path
    )
    assert (situation.taken_up(group) is not None) == known

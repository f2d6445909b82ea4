"""Recordings of real Asterisk, replayed in full: everything agrees."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance import Score, replay

FIXTURES = Path(__file__).parent.parent / "fixtures"
RECORDINGS = sorted([*FIXTURES.glob("conformance/*.jsonl.gz"), *FIXTURES.glob("corners/*.jsonl.gz")])


LEAST = {"corners.jsonl.gz": (200, 40), "modules.jsonl.gz": (80, 15), "sources.jsonl.gz": (1200, 200)}
"""How much a smaller recording holds: hand-written cases, each for one sentence of the source."""


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
def test_agrees_with_the_recording(path: Path) -> None:
    score = Score()
    differences = list(replay(path, score))
    assert differences == []
    least_requests, least_cases = LEAST.get(path.name, (3000, 400))
    assert score.agree == score.requests > least_requests
    assert score.alike == score.cases > least_cases

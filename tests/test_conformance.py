"""Recordings of real Asterisk, replayed in full: everything agrees."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance import Score, replay

RECORDINGS = sorted((Path(__file__).parent.parent / "fixtures" / "conformance").glob("*.jsonl.gz"))


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
def test_agrees_with_the_recording(path: Path) -> None:
    score = Score()
    differences = list(replay(path, score))
    assert differences == []
    assert score.agree == score.requests > 3000
    assert score.alike == score.cases > 400

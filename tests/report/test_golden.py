"""Reports change only on purpose: `python -m tests.report.golden` writes the expected files anew, for a reviewer."""

from __future__ import annotations

import pytest

from tests.report.golden import INCIDENTS, reports

pytestmark = pytest.mark.usefixtures("extensions")


@pytest.mark.parametrize("incident", INCIDENTS)
def test_reports_are_as_reviewed(incident: str) -> None:
    changed = [path.name for path, shown in reports(incident) if path.read_text(encoding="utf-8") != shown]
    assert not changed, "look at the difference, then: python -m tests.report.golden"

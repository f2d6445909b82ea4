"""The reports of three incidents, byte for byte: `python -m tests.report.golden` writes fixtures/golden/ anew."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.report import RENDERERS, render

FIXTURES = Path(__file__).parents[2] / "fixtures"
GOLDEN = FIXTURES / "golden"
INCIDENTS = ("missing-failover", "overlap-wrong-winner", "scanner-and-provider")


def reports(incident: str) -> Iterator[tuple[Path, str]]:
    """(golden file, what is rendered now) for each format."""
    with _inside(FIXTURES / "incidents" / incident):
        report = diagnose(["capture.pcap"], "etc", hosts="hosts")
    for name, renderer in RENDERERS.items():
        yield (
            GOLDEN / f"{incident}{renderer.endings[0] if renderer.endings else f'.{name}'}",
            render(report, name, verbose=1),
        )


@contextmanager
def _inside(directory: Path) -> Iterator[None]:
    """File names in a report are as the user gave them: these are the same on every machine."""
    before = Path.cwd()
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(before)


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for incident in INCIDENTS:
        for path, shown in reports(incident):
            path.write_text(shown, encoding="utf-8")

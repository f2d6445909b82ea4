"""How `suggest` ends: as `diagnose` does, whatever it suggests."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from pjsipdiag.cli import main
from tests.diagnosis.scene import write_scene

CASES = tomllib.loads((Path(__file__).parents[2] / "fixtures/diagnosis/overlapping-identifies.toml").read_text())
WARNED = next(case for case in CASES["case"] if case.get("severity") == "warning")


@pytest.mark.parametrize(
    ("replaced", "severities", "status"), [(("0/24", "64/29"), ["note"], 0), (("", ""), ["warning"], 1)]
)
def test_a_warning_ends_with_status_1_and_a_note_with_0(
    replaced: tuple[str, str], severities: list[str], status: int, tmp_path: Path
) -> None:
    (tmp_path / "pjsip.conf").write_text(WARNED["files"]["pjsip.conf"].replace(*replaced))
    given = [str(write_scene(WARNED["calls"], tmp_path / "capture.pcap")), "-c", str(tmp_path), "--pbx", "192.0.2.1"]
    report = json.loads(CliRunner().invoke(main, ["diagnose", *given, "--format", "json"]).stdout)
    assert (report["unmatched"], [finding["severity"] for finding in report["findings"]]) == ([], severities)
    assert CliRunner().invoke(main, ["suggest", *given]).exit_code == status

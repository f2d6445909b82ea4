"""Expectations, through the command line: which lines hold, and one clear line for what is none."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pjsipdiag.cli import main

CASES = tomllib.loads((Path(__file__).parents[3] / "fixtures/expect/cases.toml").read_text())


def run(tmp_path: Path, text: str, *options: str) -> Result:
    for name, content in CASES["configuration"].items():
        (tmp_path / name).write_text(content)
    (tmp_path / "expected").write_text(text)
    arguments = ["check", "-c", str(tmp_path), "--expect", str(tmp_path / "expected"), *options]
    result = CliRunner(env={"COLUMNS": "200"}).invoke(main, arguments)
    assert "fault of pjsipdiag" not in result.stderr
    return result


@pytest.mark.parametrize("line", CASES["holds"])
def test_a_line_holds_or_not(line: str, tmp_path: Path) -> None:
    found = json.loads(run(tmp_path, f"# a comment\n\n{line}  # another\n", "--format", "json").stdout)["findings"]
    failed = [finding for finding in found if finding["rule"] == "expectation-failed"]
    assert [finding["where"]["line"] for finding in failed] == ([] if CASES["holds"][line] else [3])
    assert all(finding["evidence"] for finding in failed)


def test_junit_has_a_case_for_each_line(tmp_path: Path) -> None:
    shown = run(tmp_path, "203.0.113.10 -> provider\n203.0.113.16 -> nobody\n", "--format", "junit").stdout
    assert 'name="203.0.113.10 -&gt; provider"/>' in shown
    assert "203.0.113.16 -&gt; nobody: it is not so" in shown


@pytest.mark.parametrize("line", ["203.0.113.10 provider", "203.0.113.300 -> provider", "x -> y -> z", "-> provider"])
def test_a_mistake_is_one_line_with_its_place(line: str, tmp_path: Path) -> None:
    result = run(tmp_path, f"203.0.113.10 -> provider\n{line}\n")
    assert result.exit_code == 2
    assert "expected:2" in result.stderr

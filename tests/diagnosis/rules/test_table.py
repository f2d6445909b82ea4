"""The steps of the README to a new rule, followed for an invented one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner

from pjsipdiag.cli import main
from pjsipdiag.diagnosis.edits.draft import Draft
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.repairs import option_repairs
from pjsipdiag.diagnosis.rule import Repair, Rule
from pjsipdiag.diagnosis.rules import RULES, table
from pjsipdiag.diagnosis.rules.cause import Cause, calls, sources
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from tests.diagnosis.scene import write_scene

ROOT = Path(__file__).parents[3]
NAME = "called-on-a-sunday"
CALL = """
@ 0 203.0.113.9:5060 > 192.0.2.1:5060 in -> 401
INVITE sip:300@192.0.2.1 SIP/2.0
Contact: <sip:203.0.113.9>
"""


def blames(_situation: Situation, group: CallGroup) -> Cause | None:
    return Cause(group.source) if group.verdict.endpoint == "" else None


def tells(_situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    return Finding(Severity.ERROR, f"{cause.name} calls on a Sunday", None, sources(groups), calls(groups))


def mends(_situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> list[Draft]:
    return [Draft(groups, note=f"tell {cause.name} to call on a Monday", is_own=True)]


@pytest.fixture
def invented(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Rule:
    """Steps 1 to 3: functions, the one row, a page."""
    repair = Repair("option_repairs.mends", "by_files")
    row = Rule(NAME, Severity.ERROR, "calls on a Sunday", 5, blames=blames, tells=tells, repair=repair)
    monkeypatch.setattr(option_repairs, "mends", mends, raising=False)
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / f"{NAME}.md").write_text(f"# {NAME}\n")
    monkeypatch.setattr("importlib.resources.files", lambda _package: tmp_path)
    with_it = (row, *table.TABLE)
    for module in ("pjsipdiag.diagnosis.rules", "pjsipdiag.diagnosis.repairs.suggest"):
        monkeypatch.setattr(import_module(module), "TABLE", with_it)
    monkeypatch.setattr(import_module("pjsipdiag.diagnosis.rules"), "RULES", (row, *RULES))
    return row


def test_a_row_is_all_that_a_rule_needs(invented: Rule, tmp_path: Path) -> None:
    """Step 4: its case. It is found first, its repair is proposed, and its page is shown."""
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "pjsip.conf").write_text("[t]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n")
    capture = write_scene(CALL, tmp_path / "capture.pcap")
    run = CliRunner().invoke(main, ["diagnose", str(capture), "-c", str(etc), "--pbx", "192.0.2.1"])
    assert "203.0.113.9 calls on a Sunday" in run.stdout
    assert "tell 203.0.113.9 to call on a Monday" in run.stdout
    assert "no identifier takes" not in run.stdout
    assert invented.page == f"# {NAME}\n"
    assert NAME in CliRunner().invoke(main, ["rules", NAME]).stdout
    assert NAME in CliRunner().invoke(main, ["rules"]).stdout


@pytest.mark.parametrize("row", [row for row in table.TABLE if row.repair], ids=lambda row: str(row.name))
def test_the_functions_of_a_repair_are_there(row: Rule) -> None:
    assert row.repair is not None
    module, _, name = row.repair.make.partition(".")
    assert callable(getattr(import_module(f"pjsipdiag.diagnosis.repairs.{module}"), name))
    assert callable(getattr(import_module("pjsipdiag.diagnosis.repairs.grade"), row.repair.basis))


def test_every_row_does_something_and_has_its_place() -> None:
    idle = [row.name for row in table.TABLE if not (row.blames or row.besides or row.on_calls or row.on_config)]
    assert idle == ["expectation-failed"]
    assert all(row.tells or row.on_calls for row in table.TABLE if row.blames)
    assert len({row.place for row in table.TABLE}) == len({row.name for row in table.TABLE}) == len(table.TABLE)


def test_the_readme_names_every_step() -> None:
    steps = re.findall(r"(?m)^\d\. .*", (ROOT / "README.md").read_text().partition("A new rule takes")[2])[:5]
    for step, words in zip(steps, ("rules/", "table.py", "pages/", "fixtures/", "tests.readme"), strict=True):
        assert words in step
    for path in re.findall(r"`(pjsipdiag/[\w/.]+)`", " ".join(steps)):
        assert (ROOT / path.replace("NAME", "unmatched-source")).exists(), path

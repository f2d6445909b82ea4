"""Each rule's fixtures: a configuration, calls as text, and what the command line must say of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pjsipdiag.cli import main
from pjsipdiag.diagnosis.rule import Rule
from pjsipdiag.diagnosis.rules import RULES
from tests.diagnosis.scene import cases, write_files, write_scene

pytestmark = pytest.mark.usefixtures("extensions")

PAGES = Path(__file__).parents[2] / "pjsipdiag" / "diagnosis" / "pages"
FIXTURES = Path(__file__).parents[2] / "fixtures" / "diagnosis"
CASES = cases(FIXTURES)


def report(case: dict[str, Any], directory: Path) -> dict[str, Any]:
    etc = write_files(case["files"], directory / "etc")
    arguments = ["diagnose", str(write_scene(case["calls"], directory / "capture.pcap")), "-c", str(etc)]
    if "hosts" in case:
        (directory / "hosts").write_text(case["hosts"])
        arguments += ["--hosts", str(directory / "hosts")]
    if "live" in case:
        (directory / "live.conf").write_text(case["live"])
        arguments += ["--live", str(directory / "live.conf")]
    arguments += ["--pbx", case.get("pbx", "192.0.2.1"), "--format", "json", *case.get("options", ())]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    wrong = found["unmatched"] or {finding["severity"] for finding in found["findings"]} - {"note"}
    assert result.exit_code == 1 or not wrong
    return found


@pytest.mark.parametrize(("rule", "case"), CASES)
def test_rule(rule: str, case: dict[str, Any], tmp_path: Path) -> None:
    """`says`: the rule is found, first of its severity, with these words; without it, the rule is not found.

    `never` are words that it lacks, `at` is the line it points at, `severity` (error unless given) its weight,
    `unmatched` the report's list, `also` the other rules of severity error, `adds` the lines of all suggestions and of
    those to be confirmed, `edits` lines, or several that follow each other, that the changed files have, `lacks` lines
    that they no longer have, `waits` lines of edits that are to be confirmed, `notes` words of the suggestions' notes,
    `failed` the number of failed calls; no suggestion may change other calls.
    """
    found = report(case, tmp_path)
    if "unmatched" in case:
        assert sorted(found["unmatched"]) == sorted(case["unmatched"])
    assert found["summary"]["failed_calls"] == case.get("failed", found["summary"]["failed_calls"])
    severity = case.get("severity", "error")
    alike = [finding for finding in found["findings"] if finding["severity"] == severity]
    if "says" not in case:
        assert rule not in [finding["rule"] for finding in found["findings"]]
        return
    assert [finding["rule"] for finding in alike] == [rule, *case.get("also", ())]
    text = json.dumps(alike[0], ensure_ascii=False)
    assert [part for part in case["says"] if json.dumps(part, ensure_ascii=False)[1:-1] not in text] == []
    assert [part for part in case.get("never", ()) if json.dumps(part, ensure_ascii=False)[1:-1] in text] == []
    if "at" in case:
        where = alike[0]["where"]
        assert (tmp_path / "etc" / where["file"]).read_text().splitlines()[where["line"] - 1] == case["at"]
    assert [text.startswith("observed answers: ") for text in alike[0]["evidence"]].count(True) <= 1
    suggestions = [*found["suggestions"], *found["unconfirmed"]]
    assert [suggestion["changes_others"] for suggestion in suggestions if suggestion["changes_others"]] == []
    assert not any(one["fixes"] for one in suggestions if not one["edits"] and not one.get("sql"))
    if "adds" in case:
        assert [line for suggestion in suggestions for line in suggestion["add"]] == case["adds"]
    waiting = [line for one in found["unconfirmed"] for edit in one["edits"] for line in edit["new"]]
    assert [line for line in case.get("waits", ()) if line not in waiting] == []
    if "edits" in case:
        changed = CliRunner().invoke(main, _suggest(case, tmp_path), catch_exceptions=False)
        assert changed.exit_code in (0, 1)
        texts = [f"\n{path.read_text()}\n" for path in (tmp_path / "changed").rglob("*.conf")]
        assert [part for part in case["edits"] if not any(f"\n{part}\n" in text for text in texts)] == []
        assert [part for part in case.get("lacks", ()) if any(f"\n{part}\n" in text for text in texts)] == []
    notes = " ".join(suggestion.get("note", "") for suggestion in suggestions)
    assert [part for part in case.get("notes", ()) if part not in notes] == []


def _suggest(case: dict[str, Any], directory: Path) -> list[str]:
    arguments = ["suggest", str(directory / "capture.pcap"), "-c", str(directory / "etc")]
    arguments += ["--hosts", str(directory / "hosts")] if "hosts" in case else []
    return [
        *arguments,
        "--pbx",
        case.get("pbx", "192.0.2.1"),
        "--unconfirmed",
        "--output",
        str(directory / "changed"),
        *case.get("suggest_options", ()),
    ]


def shows_in_captures(rule: Rule) -> bool:
    return bool(rule.blames or rule.besides or rule.on_calls or rule.beside_calls)


def test_every_rule_has_a_case_that_is_hit_and_one_that_is_not() -> None:
    hit = {param.values[0] for param in CASES if "says" in _case(param)}
    spared = {param.values[0] for param in CASES if "says" not in _case(param)}
    assert hit == spared == {rule.name for rule in RULES if shows_in_captures(rule)}


def test_a_rule_weighs_in_one_of_its_cases_what_its_row_says() -> None:
    weights = {(param.values[0], _case(param).get("severity", "error")) for param in CASES if "says" in _case(param)}
    assert {(rule.name, str(rule.severity)) for rule in RULES if shows_in_captures(rule)} <= weights


@pytest.mark.parametrize("name", [rule.name for rule in RULES])
def test_every_rule_has_a_page(name: str) -> None:
    (rule,) = [rule for rule in RULES if rule.name == name]
    assert name in {path.stem for path in PAGES.glob("*.md")}, f"write {PAGES / name}.md"
    headings = [line for line in rule.page.splitlines() if line.startswith("#")]
    assert headings == [f"# {name}", "## How Asterisk comes to it", "## What to do", "## What not to do"]


def _case(param: Any) -> dict[str, Any]:
    case = param.values[1]
    assert isinstance(case, dict)
    return case

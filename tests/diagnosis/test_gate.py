"""What counts: comments, --ignore, --fail-on, --baseline, through the command line."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pjsipdiag.cli import main
from tests.cli.commands import run
from tests.diagnosis.scene import write_scene

FIXTURES = Path(__file__).parents[2] / "fixtures"
CASES: dict[str, Any] = json.loads((FIXTURES / "gate/cases.json").read_text())["cases"]
DEMO = (str(FIXTURES / "demo/capture.pcap"), "-c", str(FIXTURES / "demo/etc"))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path) -> Iterator[None]:
    """No settings of this repository."""
    before = Path.cwd()
    os.chdir(tmp_path)
    yield
    os.chdir(before)


def left(*arguments: str | Path) -> list[str]:
    """The sections at which the rule open-door finds something."""
    found = json.loads(run("check", *arguments, "--format", "json").stdout)["findings"]
    return [finding["where"]["section"] for finding in found if finding["rule"] == "open-door"]


@pytest.mark.parametrize("name", CASES)
def test_comments_silence_what_they_speak_of(name: str, tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(CASES[name]["text"])
    assert left("-c", tmp_path) == CASES[name]["left"]


def test_a_silenced_finding_is_said_with_its_reason(tmp_path: Path) -> None:
    text = CASES["behind a head it speaks of the section"]["text"]
    (tmp_path / "pjsip.conf").write_text(text)
    result = run("check", "-c", tmp_path)
    assert result.exit_code == 0
    assert "1 finding of open-door ignored at pjsip.conf:1: a test trunk" in " ".join(result.stdout.split())
    (tmp_path / "pjsip.conf").write_text("[a] ; pjsipdiag: ignore=wide-match\ntype=endpoint\ncontext=in\n")
    assert "ignores wide-match, of which there is no finding" in " ".join(run("check", "-c", tmp_path).stdout.split())


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((), 1),
        (("--fail-on", "error"), 0),
        (("--fail-on", "note"), 1),
        (("--fail-on", "never"), 0),
        (("--ignore", "open-door"), 0),
        (("--ignore", "wide-match"), 1),
    ],
)
def test_the_exit_status_follows_what_counts(arguments: tuple[str, ...], status: int) -> None:
    assert run("check", *DEMO[1:], *arguments).exit_code == status


def test_an_unmatched_source_fails_whatever_is_ignored_but_its_rule() -> None:
    assert run("diagnose", *DEMO, "--ignore", "scanner").exit_code == 1
    assert run("diagnose", *DEMO, "--ignore", "scanner", "--ignore", "unmatched-source").exit_code == 0


def test_a_baseline_leaves_what_is_new(tmp_path: Path) -> None:
    etc = Path(shutil.copytree(FIXTURES / "demo/etc", tmp_path / "etc"))
    run("check", "-c", etc, "-o", tmp_path / "before.json")
    text = (etc / "pjsip.conf").read_text()
    (etc / "pjsip.conf").write_text("; a line more\n" + text)
    assert run("check", "-c", etc, "--baseline", tmp_path / "before.json").exit_code == 0
    (etc / "pjsip.conf").write_text(text + "\n[stranger]\ntype=endpoint\ncontext=from-trunk\n")
    result = run("check", "-c", etc, "--baseline", tmp_path / "before.json", "--format", "json")
    assert [finding["where"]["section"] for finding in json.loads(result.stdout)["findings"]] == ["stranger"]
    assert result.exit_code == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"findings": [1]}', "[" * 100_000, '{"findings": [{"where": 1}]}'])
def test_what_is_no_baseline_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "before.json").write_text(text)
    result = run("check", *DEMO[1:], "--baseline", tmp_path / "before.json")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].endswith("no report of pjsipdiag: write one with --format json")


def test_a_rule_that_is_none_is_refused() -> None:
    result = run("check", *DEMO[1:], "--ignore", "open-dor")
    assert result.exit_code == 2
    assert "Did you mean open-door?" in result.stderr


def test_a_comment_for_check_is_no_news_in_a_diagnosis(tmp_path: Path) -> None:
    etc = Path(shutil.copytree(FIXTURES / "demo/etc", tmp_path / "etc"))
    text = (etc / "pjsip.conf").read_text()
    (etc / "pjsip.conf").write_text(text.replace("[provider]", "[provider] ; pjsipdiag: ignore=wide-match"))
    assert "ignores wide-match" in " ".join(run("check", "-c", etc).stdout.split())
    assert "ignores wide-match" not in " ".join(run("diagnose", DEMO[0], "-c", etc).stdout.split())


def test_a_telephone_that_only_registers_is_nothing_undecided(tmp_path: Path) -> None:
    scene = """
@ 0 203.0.113.10:5060 > 192.0.2.1:5060 in -> 100 200
INVITE sip:100@192.0.2.1 SIP/2.0
@ 5 203.0.113.50:5060 > 192.0.2.1:5060 in -> 200
REGISTER sip:192.0.2.1 SIP/2.0
From: <sip:anna@192.0.2.1>;tag=a
To: <sip:anna@192.0.2.1>
"""
    (tmp_path / "pjsip.conf").write_text(
        "[t]\ntype=transport\nbind=0.0.0.0\n[anna]\ntype=endpoint\naors=anna\n[anna]\ntype=aor\nmax_contacts=1\n"
        "[carrier]\ntype=endpoint\n[carrier]\ntype=identify\nendpoint=carrier\nmatch=203.0.113.10\n"
    )
    capture = write_scene(scene, tmp_path / "capture.pcap")
    assert CliRunner().invoke(main, ["diagnose", str(capture), "-c", str(tmp_path)]).exit_code == 0

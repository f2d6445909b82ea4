"""Failures that real Asterisk answered: each one's expect.json through the command line."""

from __future__ import annotations

import ipaddress
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pjsipdiag.cli import main

pytestmark = pytest.mark.usefixtures("extensions")

INCIDENTS = Path(__file__).parents[2] / "fixtures" / "incidents"
FOLDERS = sorted(path.parent for path in INCIDENTS.glob("*/expect.json"))


def run(command: str, folder: Path, etc: Path, *options: str) -> tuple[int, str]:
    arguments = [command, str(folder / "capture.pcap"), "-c", str(etc), "--hosts", str(folder / "hosts"), *options]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    return result.exit_code, result.stdout


def report(folder: Path, etc: Path | None = None) -> tuple[int, dict[str, Any]]:
    status, text = run("diagnose", folder, etc or folder / "etc", "--format", "json")
    found = json.loads(text)
    assert isinstance(found, dict)
    return status, found


def expectation(folder: Path) -> dict[str, Any]:
    wanted = json.loads((folder / "expect.json").read_text())
    assert isinstance(wanted, dict)
    return wanted


def covered(suggestions: list[dict[str, Any]], address: str) -> bool:
    values = [line.partition("=")[2] for suggestion in suggestions for line in suggestion["add"] if "match=" in line]
    networks = [ipaddress.ip_network(value, strict=False) for value in values if not value.startswith("!")]
    return any(ipaddress.ip_address(address) in network for network in networks)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_incident(folder: Path) -> None:
    wanted = expectation(folder)
    status, found = report(folder)
    errors = [finding for finding in found["findings"] if finding["severity"] == "error"]
    assert sorted(found["unmatched"]) == sorted(wanted["unmatched"])
    if wanted["rule"] is None:
        assert status == 0
        assert [finding for finding in found["findings"] if finding["severity"] != "note"] == []
        return
    assert status == 1
    assert errors[0]["rule"] == wanted["rule"]
    assert wanted.get("advice", "") in errors[0]["advice"]
    assert wanted.get("evidence", "") in " ".join(errors[0]["evidence"])
    assert wanted.get("load", "") in " ".join(errors[0]["loading"]["commands"])
    if "where" in wanted:
        where = errors[0]["where"]
        line = (folder / "etc" / where["file"]).read_text().splitlines()[where["line"] - 1]
        assert where["section"] == wanted["where"]["section"]
        assert wanted["where"].get("text", "") in line


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_suggestions(folder: Path) -> None:
    wanted = expectation(folder)
    _, found = report(folder)
    suggestions = [*found["suggestions"], *found["unconfirmed"]]
    asked = wanted.get("suggest", {})
    for key in ("section", "endpoint", "file"):
        if key in asked:
            assert asked[key] in [suggestion[key] for suggestion in suggestions]
    for address in (*asked.get("match", ()), *wanted.get("suggest_covers", ())):
        assert covered(suggestions, address)
    for address in (*wanted.get("never_suggest", ()), *wanted.get("suggest_excludes", ())):
        assert not covered(suggestions, address)
    assert all(suggestion["changes_others"] == 0 for suggestion in suggestions)


REPAIRED = [folder for folder in FOLDERS if folder.name not in ("docker-gateway", "firewall-silence", "not-reloaded")]


@pytest.mark.parametrize("folder", REPAIRED, ids=lambda folder: folder.name)
def test_the_diff_applies_and_repairs(folder: Path, tmp_path: Path) -> None:
    _, before = report(folder)
    suggestions = [*before["suggestions"], *before["unconfirmed"]]
    fixed = [suggestion for suggestion in suggestions if suggestion["fixes"]]
    _, diff = run("suggest", folder, folder / "etc", "--diff", "--unconfirmed")
    assert bool(diff.strip()) == bool(fixed)
    if not fixed:
        return
    etc = shutil.copytree(folder / "etc", tmp_path / "etc")
    patch = subprocess.run(["patch", "-p1"], input=diff, text=True, cwd=etc, capture_output=True, check=False)
    assert patch.returncode == 0, patch.stdout
    assert "offset" not in patch.stdout
    assert "fuzz" not in patch.stdout
    _, after = report(folder, etc)
    rule = expectation(folder)["rule"]
    left = [finding for finding in after["findings"] if finding["rule"] == rule]
    # The capture still shows the answers from before the repair: now the files would have done better.
    assert left == []
    repaired = {address for suggestion in fixed for address in suggestion.get("addresses", [])}
    assert not repaired & set(after["unmatched"])


def test_only_a_release_that_was_replayed_is_ruled_out() -> None:
    folder = INCIDENTS / "not-reloaded"
    _, own = run("diagnose", folder, folder / "etc", "--format", "json")
    _, other = run("diagnose", folder, folder / "etc", "--format", "json", "--asterisk", "20.15.2")
    said = [
        {sentence for found in json.loads(text)["findings"] for sentence in found["evidence"]} for text in (own, other)
    ]
    assert "ruled out: another version: the capture itself names Asterisk 22.10.1, which was replayed" in said[0]
    assert "possible: another version: the capture itself names Asterisk 22.10.1, and 20.15.2 was replayed" in said[1]


def test_check_tells_a_match_behind_anonymous() -> None:
    etc = INCIDENTS / "anonymous-before-address" / "etc"
    result = CliRunner().invoke(main, ["check", "-c", str(etc), "--format", "json"], catch_exceptions=False)
    late = [one for one in json.loads(result.stdout)["findings"] if one["rule"] == "unreachable-identifier"]
    assert [(one["where"]["section"], "username,ip,anonymous" in one["advice"]) for one in late] == [
        ("provider-identify", True)
    ]

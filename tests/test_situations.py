"""Situations that people bring, and what every right answer shows: each folder of fixtures/situations is one."""

from __future__ import annotations

import ipaddress
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pjsipdiag.cli import main

pytestmark = pytest.mark.usefixtures("extensions")

SITUATIONS = Path(__file__).parents[1] / "fixtures" / "situations"
NAMES = sorted(path.parent.name for path in SITUATIONS.glob("*/expect.json"))


def flat(text: str) -> str:
    return " ".join(re.sub(r"(?<=\w-)\n\s+(?=\w)", "", text).split())


def has(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE | re.DOTALL) is not None


def suggested(report: dict[str, Any], address: str) -> bool:
    lines = [line for one in report["suggestions"] for line in one["add"]]
    nets = [net for line in lines for net in re.findall(r"[\d.]+(?:/\d+)?|[0-9a-f:]+:[0-9a-f:]+(?:/\d+)?", line)]
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(net, strict=False) for net in nets)


def faults(expect: dict[str, Any], text: str, status: int, report: dict[str, Any] | None) -> list[str]:
    found = [] if status in expect.get("status", [status]) else [f"exit status {status}"]
    found += [f"does not say {one}" for one in expect.get("says", []) if not has(one, text)]
    found += [f"says {one}" for one in expect.get("never", []) if has(one, text)]
    if report is not None:
        captures, rules = report["captures"], [one["rule"] for one in report["findings"]]
        for key, name in (("messages", "sip_messages"), ("invites", "invites")):
            count = sum(capture[name] for capture in captures)
            found += [] if count == expect.get(key, count) else [f"{count} {key}"]
        verdicts = {one["address"]: one["verdict"] for one in report["sources"]}
        found += [f"{ip} is not {one}" for ip, one in expect.get("sources", {}).items() if verdicts.get(ip) != one]
        if sorted(report["unmatched"]) != sorted(expect.get("unmatched", report["unmatched"])):
            found.append(f"unmatched {report['unmatched']}")
        found += [f"does not suggest {ip}" for ip in expect.get("suggest", []) if not suggested(report, ip)]
        found += [f"suggests {ip}" for ip in expect.get("no_suggest", []) if suggested(report, ip)]
        found += [f"lacks {rule}" for rule in expect.get("rules", []) if rule not in rules]
        found += [f"has {rule}" for rule in expect.get("no_rules", []) if rule in rules]
        if "first_rule" in expect and rules[:1] not in [[one] for one in expect["first_rule"]]:
            found.append(f"begins with {rules[:1]}")
        first = report["findings"][0] if rules else {"message": "", "evidence": [], "advice": "", "where": None}
        where = first["where"] or {"file": "", "line": "", "section": ""}
        cause = flat(" ".join([first["message"], *first["evidence"], first["advice"] or "", *map(str, where.values())]))
        found += [f"first cause lacks {one}" for one in expect.get("says_first", []) if not has(one, cause)]
    ways = [faults(one, text, status, report) for one in expect.get("any", [])]
    return found + (ways[0] if ways and all(ways) else [])


@pytest.mark.parametrize("name", NAMES)
def test_every_right_answer_shows(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "case"
    shutil.copytree(SITUATIONS / name, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")
    expect = json.loads(Path("expect.json").read_text("utf-8"))
    shown = CliRunner().invoke(main, expect["argv"])
    report = None
    if expect["argv"][0] in ("diagnose", "check"):
        answer = CliRunner().invoke(main, [*expect["argv"], "--format", "json"]).stdout
        report = json.loads(answer) if answer.startswith("{") and "--try" not in expect["argv"] else None
    assert faults(expect, flat(shown.output), shown.exit_code, report) == []

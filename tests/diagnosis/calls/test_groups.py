"""Groups of alike calls, and the crowd of those that are not listed one by one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pjsipdiag.diagnosis.calls import groups
from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.report import render
from pjsipdiag.sip import Address
from tests.capture.build import ethernet, pcap, sip, udp

pytestmark = pytest.mark.usefixtures("extensions")

TRUNK = """[udp]
type=transport
protocol=udp
bind=0.0.0.0
[trunk]
type=endpoint
context=in
[trunk-id]
type=identify
endpoint=trunk
match=203.0.113.12
match=203.0.113.14
"""


def reported(calls: Sequence[tuple[str, str]], folder: Path, jobs: int = 1) -> Any:
    """The JSON report of calls, each a source address and a User-Agent."""
    (folder / "etc").mkdir(exist_ok=True)
    (folder / "etc" / "pjsip.conf").write_text(TRUNK)
    heads = [f"Contact: <sip:{ip}>\r\nUser-Agent: {agent}\r\nCSeq".encode() for ip, agent in calls]
    frames = [
        ethernet(udp(sip(at).replace(b"CSeq", head, 1), Address(ip, 5060)))
        for at, (head, (ip, _)) in enumerate(zip(heads, calls, strict=True))
    ]
    (folder / "capture.pcap").write_bytes(pcap(frames))
    report = diagnose([folder / "capture.pcap"], folder / "etc", pbx=("192.0.2.1",), jobs=jobs)
    return json.loads(render(report, "json"))


def test_a_line_fixes_all_calls_of_a_source_however_many_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "MOST_READ", 10)
    report = reported([("203.0.113.13", "SBC")] * 37, tmp_path)
    (suggestion,) = report["suggestions"]
    assert (suggestion["add"], suggestion["fixes"]) == (["match=203.0.113.13"], 37)


def test_a_crowd_is_named_by_its_commonest_agents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "MOST_GROUPS", 4)
    agents = ["seldom"] * 2 + ["often"] * 9 + ["always"] * 30
    report = reported([(f"198.51.100.{at}", agent) for at, agent in enumerate(agents, 1)], tmp_path)
    (said,) = [finding for finding in report["findings"] if "further sources called" in finding["message"]]
    assert said["evidence"][0].startswith("User-Agent: 'always'")


def test_agents_stay_with_their_calls_when_processes_judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process meets the agents, sources and verdicts in an order of its own."""
    monkeypatch.setattr("pjsipdiag.diagnosis.diagnose.SMALLEST_SLICE", 10)
    sources = ["203.0.113.12", "203.0.113.14", "198.51.100.7", "203.0.113.13"]
    calls = [(sources[at * 7 // 9 % 4], f"phone {at * 5 // 8 % 6}") for at in range(60)]
    for jobs in (1, 2, 3):
        found = reported(calls, tmp_path, jobs)["calls"]
        assert [(call["source"].partition(":")[0], call["user_agent"]) for call in found] == calls

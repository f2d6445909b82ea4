"""Groups of alike calls, and the crowd of those that are not listed one by one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pjsipdiag.diagnosis.calls import groups
from pjsipdiag.diagnosis.diagnose import Observation, diagnose, observe
from pjsipdiag.report import render
from pjsipdiag.sip import Address
from tests.capture.build import ethernet, pcap, sip, udp
from tests.diagnosis.scene import write_scene

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
    monkeypatch.setattr("pjsipdiag.diagnosis.work.jobs.SMALLEST_SLICE", 10)
    sources = ["203.0.113.12", "203.0.113.14", "198.51.100.7", "203.0.113.13"]
    calls = [(sources[at * 7 // 9 % 4], f"phone {at * 5 // 8 % 6}") for at in range(60)]
    for jobs in (1, 2, 3):
        found = reported(calls, tmp_path, jobs)["calls"]
        assert [(call["source"].partition(":")[0], call["user_agent"]) for call in found] == calls


PROVIDER = "203.0.113.12:5060 > 192.0.2.1:5060 in"
CREDENTIALS = 'Authorization: Digest username="a", realm="asterisk", nonce="1", uri="sip:1@h", response="0"'
OUTCOMES = f"""
@ 0 {PROVIDER} -> 403
INVITE sip:403@192.0.2.1 SIP/2.0
{CREDENTIALS}
@ 10 {PROVIDER} -> 100 401
INVITE sip:200@192.0.2.1 SIP/2.0
From: <sip:a@203.0.113.12>;tag=b
Call-ID: b
@ 11 {PROVIDER} -> 100 200
INVITE sip:200@192.0.2.1 SIP/2.0
From: <sip:a@203.0.113.12>;tag=b
Call-ID: b
CSeq: 2 INVITE
{CREDENTIALS}
@ 20 {PROVIDER} -> 100 400
INVITE sip:400@192.0.2.1 SIP/2.0
@ 30 {PROVIDER} -> 302
INVITE sip:302@192.0.2.1 SIP/2.0
@ 40 {PROVIDER} x3
INVITE sip:0@192.0.2.1 SIP/2.0
"""


def observed(folder: Path) -> Observation:
    (folder / "etc").mkdir()
    (folder / "etc" / "pjsip.conf").write_text(TRUNK)
    return observe([write_scene(OUTCOMES, folder / "capture.pcap")], folder / "etc", pbx=("192.0.2.1",))


def test_what_becomes_of_the_calls_of_a_source_is_counted(tmp_path: Path) -> None:
    (found,) = observed(tmp_path).situation.groups
    assert (found.calls, found.requests, len(found.numbers)) == (5, 8, 5)
    assert found.statuses == {0: 1, 200: 1, 302: 1, 400: 1, 403: 1}
    assert (found.challenged, found.retried, found.carried) == (1, 1, 1)
    assert found.tried == {200: 1, 400: 1}
    assert found.refused_numbers == (("403", 403), ("400", 400))
    assert found.realms == ("asterisk",)
    assert (found.last_time - found.first_time, found.first_silent - found.first_time) == (40 * 10**9, 40 * 10**9)
    assert found.last_answer - found.first_time == 30_010_000_000
    assert [proof.request_uri for proof in found.read_proofs()] == ["sip:403@192.0.2.1", "sip:200@192.0.2.1"]
    assert all(proof.header("Authorization") for proof in found.read_proofs())


def test_no_request_without_credentials_is_a_proof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pjsipdiag.diagnosis.calls.assembly.MOST_PROOFS", 0)
    (found,) = observed(tmp_path).situation.groups
    assert [proof.request_uri for proof in found.read_proofs()] == ["sip:403@192.0.2.1"]


def test_the_steps_of_a_call_are_all_its_messages(tmp_path: Path) -> None:
    calls = observed(tmp_path).report.calls
    steps = {call.request_uri: [(way, line) for _, way, line in call.messages] for call in calls}
    sent = {user: (">", f"INVITE sip:{user}@192.0.2.1 SIP/2.0") for user in (0, 200, 302)}
    assert steps["sip:0@192.0.2.1"] == [sent[0]] * 3
    assert steps["sip:302@192.0.2.1"] == [sent[302], ("<", "SIP/2.0 302")]
    assert steps["sip:200@192.0.2.1"] == [
        sent[200], ("<", "SIP/2.0 100"), ("<", "SIP/2.0 401"), sent[200], ("<", "SIP/2.0 100"), ("<", "SIP/2.0 200"),
    ]  # fmt: skip

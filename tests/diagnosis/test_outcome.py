"""Every final answer but success is in a finding, whether a line of the endpoint leads to it or not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pjsipdiag.cli import main
from tests.diagnosis.scene import write_scene

TRUNK = """[udp]
type=transport
protocol=udp
bind=0.0.0.0
[carrier]
type=endpoint
context=in
{options}[carrier-id]
type=identify
endpoint=carrier
match=203.0.113.10
"""
LEADING = {420: "100rel=no", 421: "100rel=required", 422: "timers_min_se=1800", 428: "stir_shaken=yes"}
"""Options that lead to a status, which is then named with its line."""
PEOPLE = {486, 487, 600}
"""Answers that people give: a note, and no failed call."""


def call(status: int, at: int, first: str = "") -> str:
    return f"""
@ {at}.0 203.0.113.10:5060 > 192.0.2.1:5060 in -> {first}{status}
INVITE sip:100@192.0.2.1 SIP/2.0
From: <sip:200@203.0.113.10>;tag=a{at}
To: <sip:100@192.0.2.1>
CSeq: 1 INVITE
Contact: <sip:203.0.113.10>

"""


def diagnosed(scene: str, options: str, directory: Path) -> dict[str, object]:
    (directory / "etc").mkdir()
    (directory / "etc/pjsip.conf").write_text(TRUNK.format(options=options))
    capture = write_scene(scene, directory / "capture.pcap")
    arguments = ["diagnose", str(capture), "-c", str(directory / "etc"), "--pbx", "192.0.2.1", "--format", "json"]
    found = json.loads(CliRunner().invoke(main, arguments, catch_exceptions=False).stdout)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("hundred", range(3, 7))
@pytest.mark.parametrize("option", [False, True], ids=["without", "with the option"])
def test_every_status_is_in_a_finding(hundred: int, option: bool, tmp_path: Path) -> None:
    """All of a hundred in one capture, each from the same source: none may hide behind another."""
    statuses = range(hundred * 100, hundred * 100 + 100)
    for status in statuses if not option else [status for status in statuses if status in LEADING]:
        directory = tmp_path / str(status)
        directory.mkdir()
        options = f"{LEADING[status]}\n" if option else ""
        report = diagnosed(call(status, 1), options, directory)
        findings = report["findings"]
        assert isinstance(findings, list)
        told = [one for one in findings if str(status) in json.dumps(one)]
        assert told, status
        assert [one for one in told if one["calls"] == 1] != [], status
        summary = report["summary"]
        assert isinstance(summary, dict)
        assert summary["failed_calls"] == (0 if status in PEOPLE else 1), status
        assert (report["sources"][0]["verdict"], "matched") in {("matched", "matched")}  # type: ignore[index]
        if option:
            assert any(LEADING[status] in one["message"] and one["where"] for one in told), status


def test_refusals_beside_others_are_told(tmp_path: Path) -> None:
    report = diagnosed(call(404, 1, "100 ") + call(488, 2) + call(420, 3) + call(499, 4) + call(200, 5), "", tmp_path)
    text = json.dumps(report["findings"])
    assert [status for status in ("404", "488", "420", "499") if status not in text] == []
    assert report["summary"]["failed_calls"] == 4  # type: ignore[index]

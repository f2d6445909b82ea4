"""Hosts beyond a router that recorded are not the PBX."""

from __future__ import annotations

from pathlib import Path

import pytest

from pjsipdiag.diagnosis.diagnose import diagnose
from tests.diagnosis.scene import write_scene

pytestmark = pytest.mark.usefixtures("extensions")

ROUTED = """
@ 0 198.51.100.76:5060 > 192.0.2.1:5060 in
INVITE sip:300@192.0.2.1 SIP/2.0
@ 0.001 198.51.100.76:5060 > 192.0.2.1:5060 out -> 200
INVITE sip:300@192.0.2.1 SIP/2.0
@ 4 203.0.113.9:5060 > 192.0.2.50:5060 in
INVITE sip:300@192.0.2.50 SIP/2.0
@ 4.001 203.0.113.9:5060 > 192.0.2.50:5060 out
INVITE sip:300@192.0.2.50 SIP/2.0
"""


@pytest.mark.parametrize("bind", ["192.0.2.1", "0.0.0.0"])
def test_hosts_behind_a_router_that_recorded_are_not_the_pbx(bind: str, tmp_path: Path) -> None:
    """It sees each packet come in, and go out again."""
    (tmp_path / "pjsip.conf").write_text(f"[udp]\ntype=transport\nprotocol=udp\nbind={bind}\n")
    report = diagnose([write_scene(ROUTED, tmp_path / "c.pcap")], tmp_path)
    assert report.pbx == ("192.0.2.1",)
    assert [finding.rule for finding in report.findings if finding.rule == "wrong-transport"] == []

"""The PBX's own requests that many refuse: they are told together, and nobody buries those of the files."""

from __future__ import annotations

from pathlib import Path

import pytest

from pjsipdiag import diagnose
from tests.diagnosis.scene import write_scene


def test_answers_of_every_status_to_the_pbx_itself_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text("[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n")
    own = "@ {0}.0 192.0.2.1:5060 > 198.51.{1}.{2}:5060 out -> {3}\nOPTIONS sip:x SIP/2.0\n"
    own += "From: <sip:p@192.0.2.1>;tag=1\n\n"
    scene = [own.format(at, at // 250, at % 250 + 1, status) for at, status in enumerate(range(300, 600), 2)]
    found = diagnose([write_scene("".join(scene), tmp_path / "c.pcap")], tmp_path, pbx=("192.0.2.1",)).findings
    told = [one for one in found if one.rule == "own-request-refused"]
    assert len(told) == 64 + 1
    assert max(len(one.message) for one in told) < 1000 and max(len(one.sources) for one in told) == 236


@pytest.mark.parametrize("answer", ["-> 403", "x3"])
def test_registrations_of_the_files_are_told_before_forged_ones(answer: str, tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(
        "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n[last]\ntype=registration\n"
        "server_uri=sip:203.0.113.9\nclient_uri=sip:last@203.0.113.9\n"
    )
    own = "@ {0}.0 192.0.2.1:5060 > {1}:5060 out {3}\nREGISTER sip:203.0.113.9 SIP/2.0\n"
    own += "From: <sip:{2}@203.0.113.9>;tag=1\nTo: <sip:{2}@203.0.113.9>\n\n"
    scene = [own.format(at, f"198.51.{at // 250}.{at % 250 + 1}", f"u{at}", answer) for at in range(200)]
    scene.append(own.format(200, "203.0.113.9", "last", answer))
    found = diagnose([write_scene("".join(scene), tmp_path / "c.pcap")], tmp_path, pbx=("192.0.2.1",)).findings
    told = [one for one in found if one.rule == "registration-refused"]
    assert len(told) == 64 + 1 + 1
    assert [one.sources for one in told if one.where] == [("203.0.113.9",)]
    assert "136 more hosts (198.51.0.65" in told[-1].message


def test_hosts_that_refuse_calls_of_the_pbx_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text("[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n")
    own = "@ {0}.0 192.0.2.1:5060 > 198.51.{1}.{2}:5060 out -> 503\nINVITE sip:x SIP/2.0\n\n"
    scene = [own.format(at, at // 250, at % 250 + 1) for at in range(200)]
    found = diagnose([write_scene("".join(scene), tmp_path / "c.pcap")], tmp_path, pbx=("192.0.2.1",)).findings
    told = [one for one in found if one.rule == "own-request-refused"]
    assert len(told) == 64 + 1
    assert "136 more hosts (198.51.0.65" in told[-1].message

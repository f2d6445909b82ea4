"""Captures with a snap length that holds the start of messages only."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from click.testing import CliRunner

from pjsipdiag.cli import main
from tests.diagnosis.scene import write_scene

pytestmark = pytest.mark.usefixtures("extensions")

CALL = """
@ 0 198.51.100.20:5060 > 192.0.2.1:5060 in -> 401
INVITE sip:300@192.0.2.1 SIP/2.0
Contact: <sip:198.51.100.20>

@ 9 198.51.100.20:5060 > 192.0.2.1:5060 in -> 401
INVITE sip:301@192.0.2.1 SIP/2.0
Contact: <sip:198.51.100.20>
"""


def cut(capture: Path, length: int) -> Path:
    """The capture with records of at most `length` bytes."""
    data = capture.read_bytes()
    out, at = [data[:24]], 24
    while at < len(data):
        seconds, fraction, held, sent = struct.unpack_from("<IIII", data, at)
        kept = min(held, length)
        out.append(struct.pack("<IIII", seconds, fraction, kept, sent) + data[at + 16 : at + 16 + kept])
        at += 16 + held
    capture.write_bytes(b"".join(out))
    return capture


def test_what_is_cut_off_is_not_taken_for_silence(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text("[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n")
    capture = cut(write_scene(CALL, tmp_path / "capture.pcap"), 120)
    arguments = ["diagnose", str(capture), "-c", str(tmp_path), "--pbx", "192.0.2.1", "--format", "json"]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    (finding,) = json.loads(result.stdout)["findings"]
    assert result.exit_code == 1
    assert (finding["rule"], finding["severity"]) == ("no-invite", "error")
    assert "198.51.100.20 cannot be read: the capture holds only the start of all its messages" in finding["message"]


def test_answers_to_what_is_cut_off_are_told_and_not_explained(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text("[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n")
    capture = cut(write_scene(CALL, tmp_path / "capture.pcap"), 300)
    arguments = ["diagnose", str(capture), "-c", str(tmp_path), "--pbx", "192.0.2.1", "--format", "json"]
    report = json.loads(CliRunner().invoke(main, arguments, catch_exceptions=False).stdout)
    (finding,) = report["findings"]
    assert finding["rule"] == "no-invite"
    assert finding["evidence"] == ["who is identified cannot be told from them", "observed answers: 401 (2 calls)"]
    assert [source["verdict"] for source in report["sources"]] == ["unknown"]


def test_of_an_excerpt_the_log_itself_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text("[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n")
    log = tmp_path / "excerpt.log"
    log.write_text(
        "[2026-03-02 10:11:12] VERBOSE[9] res_pjsip_logger.c: <--- Received SIP request (594 bytes) from"
        " UDP:198.51.100.20:5060 --->\nINVITE sip:300@192.0.2.1 SIP/2.0\n"
        "Via: SIP/2.0/UDP 198.51.100.20:5060;branch=z9hG4bK1\nFrom: <sip:a@198.51.100.20>;tag=1\n--\n"
    )
    arguments = ["diagnose", str(log), "-c", str(tmp_path), "--format", "json"]
    (finding,) = json.loads(CliRunner().invoke(main, arguments, catch_exceptions=False).stdout)["findings"]
    assert "the text holds only the start" in finding["message"]
    assert finding["advice"].startswith("bring the log file itself")

"""Who answers where the calls go: said only as far as the answers show it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.diagnosis.model import Finding

ETC = Path(__file__).parents[3] / "fixtures" / "demo" / "etc"
OF_PJSIP = (
    'WWW-Authenticate: Digest realm="asterisk",nonce="1772446272/0b7a4d2d9e1f3c5b7a9d8e6f4c2b1a00",opaque="5a3f"\n'
)
OF_OTHERS = 'WWW-Authenticate: Digest realm="sip.example.com", nonce="ZUa7zmVGuqL2"\n'


def said(status: int, more: str, trying: str = "") -> str:
    """A call that the files let in, and how it was answered."""
    call = (
        "Via: SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bKa\nFrom: <sip:a@203.0.113.10>;tag=1\n"
        "To: <sip:100@192.0.2.1>{}\nCall-ID: x\nCSeq: 1 INVITE\nContact: <sip:a@203.0.113.10>\n{}Content-Length: 0\n\n"
    )
    there, back = "203.0.113.10:5060 -> 192.0.2.1:5060\n", "192.0.2.1:5060 -> 203.0.113.10:5060\n"
    text = there + "INVITE sip:100@192.0.2.1 SIP/2.0\n" + call.format("", "")
    text += back + f"SIP/2.0 100 {trying}\n" + call.format("", more) if trying else ""
    return text + back + f"SIP/2.0 {status} Other\n" + call.format(";tag=2", more)


def found(tmp_path: Path, text: str) -> Finding:
    path = tmp_path / "calls.txt"
    path.write_text(text)
    return diagnose([str(path)], str(ETC)).findings[0]


@pytest.mark.parametrize(
    ("status", "more", "trying"),
    [
        (401, "Server: kamailio (5.7.1 (x86_64/linux))\n" + OF_OTHERS, "trying -- your call is important to us"),
        (404, "Server: OpenSIPS (3.4.2)\n", "Giving a try"),
        (407, "User-Agent: FreeSWITCH-mod_sofia/1.10.9\n", "Trying"),
        (401, "Server: My Company PBX\n" + OF_OTHERS, ""),
    ],
)
def test_another_server_is_named(tmp_path: Path, status: int, more: str, trying: str) -> None:
    finding = found(tmp_path, said(status, more, trying))
    assert finding.rule == "answered-by-another"
    assert more.partition(": ")[2].partition("\n")[0] in finding.message
    assert "Asterisk answered" not in finding.message


@pytest.mark.parametrize("more", ["Server: Asterisk PBX 22.10.1\n", "Server: FPBX-17.0.19(22.10.1)\n", OF_PJSIP])
def test_asterisk_is_named_where_it_shows(tmp_path: Path, more: str) -> None:
    finding = found(tmp_path, said(401, more))
    assert finding.rule == "prediction-differs"
    assert "but Asterisk answered 401" in finding.message


def test_who_does_not_show_is_the_address(tmp_path: Path) -> None:
    finding = found(tmp_path, said(401, OF_OTHERS))
    assert "but 192.0.2.1:5060 answered 401" in finding.message
    assert any(line.startswith("nothing in the answers says that Asterisk gave them") for line in finding.evidence)

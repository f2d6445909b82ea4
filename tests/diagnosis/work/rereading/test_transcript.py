"""What was said in calls, held against a plain walk over the messages of the capture."""

from __future__ import annotations

from pathlib import Path

import pytest

from pjsipdiag import read_messages
from pjsipdiag.capture.signs import Signs
from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.diagnosis.traffic import SpokenMessage
from pjsipdiag.diagnosis.work.rereading import transcript
from tests.diagnosis.scene import write_scene

FIXTURES = Path(__file__).parents[4] / "fixtures"
SECRETS = """
@ 0 203.0.113.10:5060 > 192.0.2.1:5060 in -> 200
INVITE sip:300@192.0.2.1 SIP/2.0
Call-ID: one@x
Authorization: Digest username="a", response="0123456789abcdef", uri="sip:me:hunter2@192.0.2.1"
Proxy-Authorization: Basic aHVudGVyMg==
Content-Type: application/sdp

v=0
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:aHVudGVyMg|2^20
a=ice-pwd:hunter2
k=clear:hunter2
"""
IN_LINES = """
@ 0 203.0.113.10:5060 > 192.0.2.1:5060 in -> 200
INVITE sip:300:hunter2@192.0.2.1 SIP/2.0
From: <sip:me:hunter2@192.0.2.1>
Call-ID: one@x
Authorization: Digest username="a", response=
 "hunter2", uri="sip:x"
Proxy-Authorization: Bearer
 hunter2
Authorization: NTLM targetname="a", gssapi-data="hunter2",
 cnum="hunter2"
Authentication-Info: rspauth = "hunter2"
Content-Type: application/sdp

v=0
a=key-mgmt:mikey hunter2
"""
ERRORS = """
@ 0 203.0.113.10:5060 > 192.0.2.1:5060 in x2
INVITE sip:300@192.0.2.1 SIP/2.0
Call-ID: one@x
@ 1 203.0.113.11:5060 > 192.0.2.1:5060 in -> 200
INVITE sip:301@192.0.2.1 SIP/2.0
Call-ID: two@x
icmp 0.001 192.0.2.1 3/3 203.0.113.10:5060 > 192.0.2.1:5060 INVITE sip:300@192.0.2.1 SIP/2.0\\nCall-ID: one@x\\n
"""


def said(path: Path) -> dict[str, tuple[SpokenMessage, ...]]:
    """By Call-ID, what was said in the calls of a capture."""
    report = diagnose([path], FIXTURES / "demo/etc")
    assert report.transcripts is not None
    return {call_id: spoken for (call_id, _), spoken in report.transcripts(report.calls).items()}


def test_what_a_carrier_tells_is_called_its_claim() -> None:
    told = [one.line for spoken in said(FIXTURES / "hep/kamailio.pcap").values() for one in spoken]
    assert told
    assert all("(a claim of " in line for line in told)


@pytest.mark.parametrize("name", ["demo", *(f"incidents/{one}" for one in ("missing-failover", "auth-on-trunk"))])
def test_all_messages_of_a_call_are_there(name: str) -> None:
    path = FIXTURES / name / "capture.pcap"
    whole = list(read_messages(path))
    found = said(path)
    assert found
    for call_id, spoken in found.items():
        wanted = [message for message in whole if message.call_id == call_id]
        assert [(one.time, one.line) for one in spoken] == [(one.time, one.first_line) for one in wanted]
        assert [(one.source, one.destination) for one in spoken] == [
            (str(one.source), str(one.destination)) for one in wanted
        ]


def test_secrets_stay_hidden(tmp_path: Path) -> None:
    (spoken,) = said(write_scene(SECRETS, tmp_path / "a.pcap")).values()
    text = spoken[0].text
    assert not [word for word in ("hunter2", "aHVudGVyMg", "0123456789abcdef") if word in text]
    assert 'username="a"' in text
    assert text.count("(hidden)") == 6


def test_secrets_stay_hidden_wherever_a_line_breaks(tmp_path: Path) -> None:
    """In the text, in the first line above it, and in the row of the call."""
    report = diagnose([write_scene(IN_LINES, tmp_path / "a.pcap")], FIXTURES / "demo/etc")
    assert report.transcripts is not None
    ((spoken, *_),) = report.transcripts(report.calls).values()
    (call,) = report.calls
    shown = [spoken.text, spoken.line, call.request_uri, call.from_, *(line for _, _, line in call.messages)]
    assert not [one for one in shown if "hunter2" in one]
    assert 'username="a"' in spoken.text
    assert spoken.line == "INVITE sip:300:(hidden)@192.0.2.1 SIP/2.0"


def test_what_the_network_says_stands_in_its_call_alone(tmp_path: Path) -> None:
    found = said(write_scene(ERRORS, tmp_path / "a.pcap"))
    signs = {call_id: [one.line for one in spoken if one.is_sign] for call_id, spoken in found.items()}
    assert signs == {"one@x": ["ICMP port unreachable for INVITE, says 192.0.2.1"], "two@x": []}


def test_room_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages stay, their text goes; past MOST_MESSAGES, they go too."""
    path = FIXTURES / "demo/capture.pcap"
    whole = said(path)
    monkeypatch.setattr(transcript, "MOST_TEXT", 9 * 500)
    assert [len(one) for one in said(path).values()] == [len(one) for one in whole.values()]
    assert sum(len(one.text) for spoken in said(path).values() for one in spoken) <= 9 * 500
    monkeypatch.setattr(transcript, "MOST_MESSAGES", 1)
    shown = said(path)
    assert {len(one) for one in shown.values()} == {1}
    for call_id, (one,) in shown.items():
        left = len(whole[call_id]) - 1
        assert one.line.endswith(f" ({left} further packet{'s' if left > 1 else ''} left out)")


def test_without_a_capture_nothing_is_said() -> None:
    report = diagnose([FIXTURES / "demo/capture.pcap"], FIXTURES / "demo/etc")
    assert set(transcript.transcripts((), Signs(), (), report.calls).values()) == {()}

"""An SDP has a fault where Asterisk 16 and 22 refused an INVITE with it, and none where either took it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pjsipdiag.diagnosis.evidence.sdp_faults import find_fault
from pjsipdiag.sip import SipMessage

RECORDED = json.loads((Path(__file__).parents[3] / "fixtures" / "sdp" / "answered.json").read_text())
"""What running Asterisks answered to an INVITE of a trunk with that SDP."""
HEAD = "INVITE sip:1@192.0.2.1 SIP/2.0\r\nContent-Type: {0}\r\nContent-Length: {1}\r\n\r\n"


def invite(sdp: str, kind: str = "application/sdp", *, longer: int = 0) -> SipMessage:
    return SipMessage((HEAD.format(kind, len(sdp) + longer) + sdp).encode())


@pytest.mark.parametrize("recorded", [pytest.param(one, id=one["name"]) for one in RECORDED])
def test_what_asterisk_cannot_read_has_a_fault(recorded: dict[str, str | int]) -> None:
    refused = {recorded["asterisk 16"], recorded["asterisk 22"]}
    fault = find_fault(invite(str(recorded["sdp"])))
    assert bool(fault) == (400 in refused) or (recorded["asterisk 16"] != 400 and not fault)


@pytest.mark.parametrize(
    "message",
    [
        invite("o=x", "text/plain"),
        invite("o=x", longer=1),
        invite(""),
        SipMessage(b"INVITE sip:1@a SIP/2.0\r\n\r\no=x"),
    ],
)
def test_nothing_is_said_of_what_is_no_sdp_or_not_whole(message: SipMessage) -> None:
    assert not find_fault(message)


def test_numbers_of_any_length_are_read() -> None:
    sdp = "v=0\r\no=- 1 1 IN IP4 a\r\ns=-\r\nc=IN IP4 a\r\nm=audio {0} RTP/AVP {0}\r\n".format("9" * 5000)
    assert "above" in find_fault(invite(sdp))

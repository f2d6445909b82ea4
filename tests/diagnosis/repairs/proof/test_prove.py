"""What a change does to the calls of a capture: proven by replay of all that it can touch."""

from __future__ import annotations

from pathlib import Path

import pytest

from pjsipdiag.diagnosis.diagnose import observe
from pjsipdiag.diagnosis.repairs.proof.prove import prove
from tests.diagnosis.scene import write_scene
from tests.sip_text import write_capture

pytestmark = pytest.mark.usefixtures("extensions")

ENDPOINTS = "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n" + "".join(
    f"[{name}]\ntype=endpoint\ncontext=in\n" for name in ("one", "two", "three")
)
IDENTIFY = "[{}]\ntype=identify\nendpoint={}\nmatch={}\n"
BOTH = IDENTIFY.format("red", "one", "203.0.113.10") + IDENTIFY.format("south", "two", "203.0.113.10")
CALL = "@ 0 203.0.113.10:5060 > 192.0.2.1:5060 in\nINVITE sip:100@192.0.2.1 SIP/2.0\n"


@pytest.mark.parametrize(("release", "changed"), [("16.28.0", 1), ("22.10.1", 0)])
def test_one_section_more_may_turn_the_order_of_the_others_round(release: str, changed: int, tmp_path: Path) -> None:
    """Releases that sort by hash have a table that grows with the sections; others sort by name."""
    (tmp_path / "pjsip.conf").write_text(ENDPOINTS + BOTH)
    capture = write_capture(CALL, tmp_path / "c.pcap")
    situation = observe([capture], tmp_path, pbx=("192.0.2.1",), asterisk=release).situation
    more = IDENTIFY.format("site-9", "three", "198.51.100.1")
    proof = prove(situation, {"pjsip.conf": ENDPOINTS + BOTH + more}, [])
    assert proof is not None
    assert (proof.changes_others, proof.fixes) == (changed, 0)
    assert [(endpoint, rule.text) for endpoint, rule in proof.opened_rules] == [("three", "198.51.100.1")]


@pytest.mark.parametrize(
    ("before", "after", "fixes"),
    [
        ("match_header=X-Trunk: b", "match_header=X-Trunk: a", 1),
        ("match_header=X-Trunk: b", "match_header=X-Trunk: c", 0),
        ("match=203.0.113.11", "match_header=X-Trunk: a", 1),
        ("match_request_uri=sip:1@192.0.2.1", "match_request_uri=sip:100@192.0.2.1", 1),
        ("match=203.0.113.11", "match=203.0.113.10", 1),
        ("match=203.0.113.11", "match=203.0.113.0/24", 1),
        ("match=203.0.113.11", "match=203.0.113.12", 0),
    ],
)
def test_what_an_identify_looks_for_decides_which_calls_are_replayed(
    before: str, after: str, fixes: int, tmp_path: Path
) -> None:
    text = ENDPOINTS + "[by]\ntype=identify\nendpoint=one\n{}\n"
    (tmp_path / "pjsip.conf").write_text(text.format(before))
    capture = write_capture(CALL + "X-Trunk: a\n", tmp_path / "c.pcap")
    situation = observe([capture], tmp_path, pbx=("192.0.2.1",), asterisk="22.10.1").situation
    proof = prove(situation, {"pjsip.conf": text.format(after)}, situation.groups)
    assert proof is not None
    assert (proof.fixes, proof.changes_others, len(proof.admits)) == (fixes, 0, fixes)


REFUSED = """
@ {at} 203.0.113.11:5060 > 192.0.2.1:5060 in -> 401
INVITE sip:{number}@192.0.2.1 SIP/2.0
From: <sip:1@203.0.113.11>;tag=1
Call-ID: {number}
CSeq: 1 INVITE
"""
ACKNOWLEDGED = """
@ 0.5 203.0.113.11:5060 > 192.0.2.1:5060 in raw
ACK sip:300@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 203.0.113.11:5060;branch=z9hG4bK0.05060;rport
From: <sip:1@203.0.113.11>;tag=1
To: <sip:300@192.0.2.1>;tag=pbx
Call-ID: 300
CSeq: 1 ACK
Content-Length: 0

"""


def test_a_line_fixes_calls_that_nobody_acknowledged_too(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(ENDPOINTS + IDENTIFY.format("one", "one", "203.0.113.10"))
    calls = REFUSED.format(at=0, number=300) + ACKNOWLEDGED + REFUSED.format(at=9, number=301)
    report = observe([write_scene(calls, tmp_path / "c.pcap")], tmp_path, pbx=("192.0.2.1",)).report
    assert [(one.add, one.fixes, one.changes_others) for one in report.suggestions] == [(("match=203.0.113.11",), 2, 0)]

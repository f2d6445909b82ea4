"""`line` tokens: an own REGISTER in the capture shows which one Asterisk gave a registrar."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pjsipdiag.asterisk.live.saved import from_text
from pjsipdiag.diagnosis.calls import fold_content
from pjsipdiag.diagnosis.calls.rows import TAGGED
from pjsipdiag.diagnosis.diagnose import conclude, diagnose
from pjsipdiag.diagnosis.rules.wire import pauses
from pjsipdiag.diagnosis.work.gather import begin
from tests.diagnosis.scene import write_scene

pytestmark = pytest.mark.usefixtures("extensions")

FILES = """[udp]
type=transport
protocol=udp
bind=0.0.0.0
[trunk]
type=endpoint
context=in
[reg]
type=registration
server_uri=sip:203.0.113.10
client_uri=sip:user@203.0.113.10
line={}
endpoint=trunk
"""
SCENE = """
@ 0 {0}:5060 > {1}:5060 out -> 200
REGISTER sip:203.0.113.10 SIP/2.0
From: <sip:{2}@203.0.113.10>;tag=1
To: <sip:{2}@203.0.113.10>
Contact: {3}

@ 4 203.0.113.10:5060 > 192.0.2.1:5060 in -> 100 200
INVITE sip:s@192.0.2.1;line=kkrbfcy SIP/2.0
Contact: <sip:203.0.113.10>
"""
URI, PARAMETER = "<sip:s@192.0.2.1:5060;line=kkrbfcy>", "<sip:s@192.0.2.1:5060>;line=kkrbfcy"
OWN = ("192.0.2.1", "203.0.113.10", "user", URI)


@pytest.mark.parametrize(
    ("sent", "line", "outcome"),
    [
        (OWN, "yes", "accepted"),
        ((*OWN[:3], PARAMETER), "yes", "accepted"),
        ((*OWN[:3], URI.replace("kkrbfcy", "abcdefg")), "yes", "no_match"),
        ((*OWN[:3], "<sip:s@192.0.2.1:5060>"), "yes", "unknown"),
        ((*OWN[:2], "somebody", URI), "yes", "unknown"),
        (("203.0.113.77", "192.0.2.1", "user", URI), "yes", "unknown"),
        (OWN, "no", "no_match"),
    ],
)
def test_a_token_that_the_capture_shows(sent: tuple[str, ...], line: str, outcome: str, tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(FILES.format(line))
    capture = write_scene(SCENE.format(*sent), tmp_path / "c.pcap")
    (call,) = diagnose([capture], tmp_path, pbx=("192.0.2.1",), asterisk="22.10.1").calls
    assert (call.verdict.outcome, call.verdict.endpoint) == (outcome, "trunk" if outcome == "accepted" else "")


DEMO = Path(__file__).parents[2] / "fixtures/demo"
GAP = Path(__file__).parents[2] / "fixtures/situations/keepalive-gap-one"


@pytest.mark.parametrize("lost", [True, False])
def test_a_capture_that_cannot_be_read_a_second_time_is_said(lost: bool, tmp_path: Path) -> None:
    capture = Path(shutil.copy(DEMO / "capture.pcap", tmp_path))
    with begin([str(capture)], {}) as begun:
        begun.finish()
        if lost:
            capture.unlink()
        report = conclude(begun, str(DEMO / "etc"), {}).report
    assert any("a second reading" in note for note in report.notes) is lost


def test_acknowledgements_that_are_not_kept_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def said() -> bool:
        return any("who acknowledged" in note for note in diagnose([DEMO / "capture.pcap"], DEMO / "etc").notes)

    assert not said()
    monkeypatch.setattr(fold_content, "MOST_TAGS", TAGGED.size)
    assert said()


def test_pauses_that_are_not_looked_for_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def notes() -> str:
        return "\n".join(diagnose([GAP / "capture.pcap"], GAP / "etc").notes)

    assert "9 OPTIONS of 203.0.113.60 got no answer from" in notes()
    monkeypatch.setattr(pauses, "MOST_READ_AGAIN", 1)
    assert "got no answer from" not in notes()
    assert "some requests of 203.0.113.60 outside of calls got no answer; whether answers paused" in notes()


def test_a_running_asterisk_that_does_not_tell_all_leaves_calls_unknown_and_says_so() -> None:
    told = "[asterisk]\ntype=live\nversion=22.10.1\nunknown=the order\nuntold=identifiers\n[anonymous]\ntype=endpoint\n"
    report = diagnose([DEMO / "capture.pcap"], None, live=lambda _: from_text(told, "told"))
    assert {(one.verdict, one.endpoint) for one in report.sources if one.calls} == {("unknown", "")}
    assert "the order" in report.notes
    assert not {"no-invite", "dialplan-rejected", "refused-otherwise"} & {one.rule for one in report.findings}


@pytest.mark.parametrize(("port", "transport", "said"), [(5070, "UDP", True), (5060, "TCP", False)])
def test_no_nat_is_said_to_change_the_protocol(port: int, transport: str, said: bool, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/pjsip.conf").write_text(FILES)
    call = f"@ 0 203.0.113.10:5060 > 192.0.2.1:{port} {transport} in -> 200\nINVITE sip:100@192.0.2.1 SIP/2.0\n"
    report = diagnose([write_scene(call, tmp_path / "calls.pcap")], tmp_path / "etc")
    assert any("outside of a NAT" in note for note in report.notes) is said

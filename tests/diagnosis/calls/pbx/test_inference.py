"""Which address is taken for the PBX when nobody says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pjsipdiag.cli import main
from pjsipdiag.diagnosis.diagnose import diagnose
from tests.diagnosis.scene import write_scene
from tests.sip_text import write_capture

pytestmark = pytest.mark.usefixtures("extensions")

TRANSPORT = "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n"


def diagnosed(scene: str, folder: Path, objects: str = "") -> Any:
    """The JSON report of a scene under a configuration with one transport and `objects`."""
    (folder / "pjsip.conf").write_text(TRANSPORT + objects)
    capture = write_scene(scene, folder / "capture.pcap")
    arguments = ["diagnose", str(capture), "-c", str(folder), "--format", "json"]
    return json.loads(CliRunner().invoke(main, arguments, catch_exceptions=False).stdout)


OUTBOUND = """
@ 0 192.0.2.1:5060 > 198.51.100.76:5060 out -> 100 200
INVITE sip:300@198.51.100.76 SIP/2.0
User-Agent: Asterisk PBX 22.10.1
Contact: <sip:192.0.2.1>
"""


def test_a_provider_that_answers_as_asterisk_is_not_the_pbx_that_calls_it(tmp_path: Path) -> None:
    found = diagnosed(OUTBOUND, tmp_path)
    assert found["pbx"]["addresses"] == ["192.0.2.1"]
    assert [finding["rule"] for finding in found["findings"]] == ["no-invite"]


TWO_ADDRESSES = """
@ 0 198.51.100.76:5060 > 192.0.2.1:5060 in -> 100 200
INVITE sip:300@192.0.2.1 SIP/2.0
Contact: <sip:198.51.100.76>

@ 4 198.51.100.76:5060 > 192.0.2.9:5060 in x4
INVITE sip:300@192.0.2.9 SIP/2.0
Contact: <sip:198.51.100.76>

@ 20 192.0.2.1:5060 > 203.0.113.5:5060 in
INVITE sip:300@203.0.113.5 SIP/2.0
Contact: <sip:192.0.2.1>

@ 30 198.51.100.76:5060 > 192.0.2.1:5060 in -> 100 200
INVITE sip:301@192.0.2.1 SIP/2.0
Contact: <sip:198.51.100.76>
"""


def test_an_address_of_the_recording_machine_that_never_answers_is_the_pbx_too(tmp_path: Path) -> None:
    trunk = "[carrier]\ntype=endpoint\n[carrier]\ntype=identify\nendpoint=carrier\nmatch=198.51.100.76\n"
    found = diagnosed(TWO_ADDRESSES, tmp_path, trunk)
    assert found["pbx"]["addresses"] == ["192.0.2.1", "192.0.2.9"]
    assert [finding["rule"] for finding in found["findings"] if finding["severity"] == "error"] == ["no-answer"]


def test_an_address_of_the_machine_that_no_transport_binds_is_the_pbx_too(tmp_path: Path) -> None:
    """A transport binds one address of several: calls to another one are for this machine, and nothing takes them."""
    (tmp_path / "pjsip.conf").write_text(TRANSPORT.replace("0.0.0.0", "192.0.2.1"))
    report = diagnose([write_scene(TWO_ADDRESSES, tmp_path / "c.pcap")], tmp_path)
    assert report.pbx == ("192.0.2.1", "192.0.2.9")
    (silent,) = (finding for finding in report.findings if finding.rule == "wrong-transport")
    assert "192.0.2.9:5060" in silent.message
    assert "bound to another address" in silent.message
    assert report.pbx_reason.startswith("a transport of the configuration binds it, and the capture was made on it")


REGISTER_ELSEWHERE = """
@ 0 198.51.100.20:5060 > 192.0.2.1:5060 in -> 100 200
INVITE sip:300@192.0.2.1 SIP/2.0
@ 2 203.0.113.9:5060 > 192.0.2.9:5060 in x5
REGISTER sip:192.0.2.9 SIP/2.0
From: <sip:201@192.0.2.9>;tag=1
To: <sip:201@192.0.2.9>
Contact: <sip:201@203.0.113.9>
"""


def test_an_address_of_the_machine_where_only_registrations_come_in_is_the_pbx_too(tmp_path: Path) -> None:
    objects = "[201]\ntype=endpoint\n[carrier]\ntype=endpoint\n"
    (tmp_path / "pjsip.conf").write_text(TRANSPORT.replace("0.0.0.0", "192.0.2.1") + objects)
    report = diagnose([write_scene(REGISTER_ELSEWHERE, tmp_path / "c.pcap")], tmp_path)
    assert report.pbx == ("192.0.2.1", "192.0.2.9")
    assert "REGISTER of 203.0.113.9 (5 requests) to 192.0.2.9:5060" in " ".join(one.message for one in report.findings)


PASSED_ON = """
@ 0 198.51.100.20:5060 > 192.0.2.50:5060 in
INVITE sip:300@192.0.2.50 SIP/2.0
Via: SIP/2.0/UDP 198.51.100.20:5060;branch=z9hG4bKa
Call-ID: p1
@ 0.01 192.0.2.50:5060 > 192.0.2.1:5060 out -> 401
INVITE sip:300@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.50:5060;branch=z9hG4bKb
Via: SIP/2.0/UDP 198.51.100.20:5060;branch=z9hG4bKa
Record-Route: <sip:192.0.2.50;lr>
Call-ID: p1
@ 0.05 192.0.2.50:5060 > 198.51.100.20:5060 out
SIP/2.0 401 Unauthorized
Via: SIP/2.0/UDP 198.51.100.20:5060;branch=z9hG4bKa
From: <sip:caller@198.51.100.20>;tag=f1
To: <sip:300@192.0.2.50>;tag=9
Call-ID: p1
CSeq: 1 INVITE
Server: Asterisk PBX 22.10.1
"""


def test_no_note_takes_a_proxy_for_another_asterisk(tmp_path: Path) -> None:
    """The answers that it passes on have Asterisk's name in them."""
    (tmp_path / "pjsip.conf").write_text(TRANSPORT)
    notes = diagnose([write_scene(PASSED_ON, tmp_path / "c.pcap")], tmp_path).notes
    assert [note for note in notes if "between other hosts" in note] != []
    assert [note for note in notes if "--pbx" in note] == []


PROXY = """
@ 0 203.0.113.5:5060 > 198.51.100.50:5060 -> 401
INVITE sip:300@198.51.100.50 SIP/2.0
Via: SIP/2.0/UDP 203.0.113.5;branch=z9hG4bKa
Call-ID: one
Contact: <sip:203.0.113.5>

@ 0.001 198.51.100.50:5060 > 192.0.2.1:5060 -> 401
INVITE sip:300@198.51.100.50 SIP/2.0
Via: SIP/2.0/UDP 198.51.100.50;branch=z9hG4bKb
Via: SIP/2.0/UDP 203.0.113.5;branch=z9hG4bKa
Call-ID: one
Contact: <sip:203.0.113.5>

@ 1 203.0.113.6:5060 > 198.51.100.50:5060 -> 401
INVITE sip:300@198.51.100.50 SIP/2.0
Via: SIP/2.0/UDP 203.0.113.6;branch=z9hG4bKc
Call-ID: two
Contact: <sip:203.0.113.6>

@ 1.001 198.51.100.50:5060 > 192.0.2.1:5060 -> 401
INVITE sip:300@198.51.100.50 SIP/2.0
Via: SIP/2.0/UDP 198.51.100.50;branch=z9hG4bKd
Via: SIP/2.0/UDP 203.0.113.6;branch=z9hG4bKc
Call-ID: two
Contact: <sip:203.0.113.6>
"""


def test_a_proxy_that_passes_on_the_answers_of_asterisk_is_not_the_pbx(tmp_path: Path) -> None:
    found = diagnosed(PROXY, tmp_path)
    assert found["pbx"]["addresses"] == ["192.0.2.1"]
    assert found["unmatched"] == ["198.51.100.50"]


def test_a_proxy_may_receive_on_one_address_and_send_from_another(tmp_path: Path) -> None:
    two = PROXY.replace(" 198.51.100.50:5060 > 192.0.2.1", " 192.0.2.50:5060 > 192.0.2.1").replace(
        "UDP 198.51.100.50;", "UDP 192.0.2.50;"
    )
    found = diagnosed(two, tmp_path)
    assert found["pbx"]["addresses"] == ["192.0.2.1"]
    assert found["unmatched"] == ["192.0.2.50"]


REQUESTS_ONLY = """
@ 0 192.0.2.1:5060 > 198.51.100.76:5060
INVITE sip:300@198.51.100.76 SIP/2.0
User-Agent: Asterisk PBX 22.10.1
Contact: <sip:192.0.2.1>

@ 10 192.0.2.1:5060 > 198.51.100.76:5060
INVITE sip:301@198.51.100.76 SIP/2.0
User-Agent: Asterisk PBX 22.10.1
Contact: <sip:192.0.2.1>

@ 20 198.51.100.76:5060 > 192.0.2.1:5060
INVITE sip:302@192.0.2.1 SIP/2.0
Contact: <sip:198.51.100.76>
"""


def test_without_answers_the_pbx_is_who_calls_as_asterisk_and_is_called(tmp_path: Path) -> None:
    found = diagnosed(REQUESTS_ONLY, tmp_path)
    assert found["pbx"]["addresses"] == ["192.0.2.1"]


ANSWERED = """
@ {0} 198.51.100.{0}:5060 > {1}:5060
INVITE sip:300@{1} SIP/2.0
Call-ID: {0}
Via: SIP/2.0/UDP 198.51.100.{0};branch=z9hG4bK{0}
@ {0}.1 {1}:5060 > 198.51.100.{0}:5060
SIP/2.0 404 Not Found
Call-ID: {0}
Via: SIP/2.0/UDP 198.51.100.{0};branch=z9hG4bK{0}
CSeq: 1 INVITE
Server: {2}
"""
ASTERISK, OTHER = "Asterisk PBX 22.10.1", "Kamailio"


def seen(text: str, folder: Path, objects: str = TRANSPORT) -> tuple[tuple[str, ...], str]:
    """The PBX's addresses and why, of a capture that does not tell which packets came in."""
    (folder / "pjsip.conf").write_text(objects)
    report = diagnose([write_capture(text, folder / "capture.pcap", "ethernet")], folder)
    return report.pbx, report.pbx_reason


@pytest.mark.parametrize(("most", "found"), [(10, ("192.0.2.1", "192.0.2.2")), (11, ("192.0.2.1",))])
def test_who_seldom_answers_as_asterisk_is_another_machine(most: int, found: tuple[str, ...], tmp_path: Path) -> None:
    """Two that answer are both the PBX's where one gives at least a tenth of the answers of the other."""
    often = "".join(ANSWERED.format(at, "192.0.2.1", ASTERISK) for at in range(1, most + 1))
    text = often + ANSWERED.format(100, "192.0.2.2", ASTERISK)
    reason = "they answer as Asterisk" if len(found) > 1 else "it answers as Asterisk"
    assert seen(text, tmp_path) == (found, reason)


def test_a_bound_address_is_the_pbx_where_the_capture_shows_it(tmp_path: Path) -> None:
    """Although another machine answers as Asterisk; and a bound address that nothing was sent to is none."""
    binds = "".join(f"[t{end}]\ntype=transport\nprotocol=udp\nbind=192.0.2.{end}\n" for end in (1, 7))
    text = ANSWERED.format(3, "192.0.2.1", OTHER) + ANSWERED.format(5, "192.0.2.9", ASTERISK)
    assert seen(text, tmp_path, binds) == (("192.0.2.1",), "a transport of the configuration binds it")


BLANK = """
@ {0} 198.51.100.{0}:5060 > {1}:5060
INVITE sip:300@192.0.2.1 SIP/2.0
"""


@pytest.mark.parametrize(
    ("ends", "reason"),
    [
        (("0.0.0.0", "0.0.0.0"), "Asterisk's own log or capture, which leaves out its address"),
        (("0.0.0.0", "192.0.2.1"), "most INVITEs go there"),
    ],
)
def test_the_blank_address_is_the_pbx_where_each_call_has_it(
    ends: tuple[str, str], reason: str, tmp_path: Path
) -> None:
    """A transport that is bound to 0.0.0.0 does not say that this is an address of calls."""
    text = "".join(BLANK.format(at, end) for at, end in enumerate(ends, 1))
    assert seen(text, tmp_path)[1] == reason


def test_a_capture_of_the_machine_itself(tmp_path: Path) -> None:
    """127.0.0.1 is everybody's: to be bound to it says nothing."""
    text = "".join(BLANK.format(at, "127.0.0.1") for at in (1, 2))
    assert seen(text, tmp_path, TRANSPORT.replace("0.0.0.0", "127.0.0.1"))[1] == "most INVITEs go there"


@pytest.mark.parametrize(
    ("others", "found"),
    [
        ("", (("192.0.2.1",), "a transport of the configuration binds it")),
        (BLANK.format(3, "203.0.113.5") + BLANK.format(4, "203.0.113.5"), (("203.0.113.5",), "most INVITEs go there")),
    ],
)
def test_a_bound_address_that_only_calls(others: str, found: tuple[tuple[str, ...], str], tmp_path: Path) -> None:
    """It is the PBX unless others call each other, too: then the capture may be of another machine."""
    text = "@ 1 192.0.2.1:5060 > 198.51.100.20:5060\nINVITE sip:1@198.51.100.20 SIP/2.0\n" + others
    assert seen(text, tmp_path, TRANSPORT.replace("0.0.0.0", "192.0.2.1")) == found


REMOTE_ASTERISK = """
@ 0 192.0.2.1:5060 > 198.51.100.76:5060 out -> 401
INVITE sip:300@198.51.100.76 SIP/2.0
From: <sip:trunk@192.0.2.1>;tag=1
Contact: <sip:trunk@192.0.2.1>
@ 3 192.0.2.1:5060 > 198.51.100.76:5060 out -> 403
INVITE sip:300@198.51.100.76 SIP/2.0
From: <sip:trunk@192.0.2.1>;tag=2
Contact: <sip:trunk@192.0.2.1>
"""
"""The PBX does not say that it is an Asterisk, and the provider's answers do."""
TRUNK = "[trunk]\ntype=endpoint\naors=trunk\n[trunk]\ntype=aor\ncontact=sip:198.51.100.76\n"


def test_where_the_configuration_sends_calls_is_another_asterisk(tmp_path: Path) -> None:
    found = diagnosed(REMOTE_ASTERISK, tmp_path, TRUNK)
    assert found["pbx"]["addresses"] == ["192.0.2.1"]
    assert {finding["rule"] for finding in found["findings"]} == {"no-invite", "own-request-refused"}


def test_a_stranger_who_calls_the_contact_of_a_trunk_does_not_become_the_pbx_beside_its_own_answers(
    tmp_path: Path,
) -> None:
    called = (
        "@ 9 203.0.113.5:5060 > 192.0.2.1:5060 -> 401\nINVITE sip:1@192.0.2.1 SIP/2.0\nContact: <sip:203.0.113.5>\n"
    )
    found = diagnosed(REMOTE_ASTERISK + called, tmp_path, TRUNK)
    assert found["pbx"]["addresses"] == ["192.0.2.1"]

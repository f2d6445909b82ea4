"""Addresses and names that somebody replaced by hand: counted, named, and never taken for what Asterisk logged."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from pjsipdiag.capture import read_stream
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.text.hidden import NOTE_NAMED
from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.report import render
from pjsipdiag.sip import SipMessage

SITUATION = Path(__file__).parents[3] / "fixtures" / "situations" / "log-note-nat"
RAW = (SITUATION / "capture.log").read_text()
STRANGER = "203.0.113.11"
STAND_INS = (
    *("<PROVIDER_IP>", "[REDACTED]", "(removed)", "{{ip}}", "PROVIDER", "provider-ip", "\u2588\u2588\u2588"),
    *("x.x.x.x", "XXX.XXX.XXX.XXX", "203.0.113.x", "203.0.xxx.xxx", "xxx.xxx.113.11", "203.0.113.**", "1.2.3.XX"),
    *("256.1.2.3", "300.300.300.300", "0.0.0.0", "240.1.1.1"),
)


def read(text: str) -> tuple[list[Datagram], Tally]:
    tally = Tally("log")
    return list(read_stream(io.BytesIO(text.encode()), tally)), tally


@pytest.mark.parametrize("stand_in", STAND_INS)
def test_messages_of_a_replaced_address_are_unread(stand_in: str) -> None:
    found, tally = read(RAW.replace(STRANGER, stand_in))
    assert len(found) == 3
    assert {detail: reason for reason, detail in tally.unread_messages} == {stand_in: "hidden"}
    assert sum(tally.unread_messages.values()) >= 6


@pytest.mark.parametrize("stand_in", STAND_INS)
def test_replaced_in_announcing_lines_alone(stand_in: str) -> None:
    found, tally = read(re.sub(rf"((?:from|to) UDP:){STRANGER}", rf"\g<1>{stand_in}", RAW))
    assert (len(found), tally.unread_messages["hidden", stand_in]) == (3, 6)


HEADERS = (
    (rf"@{STRANGER}", "@pbx.example.***"),
    (rf"@{STRANGER}", "@***.example.com"),
    (rf"@{STRANGER}", "@<PROVIDER>"),
    (rf"@{STRANGER}", "@<the provider's address>"),
    (rf"<sip:[^>]*@{STRANGER}>", "<REDACTED>"),
    (rf"<sip:[^>]*@{STRANGER}>", ""),
    (r"<sip:[^>]*>", ""),
    (r"sip:[^@>\s]*@", "sip:@"),
)


@pytest.mark.parametrize(("written", "stand_in"), HEADERS)
def test_replaced_names_leave_messages_that_can_be_parsed(written: str, stand_in: str) -> None:
    found, tally = read(re.sub(written, stand_in, RAW))
    assert len(found) == 9
    assert not tally.unread_messages
    assert NOTE_NAMED in tally.notes
    for message in map(Datagram.message, found):
        assert isinstance(message, SipMessage)
        assert message.from_uri is not None


@pytest.mark.parametrize("own", ["MY.PUBLIC.IP", "pbx.at-the-longest-name-that-anybody.example", "a.b"])
def test_another_name_for_the_own_side_leaves_all_headers(own: str) -> None:
    found, tally = read(RAW.replace("192.0.2.1", own))
    assert len(found) == 9
    assert not tally.unread_messages
    for message in map(Datagram.message, found):
        assert isinstance(message, SipMessage)
        assert message.header("Content-Length") in ("0", "96", "181")


def test_what_could_not_be_judged_leads(tmp_path: Path) -> None:
    log = tmp_path / "full"
    log.write_text(RAW.replace(STRANGER, "203.0.113.x"))
    assert render(diagnose([log], SITUATION / "etc")).startswith(
        "6 of 9 messages were changed and cannot be judged; this is about the rest. "
    )


def test_one_stand_in_for_all_is_said(tmp_path: Path) -> None:
    log = tmp_path / "full"
    log.write_text(re.sub(r"203\.0\.113\.1[01]", "198.51.100.9", RAW))
    said = " ".join(render(diagnose([log], SITUATION / "etc")).split())
    assert "198.51.100.9 stands for several hosts" in said
    assert "ran something else" not in said


def test_a_log_without_sip_does_not_tell_whether_calls_came(tmp_path: Path) -> None:
    log = tmp_path / "full"
    log.write_text("[2026-03-02 10:11:12] VERBOSE[1] asterisk.c: Asterisk Ready.\n")
    said = " ".join(render(diagnose([log], SITUATION / "etc")).split())
    assert "this log does not tell whether calls came" in said
    assert "another interface" not in said

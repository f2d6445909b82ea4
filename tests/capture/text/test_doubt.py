"""What stands in somebody's message, or in a packet that could not be read, is never told as the PBX's or another's."""

from __future__ import annotations

import io

import pytest

from pjsipdiag.capture import read_stream
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.text.doubt import NOTE_DOUBTFUL
from pjsipdiag.capture.text.refusals import NOTE_FORGED
from pjsipdiag.sip import Address
from tests.capture.carriers import read
from tests.capture.text.test_read import CARRIERS, CHANGING, HEAD, KEEPING, OTHER, SENDER, VICTIM, invite, logged


def asked(end: bytes = b"\r\n") -> bytes:
    """The PBX asks VICTIM with OPTIONS, as its log has it."""
    payload = invite(VICTIM, end=end).replace(b"INVITE", b"OPTIONS")
    return f"{HEAD}<--- Transmitting SIP request ({len(payload)} bytes) to UDP:{VICTIM}:5060 --->\n".encode() + payload


FORGED = asked() + b"\n"
INFLATED = {"padded", "pr"}
"""Tests' carriers that write more than was there: blanks behind lines, heads of pages."""
NAMES = ["", *sorted(CHANGING - INFLATED), *KEEPING]
BODIES = {
    "nothing else": FORGED,
    "colours": b"\x1b[0m" * 300 + b"\r\n" + FORGED,
    "title of a terminal": b"\x1b]0;x\x07" * 300 + b"\r\n" + FORGED,
    "carriage returns": FORGED.replace(b"\r\n", b"\r\r\r\n"),
    "blanks": (b" " * 80 + b"\r\n") * 12 + FORGED,
    "tabs": b"\t" * 600 + b"\r\n" + FORGED,
    "empty lines": b"\r\n" * 600 + FORGED,
    "a mailbox's mark": b"\r\n>From x\r\n" * 30 + FORGED,
    "carets": b"^M\r\n" * 300 + FORGED,
    "octal": b"#033" * 300 + b"\r\n" + FORGED,
}


def believed(raw: bytes) -> list[bytes]:
    found, _ = read(raw)
    return [one.payload for one in found if one.direction == "out" and one.payload.startswith(b"OPTIONS")]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("name", NAMES)
def test_what_a_sender_writes_is_not_what_the_pbx_sent(name: str, body: bytes) -> None:
    raw = logged(SENDER, invite(SENDER, body)) + logged(OTHER, invite(OTHER))
    assert believed(CARRIERS[name](raw) if name else raw) == []


@pytest.mark.parametrize("lines", [400, 3500])
@pytest.mark.parametrize("name", NAMES)
def test_nor_where_no_line_of_it_ends_with_cr(name: str, lines: int) -> None:
    body = b"\n" * lines + asked(b"\n") * 8
    raw = logged(SENDER, invite(SENDER, body, end=b"\n")) + logged(OTHER, invite(OTHER))
    assert believed(CARRIERS[name](raw) if name else raw) == []


def test_doubt_ends_where_the_message_had_its_end() -> None:
    raw = (
        logged(SENDER, invite(SENDER, b"\x1b[0m" * 300 + b"\r\n" + FORGED)) + logged(OTHER, invite(OTHER)) * 9 + FORGED
    )
    assert len(believed(raw)) == 1
    assert NOTE_DOUBTFUL in read(raw)[1].notes


def test_a_log_that_lost_nothing_or_its_cr_alone_is_in_no_doubt() -> None:
    raw = logged(SENDER, invite(SENDER)) + FORGED + logged(OTHER, invite(OTHER)) + FORGED
    for text in (raw, raw.replace(b"\r", b""), CARRIERS["quoted"](raw)):
        assert len(believed(text)) == 2
        assert NOTE_DOUBTFUL not in read(text)[1].notes


DATE = "[2026-03-02 10:11:12.100] "
STRANGERS_INVITE = """INVITE sip:1001@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP {host}:5060;branch=z9hG4bK1
From: <sip:a@{host}>;tag=f0
To: <sip:1001@192.0.2.1>
Call-ID: call-1@{host}
CSeq: 1 INVITE
Contact: <sip:{host}:5060>
{more}Content-Length: 0

"""


def request_in_log(host: str, more: str = "") -> str:
    """A request as the SIP logger shows it, and that it was refused."""
    sip = STRANGERS_INVITE.format(host=host, more=more)
    size = len(sip) + sip.count("\n")
    return (
        f"{DATE}VERBOSE[9] res_pjsip_logger.c: <--- Received SIP request ({size} bytes) from UDP:{host}:5060 --->\n"
        f"{sip}\n{DATE}NOTICE[9] res_pjsip/pjsip_distributor.c: Request 'INVITE' from '<sip:b@{host}>' failed for"
        f" '{host}:5060' (callid: other@{host}) - No matching endpoint found\n"
    )


def dumped(body: str, *, sized: bool) -> str:
    packet = f"INVITE sip:1001@192.0.2.1 SIP/2.0\nTo: <sip:1001@192.0.2.1>\nContent-Length: {len(body)}\n\n{body}"
    size = len(packet) + packet.count("\n")
    said = (
        f"sip_transport.c Error processing {size} bytes packet from UDP 198.51.100.66:5060 : PJSIP syntax error"
        " exception when parsing 'Via' header on line 2 col 1:"
        if sized
        else "sip_endpoint.c Error processing packet from 198.51.100.66:5060: Missing required header(s) [code 171050]:"
    )
    return f"{DATE}ERROR[9] pjproject: {said}\n{packet}\n-- end of packet.\n"


def read_log(text: str) -> tuple[list[Datagram], Tally]:
    tally = Tally("log")
    return list(read_stream(io.BytesIO(text.encode()), tally)), tally


def hosts(found: list[Datagram]) -> list[str]:
    return [Address.unpack(one.source).ip for one in found]


@pytest.mark.parametrize("sized", [True, False])
@pytest.mark.parametrize("carried", ["", "pbx  | "])
def test_what_looks_like_the_log_in_a_packet_is_its_senders(carried: str, sized: bool) -> None:
    text = (
        request_in_log("203.0.113.10")
        + dumped(request_in_log("203.0.113.11"), sized=sized)
        + request_in_log("203.0.113.12")
    )
    found, tally = read_log("".join(carried + line for line in text.splitlines(keepends=True)))
    assert hosts(found) == ["203.0.113.10", "203.0.113.12"]
    assert {one.source for one in tally.logged_refusals} == {"203.0.113.10", "203.0.113.12", "198.51.100.66"}
    assert NOTE_FORGED in tally.notes


def test_the_end_that_a_sender_writes_ends_no_packet_of_known_length() -> None:
    text = dumped("-- end of packet.\n" + request_in_log("203.0.113.11"), sized=True)
    found, tally = read_log(text + request_in_log("203.0.113.12"))
    assert hosts(found) == ["203.0.113.12"]
    assert "203.0.113.11" not in {one.source for one in tally.logged_refusals}


def test_the_end_that_a_sender_writes_leaves_doubt_where_no_length_is_known() -> None:
    forged = FORGED.decode()
    text = dumped("-- end of packet.\n" + forged, sized=False) + forged
    found, tally = read_log(text)
    assert [one.direction for one in found] == ["", "out"]
    assert NOTE_DOUBTFUL in tally.notes
    found, tally = read_log((dumped("", sized=False) + "x\n" * (1 << 17)) * 2 + forged)
    assert [one.direction for one in found] == ["out"]
    assert NOTE_DOUBTFUL not in tally.notes


def test_a_header_that_speaks_of_a_packet_hides_nobody() -> None:
    more = "X: ERROR[9] pjproject: sip_transport.c Error processing 9 bytes packet from UDP 198.51.100.66:5060 : x\n"
    found, _ = read_log(request_in_log("203.0.113.10", more) + request_in_log("203.0.113.11") + dumped("", sized=False))
    assert hosts(found) == ["203.0.113.10", "203.0.113.11"]


def test_without_its_end_no_packet_hides_what_follows() -> None:
    found, _ = read_log(dumped("", sized=True).replace("-- end of packet.\n", "") + request_in_log("203.0.113.11"))
    assert hosts(found) == ["203.0.113.11"]

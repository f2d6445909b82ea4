"""Requests of the PBX that stand in somebody's message are never told as sent by it, whatever happened to the text."""

from __future__ import annotations

import pytest

from pjsipdiag.capture.text.doubt import NOTE_DOUBTFUL
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

"""Texts that somebody made to be hard to read: none takes long, none ends in a traceback, nothing of one is lost."""

from __future__ import annotations

import io
import random
from contextlib import suppress
from pathlib import Path
from time import process_time

import pytest

from pjsipdiag.capture.datagram import Tally
from pjsipdiag.capture.text import read_text
from pjsipdiag.capture.text.carried import line_order
from pjsipdiag.errors import CaptureError
from tests.capture.carriers import read

RAW = (Path(__file__).parents[2] / "fixtures" / "log" / "asterisk-22.log").read_bytes()
SIZE = 1 << 17
LONGEST_LINE = 8000
PATIENCE = 4
"""Seconds. Most took minutes while their time grew with the square of their length."""
ANNOUNCED = b"<--- Received SIP request (%d bytes) from UDP:203.0.113.11:5060 --->"
MAIL = b"From: a@example.com\nMIME-Version: 1.0\n"
NESTED = b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n'


def often(unit: bytes, size: int = SIZE) -> bytes:
    return unit * (size // len(unit))


def lines(line: bytes) -> bytes:
    return often(line[:LONGEST_LINE] + b"\n")


def message(uri: bytes, end: bytes = b"\r\n") -> bytes:
    payload = b"INVITE sip:a@" + uri + b" SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.11\r\n\r\n"
    return ANNOUNCED % len(payload) + end + payload


HARD = {
    "fields behind one of several lines": b'"' + ANNOUNCED % 1 + b'\nx\n"\n' + often(b',""') + b'x"',
    "announced in a field, again and again": b'"' + often(b"<- Received SIP x", 8 * SIZE) + b' SIP re"x\n',
    "a word, where others are links": b"Received SIP re mailto:\n" + often(b"a") + b"\n",
    "events without end": b"callid: \nService: PJSIP\n" + often(b"Event: abcde\n", 2 * SIZE),
    "sentences without end": lines(often(b"Request from '", 4000) + often(b"' failed for x (callid: ", 4000)),
    "a field without a value": lines(b'SecurityEvent="FailedACL",Service="PJSIP",' + often(b"a")),
    "a host that was replaced": message(b"_" * 60_000 + b"!"),
    "blanks in a glued message": ANNOUNCED % 1 + b" INVITE sip:a SIP/2.0" + often(b" ") + b"x\n",
    "headers in a glued message": ANNOUNCED % 1 + b"INVITE sip:a SIP/2.0" + often(b"X-") + b"\n",
    "origins in a glued message": ANNOUNCED % 1 + b"INVITE sip:a SIP/2.0" + often(b"o=") + b"\n",
    "empty lines": b"DBG: 0x0000\n" + often(b"\n") + b"x",
    "sources": b"x SRC=\n" + often(b"SRC=") + b"\n",
    "a header of a mail": MAIL + b'Content-Type: text/plain; a="' + often(b";") + b"\n\nx\n",
    "mails in mails": MAIL + b"".join(NESTED % (at, at) for at in range(2000)) + b"x\n",
    "a recording of other values": b'{"version": 2, "width": 80}\n5\n[1, "o", 5]\n[1, "o"]\n' + often(b"[") + b"\n",
    "an export of which every value is broken": often(b'{"srcIp":"1"\n{'),
    "marks that end nowhere in a header": message(b"a SIP/2.0\r\nTo: " + often(b"<", 100_000)),
    "a line that begins again without end": b"\x1b[0m\n" + ANNOUNCED % 1 + b"\n" + often(b"a\r") + b"\n",
    "names in an object": b'{"' + often(b"k") + b'":{' + b",".join(b'"%d":""' % at for at in range(SIZE // 20)) + b"}}",
}


@pytest.mark.parametrize("name", HARD)
def test_none_takes_long(name: str) -> None:
    began = process_time()
    with suppress(CaptureError):
        read(HARD[name])
    assert process_time() - began < PATIENCE


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little is held at a time."""
    monkeypatch.setattr(line_order, "ORDER_SAMPLE", 1 << 11)
    monkeypatch.setattr(line_order, "LONGEST_TURNED", 1 << 12)


@pytest.mark.usefixtures("short")
def test_what_only_begins_like_a_document_is_read_to_its_end() -> None:
    assert len(RAW) > 2 * line_order.LONGEST_TURNED
    found, tally = read(b'"\n' + RAW)
    expected, _ = read(RAW)
    assert [one.payload for one in found] == [one.payload for one in expected]
    assert not tally.unread_messages


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    ("raw", "note"),
    [
        (b"\n".join(reversed(RAW.split(b"\n"))), line_order.NOTE_NOT_TURNED),
        (MAIL + b"\n" + RAW, line_order.NOTE_LONGER),
    ],
)
def test_what_is_too_long_to_be_held_is_said(raw: bytes, note: str) -> None:
    found, tally = read(raw)
    assert found
    assert note in tally.notes


class _Endless(io.RawIOBase):
    """Random bytes without end, and how many were taken."""

    def __init__(self) -> None:
        self._piece = random.Random(1).randbytes(1 << 20).replace(b"\0", b"a")
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer has no name in 3.11
        size = min(len(buffer), len(self._piece))
        buffer[:size] = self._piece[:size]
        self.taken += size
        return size


def test_what_is_no_text_ends_however_long_it_goes_on() -> None:
    endless = _Endless()
    with pytest.raises(CaptureError, match="it is no text"):
        list(read_text(endless, Tally("x")))
    assert endless.taken < 16 << 20


def test_a_log_may_hold_bytes_of_any_kind() -> None:
    entry = b"[2026-03-02 10:11:12.000] VERBOSE[1] pbx.c: Executing\n"
    noise = random.Random(2).randbytes(6 << 20) + b"\n"
    found = list(read_text(io.BytesIO(entry + noise + message(b"192.0.2.1")), Tally("x")))
    assert [datagram.payload[:6] for datagram in found] == [b"INVITE"]

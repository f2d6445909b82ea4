"""SIP text of logs: recorded from real Asterisk 16.28.0 and 22.10.1, beside the pcap that the same run wrote."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from time import process_time

import pytest
from scapy.utils import RawPcapReader

from pjsipdiag.capture import read_stream
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.packets.logger import is_logged, restore_transport
from pjsipdiag.capture.text.read import NOTE_OWN_SIDE, read_text
from pjsipdiag.capture.text.times import NOTE_DATE, NOTE_ORDER, NOTE_YEAR, NOTE_ZONE
from pjsipdiag.errors import CaptureError
from pjsipdiag.sip import Address

MESSAGE = b"OPTIONS sip:a.b SIP/2.0\r\n\r\n"
LOGS = Path(__file__).parents[2] / "fixtures" / "log"


def read(raw: bytes) -> tuple[list[Datagram], Tally]:
    tally = Tally("log")
    return list(read_text(io.BytesIO(raw), tally)), tally


def in_pcap(path: Path) -> list[tuple[str, str, bytes]]:
    """(direction, other side, payload) of every packet that Asterisk wrote."""
    found = []
    with RawPcapReader(str(path)) as packets:
        frames = [packet for packet, _ in packets]
    for packet in frames:
        four = packet[12:14] == b"\x08\x00"
        at, wide, end = (26, 4, 34) if four else (22, 16, 54)
        source, destination = packet[at : at + wide], packet[at + wide : at + 2 * wide]
        ports = packet[end : end + 2], packet[end + 2 : end + 4]
        received = any(source)
        other = source + ports[0] if received else destination + ports[1]
        found.append(("in" if received else "out", str(Address.unpack(other)), packet[end + 8 :]))
    return found


@pytest.mark.parametrize("version", ["16", "22"])
def test_log_and_pcap_of_one_run_hold_the_same(version: str) -> None:
    datagrams, tally = read((LOGS / f"asterisk-{version}.log").read_bytes())
    told = [
        (d.direction, str(Address.unpack(d.source if d.direction == "in" else d.destination)), d.payload)
        for d in datagrams
    ]
    assert told == in_pcap(LOGS / f"logger-{version}.pcap")
    assert {d.transport for d in datagrams if b"Call-ID: call-2\r" in d.payload} == {"TCP"}
    assert {d.transport for d in datagrams if b"Call-ID: call-2\r" not in d.payload} == {"UDP"}
    assert not tally.undecoded
    assert not any(d.truncated for d in datagrams)


def test_zeros_where_a_rotation_cut_a_log_that_was_open_cost_little() -> None:
    raw = (LOGS / "asterisk-22.log").read_bytes()
    begun = process_time()
    assert read(bytes(60 << 20) + raw)[0] == read(raw)[0]
    assert process_time() - begun < 2  # where each kind of text was looked for in them it took 5 s


@pytest.mark.parametrize("version", ["16", "22"])
def test_asterisk_says_what_it_decided(version: str) -> None:
    _, tally = read((LOGS / f"asterisk-{version}.log").read_bytes())
    said = {key: [line.rpartition(" - ")[2] for line in lines] for key, lines in tally.log_lines.items()}
    refused = ["No matching endpoint found"]
    rejected = [
        "Call (UDP:203.0.113.50:5060) to extension '100' rejected because extension not found in context 'missing'."
    ]
    assert said == {"call-1": refused, "call-2": refused, "call-3": refused, "source:203.0.113.50:5060": rejected}


def as_from_terminal(raw: bytes) -> bytes:
    """The same log as people paste it: no CR, coloured, without dates."""
    plain = re.sub(rb"(?m)^\[[^\]]*\] VERBOSE\[\d+\] res_pjsip_logger.c: ", b"\x1b[0K", raw.replace(b"\r\n", b"\n"))
    return plain.replace(b"NOTICE", b"\x1b[1;33mNOTICE\x1b[0m")


def test_pasted_from_a_terminal() -> None:
    raw = (LOGS / "asterisk-22.log").read_bytes()
    pasted, tally = read(as_from_terminal(raw))
    assert [(d.payload, d.source, d.direction) for d in pasted] == [
        (d.payload, d.source, d.direction) for d in read(raw)[0]
    ]
    assert {d.time for d in pasted} == {0}
    assert len(tally.log_lines) == 4


@pytest.mark.parametrize(
    ("line", "transport", "source"),
    [
        (b"<--- Received SIP request (27 bytes) from UDP:203.0.113.13:5060 --->", "UDP", "203.0.113.13:5060"),
        (b"<--- Received SIP request (27 bytes) from TLS:[2001:db8::13]:5061 --->", "TLS", "[2001:db8::13]:5061"),
        (b"<--- Received SIP request (27 bytes) from TCP6:2001:db8::13:5060 --->", "TCP", "[2001:db8::13]:5060"),
        (b"[Oct  9 10:00:00] <--- Received SIP request (27 bytes) from WSS:192.0.2.7:44 --->", "WSS", "192.0.2.7:44"),
    ],
)
def test_spellings_of_the_announcing_line(line: bytes, transport: str, source: str) -> None:
    (datagram,) = read(line + b"\n" + MESSAGE)[0]
    assert (datagram.transport, str(Address.unpack(datagram.source)), datagram.payload) == (transport, source, MESSAGE)


def test_a_log_is_recognised_by_any_line_of_it() -> None:
    other = b"somebody else's line\n" * 5000
    assert read(other + b"[2026-01-02 03:04:05] NOTICE[1] a.c: b\n")[0] == []
    with pytest.raises(CaptureError, match="neither a capture"):
        read(other)


def test_time_of_the_line() -> None:
    raw = b"[2026-01-02 03:04:05.678] VERBOSE[1] <--- Received SIP request (27 bytes) from UDP:192.0.2.7:5060 --->\n"
    assert read(raw + MESSAGE)[0][0].time == 1_767_323_045_678_000_000


def test_message_cut_by_the_next_line() -> None:
    raw = (
        b"<--- Received SIP request (900 bytes) from UDP:192.0.2.7:5060 --->\nINVITE sip:a SIP/2.0\n"
        b"[2026-01-02 03:04:05] NOTICE[1] x.c: Incoming SIP message from 192.0.2.7:5060 did not pass ACL test\n"
    )
    (datagram,), tally = read(raw)
    assert (datagram.payload, datagram.truncated) == (b"INVITE sip:a SIP/2.0\r\n", True)
    assert tally.undecoded == {"log message cut short": 1}
    assert tally.log_lines == {
        "source:192.0.2.7:5060": ["Incoming SIP message from 192.0.2.7:5060 did not pass ACL test"]
    }


def test_own_captures_of_asterisk_name_the_transport_in_the_via() -> None:
    path = LOGS / "logger-22.pcap"
    directions = [(direction, payload) for direction, _, payload in in_pcap(path)]
    for direction, payload in directions:
        blank, other = bytes(6), Address("203.0.113.13", 5060).pack()
        source, destination = (other, blank) if direction == "in" else (blank, other)
        assert is_logged(source, destination)
        told = restore_transport(Datagram(0, 1, "UDP", source, destination, payload))
        assert told.direction == direction
        assert told.transport == ("TCP" if b"Via: SIP/2.0/TCP" in payload else "UDP")


def entries(raw: bytes) -> list[tuple[str, str, str, str]]:
    """(time, level, thread, text) of what Asterisk wrote, one after the other."""
    found = re.split(r"(?m)^\[([^\]]*)\] ([A-Z]+)\[(\d+)\] ", raw.decode())[1:]
    return list(zip(found[::4], found[1::4], found[2::4], found[3::4], strict=True))


def as_json(raw: bytes) -> bytes:
    """The same as `[json]` in logger.conf writes it (format_log_json of main/logger.c)."""
    lines = []
    for time, level, thread, text in entries(raw):
        name, _, message = text.partition(": ")
        location = {"filename": name, "function": "f", "line": 1}
        said = {"location": location, "level": level, "message": message.removesuffix("\n")}
        identifiers = {"lwp": int(thread), "callid": "[C-00000001]"}
        lines.append({"hostname": "pbx", "timestamp": time, "identifiers": identifiers, "logmsg": said})
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def marked(mark: bytes) -> Callable[[bytes], bytes]:
    """The same with a mark before each line, which the journal and Docker write without CR."""
    return lambda raw: b"".join(mark + line.rstrip(b"\r\n") + b"\n" for line in raw.splitlines(keepends=True))


def as_syslog(raw: bytes) -> bytes:
    """The same as rsyslog escapes it: one line for each message."""
    lines = []
    for _, level, thread, text in entries(raw):
        escaped = text.removesuffix("\n").replace("\r", "#015").replace("\n", "#012")
        lines.append(f"Nov 23 09:10:56 pbx asterisk[12]: {level}[{thread}]: {escaped}\n")
    return "".join(lines).encode()


CARRIED: dict[str, Callable[[bytes], bytes]] = {
    "json": as_json,
    "journal": marked(b"Nov 23 09:10:56 pbx asterisk[12]: "),
    "journal, ISO": marked(b"2026-11-23T09:10:56+0100 pbx asterisk[12]: "),
    "docker": marked(b"2026-11-23T09:10:56.123456789Z "),
    "syslog": as_syslog,
    "coloured": lambda raw: b"".join(b"\x1b[0;37m" + line for line in raw.splitlines(keepends=True)),
    "zero bytes": lambda raw: b"[2026-11-23 09:10:55] NOTICE[1] x.c: a\0b\n" + raw,
}


@pytest.mark.parametrize("name", CARRIED)
@pytest.mark.parametrize("version", ["16", "22"])
def test_however_the_log_was_carried(name: str, version: str) -> None:
    raw = (LOGS / f"asterisk-{version}.log").read_bytes()
    carried = CARRIED[name](raw)
    expected, said = read(raw)
    tally = Tally("log")
    found = list(read_stream(io.BytesIO(carried), tally))
    parts = [
        [(d.payload, d.source, d.destination, d.transport, d.direction) for d in some] for some in (found, expected)
    ]
    assert parts[0] == parts[1]
    assert tally.log_lines == said.log_lines
    assert not tally.undecoded


@pytest.mark.parametrize(
    ("stamp", "time", "notes"),
    [
        ("[2026-11-23 09:10:56]", "2026-11-23T09:10:56+00:00", [NOTE_ZONE]),
        ("[2026-11-23 09:10:56.250]", "2026-11-23T09:10:56.250+00:00", [NOTE_ZONE]),
        ("[2026-11-23T09:10:56.250+0130]", "2026-11-23T07:40:56.250+00:00", []),
        ("[2026-11-23T09:10:56-05:00]", "2026-11-23T14:10:56+00:00", []),
        ("[2026-11-23T09:10:56Z]", "2026-11-23T09:10:56+00:00", []),
        ("[Nov 23 09:10:56]", "1972-11-23T09:10:56+00:00", [NOTE_YEAR, NOTE_ZONE]),
        ("[Feb 29 09:10:56]", "1972-02-29T09:10:56+00:00", [NOTE_YEAR, NOTE_ZONE]),
        ("[Mon Nov 23 09:10:56 2026]", "2026-11-23T09:10:56+00:00", [NOTE_ZONE]),
        ("[11/23/26 09:10:56]", "2026-11-23T09:10:56+00:00", [NOTE_ZONE]),
        ("[11/23/2026 09:10:56]", "2026-11-23T09:10:56+00:00", [NOTE_ZONE]),
        ("[23/11/2026 09:10:56]", "2026-11-23T09:10:56+00:00", [NOTE_ZONE]),
        ("[05.04.2026 09:10:56]", "2026-04-05T09:10:56+00:00", [NOTE_ORDER, NOTE_ZONE]),
        ("[09:10:56]", "1970-01-01T09:10:56+00:00", [NOTE_DATE, NOTE_ZONE]),
        ("[1795425056.5]", "2026-11-23T09:10:56.500+00:00", []),
        ("Nov 23 09:10:56 pbx asterisk[12]:", "1972-11-23T09:10:56+00:00", [NOTE_YEAR, NOTE_ZONE]),
        ("", "1970-01-01T00:00:00+00:00", []),
        ("[Foo 23 09:10:56]", "1970-01-01T00:00:00+00:00", []),
        ("[2026-02-30 09:10:56]", "1970-01-01T00:00:00+00:00", []),
    ],
)
@pytest.mark.parametrize("level", ["VERBOSE[1] x.c: ", "VERBOSE[1][C-00000001] x.c: ", ""])
def test_formats_of_the_date(stamp: str, time: str, notes: list[str], level: str) -> None:
    """`dateformat` in logger.conf is strftime's; `asterisk -T` writes the date without a level."""
    raw = f"{stamp} {level}<--- Received SIP request (27 bytes) from UDP:192.0.2.7:5060 --->\n".lstrip().encode()
    marks = stamp.encode() + b" " if stamp.endswith(":") else b""
    (datagram,), tally = read(raw + b"".join(marks + line for line in MESSAGE.splitlines(keepends=True)))
    assert datagram.time == int(datetime.fromisoformat(time).timestamp() * 1000) * 1_000_000
    assert [note for note in tally.notes if note != NOTE_OWN_SIDE] == notes


def test_a_line_of_json_that_is_cut_is_passed_over() -> None:
    whole = as_json((LOGS / "asterisk-22.log").read_bytes()).splitlines(keepends=True)
    found, _ = read(b"".join([whole[0][: len(whole[0]) // 2] + b"\n", b'{"logmsg": 1}\n', *whole[1:]]))
    assert len(found) == len(read(b"".join(whole))[0])

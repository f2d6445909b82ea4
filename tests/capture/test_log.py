"""SIP text of logs: recorded from real Asterisk 16.28.0 and 22.10.1, beside the pcap that the same run wrote."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from scapy.utils import RawPcapReader

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.log import looks_like_log, read_log
from pjsipdiag.capture.logger import is_logged, logged
from pjsipdiag.sip import Address

LOGS = Path(__file__).parents[2] / "fixtures" / "log"


def read(raw: bytes) -> tuple[list[Datagram], Tally]:
    tally = Tally("log")
    return list(read_log(io.BytesIO(raw), tally)), tally


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
        (b"<--- Received SIP request (7 bytes) from UDP:203.0.113.13:5060 --->", "UDP", "203.0.113.13:5060"),
        (b"<--- Received SIP request (7 bytes) from TLS:[2001:db8::13]:5061 --->", "TLS", "[2001:db8::13]:5061"),
        (b"<--- Received SIP request (7 bytes) from TCP6:2001:db8::13:5060 --->", "TCP", "[2001:db8::13]:5060"),
        (b"[Oct  9 10:00:00] <--- Received SIP request (7 bytes) from WSS:192.0.2.7:44 --->", "WSS", "192.0.2.7:44"),
    ],
)
def test_spellings_of_the_announcing_line(line: bytes, transport: str, source: str) -> None:
    assert looks_like_log(line)
    (datagram,) = read(line + b"\nSIP/2.0\n")[0]
    assert (datagram.transport, str(Address.unpack(datagram.source)), datagram.payload) == (
        transport,
        source,
        b"SIP/2.0",
    )


def test_a_log_is_recognised_behind_the_line_that_names_the_release() -> None:
    assert looks_like_log(
        b"[2026-01-02 03:04:05] Asterisk 22.10.1 built by x\n[2026-01-02 03:04:05] NOTICE[1] a.c: b\n"
    )
    assert not looks_like_log(b"[section]\nkey=value\n")


def test_time_of_the_line() -> None:
    raw = b"[2026-01-02 03:04:05.678] VERBOSE[1] <--- Received SIP request (2 bytes) from UDP:192.0.2.7:5060 --->\nab\n"
    assert read(raw)[0][0].time == 1_767_323_045_678_000_000


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
        told = logged(Datagram(0, 1, "UDP", source, destination, payload))
        assert told.direction == direction
        assert told.transport == ("TCP" if b"Via: SIP/2.0/TCP" in payload else "UDP")

"""Redacted captures are read back as they were written, and any bytes can be redacted."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pjsipdiag.capture import read
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.pcap_writer import write_pcap
from pjsipdiag.redact.address_map import AddressMap
from pjsipdiag.redact.disguise import Disguise
from pjsipdiag.redact.messages.sip_message import MessageRedactor
from pjsipdiag.sip import Address

pytestmark = pytest.mark.usefixtures("extensions")

INVITE = b"INVITE sip:100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.1\r\nContent-Length: 0\r\n\r\n"
TIME = 1_760_000_000_123_456_789


def datagram(transport: str, source: str, destination: str, direction: str, payload: bytes = INVITE) -> Datagram:
    return Datagram(
        TIME, 1, transport, Address(source, 5060).pack(), Address(destination, 5062).pack(), payload, direction
    )


@pytest.mark.parametrize("direction", ["", "in", "out"])
@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@pytest.mark.parametrize(("source", "destination"), [("203.0.113.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::2")])
def test_messages_are_read_back(tmp_path: Path, direction: str, transport: str, source: str, destination: str) -> None:
    written = [datagram(transport, source, destination, direction) for _ in range(3)]
    path = tmp_path / "capture.pcap"
    with path.open("wb") as stream:
        write_pcap(written, stream)
    back = list(read(path, Tally(str(path))))
    assert [(d.time, d.transport, d.source, d.destination, d.payload, d.direction) for d in back] == [
        (d.time, d.transport, d.source, d.destination, d.payload, d.direction) for d in written
    ]


def test_a_long_message_goes_into_several_segments(tmp_path: Path) -> None:
    body = b"a" * 150_000
    payload = INVITE.replace(b"Content-Length: 0", b"Content-Length: %d" % len(body)) + body
    path = tmp_path / "capture.pcap"
    with path.open("wb") as stream:
        assert write_pcap([datagram("TCP", "203.0.113.1", "192.0.2.1", "in", payload)], stream) == 3
    assert [d.payload for d in read(path, Tally(str(path)))] == [payload]


SECRET = INVITE[:-2].replace(b"203.0.113.1", b"81.2.69.160")


@settings(max_examples=200)
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=80).map(lambda raw: SECRET + raw + b"\r\n\r\n")))
def test_any_bytes_can_be_redacted(raw: bytes) -> None:
    redactor = MessageRedactor(Disguise(AddressMap([ipaddress.ip_address("81.2.69.160")]), {}))
    assert b"81.2.69" not in redactor.message(raw)

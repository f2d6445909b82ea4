"""Whatever anybody can write into a message, nothing of it is left: secrets in every place of the grammar."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pjsipdiag.redact.address_map import AddressMap
from pjsipdiag.redact.disguise import Disguise
from pjsipdiag.redact.messages.sip_message import MessageRedactor
from tests.redact.grammar import PLACES, leaks, messages, with_line


def redacted(raw: bytes) -> bytes:
    return MessageRedactor(Disguise(AddressMap(()), {})).message(raw)


@settings(max_examples=200)
@given(messages)
def test_nothing_that_anybody_wrote_is_left(raw: bytes) -> None:
    assert not leaks(redacted(raw))


@settings(max_examples=200)
@given(st.sampled_from(PLACES).flatmap(with_line))
def test_nothing_is_left_of_any_header(raw: bytes) -> None:
    assert not leaks(redacted(raw))


@pytest.mark.parametrize(
    "line",
    [
        "CSeq: 1 INVITE", "RAck: 1 2 INVITE", "User-Agent: Asterisk PBX 22.10.1", "Server: FPBX(20.5.0)",
        "User-Agent: Asterisk PBX certified/20.7-cert5", "Expires: 3600", "Allow: INVITE, ACK", "Max-Forwards: 70",
        "Content-Type: application/sdp",
    ],
)  # fmt: skip
def test_words_of_the_protocol_stay(line: str) -> None:
    assert line.encode() in redacted(f"OPTIONS sip:100@192.0.2.1 SIP/2.0\r\n{line}\r\n\r\n".encode())


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("application/vnd.secret+xml", "application/value1"),
        ("text/x-secret; version=1", "application/value1"),
        ("secret", "value1"),
        ("secret/", "value1"),
    ],
)
def test_a_content_type_keeps_its_form(given: str, shown: str) -> None:
    """One without a subtype is dropped by Asterisk; any other is taken, before and after."""
    raw = f"MESSAGE sip:100@192.0.2.1 SIP/2.0\r\nContent-Type: {given}\r\n\r\n".encode()
    assert f"Content-Type: {shown}\r\n".encode() in redacted(raw)


def test_media_that_a_verdict_needs_stay() -> None:
    body = (
        "v=0\r\nm=audio 4000 UDP/TLS/RTP/SAVPF 0 101\r\na=rtpmap:101 telephone-event/8000\r\nm=image 4002 udptl t38\r\n"
    )
    shown = redacted(f"INVITE sip:100@192.0.2.1 SIP/2.0\r\nl: {len(body)}\r\n\r\n{body}".encode())
    assert shown.endswith(body.encode())

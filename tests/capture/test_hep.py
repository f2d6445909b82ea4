"""HEP: the datagram inside, with the addresses that the mirroring host saw."""

from __future__ import annotations

import struct
import zlib

import pytest

from pjsipdiag.capture import hep
from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.sip import Address
from tests.capture.test_tcp import invite

AGENT, HOMER = Address("198.51.100.5", 9060), Address("198.51.100.6", 9060)
FOUR = Address("203.0.113.13", 5060), Address("192.0.2.1", 5060)
SIX = Address("2001:db8::13", 5060), Address("2001:db8::1", 5060)


def version3(ends: tuple[Address, Address], payload: bytes, protocol: int = 17, kind: int = 15) -> bytes:
    source, destination = (end.pack() for end in ends)
    wide = len(source) - 2
    chunks = [
        (1, b"\x02" if wide == 4 else b"\x0a"),
        (2, bytes((protocol,))),
        (3 if wide == 4 else 5, source[:-2]),
        (4 if wide == 4 else 6, destination[:-2]),
        (7, source[-2:]),
        (8, destination[-2:]),
        (9, b"\0\0\0\1"),
        (11, b"\x01"),
        (kind, payload),
    ]
    body = b"".join(struct.pack("!HHH", 0, number, 6 + len(data)) + data for number, data in chunks)
    return b"HEP3" + struct.pack("!H", 6 + len(body)) + body


def fixed(version: int, ends: tuple[Address, Address], payload: bytes, size: int) -> bytes:
    source, destination = (end.pack() for end in ends)
    family = 2 if len(source) == 6 else 10
    head = bytes((version, size, family, 17)) + source[-2:] + destination[-2:] + source[:-2] + destination[:-2]
    return head.ljust(size, b"\0") + payload


def outer(payload: bytes) -> Datagram:
    return Datagram(5, 7, "UDP", AGENT.pack(), HOMER.pack(), payload)


@pytest.mark.parametrize(
    ("ends", "payload", "transport"),
    [
        (FOUR, version3(FOUR, invite(1)), "UDP"),
        (SIX, version3(SIX, invite(1)), "UDP"),
        (FOUR, version3(FOUR, invite(1), protocol=6), "TCP"),
        (FOUR, version3(FOUR, zlib.compress(invite(1)), kind=16), "UDP"),
        (FOUR, fixed(1, FOUR, invite(1), 16), "UDP"),
        (SIX, fixed(1, SIX, invite(1), 40), "UDP"),
        (FOUR, fixed(2, FOUR, invite(1), 28), "UDP"),
        (FOUR, fixed(2, FOUR, invite(1), 26), "UDP"),
        (SIX, fixed(2, SIX, invite(1), 52), "UDP"),
    ],
)
def test_inner_datagram(ends: tuple[Address, Address], payload: bytes, transport: str) -> None:
    assert hep.looks_like(payload)
    source, destination = (end.pack() for end in ends)
    assert hep.unwrap(outer(payload)) == Datagram(5, 7, transport, source, destination, invite(1))


def test_tls_behind_a_proxy_is_named_by_the_via() -> None:
    message = invite(1).replace(b"SIP/2.0/TCP", b"SIP/2.0/TLS")
    found = hep.unwrap(outer(version3(FOUR, message, protocol=6)))
    assert found is not None
    assert found.transport == "TLS"


@pytest.mark.parametrize(
    "payload",
    [
        b"HEP3",
        b"HEP3\0\x06",
        version3(FOUR, b"{}", kind=15),
        version3(FOUR, b"not zlib", kind=16),
        version3(FOUR, zlib.compress(b"A" * 10_000_000), kind=16),
        b"HEP3\0\x20\0\0\0\x0f\0\x02" + bytes(30),
        version3(FOUR, invite(1)).replace(b"\0\x03\0\x0a", b"\0\x03\0\x09", 1),
    ],
)
def test_damaged_or_other_contents(payload: bytes) -> None:
    assert hep.unwrap(outer(payload)) is None

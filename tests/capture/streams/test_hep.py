"""HEP: the datagram inside, with the addresses that the mirroring host saw."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.capture.streams import hep
from pjsipdiag.sip import Address
from tests.capture.build import ACK, PSH, SYN, Capture, ethernet, pcap, tcp
from tests.capture.streams.test_tcp import Wire, invite

pytestmark = pytest.mark.usefixtures("extensions")

AGENT, HOMER = Address("198.51.100.5", 9060), Address("198.51.100.6", 9060)
FOUR = Address("203.0.113.13", 5060), Address("192.0.2.1", 5060)
SIX = Address("2001:db8::13", 5060), Address("2001:db8::1", 5060)


def version3(
    ends: tuple[Address, Address],
    payload: bytes,
    protocol: int = 17,
    kind: int = 15,
    more: Sequence[tuple[int, bytes]] = (),
) -> bytes:
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
        *more,
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
        (FOUR, version3(FOUR, gzip.compress(invite(1)), kind=16), "UDP"),
        (FOUR, version3(FOUR, zlib.compress(invite(1), wbits=-15), kind=16), "UDP"),
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
    assert hep.unwrap(outer(payload)) == Datagram(5, 7, transport, source, destination, invite(1), "by 198.51.100.5")


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


def test_the_direction_of_the_mirror_is_not_that_of_the_call() -> None:
    """Where Homer listens everything comes in, also what the PBX sent."""
    found = hep.unwrap(outer(version3(FOUR, invite(1)))._replace(direction="in"))
    assert found is not None
    assert found.direction not in ("in", "out")


MIRRORED = [
    (FOUR, version3(FOUR, invite(1))),
    (SIX, version3(SIX, invite(2), protocol=6)),
    (FOUR, version3(FOUR, b'{"rtcp": 1}')),
    (FOUR, version3(FOUR, zlib.compress(invite(3)), kind=16)),
    (FOUR, fixed(2, FOUR, invite(4, b"x" * 300), 28)),
    (SIX, fixed(1, SIX, invite(5), 40)),
    (FOUR, version3(FOUR, invite(6))),
]


def inner_of(wire: Wire) -> list[tuple[bytes, bytes, bytes]]:
    return [(found.source, found.destination, found.payload) for found in wire.finish()]


EXPECTED = [
    (ends[0].pack(), ends[1].pack(), invite(number, b"x" * 300 if number == 4 else b"v=0\r\n"))
    for number, ends in ((1, FOUR), (2, SIX), (3, FOUR), (4, FOUR), (5, SIX), (6, FOUR))
]


@given(st.integers(1, 700))
def test_over_tcp_in_segments_of_any_size(size: int) -> None:
    data = b"".join(payload for _, payload in MIRRORED)
    wire = Wire().syn()
    if size < 60:  # the first segment of a connection tells what it is
        wire.segment(0, data[:200])
    for at in range(200 if size < 60 else 0, len(data), size):
        wire.segment(at, data[at : at + size])
    assert inner_of(wire) == EXPECTED
    assert wire.tally.undecoded == {"HEP without SIP": 1}
    assert wire.tally.notes == [hep.HEP_NOTE]


def test_over_tcp_older_than_the_capture() -> None:
    """The first segment begins inside a packet: the next packet is the first that is read."""
    data = b"".join(payload for _, payload in MIRRORED)
    wire = Wire().segment(50, data[50:])
    assert inner_of(wire) == EXPECTED[1:]
    assert wire.tally.undecoded == {"TCP stream that begins inside a SIP message": 1, "HEP without SIP": 1}


def test_over_tcp_with_a_segment_lost() -> None:
    one, two, three = (version3(FOUR, invite(number, b"x" * 500)) for number in (1, 2, 3))
    data = one + two + three
    wire = Wire().syn().segment(0, one).segment(len(one) + 300, data[len(one) + 300 :])
    assert [found.message().call_id for found in wire.finish()] == ["1", "3"]
    assert wire.tally.undecoded == {"TCP segment missing": 1}


def test_over_tcp_with_other_bytes_between() -> None:
    data = version3(FOUR, invite(1)) + b"HEP3\0\1 and so on" + version3(FOUR, invite(2))
    wire = Wire().syn().segment(0, data)
    assert [found.message().call_id for found in wire.finish()] == ["1", "2"]
    assert wire.tally.undecoded == {"TCP bytes between HEP packets": 1}


@pytest.mark.parametrize("opened", [True, False])
def test_over_tcp_in_a_capture(opened: bool) -> None:
    ends = AGENT, HOMER
    frames = [ethernet(tcp(b"", -1, SYN, *ends))] * opened
    at = 0
    for _, payload in MIRRORED:
        frames.append(ethernet(tcp(payload, at, ACK | PSH, *ends)))
        at += len(payload)
    capture = Capture(pcap(frames))
    assert [call for _, call in capture.calls] == ["1", "2", "3", "4", "5", "6"]
    assert capture.tally.notes == [hep.HEP_NOTE]


@pytest.mark.parametrize("size", [17, 18, 19])
def test_a_chunk_that_does_not_fit_into_its_packet_is_none(size: int) -> None:
    """The bytes that such a head would take hold the next packet."""
    first, second = (version3(FOUR, invite(number)) for number in (1, 2))
    broken = b"HEP3" + struct.pack("!HHHH", size + 5, 0, 1, size)
    packets = [
        tcp(b"", -1, SYN, AGENT, HOMER),
        tcp(first, 0, PSH | ACK, AGENT, HOMER),
        tcp(broken + second, len(first), PSH | ACK, AGENT, HOMER),
    ]
    assert [call_id for _, call_id in Capture(pcap(map(ethernet, packets))).calls] == ["1", "2"]


def test_who_mirrors_tells_the_addresses() -> None:
    """What this machine sends out is its own word; of what a tunnel carries the outermost sender tells."""
    carried = outer(version3(FOUR, invite(1)))
    for direction, of_inner in (("in", "by 198.51.100.5"), ("out", ""), ("by 192.0.2.7", "by 192.0.2.7")):
        inner = hep.unwrap(carried._replace(direction=direction))
        assert inner is not None
        assert inner.direction == of_inner


@pytest.mark.parametrize("address", ["203.0.113.13", "2001:db8::13"])
@pytest.mark.parametrize(("microseconds", "received"), [(711_000, True), (711_818, False), (None, None)])
def test_the_own_side_that_asterisk_guesses_is_left_out(
    address: str, microseconds: int | None, received: bool | None
) -> None:
    """res_hep_pjsip names the peer twice; what it received has milliseconds."""
    peer = Address(address, 5060)
    more = [] if microseconds is None else [(10, microseconds.to_bytes(4, "big"))]
    inner = hep.unwrap(outer(version3((peer, peer), invite(1), more=more)))
    assert inner is not None
    blank = bytes(len(peer.pack()))
    expected = {True: (peer.pack(), blank), False: (blank, peer.pack()), None: (peer.pack(), peer.pack())}
    assert (inner.source, inner.destination) == expected[received]

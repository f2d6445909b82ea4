"""TCP reassembly: however the segments arrive, the messages are those that were sent."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.streams.tcp import Reassembler
from pjsipdiag.capture.streams.tcp_flow import ACK, SYN, reverse
from pjsipdiag.sip import Address
from tests.capture.build import Capture, ethernet, pcap, tcp

pytestmark = pytest.mark.usefixtures("extensions")

CLIENT, SERVER = Address("203.0.113.13", 40000), Address("192.0.2.1", 5060)
FLOW = CLIENT.pack()[:4] + SERVER.pack()[:4] + CLIENT.pack()[4:] + SERVER.pack()[4:]
SECOND = 1_000_000_000


def invite(number: int, body: bytes = b"v=0\r\n", length: bytes = b"Content-Length: %d\r\n") -> bytes:
    head = b"INVITE sip:%d@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/TCP 203.0.113.13\r\nCall-ID: %d\r\n" % (number, number)
    return head + (length % len(body) if b"%d" in length else length) + b"\r\n" + body


class Wire:
    """A capture of one connection: segments are given by their place in the stream."""

    def __init__(self, *, base: int = 1000, flow: bytes = FLOW) -> None:
        self.tally = Tally("test")
        self.reassembler = Reassembler(self.tally)
        self.base, self.flow = base, flow
        self.found: list[Datagram] = []
        self.frame = 0

    def syn(self, flags: int = SYN) -> Wire:
        return self.segment(-1, b"", flags=flags)

    def segment(
        self, at: int, data: bytes, *, flags: int = ACK, length: int | None = None, time: int | None = None
    ) -> Wire:
        self.frame += 1
        now = self.frame * 1000 if time is None else time
        sequence = self.base + at & 0xFFFFFFFF
        self.found += self.reassembler.feed(now, self.frame, self.flow, sequence, flags, data, length)
        return self

    def finish(self) -> list[Datagram]:
        self.found += self.reassembler.finish()
        return self.found

    def payloads(self) -> list[bytes]:
        return [datagram.payload for datagram in self.finish()]


@given(
    sizes=st.lists(st.integers(0, 300), min_size=1, max_size=5),
    cuts=st.sets(st.integers(1, 2000), max_size=20),
    base=st.sampled_from([0, 5000, 2**32 - 200, 2**32 - 1]),
    data=st.data(),
)
def test_any_segmentation_order_repeat_and_overlap(
    sizes: list[int], cuts: set[int], base: int, data: st.DataObject
) -> None:
    sent = [invite(number, b"x" * size) for number, size in enumerate(sizes)]
    stream = b"\r\n\r\n".join(sent)
    places = sorted({0, len(stream)} | {cut for cut in cuts if cut < len(stream)})
    spans = [(start, end) for start, end in pairwise(places)]
    overlapping = data.draw(st.lists(st.tuples(st.sampled_from(places), st.integers(1, 400)), max_size=4))
    spans += [(start, min(start + size, len(stream))) for start, size in overlapping if start < len(stream)]
    wire = Wire(base=base).syn()
    for start, end in data.draw(st.permutations(spans)):
        wire.segment(start, stream[start:end])
    assert wire.payloads() == sent
    assert not wire.tally.undecoded


def test_a_message_has_the_time_and_frame_of_the_segment_that_completes_it() -> None:
    message = invite(1)
    found = Wire().syn().segment(0, message[:50]).segment(50, message[50:]).finish()
    assert found == [Datagram(3000, 3, "TCP", CLIENT.pack(), SERVER.pack(), message)]


def test_compact_content_length_and_odd_spelling() -> None:
    sent = [invite(1, b"abc", b"l: %d\r\n"), invite(2, b"abc", b"CONTENT-LENGTH \t: %d \r\n"), invite(3)]
    assert Wire().segment(0, b"".join(sent)).payloads() == sent


def test_lost_segment_is_counted_and_the_next_message_found() -> None:
    one, two, three = invite(1), invite(2, b"y" * 900), invite(3)
    stream = one + two + three
    gap = len(one) + 200
    wire = Wire().syn().segment(0, stream[:gap]).segment(gap + 300, stream[gap + 300 :])
    found = wire.finish()
    assert [datagram.payload for datagram in found] == [one, stream[len(one) : gap], three]
    assert [datagram.truncated for datagram in found] == [False, True, False]
    assert wire.tally.undecoded == {"TCP segment missing": 1}


def test_a_gap_is_given_up_after_a_while() -> None:
    one, two, three = invite(1), invite(2), invite(3)
    wire = Wire().syn().segment(0, one, time=0)
    wire.segment(len(one + two), three, time=SECOND)
    assert [datagram.payload for datagram in wire.found] == [one]
    wire.segment(len(one + two + three), invite(4), time=20 * SECOND)
    assert [datagram.payload for datagram in wire.found] == [one, three, invite(4)]


def test_connection_older_than_the_capture() -> None:
    stream = b"".join(invite(number, b"z" * 500) for number in range(3))
    wire = Wire().segment(100, stream[100:])
    assert wire.payloads() == [invite(1, b"z" * 500), invite(2, b"z" * 500)]
    assert wire.tally.undecoded == {"TCP stream that begins inside a SIP message": 1}


def test_segments_that_change_places_where_the_capture_begins() -> None:
    one, two = invite(1), invite(2)
    assert Wire().segment(len(one), two).segment(0, one).payloads() == [two, one]


def test_ports_used_again() -> None:
    wire = Wire().syn().segment(0, invite(1) + invite(2)[:80])
    wire.base = 7_000_000
    assert wire.syn().segment(0, invite(3)).payloads() == [invite(1), invite(3), invite(2)[:80]]


def test_repeated_syn_changes_nothing() -> None:
    message = invite(1)
    assert Wire().syn().segment(0, message[:50]).syn().segment(50, message[50:]).payloads() == [message]


def test_keep_alive_probe_is_no_data() -> None:
    one, two = invite(1), invite(2)
    wire = Wire().syn().segment(0, one).segment(len(one) - 1, b"\0").segment(len(one), two)
    assert wire.payloads() == [one, two]


def test_snap_length_cuts_the_body() -> None:
    one, two = invite(1, b"b" * 600), invite(2)
    wire = Wire().syn().segment(0, one[:300], length=len(one)).segment(len(one), two)
    assert [(datagram.payload, datagram.truncated) for datagram in wire.finish()] == [(one[:300], True), (two, False)]


def test_message_without_content_length_is_not_lost() -> None:
    bare = invite(1, b"", b"X: y\r\n")
    wire = Wire().syn().segment(0, bare + invite(2))
    assert wire.payloads() == [bare, invite(2)]
    assert wire.tally.undecoded == {"SIP over TCP without Content-Length": 1}


def test_bytes_between_messages_are_passed_over_and_counted() -> None:
    stream = invite(1) + b"junk\r\n" * 3 + invite(2)
    wire = Wire().syn().segment(0, stream).segment(len(stream), b"more junk").segment(len(stream) + 9, invite(3))
    assert wire.payloads() == [invite(1), invite(2), invite(3)]
    assert wire.tally.undecoded == {"TCP bytes between SIP messages": 2}


def test_other_protocols_are_ignored_at_their_first_bytes() -> None:
    wire = Wire().syn().segment(0, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").segment(26, b"INVITE sip:a SIP/2.0\r\n")
    assert FLOW in wire.reassembler.ignored
    assert not wire.reassembler.flows
    assert wire.payloads() == []


def test_tls_is_listed_by_client_and_server() -> None:
    hello = bytes.fromhex("16030100c8010000c40303") + bytes(200)
    wire = Wire().syn().segment(0, hello)
    wire.flow = reverse(FLOW)
    wire.segment(0, bytes.fromhex("160303005a0200005603") + bytes(90))
    assert wire.tally.encrypted_connections == {(CLIENT.pack()[:4] + b"\0\0", SERVER.pack()): 1}
    assert not wire.reassembler.flows


def test_memory_is_bounded_by_flows_and_bytes() -> None:
    """A flood of connections, and one of unfinished messages, is forgotten oldest first."""
    wire = Wire()
    for number in range(60_000):
        wire.flow = number.to_bytes(4, "big") + FLOW[4:]
        wire.syn()
    assert len(wire.reassembler.flows) <= 50_000
    for number in range(300):
        wire.flow = number.to_bytes(4, "big") + FLOW[4:]
        wire.syn().segment(0, b"INVITE sip:a SIP/2.0\r\n" + b"X: y\r\n" * 40_000)
    kept = sum(state.waiting_bytes for state in wire.reassembler.flows.values())
    assert kept <= 64 * 1024 * 1024
    assert wire.tally.undecoded["TCP flow given up to bound memory"] > 0


@pytest.mark.parametrize("after", [[], [ethernet(tcp(b"", 0))] * 3])
@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (ethernet(tcp(invite(2)))[:34], "TCP header cut short"),
        (ethernet(tcp(invite(2)))[:46] + b"\x40" + ethernet(tcp(invite(2)))[47:], "TCP header length"),
        (ethernet(tcp(b""))[:46] + b"\x60" + ethernet(tcp(b""))[47:] + bytes(20), "TCP header length"),
        (ethernet(tcp(b""))[:16] + b"\0\x1e" + ethernet(tcp(b""))[18:], "TCP header cut short"),
        (ethernet(tcp(b""))[:16] + b"\0\x0e" + ethernet(tcp(b""))[18:], "IPv4 header length"),
    ],
)
def test_a_damaged_header_is_counted_whatever_follows(damaged: bytes, reason: str, after: list[bytes]) -> None:
    """The fields of the next record are not those of this one."""
    frames = [ethernet(tcp(invite(1))), damaged, *after]
    assert Capture(pcap(frames)).tally.undecoded == {reason: 1}


@pytest.mark.parametrize("snap", [54, 60, 66])
def test_segments_without_payload_that_the_snap_length_cuts_are_no_loss(snap: int) -> None:
    options = tcp(b"\1" * 20)
    options = options[:32] + b"\xa0" + options[33:]
    assert Capture(pcap([ethernet(options)] * 3, snap=snap)).tally.undecoded == {}


@pytest.mark.parametrize(("seconds", "found"), [(60, 1), (127, 1), (128, 0)])
def test_an_opening_is_repeated_for_two_minutes(seconds: int, found: int) -> None:
    """Linux sends a SYN that nobody answers again after 1, 3, 7, 15, 31 and 63 seconds; what it opened goes on."""
    message, later = invite(1), seconds * SECOND
    wire = Wire().segment(-1, b"", flags=SYN, time=0).segment(0, message[:50], time=0)
    wire.segment(-1, b"", flags=SYN, time=later).segment(50, message[50:], time=later)
    assert [payload == message for payload in wire.payloads()].count(True) == found

"""IP fragments, IPv4 and IPv6: any order gives the datagram, an overlap never does, and memory stays bounded."""

from __future__ import annotations

import random
import struct
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pjsipdiag.capture.packets import dissect, fragments
from pjsipdiag.capture.packets.fragments import Fragments
from tests.capture.build import CLIENT, CLIENT6, EPOCH, SERVER, SERVER6, Capture, media, pcap, sip, udp

pytestmark = pytest.mark.usefixtures("extensions")

WHOLE4, WHOLE6 = udp(sip(1, padding=3000)), udp(sip(1, padding=3000), CLIENT6, SERVER6)


def pieces(packet: bytes, cuts: list[int], number: int = 7) -> list[bytes]:
    """`packet` in fragments that end at the offsets `cuts` (multiples of 8) of its payload."""
    four = packet[0] >> 4 == 4
    payload = packet[20 if four else 40 :]
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(payload)], strict=True):
        part, more = payload[start:end], end < len(payload)
        if four:
            place = struct.pack(">HH", number, start >> 3 | more << 13)
            found.append(packet[:2] + struct.pack(">H", 20 + len(part)) + place + packet[8:20] + part)
        else:
            head = struct.pack(">BBHI", 17, 0, start | more, number)
            found.append(packet[:4] + struct.pack(">H", 8 + len(part)) + b"\x2c" + packet[7:40] + head + part)
    return found


@settings(max_examples=50)
@given(
    st.sets(st.integers(1, 370), min_size=1, max_size=8),
    st.randoms(use_true_random=False),
    st.sampled_from([WHOLE4, WHOLE6]),
    st.booleans(),
)
def test_any_order_with_repeats(cuts: set[int], order: random.Random, packet: bytes, repeat: bool) -> None:
    found = pieces(packet, sorted(cut * 8 for cut in cuts))
    order.shuffle(found)
    if repeat:
        found.insert(1, found[0])
    capture = Capture(pcap(found, link=101))
    assert [datagram.payload for datagram in capture.datagrams] == [sip(1, padding=3000)]
    assert capture.calls[0][0] == len(found)
    assert not capture.tally.undecoded


def test_two_datagrams_mixed_with_each_other_and_with_media() -> None:
    other = udp(sip(2, padding=3000), CLIENT, SERVER)
    one, two = pieces(WHOLE4, [1480]), pieces(other, [1480], number=8)
    noise = [media()[14:]] * 30
    capture = Capture(pcap([*noise, one[0], two[1], *noise, one[1], two[0], *noise], link=101))
    assert [number for _, number in capture.calls] == ["1", "2"]


@pytest.mark.parametrize("packet", [WHOLE4, WHOLE6], ids=["IPv4", "IPv6"])
def test_overlaps_are_refused(packet: bytes) -> None:
    """Neither the first nor the second version of the bytes is believed, whatever comes later."""
    first, last = pieces(packet, [1480])
    overlapping = pieces(packet, [1400])[1]
    for frames in ([first, overlapping, last], [last, overlapping, first], [overlapping, last, first]):
        capture = Capture(pcap(frames, link=101))
        assert (capture.calls, dict(capture.tally.undecoded)) == ([], {"overlapping IP fragments": 1})


@pytest.mark.parametrize("packet", [WHOLE4, WHOLE6], ids=["IPv4", "IPv6"])
def test_of_a_datagram_whose_rest_never_comes_the_beginning_is_read(packet: bytes) -> None:
    """`tcpdump udp port 5060` lets only first fragments pass: they have the ports."""
    frames = [*pieces(packet, [800, 1480])[:2], udp(sip(2))]
    capture = Capture(pcap(frames, link=101))
    assert dict(capture.tally.undecoded) == {"IP fragments without the rest": 1}
    found = sorted(capture.datagrams, key=lambda datagram: datagram.frame)
    assert [(datagram.frame, datagram.truncated, datagram.time) for datagram in found] == [
        (1, True, EPOCH),
        (3, False, EPOCH + 40_000_000),
    ]
    assert found[0].payload == sip(1, padding=3000)[:1472]
    ends = (CLIENT, SERVER) if packet is WHOLE4 else (CLIENT6, SERVER6)
    assert (found[0].source, found[0].destination) == (ends[0].pack(), ends[1].pack())


@pytest.mark.parametrize("packet", [WHOLE4, WHOLE6], ids=["IPv4", "IPv6"])
def test_without_the_first_fragment_there_is_nothing(packet: bytes) -> None:
    capture = Capture(pcap(pieces(packet, [800, 1480])[1:], link=101))
    assert (capture.calls, dict(capture.tally.undecoded)) == ([], {"IP fragments without the rest": 1})


def test_an_identification_that_is_used_again_later() -> None:
    frames = [pieces(WHOLE4, [1480])[0], *pieces(udp(sip(2, padding=3000)), [1480])]
    capture = Capture(pcap(frames, link=101, step=40_000_000_000))
    assert [(call, one.truncated) for call, one in zip(capture.calls, capture.datagrams, strict=True)] == [
        ((1, "1"), True),
        ((2, "2"), True),
    ]
    frames = [frames[0], *[media()[14:]] * 40, *frames[1:]]
    capture = Capture(pcap(frames, link=101, step=1_000_000_000))
    assert sorted(capture.calls) == [(1, "1"), (43, "2")]
    assert {one.frame: one.truncated for one in capture.datagrams} == {1: True, 43: False}
    assert dict(capture.tally.undecoded) == {"IP fragments without the rest": 1}


@pytest.mark.parametrize("packet", [WHOLE4, WHOLE6], ids=["IPv4", "IPv6"])
def test_a_first_fragment_cut_by_the_snap_length_is_read_as_far_as_it_goes(packet: bytes) -> None:
    capture = Capture(pcap(pieces(packet, [1480]), link=101, snap=1000))
    assert (capture.calls, dict(capture.tally.undecoded)) == ([(1, "1")], {"IP fragment cut by the snap length": 1})
    (datagram,) = capture.datagrams
    assert datagram.truncated
    assert sip(1, padding=3000).startswith(datagram.payload)


def test_what_is_kept_of_incomplete_datagrams_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound they are told as soon as they are given up."""
    monkeypatch.setattr(dissect, "MOST_LATE", 20_000)
    firsts = [pieces(udp(sip(number, padding=3000)), [1480], number)[0] for number in range(5000)]
    capture = Capture(pcap([*firsts, udp(sip(9999))], link=101))
    assert sorted(capture.calls) == [(number + 1, str(number)) for number in range(5000)] + [(5001, "9999")]
    place = capture.calls.index((5001, "9999"))
    assert 800 < place < 1000


def test_memory_is_bounded() -> None:
    undecoded: Counter[str] = Counter()
    waiting = Fragments(undecoded)
    for number in range(20_000):
        waiting.add((b"ends", 17, number), 0, 0, True, bytes(8000))
    assert waiting.held <= fragments.MAX_BYTES + 8000
    assert len(waiting.pending) <= fragments.MAX_PENDING
    assert undecoded["IP fragments without the rest"] + len(waiting.pending) == 20_000


def test_ping_of_death() -> None:
    undecoded: Counter[str] = Counter()
    assert Fragments(undecoded).add((b"ends", 17, 1), 0, 65_528, False, bytes(100)) is None
    assert dict(undecoded) == {"malformed IP fragment": 1}


def test_an_atomic_fragment_is_whole() -> None:
    """RFC 6946."""
    assert Capture(pcap(pieces(WHOLE6, []), link=101)).calls == [(1, "1")]


def test_no_datagram_ends_behind_the_longest() -> None:
    """The total length of IPv4 has 16 bits (RFC 791): a last fragment may end at 65535, and no later."""
    for size, said in ((7, {"IP fragments without the rest": 1}), (8, {"malformed IP fragment": 1})):
        place = struct.pack(">HH", 7, 65528 >> 3)
        piece = WHOLE4[:2] + struct.pack(">H", 20 + size) + place + WHOLE4[8:20] + bytes(size)
        assert Capture(pcap([piece], link=101)).tally.undecoded == said

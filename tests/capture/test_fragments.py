"""IP fragments, IPv4 and IPv6: any order gives the datagram, an overlap never does, and memory stays bounded."""

from __future__ import annotations

import random
import struct
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pjsipdiag.capture import fragments
from pjsipdiag.capture.fragments import Fragments
from tests.capture.build import CLIENT, CLIENT6, SERVER, SERVER6, Capture, media, pcap, sip, udp

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


@settings(deadline=None, max_examples=50)
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


def test_a_fragment_that_never_comes_is_counted() -> None:
    capture = Capture(pcap(pieces(WHOLE4, [800, 1480])[:2], link=101))
    assert (capture.calls, dict(capture.tally.undecoded)) == ([], {"IP fragments without the rest": 1})


def test_an_identification_that_is_used_again_later() -> None:
    frames = [pieces(WHOLE4, [1480])[0], *pieces(udp(sip(2, padding=3000)), [1480])]
    capture = Capture(pcap(frames, link=101, step=40_000_000_000))
    assert [number for _, number in capture.calls] == []
    frames = [frames[0], *[media()[14:]] * 40, *frames[1:]]
    capture = Capture(pcap(frames, link=101, step=1_000_000_000))
    assert [number for _, number in capture.calls] == ["2"]
    assert dict(capture.tally.undecoded) == {"IP fragments without the rest": 1}


def test_a_fragment_cut_by_the_snap_length() -> None:
    capture = Capture(pcap(pieces(WHOLE4, [1480]), link=101, snap=1000))
    assert (capture.calls, dict(capture.tally.undecoded)) == ([], {"IP fragment cut by the snap length": 2})


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

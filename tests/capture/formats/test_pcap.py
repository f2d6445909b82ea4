"""Classic captures: every variant of the format, media around the SIP, and every kind of damage."""

from __future__ import annotations

import struct
from collections.abc import Callable
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pjsipdiag.errors import CaptureError
from tests.capture.build import (
    CLIENT,
    CLIENT6,
    EPOCH,
    SERVER,
    SERVER6,
    Capture,
    ethernet,
    media,
    pcap,
    sip,
    udp,
)

pytestmark = pytest.mark.usefixtures("extensions")

STEP = 20_000_000


def call(number: int) -> bytes:
    return ethernet(udp(sip(number)))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "magic", [0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34], ids=["microseconds", "nanoseconds", "Kuznetzov"]
)
def test_formats(order: str, magic: int) -> None:
    capture = Capture(pcap([media(), call(1), media(), call(2)], order, magic))
    first = capture.datagrams[0]
    assert capture.calls == [(2, "1"), (4, "2")]
    assert (first.time, first.message().source, first.message().destination) == (EPOCH + STEP, CLIENT, SERVER)
    assert first.payload == sip(1)
    assert (capture.tally.records, capture.tally.truncated, dict(capture.tally.undecoded)) == (4, None, {})


KINDS = {
    "media": media(),
    "small media": media(20),
    "media from elsewhere": media(source=SERVER._replace(port=30000)),
    "media, IPv6": ethernet(udp(b"\x80" * 172, CLIENT6, SERVER6)),
    "media, VLAN": ethernet(udp(b"\x80" * 172), 0x8100),
    "no payload": ethernet(udp(b"")),
    "DNS": ethernet(udp(b"Sn\1\0\0\1" + bytes(30))),
    "keep-alive": ethernet(udp(b"\r\n\r\n")),
    "ARP": bytes(12) + b"\x08\x06" + bytes(46),
    "short": b"\1\2\3",
}


def packet_kind(packet: bytes) -> bytes:
    return b"\x08\0" if packet[0] >> 4 == 4 else b"\x86\xdd"


CALLS: dict[str, Callable[[bytes], bytes]] = {
    "Ethernet": lambda packet: bytes(12) + packet_kind(packet) + packet,
    "VLAN": lambda packet: ethernet(packet, 0x8100),
    "QinQ": lambda packet: ethernet(packet, 0x88A8, 0x8100),
    "padded": lambda packet: ethernet(packet) + bytes(17),
}


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.sampled_from(sorted(KINDS)), st.sampled_from(sorted(CALLS))),
            st.one_of(st.integers(1, 4), st.sampled_from([17, 40, 600])),
        ),
        max_size=12,
    ),
    st.booleans(),
)
def test_messages_among_anything_else(pattern: list[tuple[str, int]], six: bool) -> None:
    """Runs of any length of any records, in any order: each message is found with its frame."""
    frames: list[bytes] = []
    expected = []
    ends = (CLIENT6, SERVER6) if six else (CLIENT, SERVER)
    for kind, count in pattern:
        for _ in range(count):
            if kind in CALLS:
                expected.append((len(frames) + 1, str(len(frames))))
                frames.append(CALLS[kind](udp(sip(len(frames)), *ends)))
            else:
                frames.append(KINDS[kind])
    capture = Capture(pcap(frames))
    assert capture.calls == expected
    assert capture.tally.records == len(frames)


def test_empty_lines_before_the_request() -> None:
    assert Capture(pcap([ethernet(udp(b"\r\n\r\n" + sip(1)))])).calls == [(1, "1")]


@pytest.mark.parametrize("method", ["INVITE", "FOO", "x-y"])
def test_any_method_on_any_port(method: str) -> None:
    frame = ethernet(udp(sip(1, method), CLIENT, SERVER._replace(port=2152)))
    assert Capture(pcap([frame])).datagrams[0].message().method == method


def test_much_more_than_one_window() -> None:
    """Frames of 60 kB, so that many of them meet the end of a window in all their parts."""
    frames = [ethernet(udp(sip(number, padding=60_000 - number))) for number in range(60)]
    assert Capture(pcap(frames)).calls == [(number + 1, str(number)) for number in range(60)]


def test_longest_packets() -> None:
    """A frame of libpcap's greatest length, mostly trailer."""
    frames = [call(1), call(2) + bytes(262_144 - len(call(2))), call(3)] * 6
    assert [number for _, number in Capture(pcap(frames)).calls] == ["1", "2", "3"] * 6


def test_snap_length() -> None:
    capture = Capture(pcap([ethernet(udp(sip(1, padding=500)))] * 2, snap=300))
    assert capture.calls == [(1, "1"), (2, "1")]
    assert [datagram.truncated for datagram in capture.datagrams] == [True, True]
    assert capture.datagrams[0].payload == sip(1, padding=500)[: 300 - 42]


@pytest.mark.parametrize("kind", ["call", "media"])
def test_cut_anywhere_in_the_last_record(kind: str) -> None:
    raw = pcap([media(), call(1), call(2) if kind == "call" else media()])
    start = len(pcap([media(), call(1)]))
    for end in range(start + 1, len(raw)):
        capture = Capture(raw[:end])
        assert capture.calls == [(2, "1")]
        assert capture.tally.truncated == f"cut in the middle of record 3 at byte {start}"
        assert capture.tally.records == 2


def test_cut_between_records_is_no_damage() -> None:
    assert Capture(pcap([call(1)])).tally.truncated is None


@pytest.mark.parametrize("length", [0, 7, 300, 100_000, 0x10000000, 0xFFFFFFFF])
@pytest.mark.parametrize("spoilt", ["call", "media"])
def test_a_record_with_a_wrong_length_costs_only_itself(length: int, spoilt: str) -> None:
    frames = [media(), call(1), media(), call(2) if spoilt == "call" else media()] + [media(), call(3)] * 40
    raw = bytearray(pcap(frames))
    at = len(pcap(frames[:3]))
    struct.pack_into("<I", raw, at + 8, length)
    capture = Capture(bytes(raw))
    found = [number for _, number in capture.calls]
    assert [number for number in found if number != "2"] == ["1"] + ["3"] * 40
    assert capture.tally.undecoded["damaged records"] == 1
    assert any("damaged at byte" in note for note in capture.tally.notes)


def test_bytes_that_are_no_records() -> None:
    before, after = [media(), call(1)] * 20, [media(), call(2)] * 20
    junk = bytes(range(256)) * 20
    raw = pcap(before) + junk + pcap(after)[24:]
    capture = Capture(raw)
    assert [number for _, number in capture.calls] == ["1"] * 20 + ["2"] * 20
    start, end = len(pcap(before)), len(pcap(before)) + len(junk)
    assert capture.tally.notes == [f"damaged at byte {start}: read on at byte {end}"]


def test_nothing_readable_after_the_damage() -> None:
    capture = Capture(pcap([call(1)]) + b"\xee" * 5000)
    assert capture.calls == [(1, "1")]
    at = len(pcap([call(1)]))
    assert capture.tally.truncated == f"damaged after record 1 at byte {at}: nothing readable follows"


@pytest.mark.parametrize("cut", [0, 30], ids=["whole", "the first one cut"])
def test_captures_appended_to_one_another(cut: int) -> None:
    first = pcap([media(), call(1), media()])
    raw = first[: len(first) - cut] + pcap([udp(sip(2)), udp(sip(3))] * 10, ">", 0xA1B23C4D, link=101)
    capture = Capture(raw)
    assert [number for _, number in capture.calls] == ["1"] + ["2", "3"] * 10
    assert capture.datagrams[-1].time == EPOCH + 19 * STEP


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "the file is empty"),
        (b"hello world, this is no capture", "neither a capture"),
        (pcap([])[:20], "cut short"),
        (pcap([])[:4], "4 of 24 bytes"),
        (b"snoop\0\0\0\0\0\0\2\0\0\0\4", "a capture of snoop .Solaris., .* `editcap FILE capture.pcap`"),
        (b"GMBU\1\2\1\0", "a capture of Network Monitor 2"),
    ],
)
def test_files_that_are_no_captures(raw: bytes, words: str) -> None:
    with pytest.raises(CaptureError, match=words) as error:
        Capture(raw)
    assert str(error.value).startswith("capture: ")
    assert "\n" not in str(error.value)


def test_unknown_link_type_is_counted() -> None:
    capture = Capture(pcap([bytes(60)], link=147))
    assert (capture.calls, dict(capture.tally.undecoded)) == ([], {"link type 147 without IP": 1})


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("field", "value"), [(1, 1_000_000), (1, 0xFFFFFFFF), (3, 0), (3, 20)], ids=["rounded", "fraction", "zero", "small"]
)
@pytest.mark.parametrize("odd", [{1}, {17}, {30}, {10, 11, 12}, set(range(1, 31))], ids=str)
def test_odd_headers_lose_no_record(order: str, field: int, value: int, odd: set[int]) -> None:
    """Some programs write 1,000,000 microseconds, or an original length that is smaller than the captured one."""
    raw, at = bytearray(pcap([call(number) for number in range(1, 31)], order)), 24
    for number in range(1, 31):
        size = struct.unpack_from(order + "I", raw, at + 8)[0]
        if number in odd:
            struct.pack_into(order + "I", raw, at + 4 * field, value)
        at += 16 + size
    capture = Capture(bytes(raw))
    assert capture.calls == [(number, str(number)) for number in range(1, 31)]
    assert (dict(capture.tally.undecoded), capture.tally.truncated) == ({}, None)


def test_odd_headers_around_the_end_of_the_window() -> None:
    frames = [media(1000)] * 2000 + [call(1)]
    raw = bytearray(pcap(frames))
    size = 16 + len(frames[0])
    for number in range(0, 2000, 7):
        struct.pack_into("<I", raw, 24 + number * size + 4, 1_000_000)
    assert Capture(bytes(raw)).calls == [(2001, "1")]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("size", [1, 63, 64, 100, 4096, 1 << 20, (1 << 20) + 7])
def test_a_hole_of_zeros_is_damage(order: str, size: int) -> None:
    frames = [call(number) for number in range(1, 31)]
    raw = pcap(frames, order)
    at = len(pcap(frames[:10], order))
    capture = Capture(raw[:at] + bytes(size) + raw[at:])
    assert [number for _, number in capture.calls] == [str(number) for number in range(1, 31)]
    assert dict(capture.tally.undecoded) == {"damaged records": 1}


def test_records_of_time_0_behind_a_hole_of_zeros() -> None:
    frames = [call(number) for number in range(1, 31)]
    raw = bytearray(pcap(frames))
    for number in range(1, 31):
        struct.pack_into("<II", raw, len(pcap(frames[: number - 1])), 0, number)
    at = len(pcap(frames[:10]))
    capture = Capture(bytes(raw[:at]) + bytes(4096) + bytes(raw[at:]))
    assert [number for _, number in capture.calls] == [str(number) for number in range(1, 31)]


def test_a_large_hole_of_zeros_costs_little() -> None:
    raw = pcap([call(number) for number in range(1, 31)])
    begun = process_time()
    assert len(Capture(raw + bytes(100 << 20) + raw[24:]).calls) == 60
    assert process_time() - begun < 2  # where each byte was looked at it took 4 s


@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B2CD34])
@pytest.mark.parametrize("order", ["<", ">"])
def test_four_bytes_that_are_gone_shift_no_header(order: str, magic: int) -> None:
    """The fields behind them look like a header whose original length is odd, but its seconds are microseconds."""
    raw = pcap([call(number) for number in range(1, 61)], order, magic)
    at = len(pcap([call(number) for number in range(1, 11)], order, magic)) - 40
    capture = Capture(raw[:at] + raw[at + 4 :])
    assert {number for _, number in capture.calls} >= {str(number) for number in (*range(1, 10), *range(12, 61))}
    assert dict(capture.tally.undecoded)["damaged records"] == 1

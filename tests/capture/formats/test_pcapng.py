"""pcapng: sections, interfaces and every block that can hold a packet, whole and damaged."""

from __future__ import annotations

import struct
from time import process_time

import pytest

from tests.capture.build import (
    EPOCH,
    SERVER,
    Capture,
    block,
    enhanced,
    ethernet,
    interface,
    media,
    option,
    section,
    sip,
    tcp,
    udp,
)

pytestmark = pytest.mark.usefixtures("extensions")


def call(number: int) -> bytes:
    return ethernet(udp(sip(number)))


@pytest.mark.parametrize("order", ["<", ">"])
def test_byte_orders(order: str) -> None:
    micro = EPOCH // 1000
    packets = [enhanced(frame, micro, order=order) for frame in (media(), call(1), media(), call(2))]
    capture = Capture(section(order) + interface(order=order) + b"".join(packets))
    assert capture.calls == [(2, "1"), (4, "2")]
    assert capture.datagrams[0].time == EPOCH
    assert (capture.tally.records, capture.tally.truncated, dict(capture.tally.undecoded)) == (4, None, {})


@pytest.mark.parametrize(
    ("resolution", "ticks"),
    [
        (b"", EPOCH // 1000),
        (b"\x06", EPOCH // 1000),
        (b"\x09", EPOCH),
        (b"\x03", EPOCH // 1_000_000),
        (b"\x0c", 1_760_000_000 * 10**12 % 2**64),
        (b"\x8a", 1_760_000_000 << 10),
        (b"\x81", 1_760_000_000 << 1),
    ],
)
def test_time_resolution(resolution: bytes, ticks: int) -> None:
    options = option(9, resolution) if resolution else b""
    capture = Capture(section() + interface(options=options) + enhanced(call(1), ticks))
    expected = EPOCH if resolution != b"\x0c" else ticks // 1000
    assert capture.datagrams[0].time == expected


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("flags", "direction"),
    [(0, ""), (1, "in"), (0b00101, "in"), (0b10001, ""), (2, "out"), (0b00110, "out"), (3, ""), (0xFF00_0001, "in")],
)
@pytest.mark.parametrize("padding", [0, 1, 2, 3])
def test_packets_that_say_their_direction(order: str, flags: int, direction: str, padding: int) -> None:
    """Option 2 of an enhanced packet block, behind a comment; a stream's messages have that of their segment."""
    said = option(1, b"a comment", order) + option(2, struct.pack(order + "I", flags), order) + option(0, b"", order)
    whole = ethernet(udp(sip(1, padding=padding)))
    frames = [whole, ethernet(udp(sip(2, padding=padding)), 0x8100), ethernet(tcp(sip(3, padding=padding)))]
    packets = [enhanced(frame, EPOCH // 1000, order=order, options=said) for frame in (*frames, *frames)]
    capture = Capture(section(order) + interface(order=order) + b"".join(packets) + enhanced(whole, 0, order=order))
    assert [datagram.direction for datagram in capture.datagrams] == [direction] * (len(capture.datagrams) - 1) + [""]
    assert len(capture.datagrams) == 6  # what a stream repeats is told once


@pytest.mark.parametrize("order", ["<", ">"])
def test_time_offset(order: str) -> None:
    options = option(2, b"eth0", order) + option(14, struct.pack(order + "q", -3600), order) + option(0, b"", order)
    raw = section(order) + interface(options=options, order=order) + enhanced(call(1), EPOCH // 1000, order=order)
    assert Capture(raw).datagrams[0].time == EPOCH - 3600 * 10**9


def test_interfaces_with_their_own_link_types_and_sections() -> None:
    first = section() + interface(1) + interface(101, option(9, b"\x09"))
    first += b"".join(
        enhanced(call(number), EPOCH // 1000) if number % 3 else enhanced(udp(sip(number)), EPOCH, 1)
        for number in range(1, 40)
    )
    second = section(">") + interface(101, order=">") + enhanced(udp(sip(40)), EPOCH // 1000, order=">")
    capture = Capture(first + second + section() + interface(1) + enhanced(call(41), EPOCH // 1000))
    assert capture.calls == [(number, str(number)) for number in range(1, 42)]
    assert {datagram.time for datagram in capture.datagrams} == {EPOCH}


def test_other_blocks_that_hold_packets() -> None:
    frame = call(1)
    simple = block(3, struct.pack("<I", len(frame)) + frame)
    obsolete = block(2, struct.pack("<HHIIII", 0, 3, 0, 5, len(frame), len(frame)) + frame)
    with_options = enhanced(frame, EPOCH // 1000, options=option(1, b"a comment") + option(0, b""))
    capture = Capture(section() + interface() + with_options + simple + obsolete)
    assert capture.calls == [(1, "1"), (2, "1"), (3, "1")]


def test_simple_packets_are_cut_at_the_snap_length() -> None:
    frame = ethernet(udp(sip(1, padding=500)))
    capture = Capture(section() + interface(snap=300) + block(3, struct.pack("<I", len(frame)) + frame[:300]))
    assert capture.datagrams[0].payload == sip(1, padding=500)[:258]
    assert capture.datagrams[0].truncated


def test_unknown_blocks_are_stepped_over() -> None:
    other = (
        block(0x0BAD, b"\6\0\0\0" * 9) + block(4, b"names") + block(5, bytes(30)) + block(0x40000BAD, bytes(2_000_000))
    )
    raw = section() + other + interface() + other + enhanced(media(), 1) + other + enhanced(call(1), 2)
    capture = Capture(raw)
    assert capture.calls == [(2, "1")]
    assert capture.tally.truncated is None
    assert not capture.tally.undecoded


def test_a_packet_of_an_interface_that_nothing_describes() -> None:
    capture = Capture(section() + interface() + enhanced(call(1), 1, 5) + enhanced(call(2), 1))
    assert capture.calls == [(2, "2")]
    assert dict(capture.tally.undecoded) == {"packet of an interface that is not described": 1}


@pytest.mark.parametrize("count", [1, 3, 30, 700])
def test_runs_end_where_something_else_stands(count: int) -> None:
    """Blocks of one length: media of another interface, another type, or a call of just that length."""
    frame = call(1)
    noise = ethernet(udp(b"\x80" * (len(frame) - 42), SERVER))
    lead = section() + interface() + interface(101)
    run = b"".join(enhanced(noise, 1) for _ in range(count))
    custom = bytearray(enhanced(noise, 1))
    struct.pack_into("<I", custom, 0, 0x0BAD)
    capture = Capture(
        lead + run + bytes(custom) + run + enhanced(frame, 1) + run + enhanced(noise, 1, 1) + enhanced(frame, 1)
    )
    assert capture.calls == [(2 * count + 1, "1"), (3 * count + 3, "1")]
    assert capture.tally.records == 3 * count + 3


def test_cut_anywhere_in_the_last_block() -> None:
    whole = section() + interface() + enhanced(media(), 1) + enhanced(call(1), 1)
    raw = whole + enhanced(call(2), 1)
    for end in range(len(whole) + 1, len(raw)):
        capture = Capture(raw[:end])
        assert capture.calls == [(2, "1")]
        assert capture.tally.truncated == f"cut in the middle of record 3 at byte {len(whole)}"


@pytest.mark.parametrize("length", [0, 4, 12, 60, 70_000, 0xFFFFFFF0])
@pytest.mark.parametrize("spoilt", ["call", "media"])
def test_a_block_with_a_wrong_length_costs_only_itself(length: int, spoilt: str) -> None:
    lead = section() + interface() + enhanced(media(), 1) * 3 + enhanced(call(1), 1) + enhanced(media(), 1)
    damaged = bytearray(enhanced(call(2) if spoilt == "call" else media(), 1))
    struct.pack_into("<I", damaged, 4, length)
    capture = Capture(lead + bytes(damaged) + (enhanced(media(), 1) + enhanced(call(3), 1)) * 20)
    assert [number for _, number in capture.calls if number != "2"] == ["1"] + ["3"] * 20
    assert capture.tally.undecoded["damaged records"] == 1
    assert any("damaged at byte" in note for note in capture.tally.notes)


def test_decryption_secrets_are_pointed_out() -> None:
    secrets = block(10, struct.pack("<II", 0x544C534B, 4) + b"abcd")
    assert any("--reader wireshark" in note for note in Capture(section() + interface() + secrets).tally.notes)


@pytest.mark.parametrize("length", [0, 4, 27, 0xFFFFFFFF])
def test_a_section_header_with_a_wrong_length_ends(length: int) -> None:
    damaged = bytearray(section())
    struct.pack_into("<I", damaged, 4, length)
    for raw in (bytes(damaged), bytes(damaged[:29]) + b"\1", bytes(damaged) + interface() + enhanced(call(1), 1)):
        assert Capture(raw).tally.records <= 1


def test_many_empty_sections_cost_little_and_no_packet() -> None:
    begun = process_time()
    found = Capture(section() * 45_000 + section() + interface() + enhanced(call(1), EPOCH // 1000))
    assert found.calls == [(1, "1")]
    assert process_time() - begun < 5  # the window was copied for each of them: 20 s


def test_a_time_that_cannot_be_true_costs_no_packet() -> None:
    frames = [ethernet(udp(sip(number))) for number in range(3)]
    ticks = (1_760_000_000_000_000, 0xFFFFFFFF_FFFFFFFF, 1_760_000_001_000_000)
    blocks = b"".join(enhanced(frame, at) for frame, at in zip(frames, ticks, strict=True))
    found = Capture(section() + interface() + blocks)
    assert [call for _, call in found.calls] == ["0", "1", "2"]
    assert found.tally.undecoded == {"time that cannot be true": 1}
    assert [datagram.time // 1000 for datagram in found.datagrams] == [ticks[0], ticks[0], ticks[2]]

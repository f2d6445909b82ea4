"""The compiled loop does what the loops of `pcap.py` and `pcapng.py` do, whatever the bytes are."""

from __future__ import annotations

import io
import struct
from itertools import chain, zip_longest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pjsipdiag.capture import Dissector, Tally, read_stream
from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.capture.fast import compiled
from pjsipdiag.capture.source import window
from pjsipdiag.sip import Address
from tests.capture.build import (
    ACK,
    CLIENT,
    CLIENT6,
    EPOCH,
    PSH,
    SERVER,
    SERVER6,
    SYN,
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
from tests.capture.build import pcap as capture_of
from tests.capture.packets.test_fragments import pieces

pytestmark = pytest.mark.skipif(compiled.passed is None, reason="needs a C compiler when pjsipdiag is installed")

TEXTS = (
    b"HEP3",
    b"Snort",
    b"SIP/2.0 200 OK\r\n",
    b"SIP/2.0 604 x\r\n",
    b"BYE sip:a",
    b"A" * 40,
    b"\r\n\r\nINVITE sip:a",
)
PAYLOADS = st.one_of(
    st.sampled_from([sip(1), sip(2, "REGISTER"), sip(3, "X"), sip(4, padding=1200), b"", *TEXTS]),
    st.builds(lambda first, rest: bytes((first,)) + rest, st.integers(0, 255), st.binary(max_size=40)),
)
PORTS = st.sampled_from([0, 5060, 5062, 20000, 2152, 4789, 65535])
FOUR = st.builds(lambda one, two: (Address("203.0.113.13", one), Address("192.0.2.1", two)), PORTS, PORTS)
ENDS = st.one_of(FOUR, st.just((CLIENT, SERVER)), st.just((CLIENT6, SERVER6)))
FLAGS = st.sampled_from([ACK, ACK, ACK | PSH, SYN, 0])
PACKETS = st.one_of(
    st.builds(lambda payload, ends: udp(payload, *ends), PAYLOADS, ENDS),
    st.builds(
        lambda payload, at, flags, ends: tcp(payload, at, flags, *ends), PAYLOADS, st.integers(0, 3), FLAGS, ENDS
    ),
)
FRAMES = st.one_of(
    st.builds(lambda packet, tags: ethernet(packet, *tags), PACKETS, st.sampled_from([(), (), (0x8100,)])),
    st.sampled_from([media(), media(20), b"", bytes(12) + b"\x08\x06" + bytes(46)]),
)
CLASSIC = st.builds(
    capture_of,
    st.lists(FRAMES, min_size=1, max_size=30),
    st.sampled_from("<>"),
    st.sampled_from([0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34]),
)


def pcapng(frames: list[tuple[bytes, str]], order: str, options: bytes) -> bytes:
    """Two interfaces, of which the first has these options; a packet block or another one for each frame."""
    ticks, parts = EPOCH // 1000, [section(order), interface(1, options, order), interface(1, b"", order)]
    for number, (frame, kind) in enumerate(frames):
        if kind == "simple":
            parts.append(block(3, struct.pack(order + "I", len(frame)) + frame, order))
        elif kind == "other":
            parts.append(block(0x0BAD, frame, order))
        else:
            told = option(2, struct.pack(order + "I", 1), order) if kind == "flags" else b""
            when = 1 << 63 if kind == "late" else ticks + number
            parts.append(enhanced(frame, when, kind == "second", order, told + b"\0\0\0\0" * (kind == "end")))
    return b"".join(parts)


KINDS = st.sampled_from(["plain", "plain", "plain", "flags", "end", "late", "second", "simple", "other"])
TICKS = st.sampled_from([b"", *(b"\x09\0\1\0" + bytes((resolution, 0, 0, 0)) for resolution in (0, 6, 9, 12, 0x8A))])
OFFSETS = st.sampled_from([b"", b"\x0e\0\x08\0" + bytes(7) + b"\xff"])
BLOCKS = st.builds(
    lambda frames, order, ticks, offset: pcapng(frames, order, (ticks + offset) if order == "<" else b""),
    st.lists(st.tuples(FRAMES, KINDS), min_size=1, max_size=30),
    st.sampled_from("<<>"),
    TICKS,
    OFFSETS,
)
DAMAGE = st.tuples(st.integers(0, 1 << 16), st.integers(0, 255))


class Noting(Dissector):
    """A dissector that notes the ports of what is passed over, as one of a part of a capture does."""

    def __init__(self, tally: Tally) -> None:
        super().__init__(tally)
        self.passed = set()


def outcome(raw: bytes, kind: type[Dissector]) -> tuple[object, ...]:
    """All messages and counts, and what is remembered of flows."""
    tally = Tally("capture")
    dissector = kind(tally)
    found = list(read_stream(io.BytesIO(raw), tally, dissector))
    assert all(isinstance(datagram, Datagram) for datagram in found)
    table = dissector.table
    flows = [(flow, vars_of(state)) for flow, state in table.flows.items()]
    fragments = dissector.fragments
    waiting = [*fragments.pending.items()], fragments.held, fragments.given_up
    kept = dissector.passed, dissector.ports, flows, table.waiting, waiting
    return found, list(map(type, found)), tally, *kept


def vars_of(thing: object) -> object:
    """What a flow and all in it remember."""
    names = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    if not names or isinstance(thing, (tuple, Tally)):
        return thing
    return type(thing), [vars_of(getattr(thing, name)) for name in names if name != "undecoded"]


def same(raw: bytes) -> None:
    for kind in (Dissector, Noting):
        quick = outcome(raw, kind)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(compiled, "passed", None)
            assert outcome(raw, kind) == quick


@settings(max_examples=300, derandomize=True)
@given(st.one_of(CLASSIC, BLOCKS), st.lists(DAMAGE, max_size=8), st.integers(0, 99))
def test_same_as_the_loop_in_python(raw: bytes, damage: list[tuple[int, int]], cut: int) -> None:
    """Whole captures, damaged ones and ones that end too early."""
    same(raw)
    damaged = bytearray(raw)
    for at, value in damage:
        damaged[28 + at % (len(raw) - 28)] = value
    same(bytes(damaged))
    same(raw[: max(len(raw) - cut, 28)])


HEAD = b"INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/TCP a\r\n"
SPOKEN = st.one_of(
    st.builds(
        sip, st.integers(0, 99), st.sampled_from(["INVITE", "BYE", "OPTIONS", "X"]), st.sampled_from([0, 5, 3000])
    ),
    st.sampled_from(
        [b"\r\n\r\n", b"\r\n", b"\n", b"junk\r\n", b"\0", b"SIP/2.0 200 OK\r\nContent-Length: 2\r\n\r\n\r\n"]
    ),
    st.sampled_from(
        [
            *(b"\r\n", b"l: 3\r\n\r\nabc", b"Content-Length: 3 \r\n\r\nabc", b"Content-Length:3\r\n\r\nabc"),
            *(b"Content-Length: 000003\r\n\r\nabc", b"Content-Length: 3x\r\n\r\n", b"content-length: 1\r\n\r\na"),
            *(b"X: a\n\nContent-Length: 1\r\n\r\na", b"Content-Length: 99999999\r\n\r\n", b"Content-Length: \r\n\r\n"),
        ]
    ).map(HEAD.__add__),
)
"""What a side of a connection says: messages as most are, and as few are."""
SIDE = st.tuples(st.lists(SPOKEN, min_size=1, max_size=12), st.lists(st.integers(1, 900), min_size=1, max_size=6))
"""This, and how long its segments are, over and over."""
CHANGES = st.lists(
    st.tuples(st.sampled_from(["swap", "again", "lose", "fin", "deaf", "psh"]), st.integers(0, 60)), max_size=4
)


def segment(payload: bytes, at: int, flags: int, inbound: bool, acknowledges: int = 7001) -> bytes:
    packet = bytearray(tcp(payload, at, flags, *((CLIENT, SERVER) if inbound else (SERVER, CLIENT))))
    packet[28:32] = struct.pack(">I", acknowledges)
    return bytes(packet)


def connection(sides: tuple[tuple[list[bytes], list[int]], ...], changes: list[tuple[str, int]]) -> list[bytes]:
    """The packets of a connection whose sides say this, one segment after the other, but for some changes."""
    said = []
    for inbound, (texts, sizes) in zip((True, False), sides, strict=True):
        at, stream = 0, b"".join(texts)
        pieces = list[bytes]()
        while at < len(stream):
            size = sizes[len(pieces) % len(sizes)]
            pieces.append(segment(stream[at : at + size], at, ACK, inbound))
            at += size
        said.append(pieces)
    packets = [packet for pair in zip_longest(*said) for packet in pair if packet]
    for what, where in changes:
        at = where % len(packets)
        if what == "swap":
            packets[at : at + 3] = packets[at : at + 3][::-1]
        elif what == "again":
            packets.insert(at, packets[max(at - 3, 0)])
        elif what == "lose" and len(packets) > 1:
            del packets[at]
        else:
            changed = bytearray(packets[at])
            changed[32:34] = bytes((0x50, {"fin": ACK | 1, "psh": ACK | PSH}.get(what, ACK)))
            changed[28:32] = changed[28:32] if what != "deaf" else bytes(4)
            packets[at] = bytes(changed)
    return [segment(b"", -1, SYN, True, 0), segment(b"", -1, SYN | ACK, False), *packets]


@settings(max_examples=300, derandomize=True)
@given(st.lists(st.builds(connection, st.tuples(SIDE, SIDE), CHANGES), min_size=1, max_size=2), st.booleans())
def test_connections_are_followed_alike(connections: list[list[bytes]], noise: bool) -> None:
    frames = [ethernet(packet) for packets in connections for packet in packets]
    frames = [media(), *frames, media()] if noise else frames
    same(capture_of(frames))
    same(section() + interface(1) + b"".join(enhanced(frame, EPOCH // 1000 + at) for at, frame in enumerate(frames)))


def test_a_connection_does_not_stop_the_compiled_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once both sides have shown themselves, whole and split messages are taken without a look at each segment."""
    passed, stops = compiled.passed, []
    assert passed is not None

    def counted(*arguments: object) -> object:
        stops.append(0)
        return passed(*arguments)  # type: ignore[arg-type]  # as they come

    monkeypatch.setattr(compiled, "passed", counted)
    side = [sip(number, padding=number % 3 * 400) for number in range(300)], [1460, 300, 77]
    found = list(read_stream(io.BytesIO(capture_of(map(ethernet, connection((side, side), [])))), Tally("capture")))
    assert len(found) == 600
    assert len(stops) < 20


FRAGMENTED = st.builds(
    lambda number, padding, ends, size, changed: fragments(
        udp(sip(number, padding=padding), *ends), number, size, changed
    ),
    *(st.integers(0, 3), st.sampled_from([0, 900, 3000]), FOUR, st.sampled_from([8, 400, 1480])),
    st.lists(st.tuples(st.sampled_from(["swap", "again", "lose", "cut", "other"]), st.integers(0, 9)), max_size=2),
)


def fragments(packet: bytes, number: int, size: int, changes: list[tuple[str, int]]) -> list[bytes]:
    """A packet in fragments of this size, one after the other but for some changes."""
    found = pieces(packet, list(range(size, min(len(packet) - 20, 8 * size), size)), number)
    for what, where in changes:
        at = where % len(found)
        if what == "swap":
            found[at : at + 2] = found[at : at + 2][::-1]
        elif what == "again":
            found.insert(at, found[0])
        elif what == "lose" and len(found) > 1:
            del found[at]
        elif what == "cut":
            found[at] = found[at][:-1]
        else:
            found[at] = found[at][:-1] + b"x"
    return found


@settings(max_examples=200, derandomize=True)
@given(st.lists(st.one_of(FRAGMENTED, FRAMES.map(lambda frame: [frame[14:]])), min_size=1, max_size=9), st.booleans())
def test_fragments_are_put_together_alike(packets: list[list[bytes]], mixed: bool) -> None:
    found = [ethernet(packet) for packet in chain.from_iterable(zip_longest(*packets) if mixed else packets) if packet]
    same(capture_of([media(), *found]))
    same(section() + interface(1) + b"".join(enhanced(frame, EPOCH // 1000 + at) for at, frame in enumerate(found)))


@pytest.mark.parametrize("link", [1, 101, 113, 276])
def test_same_wherever_a_window_ends(link: int, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {1: bytes(12) + b"\x08\0", 101: b"", 113: bytes(14) + b"\x08\0", 276: b"\x08\0" + bytes(18)}[link]
    packets = (udp(sip(1)), udp(b"\x80" * 172), tcp(b"\0" * 9), udp(b"\0dns"), tcp(b"", 0, SYN), udp(sip(2, "BYE")))
    frames = [before + packet for packet in packets] * 20
    blocks = b"".join(enhanced(frame, EPOCH // 1000) for frame in frames)
    raw, other = capture_of(frames, link=link), section() + interface(link) + blocks
    for size in range(2000, 2000 + 16 + len(before) + len(packets[0])):
        monkeypatch.setattr(window, "WINDOW_SIZE", size)
        same(raw)
        same(other)


def test_encapsulations_may_alternate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once each was met, nothing that takes turns between them makes the compiled loop stop."""
    passed, stops = compiled.passed, []
    assert passed is not None

    def counted(*arguments: object) -> object:
        stops.append(0)
        return passed(*arguments)  # type: ignore[arg-type]  # as they come

    monkeypatch.setattr(compiled, "passed", counted)
    six = ethernet(udp(b"\x80" * 160, CLIENT6, SERVER6))
    kinds = [media(), ethernet(udp(b"\x80" * 160), 0x8100), six, ethernet(udp(sip(1)))]
    blocks = [enhanced(kinds[at % 4], EPOCH // 1000, at % 3) for at in range(1200)]
    for raw in (capture_of(kinds * 300), section() + interface() * 3 + b"".join(blocks)):
        stops.clear()
        assert len(list(read_stream(io.BytesIO(raw), Tally("capture")))) == 300
        assert len(stops) < 20


def test_what_it_is_given_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans of another size or number, and places outside the buffer, are refused."""
    passed, plans = compiled.passed, []
    assert passed is not None

    def kept(*arguments: object) -> object:
        plans.append(bytes(arguments[6]))  # type: ignore[call-overload]  # they are bytes
        return passed(*arguments)  # type: ignore[arg-type]  # as they come

    monkeypatch.setattr(compiled, "passed", kept)
    outcome(capture_of([media()] * 40), Dissector)
    one = plans[0]

    def given(at: int, last: int, end: int, plans: bytes) -> tuple[int, int, int, int]:
        return passed(bytearray(300), at, 0, last, end, 0, plans, compiled.TABLES, Dissector(Tally("")), None, [])

    assert given(0, 140, 300, one) == (0, 0, 0, -1)
    for at, last, end, some in (
        *((0, 140, 300, wrong) for wrong in (b"", one[:-1], one + b"\0", one * 17, bytes(len(one)))),
        *((at, last, end, one) for at, last, end in ((-1, 140, 300), (0, 141, 300), (0, 140, 301))),
    ):
        with pytest.raises(ValueError, match="plan"):
            given(at, last, end, some)

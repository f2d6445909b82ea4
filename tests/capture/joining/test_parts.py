"""A capture that several processes share gives what one process gives."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from pjsipdiag.capture import Datagram, Handover, Tally, Unjoinable, join, read, read_on, read_part, split
from pjsipdiag.capture.joining import deferring, handover, parts
from pjsipdiag.capture.packets import fragments
from pjsipdiag.sip import Address
from tests.capture.build import (
    ACK,
    EPOCH,
    PSH,
    RST,
    SYN,
    block,
    enhanced,
    ethernet,
    interface,
    media,
    pcap,
    section,
    sip,
    tcp,
    udp,
    unreachable,
)
from tests.capture.files import stream
from tests.capture.packets.test_fragments import WHOLE4, pieces
from tests.capture.streams.test_tcp import invite

pytestmark = pytest.mark.usefixtures("extensions")


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "SMALLEST", 20_000)


def together(path: Path, jobs: int, joined: list[bool] | None = None) -> tuple[list[Datagram], Tally]:
    """What `jobs` processes find, one after the other here. With `joined` the rest is read where parts cannot be
    joined, and whether all could is added to it."""
    pieces_of_it = split(path, jobs)
    assert len(pieces_of_it) == jobs
    tallies, rests = [Tally(str(path)) for _ in pieces_of_it], [Handover() for _ in pieces_of_it]
    told = [list(read_part(*one)) for one in zip(pieces_of_it, tallies, rests, strict=True)]
    count = jobs
    while count:
        found, whole = list[Datagram](), Tally(str(path))
        for messages, tally in zip(told[:count], tallies, strict=False):
            found += [datagram._replace(frame=datagram.frame + whole.records) for datagram in messages]
            whole.merge(tally)
        try:
            dissector, told_late = join(rests[:count], whole)
        except Unjoinable as reason:
            if joined is None:
                raise
            count = reason.part
            continue
        if joined is not None:
            joined.append(count == jobs)
        if count < jobs:
            dissector, more = read_on(pieces_of_it[count], whole, dissector)
            told_late += more
        found += [*told_late, *dissector.finish(), *dissector.late]
        return sorted(found, key=lambda datagram: datagram.frame), whole
    return alone(path)


def alone(path: Path) -> tuple[list[Datagram], Tally]:
    tally = Tally(str(path))
    return sorted(read(path, tally), key=lambda datagram: datagram.frame), tally


def frames(count: int) -> list[bytes]:
    found = []
    for number in range(count):
        found += [media()] * (number % 7) + [ethernet(udp(sip(number)))] + [media(number % 300)]
        if number % 5 == 0:
            found += [bytes(12) + b"\x08\0" + piece for piece in pieces(WHOLE4, [1480], number)]
        if number % 11 == 0:
            found.append(bytes(9))
    return found


@pytest.mark.parametrize("jobs", [2, 3, 7])
@pytest.mark.parametrize("order", ["<", ">"])
def test_classic(tmp_path: Path, jobs: int, order: str) -> None:
    path = tmp_path / "capture.pcap"
    path.write_bytes(pcap(frames(200), order))
    assert together(path, jobs) == alone(path)


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng(tmp_path: Path, order: str) -> None:
    path = tmp_path / "capture.pcapng"
    blocks = [enhanced(frame, EPOCH // 1000 + number, order=order) for number, frame in enumerate(frames(200))]
    path.write_bytes(section(order) + interface(order=order) + b"".join(blocks))
    assert together(path, 3) == alone(path)


def test_cut_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "capture.pcap"
    path.write_bytes(pcap(frames(200))[:-3])
    assert together(path, 3) == alone(path)
    assert alone(path)[1].truncated


@pytest.mark.parametrize("size", [2, 50, 977])
def test_fragments_on_both_sides_of_a_seam(tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "SMALLEST", 1000)
    path = tmp_path / "capture.pcap"
    found: list[bytes] = []
    for number in range(5):
        fragments = [bytes(12) + b"\x08\0" + piece for piece in pieces(WHOLE4, [1000, 2000], number)]
        found += [media(size)] * 40 + fragments[:2] + [media(size)] * 30 + fragments[2:]
    path.write_bytes(pcap(found))
    assert together(path, 2) == alone(path)
    assert len(alone(path)[0]) == 5


def test_an_identification_used_on_both_sides_of_a_seam_is_for_one_process(tmp_path: Path) -> None:
    """Whether the second part's datagram is one depends on what the first left unfinished."""
    path = tmp_path / "capture.pcap"
    first, second = pieces(WHOLE4, [1480])
    path.write_bytes(pcap([*frames(90), ethernet(first), *frames(90), ethernet(second), ethernet(first)]))
    with pytest.raises(Unjoinable, match="several parts"):
        together(path, 2)


def fragmented(rnd: random.Random, numbers: int) -> list[bytes]:
    """Fragments of UDP, TCP and tunnels, in any order, repeated, missing and overlapping."""
    gre = struct.pack(">HH", 0, 0x0800)
    found: list[bytes] = []
    while len(found) < 400:
        number = rnd.randrange(numbers)
        packet = udp(sip(rnd.randrange(1000), padding=rnd.choice((0, 900, 3000))))
        kind = rnd.random()
        if kind < 0.1:
            packet = tcp(sip(number, padding=900), flags=rnd.choice((SYN, PSH | ACK, ACK)))
        elif kind < 0.2:
            inner = rnd.choice(pieces(packet, [480], number))
            packet = (
                packet[:2] + struct.pack(">H", 24 + len(inner)) + packet[4:9] + b"\x2f" + packet[10:20] + gre + inner
            )
        cuts = sorted({rnd.randrange(1, max(2, (len(packet) - 30) // 8)) * 8 for _ in range(rnd.randrange(1, 4))})
        some = pieces(packet, cuts, number)
        if rnd.random() < 0.3:
            rnd.shuffle(some)
        if rnd.random() < 0.1:
            some.pop()
        if rnd.random() < 0.1:
            some.insert(rnd.randrange(len(some) + 1), rnd.choice(pieces(packet, [8], number)))
        if rnd.random() < 0.1:
            some.append(rnd.choice(some))
        for piece in some:
            found += [media(rnd.randrange(9))] * rnd.choice((0, 0, 1, 5)) + [ethernet(piece)]
    return found


@cache
def fragments_of(seed: int, numbers: int, step: int) -> bytes:
    return pcap(fragmented(random.Random(seed), numbers), step=step)


@pytest.mark.parametrize(("pending", "held"), [(4096, 32 << 20), (30, 32 << 20), (4096, 20_000)])
@pytest.mark.parametrize("step", [20_000_000, 3_000_000_000], ids=["in time", "too late"])
@pytest.mark.parametrize("numbers", [200, 60_000])
def test_fragments_of_all_sorts(  # noqa: PLR0917  (what varies)
    numbers: int, step: int, pending: int, held: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts that can be joined give what one process gives, also where it gives up some of them for others."""
    for module in (fragments, handover):
        monkeypatch.setattr(module, "MAX_PENDING", pending)
        monkeypatch.setattr(module, "MAX_BYTES", held)
    path, joined = tmp_path / "capture.pcap", list[bool]()
    for seed in range(40):
        path.write_bytes(fragments_of(seed, numbers, step))
        expected = alone(path)
        for jobs in (2, 3):
            assert together(path, jobs, joined) == expected
    assert sum(joined) > 4


def test_damage_is_for_one_process(tmp_path: Path) -> None:
    """What lies before its part stays as it was read."""
    path = tmp_path / "capture.pcap"
    raw = bytearray(pcap(frames(200)))
    at = len(pcap(frames(50)))
    raw[at : at + 40] = b"\xff" * 40
    path.write_bytes(raw)
    with pytest.raises(Unjoinable, match="damaged"):
        together(path, 3)
    assert together(path, 3, []) == alone(path)


def test_interfaces_described_later_are_for_one_process(tmp_path: Path) -> None:
    path = tmp_path / "capture.pcapng"
    blocks = [enhanced(frame, number) for number, frame in enumerate(frames(200))]
    blocks.insert(len(blocks) // 2, interface(101))
    path.write_bytes(section() + interface() + b"".join(blocks))
    with pytest.raises(Unjoinable, match="interfaces"):
        together(path, 3)
    assert together(path, 3, []) == alone(path)


def _simple(frame: bytes) -> bytes:
    return block(3, struct.pack("<I", len(frame)) + frame + bytes(-len(frame) % 4))


@pytest.mark.parametrize("untimed", [_simple, lambda frame: enhanced(frame, (1 << 64) - 1)], ids=["simple", "untrue"])
def test_packets_without_a_time_are_for_one_process(untimed: Callable[[bytes], bytes], tmp_path: Path) -> None:
    """They take the time of the message before, which may lie in another part."""
    path = tmp_path / "capture.pcapng"
    blocks = [enhanced(frame, EPOCH // 1000 + number) for number, frame in enumerate(frames(200))]
    half = len(blocks) // 2
    blocks[half:half] = [untimed(ethernet(udp(sip(1000 + number)))) for number in range(100)]
    path.write_bytes(section() + interface() + b"".join(blocks))
    with pytest.raises(Unjoinable, match="no time"):
        together(path, 3)
    assert together(path, 3, []) == alone(path)
    assert min(datagram.time for datagram in alone(path)[0]) >= EPOCH


def connections(rnd: random.Random) -> list[bytes]:
    """TCP of few connections: opened or older than the capture, opened again, out of order, repeated, with gaps."""
    found: list[bytes] = []
    for number in range(rnd.randrange(4, 12)):
        source = Address("203.0.113.13", 40_000 + rnd.randrange(4))
        data = b"".join(sip(rnd.randrange(50), padding=rnd.choice((0, 700))) for _ in range(rnd.randrange(1, 5)))
        step = rnd.choice((90, 400, 1400))
        some = [tcp(data[at : at + step], at, source=source) for at in range(0, len(data), step)]
        if rnd.random() < 0.3:
            rnd.shuffle(some)
        if rnd.random() < 0.3:
            some.pop(rnd.randrange(len(some)))
        if rnd.random() < 0.7:
            some.insert(0, tcp(b"", -1, SYN, source))
        if rnd.random() < 0.2:
            some.insert(1, tcp(b"", -1, SYN, source))
        if rnd.random() < 0.2:
            some.append(tcp(b"\x16\x03\x01 not SIP", len(data), source=source))
        if rnd.random() < 0.3:
            some.append(tcp(b"", number, ACK, Address("192.0.2.1", 5060), source))
        if rnd.random() < 0.3:
            some.append(tcp(b"", rnd.choice((0, -7001)), RST | ACK, Address("192.0.2.1", 5060), source))
        if rnd.random() < 0.2:
            alert = tcp(b"\x15\x03\x03\0\2\2\x30", len(data), PSH, source=source)
            some += [alert, unreachable(alert)]
        for packet in some:
            found += [media(rnd.randrange(9))] * rnd.choice((0, 0, 3)) + [ethernet(packet)]
    return found


@pytest.mark.parametrize("step", [20_000_000, 3_000_000_000], ids=["in time", "too late"])
def test_connections_of_all_sorts(step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts that can be joined give what one process gives, wherever connections begin and end."""
    monkeypatch.setattr(parts, "SMALLEST", 2000)
    path, joined = tmp_path / "capture.pcap", list[bool]()
    for seed in range(60):
        path.write_bytes(pcap(connections(random.Random(seed)), step=step))
        for jobs in (2, 3):
            if len(split(path, jobs)) < jobs:
                continue
            assert together(path, jobs, joined) == alone(path), seed
    assert sum(joined) > 4


def opened_again(rnd: random.Random, unshown: float) -> list[bytes]:
    """Connections between the same ports, one after the other; some callers never hear the PBX, some stop too early."""
    found, ends = list[bytes](), (Address("203.0.113.13", 5060), Address("192.0.2.1", 5060))
    for number in range(30):
        at = {inbound: rnd.getrandbits(32) for inbound in (True, False)}
        hears = rnd.random() >= unshown

        def say(inbound: bool, flags: int, payload: bytes = b"") -> None:
            packet = bytearray(tcp(payload, 0, flags, *(ends if inbound else ends[::-1])))
            known = at[not inbound] if hears or not inbound else rnd.getrandbits(32)  # noqa: B023
            packet[24:32] = struct.pack(">II", at[inbound], known)  # noqa: B023
            at[inbound] = at[inbound] + len(payload) + bool(flags & SYN) & 0xFFFFFFFF  # noqa: B023
            found.extend([ethernet(bytes(packet)), *[media()] * rnd.randrange(3)])

        say(True, SYN)
        say(False, SYN | ACK)
        for inbound in (True, False, True):
            text = sip(number, padding=300)
            for piece in (text[:200], text[200 : -9 if rnd.random() < unshown / 4 else None]):
                say(inbound, PSH | ACK, piece)
    return found


@pytest.mark.parametrize("unshown", [0, 0.2])
def test_connections_between_the_same_ports(unshown: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever calls from one port again and again does not keep processes from sharing the work."""
    monkeypatch.setattr(parts, "SMALLEST", 2000)
    path = tmp_path / "capture.pcap"
    for seed in range(12):
        path.write_bytes(pcap(opened_again(random.Random(seed), unshown)))
        for jobs in (2, 3):
            found = together(path, jobs, [] if unshown else None)
            assert found == alone(path), seed
            assert list(map(type, found[0])) == list(map(type, alone(path)[0]))


def test_a_part_hands_back_no_more_than_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of connections that the part did not see opened: all of them, or none."""
    path = tmp_path / "capture.pcap"
    segments = [ethernet(tcp(sip(at), source=Address("203.0.113.13", 40_000 + at))) for at in range(10)]
    path.write_bytes(pcap([*segments, *[media()] * 250]))
    monkeypatch.setattr(deferring, "MOST_DEFERRED", sum(map(len, segments)))
    assert together(path, 2) == alone(path)
    monkeypatch.setattr(deferring, "MOST_DEFERRED", sum(map(len, segments)) - 1)
    with pytest.raises(Unjoinable, match="too many fragments or TCP segments"):
        together(path, 2)


def test_where_too_many_flows_were_passed_over_any_may_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "capture.pcap"
    web = Address("198.51.100.1", 443)
    others = [ethernet(tcp(bytes(1400), 0, ACK, Address("203.0.113.9", 9000 + at), web)) for at in range(1600)]
    over = stream(invite(1, b"x" * 900), 300, 41_000)
    path.write_bytes(pcap([*over[:3], *others, *over[3:]]))
    assert together(path, 2) == alone(path)
    assert len(alone(path)[0]) == 1
    monkeypatch.setattr(deferring, "MOST_PASSED", 10)
    with pytest.raises(Unjoinable, match="a TCP stream goes on"):
        together(path, 2)


@pytest.mark.parametrize("name", ["absent", "-"])
def test_what_is_no_file_is_one_part(tmp_path: Path, name: str) -> None:
    path = tmp_path / name if name != "-" else name
    assert [(part.start, part.end) for part in split(path, 4)] == [(0, handover.WHOLE)]


@pytest.mark.parametrize("raw", [b"", b"no capture" * 9000, pcap([media()])])
def test_what_cannot_be_split_is_one_part(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(raw)
    assert [(part.start, part.end) for part in split(path, 4)] == [(0, handover.WHOLE)]


def test_more_whole_datagrams_than_are_remembered_are_for_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "capture.pcap"
    path.write_bytes(pcap(frames(200)))
    assert together(path, 2) == alone(path)
    monkeypatch.setattr(deferring, "MOST_WHOLE", 3)
    with pytest.raises(Unjoinable, match="too many fragments"):
        together(path, 2)

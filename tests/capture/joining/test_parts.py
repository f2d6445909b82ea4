"""A capture that several processes share gives what one process gives."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from pjsipdiag.capture import UnjoinableError, split
from pjsipdiag.capture.joining import deferring, part_handover, parts
from pjsipdiag.capture.packets import fragments
from tests.bench.logs import write as write_log
from tests.capture.build import (
    ACK,
    EPOCH,
    PSH,
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
)
from tests.capture.joining.conftest import alone, together
from tests.capture.packets.test_fragments import WHOLE4, pieces

pytestmark = pytest.mark.usefixtures("extensions", "small_parts")


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


def test_a_log_is_worth_a_process_where_a_capture_of_its_size_is_not(tmp_path: Path) -> None:
    capture, log = tmp_path / "capture.pcap", tmp_path / "full.log"
    capture.write_bytes(pcap(frames(200)))
    write_log(log, "traces", 400_000)
    for path, least in ((capture, 1), (log, parts.OF_LOGS)):
        half = path.stat().st_size // 2
        assert [len(split(path, 2, size * least)) for size in (half, half + least)] == [2, 1]


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
    with pytest.raises(UnjoinableError, match="several parts"):
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
    for module in (fragments, part_handover):
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
    with pytest.raises(UnjoinableError, match="damaged"):
        together(path, 3)
    assert together(path, 3, []) == alone(path)


def test_interfaces_described_later_are_for_one_process(tmp_path: Path) -> None:
    path = tmp_path / "capture.pcapng"
    blocks = [enhanced(frame, number) for number, frame in enumerate(frames(200))]
    blocks.insert(len(blocks) // 2, interface(101))
    path.write_bytes(section() + interface() + b"".join(blocks))
    with pytest.raises(UnjoinableError, match="interfaces"):
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
    with pytest.raises(UnjoinableError, match="no time"):
        together(path, 3)
    assert together(path, 3, []) == alone(path)
    assert min(datagram.time for datagram in alone(path)[0]) >= EPOCH


@pytest.mark.parametrize("name", ["absent", "-"])
def test_what_is_no_file_is_one_part(tmp_path: Path, name: str) -> None:
    path = tmp_path / name if name != "-" else name
    assert [(part.start, part.end) for part in split(path, 4)] == [(0, part_handover.WHOLE)]


@pytest.mark.parametrize("raw", [b"", b"no capture" * 9000, pcap([media()])])
def test_what_cannot_be_split_is_one_part(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(raw)
    assert [(part.start, part.end) for part in split(path, 4)] == [(0, part_handover.WHOLE)]


def test_more_whole_datagrams_than_are_remembered_are_for_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "capture.pcap"
    path.write_bytes(pcap(frames(200)))
    assert together(path, 2) == alone(path)
    monkeypatch.setattr(deferring, "MOST_WHOLE", 3)
    with pytest.raises(UnjoinableError, match="too many fragments"):
        together(path, 2)

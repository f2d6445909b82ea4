"""A capture that several processes share gives what one process gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from pjsipdiag.capture import Datagram, Rest, Tally, Unjoinable, join, parts, read, read_part, split
from tests.capture.build import EPOCH, enhanced, ethernet, interface, media, pcap, section, sip, udp
from tests.capture.test_fragments import WHOLE4, pieces

pytestmark = pytest.mark.usefixtures("loop")


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "SMALLEST", 20_000)


def together(path: Path, jobs: int) -> tuple[list[Datagram], Tally]:
    """What `jobs` processes find, one after the other here."""
    pieces_of_it = split(path, jobs)
    assert len(pieces_of_it) == jobs
    found: list[Datagram] = []
    rests, whole, before = [], Tally(str(path)), 0
    for part in pieces_of_it:
        tally, rest = Tally(str(path)), Rest()
        found += [datagram._replace(frame=datagram.frame + before) for datagram in read_part(part, tally, rest)]
        rests.append(rest)
        before += tally.records
        whole.merge(tally)
    dissector, joined = join(rests, whole)
    found += [*joined, *dissector.finish(), *dissector.late]
    return sorted(found, key=lambda datagram: datagram.frame), whole


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
    fragments = [bytes(12) + b"\x08\0" + piece for piece in pieces(WHOLE4, [1000, 2000])]
    path.write_bytes(pcap(([media(size)] * 40 + fragments[:2] + [media(size)] * 30 + fragments[2:]) * 5))
    found, tally = together(path, 2)
    assert (found, tally) == alone(path)
    assert len(found) == 5


def test_damage_is_for_one_process(tmp_path: Path) -> None:
    path = tmp_path / "capture.pcap"
    raw = bytearray(pcap(frames(200)))
    at = len(pcap(frames(50)))
    raw[at : at + 40] = b"\xff" * 40
    path.write_bytes(raw)
    with pytest.raises(Unjoinable, match="damaged"):
        together(path, 3)


def test_interfaces_described_later_are_for_one_process(tmp_path: Path) -> None:
    path = tmp_path / "capture.pcapng"
    blocks = [enhanced(frame, number) for number, frame in enumerate(frames(200))]
    blocks.insert(len(blocks) // 2, interface(101))
    path.write_bytes(section() + interface() + b"".join(blocks))
    with pytest.raises(Unjoinable, match="interfaces"):
        together(path, 3)


@pytest.mark.parametrize("raw", [b"", b"no capture" * 9000, pcap([media()])])
def test_what_cannot_be_split_is_one_part(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(raw)
    assert [(part.start, part.end) for part in split(path, 4)] == [(0, parts.WHOLE)]

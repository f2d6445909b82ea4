"""TCP connections that go on from one part of a capture to the next are read as one process reads them."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from pjsipdiag.capture import UnjoinableError, split
from pjsipdiag.capture.joining import deferring, parts
from pjsipdiag.sip import Address
from tests.capture.build import ACK, PSH, RST, SYN, ethernet, media, pcap, sip, tcp, unreachable
from tests.capture.files import stream
from tests.capture.joining.conftest import alone, together
from tests.capture.streams.test_tcp import invite

pytestmark = pytest.mark.usefixtures("extensions", "small_parts")


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
    with pytest.raises(UnjoinableError, match="too many fragments or TCP segments"):
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
    with pytest.raises(UnjoinableError, match="a TCP stream goes on"):
        together(path, 2)

"""What the network says beside SIP: which packets it is about, and that no bytes of it are a fault."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pjsipdiag.capture.signs import MOST_SIGNS, Sign, SignKind, Signs, SignTimes
from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.sip import Address
from tests.capture.build import (
    ACK,
    CLIENT,
    CLIENT6,
    PSH,
    RST,
    SERVER,
    SERVER6,
    SYN,
    Capture,
    ethernet,
    media,
    pcap,
    sip,
    tcp,
    udp,
    unreachable,
)

pytestmark = pytest.mark.usefixtures("extensions")
RTP = Address("192.0.2.1", 10000)


def told(*packets: bytes, step: int = 20_000_000) -> dict[Sign, SignTimes]:
    """The signs of a capture of these IP packets among media, `step` nanoseconds between all."""
    frames = [frame for packet in packets for frame in (media(), ethernet(packet), media())]
    return dict(Capture(pcap(frames, step=step)).tally.signs)


def icmp(about: str, code: int = 0x303, transport: str = "UDP") -> Sign:
    return Sign(SignKind.ICMP, code, SERVER.pack()[:-2], CLIENT.pack(), SERVER.pack(), transport, about)


def test_an_icmp_error_names_the_message() -> None:
    packet = udp(sip(7))
    ((sign, times),) = told(packet, unreachable(packet), unreachable(packet)).items()
    assert sign == icmp("INVITE")
    assert (times.count, times.call_ids) == (2, ("7",))
    assert list(told(unreachable(udp(b"SIP/2.0 401 No\r\nVia: x\r\n")))) == [icmp("401")]


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_version_6(kind: int) -> None:
    (sign,) = told(unreachable(udp(sip(7), CLIENT6, SERVER6), kind, 0))
    assert sign == Sign(SignKind.ICMP, kind << 8, SERVER6.pack()[:-2], CLIENT6.pack(), SERVER6.pack(), "UDP", "INVITE")


def test_a_short_quote_may_be_of_sip() -> None:
    assert list(told(unreachable(udp(sip(7))[:28]))) == [icmp("")]
    assert list(told(unreachable(tcp(b"", 0, SYN)))) == [icmp("", transport="TCP")]


@pytest.mark.parametrize(
    "packet",
    [
        unreachable(udp(b"\x80rtp-rtp", CLIENT, RTP).replace(CLIENT.pack()[-2:], b"\x4e\x20")),
        unreachable(udp(sip(7)), 8, 0),
        unreachable(udp(sip(7))[:24]),
        unreachable(udp(sip(7))[:6] + b"\x20\x10" + udp(sip(7))[8:]),
        tcp(b"", 5, RST, SERVER, CLIENT),
        tcp(b"\x15\x03\x03\0\x1a" + bytes(26), 5, PSH),
    ],
    ids=["media", "echo", "no ports", "a later fragment", "a reset of anything", "an encrypted alert"],
)
def test_what_says_nothing_of_sip(packet: bytes) -> None:
    assert told(packet) == {}


def test_a_refused_connection() -> None:
    (sign,) = told(tcp(b"", -1, SYN), tcp(b"", -7001, RST | ACK, SERVER, CLIENT, 7001))
    assert sign == Sign(SignKind.REFUSED, 0, SERVER.pack()[:-2], CLIENT.pack()[:-2] + b"\0\0", SERVER.pack(), "TCP")


def test_a_connection_that_nobody_answers() -> None:
    """A SYN that is sent again shows it; not one that came but once, or to which an answer is there, or that another
    interface shows as well."""
    syn, answer, second = tcp(b"", -1, SYN), tcp(b"", 7000, SYN | ACK, SERVER, CLIENT), 1_000_000_000
    (sign,) = told(syn, syn, step=second)
    assert sign == Sign(SignKind.UNANSWERED, 0, SERVER.pack()[:-2], CLIENT.pack()[:-2] + b"\0\0", SERVER.pack(), "TCP")
    assert told(syn, step=second) == told(syn, answer, syn, answer, step=second) == told(syn, syn, step=1000) == {}


@pytest.mark.parametrize("opened", [True, False])
def test_a_connection_with_sip_is_reset(opened: bool) -> None:
    begin = [tcp(b"", -1, SYN)] if opened else []
    (sign,) = told(*begin, tcp(sip(1), acknowledges=7001), tcp(b"", 0, RST, SERVER, CLIENT))
    assert sign == Sign(SignKind.RESET, 0, SERVER.pack()[:-2], CLIENT.pack(), SERVER.pack(), "TCP")


def test_a_plain_alert() -> None:
    (sign,) = told(tcp(b"", -1, SYN), tcp(b"\x15\x03\x01\0\2\2\x46", 0, PSH, SERVER, CLIENT))
    assert sign == Sign(SignKind.ALERT, 0x46, SERVER.pack()[:-2], CLIENT.pack(), SERVER.pack(), "TLS")


@given(st.binary(max_size=120), st.sampled_from([3, 11, 12]), st.booleans())
def test_any_bytes_may_be_quoted(quoted: bytes, kind: int, six: bool) -> None:
    start = udp(sip(7), *((CLIENT6, SERVER6) if six else (CLIENT, SERVER)))
    capture = Capture(pcap([ethernet(unreachable(start[:1] + quoted, kind)), ethernet(unreachable(start + quoted))]))
    assert not capture.datagrams
    assert sum(times.count for times in capture.tally.signs.values()) >= 1


def test_there_is_a_bound() -> None:
    signs = Signs()
    for number in range(MOST_SIGNS + 5):
        signs.add(icmp(str(number)), SignTimes(1, number, number))
    signs.add(icmp("0"), SignTimes(1, 0, 9))
    assert len(signs) == MOST_SIGNS
    assert signs[icmp("0")] == SignTimes(2, 0, 9)


@pytest.mark.parametrize(("most", "said"), [(1, True), (3, False)])
def test_a_bound_that_is_reached_is_said(
    most: int, said: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pjsipdiag.capture.signs.MOST_SIGNS", most)
    errors = [ethernet(unreachable(udp(sip(7)), 3, code)) for code in (1, 3)]
    (tmp_path / "c.pcap").write_bytes(pcap([ethernet(udp(sip(7))), *errors]))
    (tmp_path / "pjsip.conf").write_text("[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n")
    notes = diagnose([tmp_path / "c.pcap"], tmp_path).notes
    assert any("of ICMP errors, resets and TLS alerts the first 1 different" in note for note in notes) == said

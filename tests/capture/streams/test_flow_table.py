"""What somebody sends under the addresses of a connection without knowing its sequence numbers: it ends no message."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pjsipdiag.capture.datagram import ConnectedDatagram, Datagram, Tally
from pjsipdiag.capture.streams.tcp import Reassembler
from pjsipdiag.capture.streams.tcp_flow import ACK, RST, SYN, reverse
from tests.capture.streams.test_tcp import FLOW, invite

FIN = 1
BASE, OTHER = 1000, 77_000
"""First sequence numbers of the caller and of the PBX."""
FAR = st.integers(1 << 21, (1 << 32) - (1 << 21)).map(lambda steps: BASE + steps & 0xFFFFFFFF)
"""Sequence numbers that somebody guesses."""
FORGED = st.one_of(
    st.tuples(st.sampled_from([SYN, RST, FIN, RST | ACK]), FAR, st.just(b"")),
    st.tuples(
        st.sampled_from([ACK, SYN, FIN | ACK]),
        FAR,
        st.sampled_from(
            [
                invite(66),
                invite(66)[:90],
                b"INVITE sip:",
                b"\r\n",
                b"\0" * 40,
                b"GET / HTTP/1.1\r\n\r\n",
                b"INVITE is no SIP\r\n\r\n",
                b"\x16\x03\x01\0\x30\x01\0\0\x2d\x03\x03" + bytes(45),
                b"HEP3\0\x20",
                b"\x81\x05INVITE",
            ]
        ),
    ),
)


class Connection:
    """A capture of both sides: each is (time, number of the segment, ...) in the order in which they were sent."""

    def __init__(self) -> None:
        self.reassembler = Reassembler(Tally("forged"))
        self.found: list[Datagram] = []
        self.frame = 0

    def segment(  # noqa: PLR0917  (as the fields of a segment)
        self,
        sequence: int,
        flags: int,
        data: bytes = b"",
        acknowledges: int = 0,
        direction: str = "",
        side: bytes = FLOW,
    ) -> None:
        self.frame += 1
        number = sequence & 0xFFFFFFFF
        self.found += self.reassembler.feed(
            self.frame * 1000, self.frame, side, number, flags, data, None, direction, acknowledges
        )

    def open(self, direction: str = "", back: str = "") -> None:
        self.segment(BASE - 1, SYN, direction=direction)
        self.segment(OTHER - 1, SYN | ACK, acknowledges=BASE, direction=back, side=reverse(FLOW))

    def told(self) -> list[Datagram]:
        self.found += self.reassembler.finish()
        return [datagram for datagram in self.found if b"sip:66@" not in datagram.payload]


@given(
    cuts=st.sets(st.integers(1, 900), max_size=9),
    forged=st.lists(st.tuples(st.integers(0, 9), st.booleans(), FORGED), max_size=8),
)
def test_nothing_forged_cuts_a_message(cuts: set[int], forged: list[tuple[int, bool, tuple[int, int, bytes]]]) -> None:
    """Wherever it comes in between the segments, under the caller's addresses or under the PBX's."""
    sent = [invite(number, b"x" * 200) for number in range(3)]
    stream = b"".join(sent)
    wire = Connection()
    wire.open("in", "out")
    places = sorted({0, len(stream)} | {cut for cut in cuts if cut < len(stream)})
    for number, (start, end) in enumerate(pairwise(places)):
        for at, is_back, (flags, sequence, data) in forged:
            if at == number:
                wire.segment(sequence, flags, data, sequence, "in", reverse(FLOW) if is_back else FLOW)
        wire.segment(BASE + start, ACK, stream[start:end], OTHER, "in")
    found = [datagram for datagram in wire.told() if datagram.payload[-1:] == b"x"]
    assert [datagram.payload for datagram in found] == sent
    assert not any(datagram.truncated for datagram in found)


def test_a_connection_that_is_opened_again_goes_on_beside_what_it_was() -> None:
    """Nobody can tell at once whose a SYN is: what was begun before is told when the capture ends."""
    first, second = invite(1), invite(2)
    wire = Connection()
    wire.open()
    wire.segment(BASE, ACK, first[:60], OTHER)
    wire.segment(9_000_000, SYN)
    wire.segment(9_000_001, ACK, second)
    assert [(one.payload, one.truncated) for one in wire.told()] == [(second, False), (first[:60], True)]


@pytest.mark.parametrize(
    ("acknowledges", "direction", "back", "shown"),
    [
        (OTHER, "", "", True),
        (OTHER, "in", "out", True),
        (OTHER + 1, "", "", False),
        (OTHER - 1, "", "", False),
        (0, "", "", False),
        (OTHER, "in", "in", False),
        (OTHER, "by 198.51.100.66", "by 198.51.100.66", False),
        (OTHER, "", "by 198.51.100.66", False),
        (OTHER, "by 198.51.100.66", "", False),
    ],
)
def test_who_acknowledges_the_number_of_the_other_side_receives_it(
    acknowledges: int, direction: str, back: str, shown: bool
) -> None:
    """Both sides from outside, or out of a tunnel, may be one sender's."""
    wire = Connection()
    wire.open(direction, back)
    wire.segment(BASE, ACK, invite(1), acknowledges, direction)
    (found,) = wire.told()
    assert isinstance(found, ConnectedDatagram) is shown


def test_data_without_a_handshake_shows_nobody() -> None:
    wire = Connection()
    wire.segment(BASE, ACK, invite(1), OTHER)
    (found,) = wire.told()
    assert not isinstance(found, ConnectedDatagram)


def test_a_connection_older_than_the_capture_is_shown_by_what_it_acknowledges() -> None:
    answer = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP 203.0.113.13\r\nContent-Length: 0\r\n\r\n"
    wire = Connection()
    wire.segment(BASE, ACK, invite(1), OTHER)
    wire.segment(OTHER, ACK, answer, BASE + len(invite(1)), side=reverse(FLOW))
    wire.segment(BASE + len(invite(1)), ACK, invite(2), OTHER + len(answer))
    assert [isinstance(datagram, ConnectedDatagram) for datagram in wire.told()] == [False, True, True]

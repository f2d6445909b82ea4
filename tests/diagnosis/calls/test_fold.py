"""The compiled part of the fold does what `Fold` does, whatever the messages are and whatever it has room for."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from pjsipdiag.capture.datagram import ConnectedDatagram, Datagram, Tally
from pjsipdiag.capture.pcap_writer import write_pcap
from pjsipdiag.capture.readers import read
from pjsipdiag.diagnosis.calls import fold, rows
from pjsipdiag.diagnosis.calls.fold import Fold
from pjsipdiag.diagnosis.calls.fold_content import FoldContent
from pjsipdiag.diagnosis.calls.rows import ANSWER
from pjsipdiag.sip import Address
from tests.capture.build import ethernet, pcap
from tests.capture.fast.test_compiled import connection
from tests.diagnosis.conftest import EARLY

pytestmark = pytest.mark.skipif(fold.taker is None, reason="needs a C compiler when pjsipdiag is installed")

ADDRESSES = [
    Address(ip, port).pack()
    for ip in ("192.0.2.1", "203.0.113.13", "203.0.113.14", "2001:db8::1")
    for port in (5060, 5062, 40_000)
]
METHODS = ("INVITE", "INVITE", "INVITE", "OPTIONS", "REGISTER", "ACK", "BYE")
USUAL_TAGS = ("", "", ";tag=there")
TAGS = (";tag=more", "; tag=there", ";x=1;tag=there", ";TAG=there", ";tag=", ";tag= there ;x=1", "\r\n ;tag=there")
ODD_METHODS = ("PUBLISH", "invite", "")
AGENTS = ("User-Agent: Phone 1", "User-Agent: Asterisk PBX 22.10.1", "Server: FPBX-16.0.40.7(18.20.0)", "Server: Phone")
ODD = (
    "User-Agent:Phone",
    "User-Agent: ",
    "User-Agent: " + "x" * 300,
    "Server: Phone\n",
    "X: 1\r\n folded",
    "Retry-After: 5",
    "RETRY-AFTER : 6",
    "X: 1\n\rretry-after:7",
    "CSeq: 9 OPTIONS",
    "Call-ID: other",
    "Contact: <sip:a@192.0.2.9;line=abc>",
    'Authorization: Digest username="u", realm="asterisk", nonce="n", uri="sip:h", response="r"',
    'WWW-Authenticate: Digest realm="asterisk", nonce="n"',
    'Proxy-Authenticate: Digest realm="elsewhere"',
    'WWW-Authenticate: Digest realm="open',
)
VIAS = ("Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK", "Via: SIP/2.0/UDP 192.0.2.7;rport;branch=z9hG4bK")
ODD_VIAS = ("v: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK", "Via: SIP/2.0/UDP 192.0.2.7;x=")
STATUSES = ("100", "180", "200", "401", "407", "404", "503", "503", "1x0", "2")
ENDS = (b"\r\n\r\n", b"\r\n\r\nbody", b"\r\n\r\nServer: Asterisk\r\n", b"")
NOT_COMPARED = ("forms", "spool", "_is_asterisk", "told")


def payload(rnd: random.Random, odd: float) -> bytes:
    """A message of few phones and calls; `odd` is how likely each of its parts is unusual."""

    def one(usual: Sequence[str], unusual: Sequence[str]) -> str:
        return rnd.choice(unusual if rnd.random() < odd else usual)

    if rnd.random() < odd / 4:
        return rnd.randbytes(rnd.randrange(1, 30))
    method, number, user = one(METHODS, ODD_METHODS), rnd.randrange(20), rnd.randrange(5)
    start = rnd.choice((f"SIP/2.0 {one(STATUSES[:5], STATUSES)} OK", f"{method} sip:{user}@192.0.2.1 SIP/2.0"))
    head = [
        start,
        f"{one(VIAS, ODD_VIAS)}{number}",
        f"From: <sip:{user}@192.0.2.7>;tag=here",
        f"To: <sip:{user}@192.0.2.1>{one(('', '', ';tag=there'), TAGS)}",
        f"Call-ID: {one('ab', (' c ', ''))}",
        f"CSeq: {number} {method}",
        one(AGENTS[:1], AGENTS),
        *([one(ODD, ODD)] if rnd.random() < odd else ()),
    ]
    return "\r\n".join(head).encode() + (rnd.choice(ENDS) if rnd.random() < odd else ENDS[0])


def capture(rnd: random.Random) -> list[Datagram]:
    """Messages in about the order of time."""
    odd, time, messages = rnd.choice((0.02, 0.1, 0.4)), 0, list[Datagram]()
    ends = rnd.sample(ADDRESSES, rnd.randrange(2, len(ADDRESSES)))
    for frame in range(200):
        time += rnd.choice((0, 1_000_000, 20_000_000, 60_000_000))
        source, destination = rnd.choice(ends), rnd.choice(ends)
        text = (b"\r\n\r\n" if rnd.random() < odd / 4 else b"") + payload(rnd, odd)
        late = rnd.randrange(100_000_000) if rnd.random() < odd else 0
        direction = rnd.choice(("", "in", "out"))
        transport = rnd.choice(("UDP", "UDP", "TCP", "SCTP"))
        cut = rnd.random() < odd
        kind = rnd.choice((Datagram, Datagram, ConnectedDatagram))
        messages.append(kind(max(time - late, 0), frame << 28, transport, source, destination, text, direction, cut))
    return messages


def state(messages: list[Datagram], ways: tuple[bool, ...]) -> dict[str, Any]:
    """What a fold holds after `messages`, which are fed in as many pieces as there are `ways`: compiled or not."""
    folded, size = Fold(), -(-len(messages) // len(ways))
    for number, compiled in enumerate(ways):
        with pytest.MonkeyPatch.context() as patch:
            if not compiled:
                patch.setattr(fold, "taker", None)
            folded.feed(messages[number * size :][:size])
    return held(folded)


def held(folded: Fold) -> dict[str, Any]:
    """What a fold holds."""
    heads = folded.spool.content()
    names = {one.name for one in fields(FoldContent)} - {*NOT_COMPARED}
    found = {name: getattr(folded, name) for name in names}
    return {**found, "heads": heads, "forms": folded.forms.known}


@pytest.mark.parametrize("seed", range(100))
def test_both_fold_alike(seed: int) -> None:
    messages = capture(random.Random(seed))
    alone = state(messages, (False,))
    assert state(messages, (True,)) == alone
    assert state(messages, (True, False, True)) == alone


@pytest.mark.parametrize("seed", range(30))
def test_what_is_taken_of_packets_is_folded_alike(seed: int, tmp_path: Path) -> None:
    rnd = random.Random(seed)
    path, transports = tmp_path / "a.pcap", rnd.choice((("UDP",), ("UDP", "TCP")))
    messages = [one for _ in range(4) for one in capture(rnd) if len(one.source) == len(one.destination)]
    messages = [one for one in messages if one.transport in transports]
    with path.open("wb") as stream:
        write_pcap(messages, stream)
    taken_alike(path)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_taken_of_connections_is_folded_alike(seed: int, tmp_path: Path) -> None:
    """Several messages in a segment, and messages in several, of senders that have shown themselves and others."""
    rnd, path = random.Random(seed), tmp_path / "a.pcap"
    texts = [payload(rnd, 0.05).replace(b"\r\n\r\n", b"\r\nContent-Length: 0\r\n\r\n") for _ in range(400)]
    sizes = [rnd.randrange(50, 1400) for _ in range(5)]
    changes = [(rnd.choice(("swap", "again", "lose", "deaf")), rnd.randrange(200)) for _ in range(rnd.randrange(4))]
    packets = connection(((texts[:200], sizes), (texts[200:], sizes[::-1])), changes)
    path.write_bytes(pcap(map(ethernet, packets[2 * rnd.randrange(2) :])))
    taken_alike(path)


def taken_alike(path: Path) -> None:
    """Messages are folded alike: taken as the packets are found, told first, and without the compiled part."""
    states = []
    for taken, compiled in ((True, True), (False, True), (False, False)):
        tally, folded = Tally(str(path)), Fold()
        with pytest.MonkeyPatch.context() as patch:
            if not compiled:
                patch.setattr(fold, "taker", None)
            folded.feed(read(path, tally), tally if taken else None)
        assert tally.taker is None
        states.append(held(folded))
    assert states[0] == states[1] == states[2]


@pytest.mark.parametrize("seed", range(30))
def test_both_read_requests_alike_that_were_edited(seed: int) -> None:
    rnd = random.Random(seed)

    def edited(one: Datagram) -> Datagram:
        at = rnd.randrange(len(one.payload))
        odd = rnd.choice(
            (b" ", b"\t", b"\r\n", b"<", b'"', b";", b"\\", b"@", b":", b",", b"\0", b"\xff", b"1234567890")
        )
        return one._replace(payload=one.payload[:at] + odd + one.payload[at + rnd.randrange(3) :])

    messages = [edited(one) if rnd.random() < 0.5 else one for one in capture(rnd) + capture(rnd)]
    assert state(messages, (True,)) == state(messages, (False,))


@pytest.mark.parametrize("seed", range(100))
def test_both_keep_as_much(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"MOST_PEERS": 3, "MOST_PAIRS": 3, "MOST_NAMES": 2, "LONGEST_NAME": 12, "MOST_ANSWERS": 2}
    small["MOST_REGISTRATIONS"] = 1
    for name, value in small.items():
        monkeypatch.setattr(fold if name in ("MOST_PEERS", "MOST_PAIRS", "MOST_REGISTRATIONS") else rows, name, value)
    monkeypatch.setattr(fold, "LIMITS", (*small.values(), *fold.LIMITS[len(small) :]))
    messages = capture(random.Random(seed))
    assert state(messages, (True,)) == state(messages, (False,))


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "interpreted"])
def test_answers_of_one_moment_are_in_the_order_of_their_statuses(compiled: bool) -> None:
    trying, challenge = (answer._replace(time=0) for answer in list(busy(1))[1:3])
    (found,) = state([challenge, trying], (compiled,))["answers"].values()
    assert list(ANSWER.iter_unpack(found)) == [(100, 0), (401, 0)]


def answer(status: int, number: int, method: str, *headers: str) -> Datagram:
    """An answer of the PBX to request `number`, a second after the one before."""
    head = [
        *(f"SIP/2.0 {status} X", f"Via: SIP/2.0/UDP 203.0.113.13;branch=z9hG4bK{number}", "From: <sip:a@192.0.2.1>"),
        *("To: <sip:b@192.0.2.1>", f"Call-ID: {number}", f"CSeq: 1 {method}", *headers, "", ""),
    ]
    return Datagram(number * 10**9, number, "UDP", ADDRESSES[0], ADDRESSES[3], "\r\n".join(head).encode())


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ([answer(200, 1, "\0A")], [answer(404, 2, "OPTIONS"), answer(200, 3, "\0A"), answer(403, 4, "REGISTER")] * 2),
        (
            [answer(200, 1, "OPTIONS"), answer(100, 2, "INVITE")],
            [answer(100, 3, "INVITE", "Server: ", "User-Agent: Asterisk PBX 22.1.0")],
        ),
    ],
    ids=["method that begins with a zero", "Server without a value"],
)
def test_odd_answers_are_folded_alike(first: list[Datagram], then: list[Datagram]) -> None:
    assert state(first + then, (True,)) == state(first + then, (False,))


def test_answers_that_are_sent_again_are_kept_alike_when_no_more_transactions_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rows, "MOST_REPEATED", 1)
    messages = [answer(486, 1 + again % 2, "INVITE")._replace(time=again * 10**9) for again in range(12)]
    found = state(messages, (True,))
    assert found == state(messages, (False,))
    assert [len(times) for times in found["repeats"].values()] == [6]


def test_it_folds_what_is_usual() -> None:
    """Of a busy server's traffic few messages are left: those before a form is learnt, and the first answers of
    all and with that realm."""
    left: Counter[bytes] = Counter()

    class Counting(Fold):
        def add(self, datagram: Datagram) -> None:
            left[datagram.payload[:3]] += 1
            super().add(datagram)

    Counting().feed(list(busy(500)))
    assert left == {b"INV": EARLY, b"SIP": 2}


def test_it_takes_what_is_usual_of_packets(tmp_path: Path) -> None:
    """Nearly all is folded before a message is told; nothing is lost by that."""
    path, tally, folded = tmp_path / "a.pcap", Tally(""), Fold()
    messages = list(busy(500))
    with path.open("wb") as stream:
        write_pcap(messages, stream)
    told = list[Datagram]()

    def telling() -> Iterator[Datagram]:
        for datagram in read(path, tally):
            told.append(datagram)
            yield datagram

    folded.feed(telling(), tally)
    assert len(told) * 10 < len(messages)
    assert folded.messages == len(messages)


def busy(calls: int) -> Iterator[Datagram]:
    """Calls of one phone, each an INVITE, four answers (a challenge that names no realm among them), an ACK and an
    OPTIONS with its answer."""
    phone, pbx = Address("203.0.113.13", 5060).pack(), Address("192.0.2.1", 5060).pack()
    for number in range(calls):
        tail = f"Call-ID: {number}\r\nCSeq: 1 %s\r\n%s: Phone\r\nContent-Length: 0\r\n\r\n"
        via = f"Via: SIP/2.0/UDP 203.0.113.13:5060;branch=z9hG4bK{number}\r\n"
        ends = f"From: <sip:a@192.0.2.1>;tag={number}\r\nTo: <sip:{number}@192.0.2.1>%s\r\n"
        texts = [
            (f"INVITE sip:{number}@192.0.2.1 SIP/2.0\r\n{via}{ends % ''}{tail % ('INVITE', 'User-Agent')}", True),
            *[
                (f"SIP/2.0 {status} X\r\n{via}{ends % ';tag=x'}{tail % ('INVITE', 'Server')}", False)
                for status in (100, 401, 180, 200)
            ],
            (f"ACK sip:{number}@192.0.2.1 SIP/2.0\r\n{via}{ends % ';tag=x'}{tail % ('ACK', 'User-Agent')}", True),
            (f"OPTIONS sip:192.0.2.1 SIP/2.0\r\n{via}{ends % ''}{tail % ('OPTIONS', 'User-Agent')}", True),
            (f"SIP/2.0 200 OK\r\n{via}{ends % ';tag=x'}{tail % ('OPTIONS', 'Server')}", False),
        ]
        for step, (text, inbound) in enumerate(texts):
            way = (phone, pbx) if inbound else (pbx, phone)
            yield Datagram(number * 10**9 + step * 10**6, number * 8 + step + 1, "UDP", *way, text.encode())


def test_more_senders_than_are_at_hand_are_folded_alike() -> None:
    """Of two rounds of many sources, users and agents nothing is lost when the compiled part makes room."""
    pbx = Address("192.0.2.1", 5060).pack()
    messages: list[Datagram] = []
    for number in (*range(33_000), *range(1000)):
        phone = Address(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 5060).pack()
        head = (
            f"INVITE sip:{number}@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.13;branch=z9hG4bK{len(messages)}\r\n"
            f"From: <sip:{number}@192.0.2.1>;tag=1\r\nTo: <sip:{number}@192.0.2.1>\r\nCall-ID: {number}\r\n"
            f"CSeq: 1 INVITE\r\nUser-Agent: Phone {number % 100}\r\nContent-Length: 0\r\n\r\n"
        )
        messages.append(Datagram(len(messages), len(messages), "UDP", phone, pbx, head.encode()))
    found = state(messages, (True,))
    assert len(found["rows"]) == len(messages) * rows.ROW.size
    assert found == state(messages, (False,))


@pytest.mark.parametrize("kept", [(), (None,) * 24], ids=["too few tables", "other tables"])
def test_tables_that_are_none_are_refused(kept: tuple[Any, ...]) -> None:
    assert fold.taker is not None
    with pytest.raises((ValueError, TypeError)):
        fold.taker(kept)

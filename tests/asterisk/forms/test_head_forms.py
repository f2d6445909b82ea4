"""A request that has a form is read by its form as the long way reads it, and judged as the full replay judges it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache, partial
from itertools import islice
from pathlib import Path

import pytest

from pjsipdiag.asterisk.forms import expressions
from pjsipdiag.asterisk.forms.head_forms import LEARNT, Forms
from pjsipdiag.asterisk.forms.header_syntax import PARSED_FIELDS
from pjsipdiag.asterisk.pjsip.message import Request, parse
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.sip import SipMessage, parameter
from tests.conformance import cases, facts, load, message
from tests.differential_cases import generate

RECORDED = Path(__file__).parents[3] / "fixtures" / "conformance" / "asterisk-22.10.1.jsonl.gz"


ODD = tuple(
    b';|"|,| |=|<|>|@|:|;tag=a|;x="y"|%|\\|username=|Realm="x"|, |[::1]|;lr|?a=b|;branch=1|\t||sips:|q=1|;TTL|'
    b"*|\0|\r|\n|;rport=65536|;rport=1|\r\nf: <sip:a@b>;tag=2|\xff|;X-ast=1|;line".split(b"|")
)
"""What matters to the syntax of one line or another."""


def sent() -> Iterator[tuple[SipMessage, Replay]]:
    """Recorded requests, each several times, so that their forms are learnt; with a replay of their configuration."""
    for case in islice(cases(RECORDED), 0, None, 4):
        replay = Replay(load(case))
        for request in case["requests"]:
            for _ in range(LEARNT + 1):
                yield message(request, {}), replay


def test_a_form_reads_and_judges_like_the_long_way() -> None:
    forms, compared, judged = Forms(), 0, 0
    for one, replay in sent():
        number, end, fields = forms.read(one.raw)
        if not number:
            continue
        assert one.raw[:end] == one.head + b"\r\n\r\n"
        found = dict(zip(PARSED_FIELDS, (value or b"" for value in fields), strict=True))
        sender = one.from_uri
        assert sender is not None
        assert found["call_id"].decode() == one.call_id
        assert int(found["cseq"]) == one.cseq
        assert found["branch"].decode() == one.branch
        assert found["to_tag"].decode() == parameter(one.header("To").rpartition(">")[2], "tag")
        assert found["tag"].decode() == parameter(one.header("From").rpartition(">")[2], "tag")
        assert found["uri"].decode() == one.request_uri
        assert found["agent"].decode().strip() == one.header("User-Agent")
        assert found["host"].decode().lower().strip("[]") == sender.host
        compared += 1
        kind = replay.alike.kind(forms.known[number])
        if kind is None:
            continue
        content = replay.alike.content(kind, tuple(found[name] for name in ("user", "host", "login", "realm")))
        if content is None or (one.transport != "UDP" and not kind.has_length):
            continue
        source = one.source.pack()
        key = content, replay.alike.origin(source), one.transport, one.destination.pack()
        short = replay.verdict_like(key, partial(bytes, one.raw), source)
        if short.outcome != "unknown":
            assert facts(short.trace) == facts(replay.verdict(one).trace), one.raw
            judged += 1
    assert compared > 200
    assert judged > 100


@cache
def recorded() -> list[bytes]:
    return [message(request, {}).raw for case in islice(cases(RECORDED), 0, None, 4) for request in case["requests"]]


def edited(rnd: random.Random, raw: bytes) -> bytes:
    """A request with something else in its head, here or there."""
    end = raw.find(b"\r\n\r\n")
    for _ in range(rnd.randrange(3)):
        at = rnd.randrange(end)
        raw = raw[:at] + rnd.choice(ODD) + raw[at + rnd.randrange(3) :]
    return raw


@pytest.mark.parametrize("seed", range(20))
def test_a_form_takes_only_what_pjsip_takes(seed: int) -> None:
    rnd = random.Random(seed)
    raws = [raw for raw in rnd.sample(recorded(), 20) for _ in range(LEARNT)]
    raws += [edited(rnd, rnd.choice(raws)) for _ in range(1000)]
    forms, known = Forms(), 0
    for raw in raws:
        number, end, _ = forms.read(raw)
        if number:
            assert isinstance(parse(raw[:end]), Request), raw
            known += 1
    assert known > 20


def test_what_was_taken_stays_taken() -> None:
    def taken(syntax: bytes, payload: bytes) -> int | None:
        found = expressions.matcher(1, syntax, ("none",))(payload)
        return found[1] if found else None

    port = expressions.maybe(expressions.seq(expressions.text(b":"), expressions.span(b"0123456789")))
    host = expressions.seq(expressions.text(b"a"), port, expressions.text(b";"))
    assert [taken(host, payload) for payload in (b"a:1;", b"a;", b"a:;")] == [4, 2, None]
    parts = expressions.repeat(expressions.first(expressions.text(b"a"), expressions.text(b"ab")))
    assert taken(expressions.seq(parts, expressions.text(b"b")), b"aab") == 3
    assert taken(expressions.seq(parts, expressions.text(b"c")), b"abc") is None
    once = expressions.repeat(expressions.text(b"a"), 0, 1)
    assert taken(expressions.seq(once, expressions.text(b"a")), b"a") is None


def test_a_via_without_a_port_behind_its_colon_has_no_form() -> None:
    head = (
        "INVITE sip:1@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1{};branch=z9hG4bK1\r\nFrom: <sip:2@a>;tag=1\r\n"
    )
    head += "To: <sip:1@192.0.2.1>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n"
    forms = Forms()
    for _ in range(LEARNT + 1):
        number, *_ = forms.read(head.format("").encode())
    assert number
    assert forms.read(head.format(":;lr60").encode()) == (0, 0, ())


def test_a_header_without_a_blank_after_its_colon_is_not_overlooked() -> None:
    case = generate(77, 1)
    replay = Replay(load({**case, "asterisk": "22.10.1", "loaded": {"identifiers": ["ip", "username"]}}))
    one = next(message(request, {}) for request in case["requests"])
    bare = b"\r\n".join(line for line in one.raw.split(b"\r\n") if not line.lower().startswith((b"contact", b"m:")))
    for raw in (bare, bare.replace(b"\r\nCall-ID:", b"\r\nContact:<sip:a@203.0.113.1>\r\nCall-ID:")):
        request = SipMessage(raw, one.transport, one.source, one.destination)
        short = replay.verdict_of(raw, one.transport, one.source.pack(), one.destination.pack())
        assert facts(short.trace) == facts(replay.verdict(request).trace), raw


def test_credentials_that_could_be_read_in_many_ways_are_refused_at_once() -> None:
    """Read in every way, 2 ** 64 of them, this would not end."""
    head = "INVITE sip:1@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bK1\r\nFrom: <sip:2@a>;tag=1\r\n"
    head += "To: <sip:1@192.0.2.1>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nAuthorization: Digest {}\r\n\r\n"
    forms = Forms()
    for _ in range(LEARNT + 1):
        number, *_ = forms.read(head.format('username="a", realm="b"').encode())
    assert number
    assert forms.read(head.format('username="a", ' * 64).encode()) == (0, 0, ())


def test_ports_have_a_form_as_far_as_there_are_ports() -> None:
    def known(port: str) -> bool:
        forms = Forms()
        via = f"Via: SIP/2.0/UDP 203.0.113.30:{port};rport={port};branch=z9hG4bKx"
        head = f"INVITE sip:1@192.0.2.1:{port} SIP/2.0\r\n{via}\r\nFrom: <sip:2@a:{port}>;tag=1\r\nTo: <sip:1@b>\r\n"
        raw = f"{head}Call-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n".encode()
        return bool([forms.read(raw) for _ in range(LEARNT + 1)][-1][0])

    ports = [
        "1",
        "80",
        "5060",
        "10000",
        "59999",
        "64999",
        "65000",
        "65499",
        "65529",
        "65535",
        "65536",
        "66000",
        "99999",
    ]
    assert [known(port) for port in ports] == [int(port) <= 65535 for port in ports]

"""What a head says, however it is spelt: the quick way reads what the reader of whole messages reads."""

from __future__ import annotations

import random

import pytest

from pjsipdiag.diagnosis.calls.heads import (
    branch_of,
    call_id,
    end_of,
    fields_of,
    has_tag,
    realm_of,
    shown_values,
    tag_of,
    user_of,
    value_of,
)
from pjsipdiag.diagnosis.calls.outside.kinds import kind_of, read_kind
from pjsipdiag.sip import Address, SipMessage, decode

NAMES = {"From": "f", "To": "t", "Call-ID": "i", "Via": "v", "CSeq": "", "User-Agent": ""}


def spelt(rnd: random.Random, name: str) -> str:
    short = NAMES[name]
    name = rnd.choice([name, name, name.lower(), name.upper(), *([short, short.upper()] if short else [])])
    return name + rnd.choice([": ", ": ", ":", " : ", "\t:", ":  "])


def head(rnd: random.Random) -> bytes:
    """Headers in any order and spelling, some folded, some left out."""
    lines = []
    for name in rnd.sample(sorted(NAMES), rnd.randrange(1, 7)):
        folded = "" if name == "Call-ID" else rnd.choice(["", "", "\r\n ;more", "\r\n\tand\r\n  more"])
        lines.append(f'{spelt(rnd, name)}"a, {name}" <sip:1@192.0.2.1>;tag=t{folded}')
    end = rnd.choice(["\r\n\r\nbody", "\r\n\r\n", "\r\n", ""])
    return ("INVITE sip:1@192.0.2.1 SIP/2.0\r\n" + "\r\n".join(lines) + end).encode()


@pytest.mark.parametrize("seed", range(150))
def test_values(seed: int) -> None:
    text = head(random.Random(seed))
    message = SipMessage(text)
    for name in ("From", "To", "Call-ID", "CSeq", "User-Agent"):
        assert value_of(text, name.lower().encode()).decode() == message.header(name), name
    assert call_id(text).decode() == message.call_id
    assert shown_values(text) == (message.request_uri, message.header("From"), message.call_id)


@pytest.mark.parametrize(
    "lines",
    [
        (b"Via: SIP/2.0/UDP 192.0.2.1", b"From: <sip:a@b>;tag=1", b"To: <sip:c@d>", b"Call-ID: one@b"),
        (b"Call-ID: one@b", b"From: <sip:a@b>;tag=1", b"X-Call-ID: two"),
        (b"From:   <sip:a@b>\t ", b"Call-ID: \tone two "),
        (b"From: <sip:a@b>", b" ;tag=1", b"Call-ID: one"),
        (b"X: 1", b" From: no", b"From: a", b"Call-ID: b"),
        (b'From: "J\xc3\xb6rg \xff" <sip:a@b>', b"Call-ID: \xc3\xa4\xe2\x80\xa8\xff"),
        (b"From: <sip:a@b>",),
        (b"Call-ID: one",),
    ],
)
@pytest.mark.parametrize(
    "first", [b"INVITE sip:a@b SIP/2.0", b"INVITE sip:a b@c\td SIP/2.0", b"INVITE sip:\xff@b  SIP/2.0"]
)
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_shown_values(first: bytes, lines: tuple[bytes, ...], end: bytes) -> None:
    text = end.join((first, *lines, b"", b""))
    message = SipMessage(text)
    uri = decode(first.partition(b" ")[2].rpartition(b" ")[0])
    assert shown_values(text) == (uri, message.header("From"), message.call_id)


@pytest.mark.parametrize(
    ("value", "tag"),
    [
        (b"<sip:a@b>;tag=1", b"1"),
        (b"<sip:a@b>;x=y;TAG = 1 ", b"1"),
        (b'"tag=0" <sip:a@b;tag=no>;tag=1;tag=2', b"1"),
        (b"sip:a@b;tag=1", b"1"),
        (b"<sip:a@b;tag=no>", b""),
        (b"<sip:a@b>;staging=1", b""),
        (b"", b""),
    ],
)
def test_tags(value: bytes, tag: bytes) -> None:
    assert tag_of(value) == tag
    assert has_tag(value) is bool(tag)


@pytest.mark.parametrize(
    ("text", "realm"),
    [
        (b'SIP/2.0 401 X\r\nWWW-Authenticate: Digest realm="asterisk", nonce="1"\r\n', b"asterisk"),
        (b'SIP/2.0 401 X\r\nWWW-Authenticate: Digest nonce="1",realm=""\r\n', b""),
        (b"SIP/2.0 401 X\r\n\r\n", b""),
    ],
)
def test_realms(text: bytes, realm: bytes) -> None:
    assert realm_of(text) == realm


@pytest.mark.parametrize(
    ("via", "branch"),
    [
        (b"Via: SIP/2.0/UDP h;branch=z9hG4bK1;rport", b"z9hG4bK1"),
        (b"Via: SIP/2.0/UDP h;rport;branch=z9hG4bK1, SIP/2.0/UDP i;branch=z9hG4bK2", b"z9hG4bK1"),
        (b"Route: <sip:h>;branch=no\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1", b"z9hG4bK1"),
        (b"Via: SIP/2.0/UDP h", b""),
    ],
)
def test_branches(via: bytes, branch: bytes) -> None:
    assert branch_of(b"INVITE sip:h SIP/2.0\r\n" + via + b"\r\n\r\n") == branch


@pytest.mark.parametrize(
    ("value", "user"),
    [
        (b"<sip:a@b>;tag=1", "a"),
        (b"sip:a:secret@b", "a"),
        (b"sip:b", ""),
        (b"sip:b:5060", ""),
        (b"<sip:%61lice@b>", "alice"),
        (b'"x <sip:no@b>" <sip:yes@b>', "yes"),
        (b"tel:+4930", "+4930"),
        (b"", ""),
    ],
)
def test_users(value: bytes, user: str) -> None:
    assert user_of(value) == user


def test_all_fields() -> None:
    text = (
        b"INVITE sip:1@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9\r\nFrom: <sip:a@b>;tag=f\r\nTo: <sip:c@d>;tag=t\r\n"
        b"Call-ID: i\r\nCSeq: 7 INVITE\r\nUser-Agent: Phone 1\r\n\r\n"
    )
    assert fields_of(text) == (b"i", b"7", b"z9", b"<sip:c@d>;tag=t", b"f", b"sip:1@h", b"", b"Phone 1")
    assert fields_of(text.replace(b";tag=t", b""))[3:5] == (b"", b"f")


@pytest.mark.parametrize("server", ["192.0.2.1", "2001:db8::1"])
@pytest.mark.parametrize("client", ["203.0.113.13", "2001:db8::13"])
def test_a_kind_keeps_both_addresses(client: str, server: str) -> None:
    one, two = (Address(ip, 5060).pack() for ip in (client, server))
    if len(one) <= len(two):
        assert read_kind(kind_of(one, two, b"OPTIONS 200")) == (one[:-2], two[:-2], b"OPTIONS 200")


@pytest.mark.parametrize(
    ("message", "end"), [(b"A\r\n\r\nB", 5), (b"A\n\nB", 3), (b"\n\nB", 2), (b"A\nB", -1), (b"", -1)]
)
def test_where_a_head_ends(message: bytes, end: int) -> None:
    assert end_of(message) == end

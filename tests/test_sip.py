"""SIP messages and URIs as people read them."""

import pytest

from pjsipdiag.sip import Address, SipMessage, parse_uri

INVITE = (
    b"\r\n\r\nINVITE sip:100@192.0.2.1;user=phone SIP/2.0\r\n"
    b"v: SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bK1, SIP/2.0/UDP 203.0.113.9;branch=z9hG4bK0\r\n"
    b'f: "O\'Neil; tag=x" <sip:o%27neil@203.0.113.10:5062>;tag=f1\r\n'
    b"t: <sip:100@192.0.2.1>\r\n"
    b"i: one@host\r\n"
    b"CSeq: 17 INVITE\r\n"
    b"Subject: folded\r\n over two lines\r\n"
    b"\r\nFrom: <sip:body@192.0.2.9>\r\n"
)


def test_compact_folded_and_leading_lines() -> None:
    message = SipMessage(INVITE)
    assert (message.method, message.request_uri) == ("INVITE", "sip:100@192.0.2.1;user=phone")
    assert (message.call_id, message.cseq, message.branch) == ("one@host", 17, "z9hG4bK1")
    assert message.header("Subject") == "folded over two lines"
    assert message.from_uri is not None
    assert (message.from_uri.user, message.from_uri.host, message.from_uri.port) == ("o'neil", "203.0.113.10", 5062)
    assert message.values("from") == [message.header("f")]


def test_response() -> None:
    message = SipMessage(b"SIP/2.0 401 Unauthorized\nCSeq: 1 INVITE\nTo: <sip:a@b;tag=no>;tag=t1\n\n")
    assert (message.is_request, message.status, message.method) == (False, 401, "INVITE")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sip:[2001:db8::1]:5061;transport=tcp", ("sip", "", "2001:db8::1", 5061)),
        ('"x" <sips:a:secret@Example.COM>;tag=1', ("sips", "a", "example.com", 0)),
        ('"a <sip:x@y>" <sip:a@b>', ("sip", "a", "b", 0)),
        ("tel:+1555;phone-context=example.com", ("tel", "+1555", "", 0)),
        ("sip:a?b/c@192.0.2.1?subject=x", ("sip", "a?b/c", "192.0.2.1", 0)),
        ("sip:a@b@192.0.2.1", ("sip", "a@b", "192.0.2.1", 0)),
        ("sip:192.0.2.1:99999999", ("sip", "", "192.0.2.1", 0)),
    ],
)
def test_uri(text: str, expected: tuple[str, str, str, int]) -> None:
    uri = parse_uri(text)
    assert uri is not None
    assert (uri.scheme, uri.user, uri.host, uri.port) == expected


@pytest.mark.parametrize("text", ["", "*", "mailto:a@b", "<>", "no colon"])
def test_no_uri(text: str) -> None:
    assert parse_uri(text) is None


@pytest.mark.parametrize("text", ["192.0.2.1:5060", "[2001:db8::1]:5061"])
def test_address_packs_and_prints(text: str) -> None:
    host, _, port = text.rpartition(":")
    address = Address(host.strip("[]"), int(port))
    assert Address.unpack(address.pack()) == address
    assert str(address) == text


def test_an_ipv4_mapped_address_is_written_alike_by_every_python() -> None:
    packed = bytes(10) + b"\xff\xff" + bytes((203, 0, 113, 13)) + (5060).to_bytes(2, "big")
    assert Address.unpack(packed) == Address("::ffff:203.0.113.13", 5060)
    assert Address.unpack(packed).pack() == packed
    assert Address.unpack(bytes(12) + packed[12:]).ip == "::cb00:710d"

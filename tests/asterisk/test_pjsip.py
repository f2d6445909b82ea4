"""What PJSIP takes, prints and drops; random messages are compared with real Asterisk by `make differential`."""

from __future__ import annotations

import pytest

from pjsipdiag.asterisk.pjsip.message import Dialect, Request, Response, UnparsableMessage, dialect, parse
from pjsipdiag.asterisk.pjsip.uri import UriContext

HEAD = (
    "INVITE sip:100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.10;branch=z9hG4bK1\r\n"
    "From: <sip:a@b>;tag=1\r\nTo: <sip:100@192.0.2.1>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n"
)


def request(*lines: str, version: str = "22.10.1") -> Request:
    parsed = parse((HEAD + "".join(line + "\r\n" for line in lines) + "\r\n").encode(), dialect(version))
    assert isinstance(parsed, Request), parsed
    return parsed


def refused(*lines: str, version: str = "22.10.1") -> UnparsableMessage:
    parsed = parse((HEAD + "".join(line + "\r\n" for line in lines) + "\r\n").encode(), dialect(version))
    assert isinstance(parsed, UnparsableMessage), parsed
    return parsed


def test_a_syntax_error_names_header_line_and_column() -> None:
    found = refused("Contact: <sip:a@b")
    assert (found.header, found.line, found.column) == ("Contact", 7, 18)
    assert found.log == "PJSIP syntax error exception when parsing 'Contact' header on line 7 col 0"


def test_a_number_out_of_range_is_an_invalid_value() -> None:
    assert refused("Contact: <sip:a@b:99999>").log.startswith("PJSIP invalid value error exception")


def test_headers_without_a_parser_take_anything() -> None:
    assert [header.as_text() for header in request("Warning: <<<", "X-A:").headers[-2:]] == ["<<<", ""]


def test_of_a_header_folded_twice_the_last_line_is_kept() -> None:
    (header,) = request("Subject: a\r\n b\r\n c").headers_named("subject")
    assert header.as_text() == "c"


def test_line_feeds_alone_end_lines() -> None:
    assert isinstance(parse((HEAD + "\r\n").replace("\r\n", "\n").encode()), Request)


def test_a_packet_of_line_ends_is_a_keep_alive() -> None:
    found = parse(b"\r\n\r\n")
    assert isinstance(found, UnparsableMessage)
    assert not found.log


def test_a_response_is_told_apart() -> None:
    raw = HEAD.replace("INVITE sip:100@192.0.2.1 SIP/2.0", "SIP/2.0 486 Busy Here") + "\r\n"
    assert parse(raw.encode()) == Response(486)


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("sip:%61lice@b;x=y;transport=udp", "sip:alice@b;transport=udp;x=y"),
        ("sip:a%3Bb@[2001:db8::1]:5061;lr", "sip:a;b@[2001:db8::1]:5061;lr"),
        ("SIPS:a:p@b;x=%20", "sips:a:p@b;x=%20"),
        ("sip:%C3%BC@b", "sip:%c3%bc@b"),
        ("tel:+1-555;phone-context=x;ext=5", "tel:+1-555;ext=5;phone-context=x"),
        ("tel:+1-555;isub=7;y=z;ext=5", "tel:+1-555;ext=5;isub=7;y=z"),
    ],
)
def test_the_request_uri_is_printed_anew(written: str, printed: str) -> None:
    parsed = parse((HEAD.replace("sip:100@192.0.2.1 SIP", f"{written} SIP") + "\r\n").encode())
    assert isinstance(parsed, Request)
    assert parsed.uri.as_text(UriContext.REQUEST) == printed


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("Contact: <sip:a@b>;q=0.5", "<sip:a@b>;q=0.5"),
        ("Contact: <sip:a@b>;x=1;q=1;expires=60", "<sip:a@b>;q=1;expires=60;x=1"),
        ("Contact: <sip:a@b>;q=0.123", "<sip:a@b>;q=0.123"),
        ("Contact: <sip:a@b>;q=0", "<sip:a@b>"),
        ("Contact: <sip:a@b>;expires=4294967295", "<sip:a@b>;expires=4294967294"),
        ("Event: presence;y=z;ID=5", "presence;id=5;y=z"),
        ("Session-Expires: 90;x=y;refresher=uac", "90;refresher=uac;x=y"),
        (
            "Subscription-State: active;x=y;retry-after=5;expires=9;reason=a",
            "active;reason=a;expires=9;retry-after=5;x=y",
        ),
        ("Subscription-State: active;retry-after=4294967301", "active;retry-after=5"),
        ("Subscription-State: active;retry-after=2147483648", "active"),
        ("Via: SIP/2.0/tcp h:65535;rport;x=y;branch=z", "SIP/2.0/TCP h:65535;rport;branch=z;x=y"),
        ("Via: SIP/2.0/UDP h:0;ttl=0", "SIP/2.0/UDP h;ttl=0"),
    ],
)
def test_known_headers_are_printed_anew(line: str, printed: str) -> None:
    assert request(line).headers[-1].as_text() == printed


@pytest.mark.parametrize(
    "line", ["Via: SIP/2.0/UDP h:65536", "Via: SIP/2.0/UDP h;ttl=256", "Via: SIP/2.0/UDP h;rport=65536"]
)
def test_numbers_out_of_range_are_refused(line: str) -> None:
    assert refused(line).log.startswith("PJSIP invalid value error exception")


@pytest.mark.parametrize("line", ["Allow: INVITE,", "Supported: timer,,path", "Via: SIP/2.0/UDP []"])
def test_releases_differ(line: str) -> None:
    old, new = dialect("16.28.0"), dialect("22.10.1")
    taken = [isinstance(parse(f"{HEAD}{line}\r\n\r\n".encode(), one), Request) for one in (old, new)]
    assert taken == ([True, False] if "[]" in line else [False, True])
    assert new == Dialect()

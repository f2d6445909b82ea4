"""A request made from what a person knows."""

import pytest

from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.diagnosis.explain import parse_source, receiving_socket, request
from pjsipdiag.errors import PjsipdiagError
from pjsipdiag.sip import Address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.7", Address("203.0.113.7", 5060)),
        ("203.0.113.7:5062", Address("203.0.113.7", 5062)),
        ("2001:db8::7", Address("2001:db8::7", 5060)),
        ("[2001:DB8::7]:5062", Address("2001:db8::7", 5062)),
    ],
)
def test_source(text: str, address: Address) -> None:
    assert parse_source(text) == address


@pytest.mark.parametrize(
    "text", ["", "provider.example", "203.0.113.7:0", "203.0.113.7:99999", "300.1.1.1", "1.2.3.4:x"]
)
def test_no_source(text: str) -> None:
    with pytest.raises(PjsipdiagError, match="not a source address"):
        parse_source(text)


def test_request_says_what_was_given() -> None:
    made = request(
        Address("2001:db8::7", 5062),
        from_='"Bob" <sip:bob@example.com>',
        uri="sip:1@pbx.example",
        headers=["X-Trunk: b"],
        transport="TCP",
    )
    assert (made.method, made.request_uri, made.transport) == ("INVITE", "sip:1@pbx.example", "TCP")
    assert made.header("From").startswith('"Bob" <sip:bob@example.com>;tag=')
    assert made.header("x-trunk") == "b"
    assert made.destination.ip == "2001:db8::1"


@pytest.mark.parametrize(
    ("given", "header"),
    [
        ("1001", "<sip:1001@[2001:db8::7]>"),
        ("1001@pbx.example", "<sip:1001@pbx.example>"),
        ("tel:+1555", "<tel:+1555>"),
        ("<1001>", "<1001>"),
    ],
)
def test_a_user_alone_is_a_caller(given: str, header: str) -> None:
    assert request(Address("2001:db8::7", 5060), from_=given).header("From") == f"{header};tag=pjsipdiag"


@pytest.mark.parametrize("options", [{"headers": ["no colon"]}, {"from_": "sip:a@b\r\nX: y"}, {"uri": "sip:a\n"}])
def test_refuses_what_is_no_header(options: dict[str, str]) -> None:
    with pytest.raises(PjsipdiagError):
        request(Address("203.0.113.7", 5060), **options)  # type: ignore[arg-type]  # each option is of its own type


@pytest.mark.parametrize(
    ("bound", "source", "asked", "reached_by"),
    [
        ("protocol=udp\nbind=0.0.0.0", "203.0.113.7", None, ("udp", Address("192.0.2.1", 5060))),
        ("protocol=udp\nbind=192.0.2.9:5160", "203.0.113.7", None, ("udp", Address("192.0.2.9", 5160))),
        ("protocol=tls\nbind=0.0.0.0", "203.0.113.7", None, ("tls", Address("192.0.2.1", 5061))),
        ("protocol=tls\nbind=0.0.0.0", "203.0.113.7", "udp", ("udp", None)),
        ("protocol=udp\nbind=0.0.0.0", "2001:db8::7", None, ("udp", None)),
        ("protocol=tcp\nbind=pbx.invalid:5070", "203.0.113.7", None, ("tcp", Address("192.0.2.1", 5070))),
    ],
)
def test_a_request_comes_to_what_listens(
    bound: str, source: str, asked: str | None, reached_by: tuple[str, Address | None]
) -> None:
    config = load_config(None, overlay={"pjsip.conf": f"[t]\ntype=transport\n{bound}\n"})
    assert receiving_socket(config, parse_source(source), asked) == reached_by

"""A request made from what a person knows."""

import pytest

from pjsipdiag.diagnosis.explain import parse_source, request
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


@pytest.mark.parametrize("options", [{"headers": ["no colon"]}, {"from_": "sip:a@b\r\nX: y"}, {"uri": "sip:a\n"}])
def test_refuses_what_is_no_header(options: dict[str, str]) -> None:
    with pytest.raises(PjsipdiagError):
        request(Address("203.0.113.7", 5060), **options)  # type: ignore[arg-type]  # each option is of its own type

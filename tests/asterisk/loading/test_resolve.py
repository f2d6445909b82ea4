"""Names from a table and from DNS: a server on this machine answers as a zone file would."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pjsipdiag.asterisk.addresses.sockaddr import text_of
from pjsipdiag.asterisk.loading.resolve import Dns, Hosts, could_resolve, look_up
from tests.asterisk.zone import served


@pytest.fixture
def resolver() -> Iterator[Dns]:
    with served() as stub:
        yield Dns(stub)


def test_dns(resolver: Dns) -> None:
    assert resolver.addresses("SIP.example.net") == ("203.0.113.7", "203.0.113.8", "2001:db8::7")
    assert resolver.addresses("four.example.net.") == ("203.0.113.9",)
    assert resolver.targets("_sip._udp.example.net") == ("a.example.net", "b.example.net")
    assert resolver.targets("_sip._tcp.example.net") == ()
    assert resolver.addresses("none.example.net") == ()


def test_a_server_that_fails_tells_nothing(resolver: Dns) -> None:
    assert resolver.addresses("broken.example.net") is None
    assert look_up("broken.example.net", resolver) is None


def test_a_name_with_a_port() -> None:
    hosts = Hosts({"sip.example.net": ["203.0.113.7", "2001:db8::7"]})
    found = look_up("SIP.example.net:5070", hosts)
    assert found is not None
    assert [(text_of(version, ip), port) for version, ip, port in found] == [
        ("203.0.113.7", 5070),
        ("2001:db8::7", 5070),
    ]
    assert look_up("sip.example.net:nonsense", hosts) == []


def test_what_a_table_does_not_hold() -> None:
    assert look_up("other.example.net", Hosts({"a": ["192.0.2.1"]})) is None
    assert look_up("other.example.net", Hosts({"a": ["192.0.2.1"]}, complete=True)) == []
    assert Hosts().targets("_sip._udp.other.example.net") is None
    assert Hosts({"a": ["192.0.2.1"]}).targets("_sip._udp.a") == ()


@pytest.mark.parametrize("name", ["a b", "!192.0.2.1", "192.0.2.300", "a..b", "", "x" * 64, "a/24"])
def test_names_that_nothing_resolves(name: str) -> None:
    assert not could_resolve(name)
    assert look_up(name, Hosts()) == []

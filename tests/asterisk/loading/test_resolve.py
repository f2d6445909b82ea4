"""Names from a table and from DNS, and what becomes of identifies that have them: a server on this machine answers as a
zone file would."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pjsipdiag.asterisk.addresses.address_rule import canonical
from pjsipdiag.asterisk.addresses.sockaddr import text_of
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.loading.resolve import Dns, Hosts, could_resolve, look_up, parse_hosts
from pjsipdiag.asterisk.section import Where
from pjsipdiag.errors import ConfigError
from tests.asterisk.loading.test_objects import ENDPOINT, identify, load
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


def test_an_unknown_name_keeps_the_identify_and_a_known_failure_drops_it() -> None:
    text = identify("match=192.0.2.1", "match=sip.example.net:5070")
    (unknown,) = load(text).identifies
    assert [canonical(rule) for rule in unknown.rules] == ["192.0.2.1/255.255.255.255"]
    assert [(name.host, name.port, name.where.line) for name in unknown.unresolved] == [("sip.example.net", 5070, 7)]
    config = load(text, Hosts(complete=True))
    assert config.identifies == ()
    (dropped,) = config.dropped
    assert (dropped.name, dropped.where) == ("i", Where("pjsip.conf", 7, "i"))
    assert 'getaddrinfo("sip.example.net", "5070", ...): Name or service not known' in dropped.log


def test_what_can_be_no_host_name_fails_without_asking() -> None:
    config = load(identify("match=203.0.113.300"))
    assert [d.reason for d in config.dropped] == [
        "match=203.0.113.300 is no address, and no host of that name resolves"
    ]


def test_names_resolve_from_a_hosts_file(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("203.0.113.7 sip.example.net sip # the trunk\n2001:db8::7\tSIP.example.net\n\n")
    config = load_config(None, "22.10.1", hosts, overlay={"pjsip.conf": ENDPOINT + identify("match=sip.example.net")})
    (loaded,) = config.identifies
    assert [(canonical(rule), rule.host) for rule in loaded.rules] == [
        ("203.0.113.7/255.255.255.255", "sip.example.net"),
        ("2001:db8::7/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "sip.example.net"),
    ]


def test_a_bad_hosts_file_names_the_line() -> None:
    with pytest.raises(ConfigError, match=r"hosts:2: 'sip\.example\.net' is not an IP address"):
        parse_hosts(["192.0.2.1 a", "sip.example.net 192.0.2.2"])
    with pytest.raises(ConfigError, match="cannot read hosts file"):
        load_config(None, hosts="/nonexistent/hosts", overlay={"pjsip.conf": ""})


def test_services_come_before_the_name_itself() -> None:
    hosts = Hosts({"t.example": ["203.0.113.1"], "n.example": ["203.0.113.9"]}, {"_sip._tcp.n.example": ["t.example"]})
    rules = [
        [r.network & 0xFF for r in load(identify(line), hosts).identifies[0].rules]
        for line in ("match=n.example", "match=n.example\nsrv_lookups=no", "match=n.example:5060")
    ]
    assert rules == [[1], [9], [9]]

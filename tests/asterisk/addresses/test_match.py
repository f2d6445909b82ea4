"""Address rules: their text, and what they match, held against Python's ipaddress."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pjsipdiag.asterisk.addresses import sockaddr
from pjsipdiag.asterisk.addresses.address_rule import applies, canonical
from pjsipdiag.asterisk.addresses.match import parse_match, parse_rules
from pjsipdiag.asterisk.section import Where

HERE = Where("pjsip.conf", 1, "x")


@pytest.mark.parametrize(
    ("value", "rules"),
    [
        ("203.0.113.77/29", ["203.0.113.72/255.255.255.248"]),
        ("1.2.3", ["1.2.0.3/255.255.255.255"]),
        ("1.2.3.4/255.255.255", ["1.2.0.4/255.255.0.255"]),
        ("203.0.113.5:5061/24", ["203.0.113.0:5061/255.255.255.0"]),
        ("[2001:db8::1]:5060", ["[2001:db8::1]:5060/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]),
        ("::ffff:203.0.113.9/24", ["203.0.113.0/255.255.255.0"]),
        ("!203.0.113.9/32, 10.0.0.0/8", ["!203.0.113.9/255.255.255.255", "10.0.0.0/255.0.0.0"]),
    ],
)
def test_values_as_asterisk_stores_them(value: str, rules: list[str]) -> None:
    matches = parse_match(value, HERE)
    assert ([canonical(rule) for rule in matches.rules], matches.hosts, matches.refusal) == (rules, (), "")


def test_an_exclusion_without_a_mask_is_a_host_name() -> None:
    assert parse_match("!203.0.113.9", HERE).hosts == ("!203.0.113.9",)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("300.1.2.3/24", "Invalid IP address: 300.1.2.3"),
        ("203.0.113.0/33", "Invalid CIDR netmask: 33"),
        ("203.0.113.0/::", "Address and mask are not using same address scheme."),
        ("203.0.113.0/255.255.255.0:1", "Invalid netmask: 255.255.255.0:1"),
    ],
)
def test_refusals_are_asterisks_words(value: str, words: str) -> None:
    assert parse_match(value, HERE).refusal == words


def test_a_port_refuses_the_value_where_the_release_knows_none() -> None:
    assert parse_match("203.0.113.5:5061", HERE, ports=False).refusal == "Invalid IP address: 203.0.113.5:5061"


def test_the_last_rule_that_fits_decides() -> None:
    rules, _ = parse_rules("203.0.113.0/24,!203.0.113.8/29,203.0.113.9", ports=True, deny=False, where=HERE)
    wins = [applies(rules, sockaddr.NumericAddress(4, int(ipaddress.IPv4Address(f"203.0.113.{n}")))) for n in (7, 8, 9)]
    assert wins == [True, False, True]


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6), st.data())
def test_networks_match_as_ipaddress_says(
    base: ipaddress.IPv4Address | ipaddress.IPv6Address, data: st.DataObject
) -> None:
    length = data.draw(st.integers(0, base.max_prefixlen))
    source = data.draw(st.ip_addresses(v=base.version) | st.just(base))
    rules, refused = parse_rules(f"{base}/{length}", ports=True, deny=False, where=HERE)
    if refused:
        assert base.version == 6 and ipaddress.IPv6Address(int(base)).ipv4_mapped and length > 32
        return
    network = ipaddress.ip_network((base, length), strict=False)
    address = sockaddr.NumericAddress(source.version, int(source))
    mapped = any(a.version == 6 and int(a) >> 32 == 0xFFFF for a in (base, source))
    assert mapped or applies(rules, address) == (source in network)


@given(st.ip_addresses(), st.integers(0, 65535))
def test_an_address_reads_back(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> None:
    text = f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
    assert sockaddr.parse(text) == (address.version, int(address), port)
    assert sockaddr.parse(text, ports=False) is None

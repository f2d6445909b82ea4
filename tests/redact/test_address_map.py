"""Stand-ins of addresses: a rule holds for a stand-in exactly when it held for the address."""

from __future__ import annotations

import ipaddress

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pjsipdiag.redact.address_map import POOLS, STAYING, AddressMap
from pjsipdiag.sip import Ip, Network

DOCUMENTATION = [ipaddress.ip_network(pool) for pools in POOLS.values() for pool in pools]


def ip(text: str) -> Ip:
    return ipaddress.ip_address(text)


def network(text: str) -> Network:
    return ipaddress.ip_network(text)


V4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address)
NEAR = st.tuples(st.sampled_from([0xCB007100, 0xCB007200, 0x51020300, 0x51020000]), st.integers(0, 1023)).map(
    lambda pair: ipaddress.IPv4Address(pair[0] + pair[1])
)
NETWORKS = st.tuples(st.one_of(V4, NEAR), st.integers(1, 31)).map(lambda pair: ipaddress.ip_network(pair, strict=False))


@settings(max_examples=150)
@given(st.lists(st.one_of(V4, NEAR), min_size=1, max_size=12), st.lists(NETWORKS, max_size=6))
@example([ip("255.255.255.255")], [network("255.255.255.128/25")])
def test_networks_hold_the_same_addresses(addresses: list[Ip], networks: list[Network]) -> None:
    known = AddressMap(addresses, networks)
    for rule in networks:
        stands = known.network(rule)
        for address in addresses:
            assert (address in rule) == any(known.address(address) in stand for stand in stands)


@settings(max_examples=100)
@given(st.lists(st.one_of(V4, NEAR), min_size=1, max_size=20, unique=True))
def test_stand_ins_are_distinct_and_nobodys(addresses: list[Ip]) -> None:
    known = AddressMap(addresses)
    stands = [known.address(address) for address in addresses]
    assert len(set(stands)) == len(addresses)
    assert all(any(stand in pool for pool in (*DOCUMENTATION, *STAYING)) for stand in stands)


def test_neighbours_stay_neighbours() -> None:
    known = AddressMap([ip("81.2.69.160"), ip("81.2.69.161")], [network("81.2.69.160/31")])
    first, second = known.address(ip("81.2.69.160")), known.address(ip("81.2.69.161"))
    assert int(second) - int(first) == 1
    assert str(first).endswith(".160")
    assert known.network(network("81.2.69.160/31")) == [ipaddress.ip_network(f"{first}/31")]


def test_private_addresses_stay() -> None:
    known = AddressMap([ip("172.17.0.1"), ip("10.1.2.3"), ip("fe80::1"), ip("127.0.0.1")])
    assert [str(known.address(address)) for address in known.known] == [
        "10.1.2.3",
        "127.0.0.1",
        "172.17.0.1",
        "fe80::1",
    ]


def test_the_lower_half_of_an_ipv6_address_goes() -> None:
    address = ip("2a00:1450:4001:82b:211:22ff:fe33:4455")
    stand = AddressMap([address]).address(address)
    assert stand in ipaddress.ip_network("2001:db8::/32")
    assert "22ff:fe33" not in str(stand)


def test_a_rule_over_private_and_public_addresses_still_holds_for_both() -> None:
    addresses = [ip("192.168.1.9"), ip("192.0.9.1"), ip("81.2.69.160")]
    wide = network("192.0.0.0/8")
    known = AddressMap(addresses, [wide])
    held = [any(known.address(address) in stand for stand in known.network(wide)) for address in addresses]
    assert held == [True, True, False]


def test_hundreds_of_networks_find_room() -> None:
    addresses = [ipaddress.IPv4Address(0x51000000 + at * 256 + 7) for at in range(2000)]
    known = AddressMap(addresses)
    assert len({known.address(address) for address in addresses}) == 2000

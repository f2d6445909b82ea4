"""The address index answers what the plain walk answers, and what Python's `ipaddress` says of one network."""

from __future__ import annotations

import ipaddress
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from pjsipdiag.asterisk.addresses.address_rule import SourceSocket, applies, source, taken_by, unpack_source
from pjsipdiag.asterisk.addresses.index import NEAR_ADDRESSES, AddressIndex
from pjsipdiag.asterisk.config import AddressRule, Identify
from pjsipdiag.asterisk.section import Where
from pjsipdiag.sip import Address

WHERE = Where("pjsip.conf", 1)
FULL = {4: 2**32 - 1, 6: 2**128 - 1}


def rule(version: int, ip: int, mask: int, port: int = 0, deny: bool = False) -> AddressRule:
    return AddressRule(version, ip & mask, mask, port, deny, "", WHERE)


def first(index: AddressIndex, one: SourceSocket) -> int | None:
    """The position of the first identify that takes the source, by the index."""
    return next((at for at, rule, fits in index.find_deciding(one) if fits and not rule.deny), None)


@st.composite
def rules(draw: st.DrawFn) -> AddressRule:
    version = draw(st.sampled_from((4, 4, 6)))
    bits = 32 if version == 4 else 128
    length = draw(st.sampled_from((0, 1, 8, bits - 4, bits - 2, bits - 1, bits)))
    mask = FULL[version] ^ ((1 << (bits - length)) - 1)
    if draw(st.booleans()):
        mask ^= draw(st.integers(0, FULL[version])) & draw(st.integers(0, 255))
    ip = draw(st.integers(0, 20)) + (10 << bits - 8)
    return rule(version, ip, mask, draw(st.sampled_from((0, 0, 5060, 5061))), draw(st.booleans()))


@st.composite
def sources(draw: st.DrawFn) -> SourceSocket:
    version = draw(st.sampled_from((4, 4, 6)))
    ip = draw(st.one_of(st.integers(0, 24).map(lambda n: n + (10 << (24 if version == 4 else 120))), st.just(0)))
    return SourceSocket(version, ip, draw(st.sampled_from((5060, 5061))))


@settings(max_examples=100)
@given(st.lists(st.lists(rules(), max_size=4), max_size=8), st.lists(sources(), min_size=1, max_size=8))
def test_the_index_is_the_walk(of_identifies: list[list[AddressRule]], asked: list[SourceSocket]) -> None:
    identifies = [Identify(str(n), WHERE, rules=tuple(of_one)) for n, of_one in enumerate(of_identifies)]
    index = AddressIndex.build(identifies)
    for one in asked:
        taking = [place for place, identify in enumerate(identifies) if applies(identify.rules, one)]
        assert first(index, one) == next(iter(taking), None)
        address = Address(str(ipaddress.ip_address(one.ip.to_bytes(4 if one.version == 4 else 16, "big"))), one.port)
        rules_of = [taken_by(identify, address) for identify in identifies]
        assert [place for place, taken in enumerate(rules_of) if taken] == taking
        assert not any(taken.deny for taken in rules_of if taken)


@settings(max_examples=150)
@given(st.ip_addresses(), st.integers(0, 128), st.ip_addresses(), st.booleans())
def test_one_network_is_what_ipaddress_says(
    network_ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
    length: int,
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
    near: bool,
) -> None:
    network = ipaddress.ip_network((network_ip, min(length, network_ip.max_prefixlen)), strict=False)
    asked = network.broadcast_address if near else ip
    if isinstance(asked, ipaddress.IPv6Address) and asked.ipv4_mapped:
        asked = asked.ipv4_mapped
    one = Identify("a", WHERE, rules=(rule(network.version, int(network[0]), int(network.netmask)),))
    found = first(AddressIndex.build([one]), SourceSocket(asked.version, int(asked), 5060)) is not None
    assert found == (asked.version == network.version and asked in network)


def test_mapped_addresses_are_ipv4() -> None:
    mapped = Address("::ffff:203.0.113.10", 5060)
    assert source(mapped) == source(Address("203.0.113.10", 5060)) == unpack_source(mapped.pack())


def test_near_looks_just_outside_the_networks() -> None:
    base = int(ipaddress.ip_address("203.0.113.8"))
    index = AddressIndex.build([Identify("a", WHERE, rules=(rule(4, base, FULL[4] ^ 3),))])
    distances = {n: near.distance for n in range(-20, 20) if (near := index.near(SourceSocket(4, base + n, 5060)))}
    below = {-n: -n for n in range(1, NEAR_ADDRESSES + 1)}
    above = {3 + n: n for n in range(1, NEAR_ADDRESSES + 1)}
    assert distances == below | above


def test_three_thousand_identifies_cost_what_one_costs() -> None:
    def seconds(identifies: int) -> float:
        index = AddressIndex.build(
            [Identify(str(n), WHERE, rules=(rule(4, n << 4, FULL[4] ^ 15),)) for n in range(identifies)]
        )
        begun = time.process_time()
        for n in range(5000):
            first(index, SourceSocket(4, 0xF0000000 + n, 5060))
        return time.process_time() - begun

    assert seconds(3000) < 20 * seconds(3) + 0.05

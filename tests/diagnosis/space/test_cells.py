"""The cells of the address space agree with the plain walk over the rules, wherever one looks."""

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from pjsipdiag.asterisk.addresses.address_rule import find_deciding, source
from pjsipdiag.asterisk.config import AddressRule, Identify
from pjsipdiag.asterisk.section import Where
from pjsipdiag.diagnosis.space.cells import cells
from pjsipdiag.sip import Address

WHERE = Where("pjsip.conf", 1)
BASE = int(ipaddress.ip_address("203.0.113.0"))


def rule(length: int, offset: int, port: int, deny: bool) -> AddressRule:
    mask = 0xFFFFFFFF << (32 - length) & 0xFFFFFFFF
    return AddressRule(4, (BASE + offset) & mask, mask, port, deny, f"/{length}", WHERE)


RULES = st.builds(
    rule,
    st.sampled_from([0, 8, 26, 28, 30, 32]),
    st.integers(0, 63),
    st.sampled_from([0, 0, 5060, 5061]),
    st.booleans(),
)
IDENTIFIES = st.lists(st.lists(RULES, max_size=4), max_size=4).map(
    lambda many: [Identify(f"i{place}", WHERE, rules=tuple(rules)) for place, rules in enumerate(many)]
)


@given(IDENTIFIES, st.integers(0, 63), st.sampled_from([5060, 5061, 5099]))
def test_cells_are_what_the_walk_finds(identifies: list[Identify], offset: int, port: int) -> None:
    address = Address(str(ipaddress.ip_address(BASE + offset)), port)
    named = {rule.port for identify in identifies for rule in identify.rules}
    found = {
        identify.name
        for cell in cells(identifies)
        if cell.first <= BASE + offset <= cell.last and cell.port == _port_class(cell.first, port, identifies, named)
        for identify in cell.identifies
    }
    walked = set()
    for identify in identifies:
        last = find_deciding(identify.rules, source(address))
        if last is not None and not last.deny:
            walked.add(identify.name)
    assert found == walked


def test_a_cell_is_written_as_the_network_that_it_is() -> None:
    wide = AddressRule(6, 0x20010DB8 << 96, 0xFFFFFFFF << 96, 5060, False, "2001:db8::/32", WHERE)
    assert str(next(cells([Identify("i", WHERE, rules=(wide,))]))) == "2001:db8::/32 port 5060"


def _port_class(first: int, port: int, identifies: list[Identify], named: set[int]) -> int:
    """The port by which the cell of `port` is filed: itself where a rule of that run of addresses names it."""
    here = {rule.port for identify in identifies for rule in identify.rules if first & rule.mask == rule.network}
    return port if port in named and port in here else 0

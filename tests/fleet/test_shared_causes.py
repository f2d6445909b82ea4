"""Which findings have the same cause, whatever the order of the PBXs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pjsipdiag.asterisk.section import Where
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.fleet.model import Member, Place
from pjsipdiag.fleet.plan import Pbx
from pjsipdiag.fleet.shared_causes import fleet_of


def member(name: str, *places: Place) -> Member:
    return Member(Pbx(name, ("x",), "y"), places=places)


def place(rule: str, *sources: str, line: str = "", message: str = "") -> Place:
    where = Where("pjsip.conf", 3) if line else None
    return Place(Finding(Severity.ERROR, message, where, sources=sources, calls=1, rule=rule), line=line)


def groups(*members: Member) -> list[tuple[str, tuple[str, ...], list[str]]]:
    return [(one.rule, one.sources, [name for name, _ in one.places]) for one in fleet_of("f", members).causes]


def test_sources_in_common_link_directly_and_by_others() -> None:
    assert groups(
        member("a", place("unmatched-source", "192.0.2.1", "192.0.2.2")),
        member("b", place("unmatched-source", "192.0.2.2", "192.0.2.3")),
        member("c", place("unmatched-source", "192.0.2.3"), place("scanner", "192.0.2.1")),
        member("d", place("unmatched-source", "192.0.2.9")),
    ) == [
        ("unmatched-source", ("192.0.2.1", "192.0.2.2", "192.0.2.3"), ["a", "b", "c"]),
        ("scanner", ("192.0.2.1",), ["c"]),
        ("unmatched-source", ("192.0.2.9",), ["d"]),
    ]


def test_without_sources_the_line_counts_wherever_it_stands() -> None:
    order = "endpoint_identifier_order=username,ip"
    found = groups(
        member("a", place("unreachable-identifier", line=order, message="pjsip.conf:3 ...")),
        member("b", place("unreachable-identifier", line=order, message="pjsip.conf:9 ...")),
        member("c", place("unreachable-identifier", line="endpoint_identifier_order=header")),
    )
    assert [names for _, _, names in found] == [["a", "b"], ["c"]]


def test_a_private_address_may_be_several_hosts_and_that_is_said() -> None:
    for source, said in (("10.0.0.5", True), ("fd00::1", True), ("203.0.113.13", False)):
        both = [member(name, place("unmatched-source", source)) for name in "ab"]
        (cause,) = fleet_of("f", both).causes
        assert (len(cause.places), bool(cause.note)) == (2, said)


SOURCES = st.lists(st.sampled_from([f"192.0.2.{n}" for n in range(6)]), max_size=3, unique=True)
PLACES = st.lists(st.builds(lambda rule, sources: place(rule, *sources, message=rule), st.sampled_from("xy"), SOURCES),
                  max_size=3)  # fmt: skip


@given(st.lists(PLACES, max_size=6), st.randoms())
def test_the_order_of_the_file_does_not_matter_and_nothing_is_lost(found: list[list[Place]], random: object) -> None:
    members = [member(f"pbx-{number}", *places) for number, places in enumerate(found)]
    mixed = [*members]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    causes, again = fleet_of("f", members).causes, fleet_of("f", mixed).causes
    assert {(one.rule, one.sources, frozenset(name for name, _ in one.places)) for one in causes} == {
        (one.rule, one.sources, frozenset(name for name, _ in one.places)) for one in again
    }
    assert sum(len(one.places) for one in causes) == sum(map(len, found))
    for one in causes:
        for other in causes:
            assert one is other or one.rule != other.rule or not set(one.sources) & set(other.sources)

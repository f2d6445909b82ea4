"""Causes that PBXs share: one provider's new address that forty of them refuse is one cause with forty places.

Two findings have the same cause if they are of one rule and name a common source; where they name none, if they blame a
line with the same text. What two findings share may link them to a third.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence

from pjsipdiag.diagnosis.evidence.readable_addresses import is_address, is_private
from pjsipdiag.diagnosis.rules import RULES
from pjsipdiag.fleet.model import Caller, Fleet, Member, Place, SharedCause, SharedSource

AtPbx = tuple[str, Place]
_SUMMARIES = {rule.name: rule.summary for rule in RULES}
_VERDICTS = ("mixed", "unmatched", "unknown", "matched")


def fleet_of(path: str, members: Sequence[Member]) -> Fleet:
    """The report on these PBXs."""
    return Fleet(path, tuple(members), tuple(_causes(members)), tuple(_shared_sources(members)))


def _causes(members: Sequence[Member]) -> Iterator[SharedCause]:
    """Worst first, then those of most PBXs, then of most calls."""
    found = [(member.pbx.name, place) for member in members for place in member.places]
    causes = [_cause([found[number] for number in group]) for group in _link([_marks(place) for _, place in found])]
    yield from sorted(causes, key=lambda one: (one.severity.rank, -len(one.places), -one.calls, one.rule, one.sources))


def _marks(place: Place) -> list[Hashable]:
    """The marks of a finding: another one that has one of them, too, has the same cause."""
    finding = place.finding
    if finding.sources:
        return [(finding.rule, source) for source in finding.sources]
    return [(finding.rule, finding.where.file, place.line) if finding.where and place.line else finding.message]


def _link(marks: Sequence[Sequence[Hashable]]) -> Iterator[list[int]]:
    """The numbers that common marks link, directly or through others, group by group."""
    having = defaultdict[Hashable, list[int]](list)
    for number, own in enumerate(marks):
        for mark in own:
            having[mark].append(number)
    # Each mark is followed once: followed anew for each number that has it, a source that thousands of findings name
    # would cost its square.
    seen = set[int]()
    reached = set[Hashable]()
    for start in range(len(marks)):
        waiting, group = [start], list[int]()
        while waiting:
            number = waiting.pop()
            if number in seen:
                continue
            seen.add(number)
            group.append(number)
            for mark in marks[number]:
                if mark not in reached:
                    reached.add(mark)
                    waiting += having[mark]
        if group:
            yield sorted(group)


def _cause(found: Sequence[AtPbx]) -> SharedCause:
    ordered = sorted(found, key=lambda one: (-one[1].finding.calls, one[0]))
    findings = [place.finding for _, place in ordered]
    sources = tuple(sorted({source for finding in findings for source in finding.sources}, key=_by_address))
    several = len({name for name, _ in found}) > 1
    private = [source for source in sources if several and is_address(source) and is_private(source)]
    return SharedCause(
        rule=findings[0].rule,
        severity=min((finding.severity for finding in findings), key=lambda severity: severity.rank),
        summary=_SUMMARIES.get(findings[0].rule, ""),
        sources=sources,
        calls=sum(finding.calls for finding in findings),
        places=tuple(ordered),
        note=f"{', '.join(private[:3])} is one host only where these PBXs share a network" if private else "",
    )


def _shared_sources(members: Sequence[Member]) -> Iterator[SharedSource]:
    """Sources that one PBX takes and another does not first, then those that most PBXs saw."""
    seen = defaultdict[str, list[tuple[str, Caller]]](list)
    for member in members:
        for address, row in member.sources.items():
            seen[address].append((member.pbx.name, row))
    found = [SharedSource(address, tuple(rows)) for address, rows in seen.items() if len(rows) > 1]
    yield from sorted(found, key=_by_need)


def _by_need(one: SharedSource) -> tuple[int, int, int, tuple[int, bytes]]:
    verdicts = one.verdicts
    rank = 0 if len(verdicts) > 1 else _VERDICTS.index(verdicts[0]) if verdicts else len(_VERDICTS)
    return rank, -len(one.callers), -sum(row.calls for _, row in one.callers), _by_address(one.address)


def _by_address(text: str) -> tuple[int, bytes]:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return 0, text.encode()
    return address.version, address.packed

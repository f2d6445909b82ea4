"""Which calls and requests a finding is about: when, between whom, and by which Call-IDs they are found elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain

from pjsipdiag.diagnosis.model import CallMarks, Finding
from pjsipdiag.diagnosis.situation import CallGroup, Exchange, Situation

MOST_NUMBERS, MOST_CALL_IDS = 8, 4


def groups_of(situation: Situation, source: str) -> Sequence[CallGroup]:
    """The groups of calls of a source: indexed, so that no rule walks them all for each of them."""
    return _by_source(situation).get(source, ())


@lru_cache(maxsize=4)
def _by_source(situation: Situation) -> Mapping[str, Sequence[CallGroup]]:
    found: dict[str, list[CallGroup]] = {}
    for group in situation.groups:
        found.setdefault(group.source, []).append(group)
    return found


def with_calls(finding: Finding, groups: Sequence[CallGroup], statuses: Collection[int] = ()) -> Finding:
    """The finding with what was seen of its calls; those that ended with one of `statuses` speak for it."""
    if finding.seen != CallMarks() or not groups:
        return finding
    refused = (_refused(group, statuses) or group.numbers for group in groups)
    seen = CallMarks(
        min(group.first_time for group in groups),
        max(group.last_time for group in groups),
        _first(chain.from_iterable(refused), MOST_NUMBERS),
        _first(chain.from_iterable(group.callers for group in groups), MOST_NUMBERS),
        _first(chain.from_iterable(group.read_ids(statuses) for group in groups), MOST_CALL_IDS),
    )
    return replace(finding, seen=seen)


def _refused(group: CallGroup, statuses: Collection[int]) -> list[str]:
    return [user for user, status in group.refused_numbers if not statuses or status in statuses]


def _seen_of(exchanges: Sequence[Exchange]) -> CallMarks:
    """All that was seen of requests outside of calls."""
    if not exchanges:
        return CallMarks()
    refusing = (
        answer.call_id for one in exchanges for status in one.refusals for answer in one.answers.get(status, ())
    )
    asking = (request.call_id for one in exchanges for request in one.samples)
    users = (uri.user for one in exchanges for request in one.samples if (uri := request.from_uri))
    return CallMarks(
        min(one.first_time for one in exchanges),
        max(one.last_time for one in exchanges),
        (),
        _first(users, MOST_NUMBERS),
        _first(chain(refusing, asking), MOST_CALL_IDS),
    )


def join_seen(one: CallMarks, other: CallMarks) -> CallMarks:
    """Puts together what was seen of two findings that are one."""
    if not one.last or not other.last:
        return one if one.last else other
    return CallMarks(
        min(one.first, other.first),
        max(one.last, other.last),
        _first((*one.numbers, *other.numbers), MOST_NUMBERS),
        _first((*one.callers, *other.callers), MOST_NUMBERS),
        _first((*one.call_ids, *other.call_ids), MOST_CALL_IDS),
    )


def complete_seen(situation: Situation, findings: Iterable[Finding]) -> Iterable[Finding]:
    """Findings with what their sources did, as far as nothing closer is known of them."""
    known: dict[tuple[str, ...], CallMarks] = {}  # a thousand findings may be about the requests of one source
    for finding in findings:
        if finding.calls:
            groups = [group for source in finding.sources for group in groups_of(situation, source)]
            yield with_calls(finding, groups)
        else:
            if finding.sources not in known:
                refused = _refused_of(situation)
                known[finding.sources] = _seen_of([one for host in finding.sources for one in refused.get(host, ())])
            yield finding if finding.seen != CallMarks() else replace(finding, seen=known[finding.sources])


@lru_cache(maxsize=4)
def _refused_of(situation: Situation) -> Mapping[str, Sequence[Exchange]]:
    """The refused exchanges of each host, those that it asked for first."""
    found: dict[str, list[Exchange]] = {}
    asked = ((one.client, one) for one in situation.exchanges)
    for host, one in chain(asked, ((one.server, one) for one in situation.own_exchanges)):
        if one.refusals:
            found.setdefault(host, []).append(one)
    return found


def _first(names: Iterable[str], most: int) -> tuple[str, ...]:
    """The first `most` different names; no more are read."""
    found: dict[str, None] = {}
    for name in filter(None, names):
        found[name] = None
        if len(found) == most:
            break
    return tuple(found)

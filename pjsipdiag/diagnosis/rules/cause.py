"""The cause that calls are blamed on: groups of calls with one cause become one finding."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import repeat

from pjsipdiag.asterisk.reasons.reason import Reason
from pjsipdiag.asterisk.reasons.walk import WalkReason
from pjsipdiag.asterisk.section import Where
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.situation import CallGroup


@dataclass(frozen=True, slots=True)
class Cause:
    """The things that groups of one finding share: the object to blame (`name`), its line, what else tells them
    apart."""

    name: str = ""
    where: Where | None = None
    detail: str = ""
    why: Reason | None = None
    """The reason of the check that ended the calls, where that is what they share."""


def sources(groups: Sequence[CallGroup]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(group.source for group in groups))


def verb(groups: Sequence[CallGroup], one: str = "is", several: str = "are") -> str:
    """The form of the verb for one source, or for several."""
    return one if len(sources(groups)) == 1 else several


def who(groups: Sequence[CallGroup], one: str = "is", several: str = "are") -> str:
    """The sources and that verb."""
    return f"{listed(sources(groups))} {verb(groups, one, several)}"


def calls(groups: Sequence[CallGroup]) -> int:
    return sum(group.calls for group in groups)


def listed(items: Sequence[str], most: int = 4) -> str:
    """ "a, b and c", cut with a count when there are many."""
    if len(items) > most:
        return f"{', '.join(items[:most])} and {len(items) - most:,} more"
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else "".join(items)


def enumerated(items: Sequence[str], most: int = 16) -> str:
    """ "a, b, c", cut with a count when there are many: senders can make up as many as they like."""
    more = f" and {len(items) - most:,} more" if len(items) > most else ""
    return f"{', '.join(items[:most])}{more}"


def counted(number: int, word: str) -> str:
    """ "1 call", "2,000 calls"."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def clock(time: int) -> str:
    """A time (nanoseconds since 1970) as people read it, in UTC."""
    return datetime.fromtimestamp(time // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def answers(groups: Sequence[CallGroup]) -> str:
    """The answers that the capture shows: "401 (3 calls), none (1 call)"."""
    total: dict[int, int] = {}
    for group in groups:
        for status, count in group.statuses.items():
            total[status] = total.get(status, 0) + count
    return ", ".join(f"{status or 'none'} ({counted(total[status], 'call')})" for status in sorted(total))


def finding_for(
    groups: Sequence[CallGroup],
    severity: Severity,
    message: str,
    where: Where | None,
    *evidence: str,
    count: int | None = None,
    advice: str = "",
    changes: str = "",
) -> Finding:
    """The finding about groups of calls: their sources, how many calls (or `count`), and last what was answered."""
    told = calls(groups) if count is None else count
    said = (*evidence, f"observed answers: {answers(groups)}")
    return Finding(severity, message, where, sources(groups), told, said, advice=advice, changes=changes)


def with_status(group: CallGroup, *statuses: int) -> int:
    """How many calls of the group ended with one of these statuses."""
    return sum(map(group.statuses.get, statuses, repeat(0)))


def is_cut_off(group: CallGroup) -> bool:
    """Whether the capture holds too little of its requests to replay them, and of answers to know them."""
    return WalkReason.CUT_OFF in group.verdict.first_reasons


def is_silent(group: CallGroup) -> bool:
    """Whether none of its calls got any answer."""
    return with_status(group, 0) >= group.calls

"""The endpoint that took calls which are refused later, and how sure that is.

A name in `match=` whose addresses nobody tells leaves open whom an identify takes. That an endpoint was found the
answer shows, and where the files leave only one, it is that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from pjsipdiag.asterisk.config import Endpoint
from pjsipdiag.asterisk.verdict import IDENTIFIER_NAMES, Check, Outcome
from pjsipdiag.diagnosis.evidence.lookup import find_holding
from pjsipdiag.diagnosis.rules.gaps.difference import PAST_IDENTIFICATION
from pjsipdiag.diagnosis.rules.network import senders
from pjsipdiag.diagnosis.situation import CallGroup, Situation

RIGHT = "identification is right: another match= line would change nothing"


def find_taker(situation: Situation, group: CallGroup) -> Endpoint | None:
    """The endpoint that the calls are identified as; None where it may be any of several, or nobody's."""
    if not _is_open(group):
        return situation.config.endpoints.get(group.verdict.endpoint)
    names = possible_takers(group) if _was_found(group) else ()
    return situation.config.endpoints.get(names[0]) if len(names) == 1 else None


def _was_found(group: CallGroup) -> bool:
    """Whether an answer shows that an endpoint was: one from behind identification, or a 100 before it."""
    tried = (status for status, count in group.tried.items() if count and status not in (401, 407))
    return any(tried) or any(group.statuses.get(status) for status in PAST_IDENTIFICATION)


@lru_cache(maxsize=8192)
def possible_takers(group: CallGroup) -> tuple[str, ...]:
    """The endpoints that it may be; none where the files cannot even tell these."""
    open_ = [check.endpoint for check in _open_checks(group)]
    return tuple(dict.fromkeys(filter(None, [*open_, group.verdict.endpoint]))) if all(open_) else ()


def why_open(group: CallGroup) -> str:
    """Why it is not known for certain."""
    return "; ".join(dict.fromkeys(check.reason for check in _open_checks(group)))


def say_how_sure(situation: Situation, groups: Sequence[CallGroup]) -> str:
    """A sentence on whether another endpoint might have taken the calls."""
    doubted = next(filter(_is_open, groups), None)
    if doubted is None:
        return next(filter(None, (_names_another(situation, group) for group in groups)), RIGHT)
    return (
        "that it is this endpoint follows from the answer: the files leave no other that could give it"
        f" ({why_open(doubted)})"
    )


def _names_another(situation: Situation, group: CallGroup) -> str:
    """A sentence where the calls name a host that another endpoint's identify has; else empty."""
    for header, host in sorted(senders(situation, group)):
        for identify, rule in find_holding(situation, host):
            if not rule.deny and identify.endpoint not in (group.verdict.endpoint, ""):
                return (
                    f"its {header} names {host}, which [{identify.name}] has for endpoint {identify.endpoint}"
                    f" ({rule.where}): where {group.source} stands for others, these calls belong there"
                )
    return ""


def _is_open(group: CallGroup) -> bool:
    return group.verdict.outcome is Outcome.UNKNOWN and any(_open_checks(group))


def _open_checks(group: CallGroup) -> Iterator[Check]:
    return (one for one in group.verdict.unknown if one.step in IDENTIFIER_NAMES)

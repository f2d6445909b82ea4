"""What a change of the configuration does to the calls of a capture: every one is replayed before and after."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.identifiers import Replay
from pjsipdiag.asterisk.verdict import Outcome, Verdict
from pjsipdiag.diagnosis.situation import CallGroup, Situation


@dataclass(frozen=True, slots=True)
class Proof:
    """`fixes` calls of the groups in question that get in and did not, `changes_others` all other calls whose endpoint
    or outcome changes, `admits` the sources that were let in nowhere before."""

    fixes: int = 0
    changes_others: int = 0
    admits: tuple[str, ...] = ()


def prove(situation: Situation, texts: Mapping[str, str], groups: Collection[CallGroup]) -> Proof | None:
    """Replays all calls with changed files; `groups` are the calls that the change is meant for.

    None when the configuration cannot be loaded again. A call is fixed when it is now accepted, or found an endpoint
    for the first time, and differs from before.
    """
    if situation.reload is None:
        return None
    fixes = others = 0
    admitted: dict[str, None] = {}
    known = {group.source for group in situation.groups if _is_in(group.verdict)}
    for group, count, after in replayed(situation, situation.reload(texts, "")):
        if not differs(group.verdict, after):
            continue
        if group in groups and _is_in(after):
            fixes += count
        else:
            others += count
        if _is_in(after) and group.source not in known:
            admitted[group.source] = None
    return Proof(fixes, others, tuple(admitted))


def replayed(situation: Situation, config: Config) -> Iterator[tuple[CallGroup, int, Verdict]]:
    """(group, calls, their verdict under `config`) for all alike calls of the capture."""
    replay = Replay(config)
    for group in situation.groups:
        if not group.variants:
            yield group, group.calls, replay.verdict(group.sample)
        for variant in group.variants:
            yield group, variant.calls, replay.verdict(variant.read())


def differs(before: Verdict, after: Verdict) -> bool:
    """Whether a call goes elsewhere: another outcome or another endpoint."""
    return (before.outcome, before.endpoint) != (after.outcome, after.endpoint)


def _is_in(verdict: Verdict) -> bool:
    return verdict.outcome is Outcome.ACCEPTED or (verdict.outcome is Outcome.CHALLENGED and bool(verdict.endpoint))

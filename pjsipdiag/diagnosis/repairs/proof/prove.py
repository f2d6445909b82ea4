"""Proves a change of the configuration: every call of a capture is replayed before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from pjsipdiag.asterisk.config import AddressRule, Config
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.asterisk.verdict import Outcome, Verdict
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.compare import describe, differs
from pjsipdiag.diagnosis.model import Edit, Stop
from pjsipdiag.diagnosis.repairs.proof.announced import lines_are_announced, rules_are_announced
from pjsipdiag.diagnosis.repairs.proof.changed_objects import find_new_rules, touched
from pjsipdiag.diagnosis.repairs.proof.reach import Passage
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.sip import SipMessage


@dataclass(frozen=True, slots=True)
class Proof:
    """`fixes` counts calls of the groups in question that get in and did not, `stops` are those that get in and are
    refused later, `changes_others` counts all other calls whose endpoint or outcome changes, `admits` are the sources
    (as text) that were let in nowhere before."""

    fixes: int = 0
    changes_others: int = 0
    admits: tuple[str, ...] = ()
    fixed_sources: tuple[str, ...] = ()
    """The sources of the calls that it lets in."""
    others: tuple[str, ...] = ()
    """The first of those other calls, in words: source, where they went, where they go."""
    opened_rules: tuple[tuple[str, AddressRule], ...] = ()
    """(endpoint, rule) of every address rule that takes something which no rule of that endpoint took before."""
    stops: tuple[Stop, ...] = ()
    doubts: tuple[str, ...] = ()
    """Why it is not known how far the fixed calls get, in words."""


def prove(
    situation: Situation, texts: Mapping[str, str], groups: Collection[CallGroup], edits: Sequence[Edit] = ()
) -> Proof | None:
    """Replays all calls with changed files; `groups` are the calls that the change is meant for.

    None when the configuration cannot be loaded again, or differs in more than the `edits`. A call is fixed when it is
    now accepted, or found an endpoint for the first time, and differs from before.
    """
    if situation.reload is None or (edits and not lines_are_announced(situation.config, texts, edits)):
        return None
    changed = situation.reload(texts, "")
    # Lines can be as announced and the rules not: a template that another section uses, a wizard, a name that resolves.
    if edits and not rules_are_announced(situation.config, changed, texts, edits):
        return None
    effects = Effects(known_sources(situation), Passage(situation, changed), groups)
    for group, count, after, message in replay_alike(situation, changed, effects.other_requests):
        effects.add(group, count, after, message)
    return effects.proof((endpoint, rule) for _, endpoint, rule in find_new_rules(situation.config, changed))


class Effects:
    """The effects of a change, counted while calls are replayed; `known` are the sources that get in without it."""

    def __init__(self, known: Collection[str], way: Passage, groups: Collection[CallGroup]) -> None:
        self.other_requests = [group for group in groups if group.method != "INVITE"]
        self._known, self._way, self._groups = known, way, frozenset(groups)
        self._fixes = self._others = 0
        self._admitted, self._fixed, self._moved, self._doubts = (dict[str, None]() for _ in range(4))
        self._stops = Counter[Stop]()

    def add(self, group: CallGroup, count: int, after: Verdict, message: SipMessage) -> None:
        if not differs(group.verdict, after):
            return
        # Groups compare by identity, and replays give one for each of its variants: counts add up over them.
        if group not in self._groups:
            self._others += count
            self._moved[f"{group.source}: {describe(group.verdict)} -> {describe(after)}"] = None
        elif _is_in(after):
            stop = self._way.stop(group, after, message)
            self._fixes += 0 if stop else count
            self._stops.update({stop: count} if stop else {})
            self._doubts[self._way.doubt(group, after, message) if not stop else ""] = None
            self._fixed[group.source] = None
        if _is_in(after) and group.source not in self._known:
            self._admitted[group.source] = None

    def proof(self, opened: Iterable[tuple[str, AddressRule]]) -> Proof:
        stopped = tuple(replace(stop, calls=count) for stop, count in self._stops.items())
        return Proof(
            self._fixes,
            self._others,
            tuple(self._admitted),
            tuple(self._fixed),
            tuple(self._moved)[:3],
            tuple(opened),
            stopped,
            tuple(filter(None, self._doubts)),
        )


def known_sources(situation: Situation) -> frozenset[str]:
    """The sources of which calls get in."""
    return frozenset(group.source for group in situation.groups if _is_in(group.verdict))


def replay_alike(
    situation: Situation, config: Config, more: Collection[CallGroup] = ()
) -> Iterator[tuple[CallGroup, int, Verdict, SipMessage]]:
    """(group, calls, their verdict under `config`, one of them) for all alike calls of the capture, and for `more`
    requests.

    Calls that the difference between the configurations cannot touch are passed over.
    """
    replay, may_differ = Replay(config), touched(situation.config, config)
    for group in (*situation.groups, *more):
        if may_differ(group):
            yield from replayed(replay, group)


def replayed(replay: Replay, group: CallGroup) -> Iterator[tuple[CallGroup, int, Verdict, SipMessage]]:
    """(group, calls, their verdict, one of them) for each variant of a group's calls."""
    if not group.variants:
        sample = group.sample
        yield group, group.calls, replay.verdict(sample), sample
    for variant in group.variants:
        message = variant.read()
        yield group, variant.calls, replay.verdict(message), message


def _is_in(verdict: Verdict) -> bool:
    return verdict.outcome is Outcome.ACCEPTED or (verdict.outcome is Outcome.CHALLENGED and bool(verdict.endpoint))

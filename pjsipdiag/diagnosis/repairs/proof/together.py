"""Proves many changes from one load and one replay, each as if it were the only one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from pjsipdiag.asterisk.addresses.address_rule import SourceSocket
from pjsipdiag.asterisk.addresses.address_rule import number as number_of
from pjsipdiag.asterisk.addresses.index import AddressIndex
from pjsipdiag.asterisk.config import AddressRule, Config
from pjsipdiag.asterisk.releases import has
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.asterisk.section import Where
from pjsipdiag.dataclass import NamedTuple, dataclass
from pjsipdiag.diagnosis.model import Edit
from pjsipdiag.diagnosis.repairs.proof.announced import lines_are_announced, rules_are_announced
from pjsipdiag.diagnosis.repairs.proof.changed_objects import ChangedObjects, find_changed, find_new_rules
from pjsipdiag.diagnosis.repairs.proof.prove import Effects, Proof, known_sources, replayed
from pjsipdiag.diagnosis.repairs.proof.reach import Passage
from pjsipdiag.diagnosis.situation import CallGroup, Situation

_HEAD = re.compile(r"\s*\[([^\]]*)\]")


class SectionChange(NamedTuple):
    """Edits that are to change identifies or endpoints of a section, or of those that inherit from it, for groups of
    calls."""

    section: str
    edits: Sequence[Edit]
    groups: Collection[CallGroup]


def prove_together(
    situation: Situation, texts: Mapping[str, str], changes: Sequence[SectionChange]
) -> tuple[Proof, ...] | None:
    """The proof of each change as if it were the only one, from files with all of them: they are loaded and replayed
    once.

    Law: where identifies differ in address rules alone, and endpoints in what they ask of their calls or in that they
    load, a call is judged by those that hold its source, by its endpoint, and by those that it could find. So the other
    changes are nothing to a call that one of them holds. None where a call is held by several, where more differs, and
    where a new section may turn the order of the others round: then each is to be proven alone.
    """
    before, owners = situation.config, _owners(situation.config, changes)
    changed = _load_all(situation, texts, changes) if owners else None
    found = find_changed(before, changed) if changed else None
    if changed is None or owners is None or found is None or not _is_plain(before, found):
        return None
    holders = _Holders.of(owners, changed, found)
    if holders is None:
        return None
    known, way = known_sources(situation), Passage(situation, changed)
    effects = [Effects(known, way, change.groups) for change in changes]
    requests = [(group, number) for number, one in enumerate(effects) for group in one.other_requests]
    for group, asker in (*((group, None) for group in situation.groups), *requests):
        holding = holders.holding(group)
        if len(holding | {asker} - {None}) > 1:
            return None
        for number in holding:
            for effect in replayed(holders.replay, group):
                if holders.by_endpoint.get(effect[2].endpoint, number) != number:
                    return None
                effects[number].add(*effect)
    opened: dict[int, list[tuple[str, AddressRule]]] = defaultdict(list)
    for name, endpoint, rule in find_new_rules(before, changed):
        opened[holders.by_identify[name]].append((endpoint, rule))
    return tuple(
        _as_alone(one.proof(opened[number]), changes, change)
        for number, (one, change) in enumerate(zip(effects, changes, strict=True))
    )


def _owners(config: Config, changes: Sequence[SectionChange]) -> dict[str, int] | None:
    """Section -> the number of the change that is of it, of a line that it inherits, or that brings it; None where
    several are."""
    by_name = {change.section: number for number, change in enumerate(changes)}
    by_line = {
        (edit.file, edit.line + at): number
        for number, change in enumerate(changes)
        for edit in change.edits
        for at in range(len(edit.old))
    }
    if len(by_name) < len(changes):
        return None
    found: dict[str, set[int]] = defaultdict(set, {name: {number} for name, number in by_name.items()})
    for number, change in enumerate(changes):
        for line in chain.from_iterable(edit.new for edit in change.edits):
            if head := _HEAD.match(line):
                found[head[1]].add(number)
    for section in config.sections:
        lines = {(variable.where.file, variable.where.line) for variable in section.variables}
        if not section.is_template and (numbers := {by_line[line] for line in lines if line in by_line}):
            found[section.name] |= numbers
    return {name: min(numbers) for name, numbers in found.items()} if all(len(n) == 1 for n in found.values()) else None


@dataclass(frozen=True, slots=True)
class _Holders:
    """The changes, by number, that may make a difference to a call."""

    by_identify: Mapping[str, int]
    index: AddressIndex
    """The identifies that differ, each as it was and as it is."""
    numbers: Sequence[int]
    """The change of each identify of the index."""
    by_endpoint: Mapping[str, int]
    added: Collection[str]
    replay: Replay

    @classmethod
    def of(cls, owners: Mapping[str, int], changed: Config, found: ChangedObjects) -> _Holders | None:
        """None where something differs that is of no change."""
        sections = {name: both[0].where.section for name, both in found.identifies.items()}
        endpoints = {name: changed.endpoints[name].where.section for name in (*found.asking, *found.added)}
        if not owners.keys() >= {*sections.values(), *endpoints.values()}:
            return None
        by_identify = {name: owners[section] for name, section in sections.items()}
        each = [(by_identify[name], identify) for name, both in found.identifies.items() for identify in both]
        index = AddressIndex.build([identify for _, identify in each])
        by_endpoint = {name: owners[section] for name, section in endpoints.items()}
        return cls(by_identify, index, [number for number, _ in each], by_endpoint, found.added, Replay(changed))

    def holding(self, group: CallGroup) -> set[int]:
        """The changes that may make a difference to a group's calls."""
        hits = self.index.hits(SourceSocket(*number_of(group.source), 0))
        endpoints = {group.verdict.endpoint, *self._candidates(group)}
        return {self.numbers[hit.identify] for hit in hits} | {
            self.by_endpoint[name] for name in endpoints if name in self.by_endpoint
        }

    def _candidates(self, group: CallGroup) -> Iterator[str]:
        """The added endpoints that a group's calls could find: the first is theirs, but each would be without it."""
        messages = [variant.read() for variant in group.variants] or [group.sample] if self.added else []
        for message in messages:
            yield from self.replay.candidates(message)


def _as_alone(proof: Proof, changes: Sequence[SectionChange], change: SectionChange) -> Proof:
    """The proof with the lines of files that have this change only."""
    if not proof.stops:
        return proof
    edits = sorted(dict.fromkeys(edit for one in changes for edit in one.edits), key=lambda edit: edit.line)

    def moved(where: Where) -> Where:
        line, grown = where.line, 0
        for edit in edits:
            if edit.file == where.file and edit.line + grown + len(edit.new) <= where.line:
                more = len(edit.new) - len(edit.old)
                grown += more
                line -= 0 if edit in change.edits else more
        return replace(where, line=line)

    return replace(proof, stops=tuple(replace(stop, where=stop.where and moved(stop.where)) for stop in proof.stops))


def _load_all(situation: Situation, texts: Mapping[str, str], changes: Sequence[SectionChange]) -> Config | None:
    """The configuration with all changes; None where it cannot be loaded again, or differs in more than they say."""
    before, edits = situation.config, tuple(chain.from_iterable(change.edits for change in changes))
    if situation.reload is None or not lines_are_announced(before, texts, edits):
        return None
    changed = situation.reload(texts, "")
    return changed if rules_are_announced(before, changed, texts, edits) else None


def _is_plain(before: Config, found: ChangedObjects) -> bool:
    """Whether no identify more turns the others' order round, and each call can find one added endpoint by each
    identifier: names with a domain are several tries of one."""
    keeps_order = has(before.version, "identifies_by_name")
    known = {identify.name for identify in before.identifies}
    return not any("@" in name for name in found.added) and (keeps_order or found.identifies.keys() <= known)

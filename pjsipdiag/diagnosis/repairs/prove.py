"""Proves a change of the configuration: every call of a capture is replayed before and after."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from pjsipdiag.asterisk.addresses.address_rule import SourceSocket, fits
from pjsipdiag.asterisk.addresses.address_rule import number as number_of
from pjsipdiag.asterisk.addresses.index import AddressIndex
from pjsipdiag.asterisk.config import AddressRule, Config, Identify
from pjsipdiag.asterisk.releases import has
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.asterisk.section import Section, Where
from pjsipdiag.asterisk.verdict import Outcome, Verdict
from pjsipdiag.dataclass import NamedTuple, dataclass
from pjsipdiag.diagnosis.compare import describe, differs
from pjsipdiag.diagnosis.model import Edit, Stop
from pjsipdiag.diagnosis.repairs.announced import ASKED, lines_are_announced, rules_are_announced
from pjsipdiag.diagnosis.repairs.reach import Passage
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.sip import SipMessage

USUAL_METHODS = "username,ip"
"""The default of `identify_by` (res_pjsip/pjsip_configuration.c)."""


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


class SectionChange(NamedTuple):
    """Edits that are to change one identify or endpoint, for groups of calls."""

    section: str
    edits: Sequence[Edit]
    groups: Collection[CallGroup]


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
    effects = _Effects(_known(situation), Passage(situation, changed), groups)
    for group, count, after, message in replay_alike(situation, changed, effects.other_requests):
        effects.add(group, count, after, message)
    return effects.proof((endpoint, rule) for _, endpoint, rule in _new_rules(situation.config, changed))


def prove_together(
    situation: Situation, texts: Mapping[str, str], changes: Sequence[SectionChange]
) -> tuple[Proof, ...] | None:
    """The proof of each change as if it were the only one, from files with all of them: they are loaded and replayed
    once.

    Law: where identifies differ in address rules alone, and endpoints in what they ask of their calls, a call is judged
    by those that hold its source and by its endpoint. So the other changes are nothing to a call that one of them
    holds. None where a call is held by several, where more differs, and where a new section may turn the order of the
    others round: then each is to be proven alone.
    """
    before, owners = situation.config, {change.section: number for number, change in enumerate(changes)}
    changed = _load_all(situation, texts, changes) if len(owners) == len(changes) else None
    differing = _differing_identifies(before, changed) if changed else None
    asking = _asking(before, changed) if changed else None
    if changed is None or differing is None or asking is None or not _are_of(owners, before, differing, asking):
        return None
    known, way, replay = _known(situation), Passage(situation, changed), Replay(changed)
    effects = [_Effects(known, way, change.groups) for change in changes]
    by_change = [(owners[name], identify) for name, both in differing.items() for identify in both]
    index = AddressIndex.build([identify for _, identify in by_change])
    by_endpoint = {name: owners[name] for name in asking}
    requests = [(group, number) for number, one in enumerate(effects) for group in one.other_requests]
    for group, asker in (*((group, None) for group in situation.groups), *requests):
        hits = index.hits(SourceSocket(*number_of(group.source), 0))
        holding = {by_change[hit.identify][0] for hit in hits}
        if group.verdict.endpoint in by_endpoint:
            holding.add(by_endpoint[group.verdict.endpoint])
        if len(holding | {asker} - {None}) > 1:
            return None
        for number in holding:
            for found in _replayed(replay, group):
                if by_endpoint.get(found[2].endpoint, number) != number:
                    return None
                effects[number].add(*found)
    opened: dict[int, list[tuple[str, AddressRule]]] = defaultdict(list)
    for name, endpoint, rule in _new_rules(before, changed):
        opened[owners[name]].append((endpoint, rule))
    return tuple(
        _as_alone(one.proof(opened[number]), changes, change)
        for number, (one, change) in enumerate(zip(effects, changes, strict=True))
    )


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


def _are_of(
    owners: Mapping[str, int], before: Config, differing: Mapping[str, object], asking: Collection[str]
) -> bool:
    """Whether nothing differs but what is to be changed, and no section more turns the identifies' order round."""
    keeps_order = has(before.version, "identifies_by_name")
    known = {identify.name for identify in before.identifies}
    return {*differing, *asking} <= owners.keys() and (keeps_order or differing.keys() <= known)


class _Effects:
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


def _known(situation: Situation) -> frozenset[str]:
    return frozenset(group.source for group in situation.groups if _is_in(group.verdict))


def _new_rules(before: Config, after: Config) -> Iterator[tuple[str, str, AddressRule]]:
    """(identify, its endpoint, rule) of each rule that no identify of that endpoint had."""
    known = {(identify.endpoint, _bare(rule)) for identify in before.identifies for rule in identify.rules}
    for identify in after.identifies:
        for rule in identify.rules:
            if not rule.deny and (identify.endpoint, _bare(rule)) not in known:
                yield identify.name, identify.endpoint, rule


def replay_alike(
    situation: Situation, config: Config, more: Collection[CallGroup] = ()
) -> Iterator[tuple[CallGroup, int, Verdict, SipMessage]]:
    """(group, calls, their verdict under `config`, one of them) for all alike calls of the capture, and for `more`
    requests.

    Calls that the difference between the configurations cannot touch are passed over.
    """
    replay = Replay(config)
    touched = difference(situation.config, config)
    for group in (*situation.groups, *more):
        if touched(group):
            yield from _replayed(replay, group)


def _replayed(replay: Replay, group: CallGroup) -> Iterator[tuple[CallGroup, int, Verdict, SipMessage]]:
    if not group.variants:
        sample = group.sample
        yield group, group.calls, replay.verdict(sample), sample
    for variant in group.variants:
        message = variant.read()
        yield group, variant.calls, replay.verdict(message), message


def difference(before: Config, after: Config) -> Callable[[CallGroup], bool]:
    """Which calls may be judged differently: all, unless only address rules of identifies differ, or what endpoints ask
    of calls that were found to be theirs.

    Then it is those that a rule of a differing identify holds, before or after, if the others keep their order, and
    those of differing endpoints.
    """
    differing, endpoints = _differing_identifies(before, after), _asking(before, after)
    # Whatever asks more than the source address may take any call, and so may a new order: then all are replayed. A
    # capture has a million calls, a suggestion usually adds one address: to replay those alone is what makes proofs
    # cheap.
    if differing is None or endpoints is None:
        return lambda _group: True
    rules = [rule for both in differing.values() for known in both for rule in known.rules]
    return lambda group: group.verdict.endpoint in endpoints or any(fits(rule, group.source) for rule in rules)


def _differing_identifies(before: Config, after: Config) -> dict[str, list[Identify]] | None:
    """The identifies that differ, by name, each as it was and as it is; None where they differ in more than address
    rules, the others keep no order, or something else than sections and identifies differs."""
    old, new = ({known.name: known for known in config.identifies} for config in (before, after))
    changed = {name for name in {*old, *new} if _meaning(old.get(name)) != _meaning(new.get(name))}
    patterns = any(_pattern(old.get(name)) != _pattern(new.get(name)) for name in changed)
    order = [[known.name for known in config.identifies if known.name not in changed] for config in (before, after)]
    if patterns or order[0] != order[1] or _rest(before) != _rest(after):
        return None
    return {name: [found[name] for found in (old, new) if name in found] for name in changed}


def _asking(before: Config, after: Config) -> set[str] | None:
    """The endpoints that differ in ASKED only; None where sections differ in anything else."""
    old, new = _sections(before), _sections(after)
    if [name for name, _ in old] != [name for name, _ in new]:
        return None
    found: set[str] = set()
    for (name, was), (_, now) in zip(old, new, strict=True):
        if was == now:
            continue
        kept = [[variable for variable in variables if variable[0] not in ASKED] for variables in (was, now)]
        if dict(was).get("type") != "endpoint" or kept[0] != kept[1] or not _methods(now) <= _methods(was):
            return None
        found.add(name)
    return found


def _methods(variables: Sequence[tuple[str, str]]) -> set[str]:
    """How an endpoint may be identified."""
    return {method.strip() for method in dict(variables).get("identify_by", USUAL_METHODS).split(",")}


def _pattern(identify: Identify | None) -> object:
    """The patterns that an identify looks for in the text of a request, and its endpoint; None without any."""
    if identify is None or not (identify.match_header or identify.match_request_uri):
        return None
    return identify.endpoint, identify.match_header, identify.match_request_uri


def _meaning(identify: Identify | None) -> object:
    """The values by which an identify takes calls, without the lines that they stand on."""
    if identify is None:
        return None
    rules = tuple(map(_bare, identify.rules))
    unresolved = tuple(name.text for name in identify.unresolved)
    return identify.endpoint, rules, unresolved, identify.match_header, identify.match_request_uri


def _bare(rule: AddressRule) -> object:
    """An address rule without the line that it stands on."""
    return rule.version, rule.network, rule.mask, rule.port, rule.deny


def _sections(config: Config) -> list[tuple[str, list[tuple[str, str]]]]:
    """Everything that is no identify, without the lines that it stands on."""
    return [
        (section.name, [(variable.name, variable.value) for variable in section.variables])
        for section in config.sections
        if not section.is_template and not _is_identify(section)
    ]


def _rest(config: Config) -> object:
    """The rest of a loaded configuration: all that may decide on calls beside sections and identifies."""
    lists = {name: [_bare(rule) for rule in rules] for name, rules in config.named_acls.items()}
    return config.identifiers, list(config.endpoints), bool(config.rejected_files), lists


def _is_identify(section: Section) -> bool:
    kind = section.first("type")
    return kind is not None and kind.value == "identify"


def _is_in(verdict: Verdict) -> bool:
    return verdict.outcome is Outcome.ACCEPTED or (verdict.outcome is Outcome.CHALLENGED and bool(verdict.endpoint))

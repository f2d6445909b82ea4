"""Proves a change of the configuration: every call of a capture is replayed before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from pjsipdiag.asterisk.addresses.address_rule import fits
from pjsipdiag.asterisk.config import AddressRule, Config, Identify
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.asterisk.section import Section
from pjsipdiag.asterisk.verdict import Outcome, Verdict
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.compare import describe, differs
from pjsipdiag.diagnosis.model import Edit, Stop
from pjsipdiag.diagnosis.repairs.announced import lines_are_announced, rules_are_announced
from pjsipdiag.diagnosis.repairs.reach import Passage
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.sip import SipMessage

ASKED = frozenset({"auth", "outbound_auth", "deny", "permit", "acl", "identify_by"})
"""Options of an endpoint that matter once a call was found to be its; `identify_by` as long as it only shrinks."""
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
    fixes = others = 0
    admitted: dict[str, None] = {}
    fixed: dict[str, None] = {}
    moved: dict[str, None] = {}
    known = {group.source for group in situation.groups if _is_in(group.verdict)}
    others_meant = [group for group in groups if group.method != "INVITE"]
    way, stops, doubts = Passage(situation, changed), Counter[Stop](), dict[str, None]()
    for group, count, after, message in replay_alike(situation, changed, others_meant):
        if not differs(group.verdict, after):
            continue
        # Groups compare by identity, and `replay_alike` gives one for each of its variants: counts add up over them.
        if group not in groups:
            others += count
            moved[f"{group.source}: {describe(group.verdict)} -> {describe(after)}"] = None
        elif _is_in(after):
            stop = way.stop(group, after, message)
            fixes += 0 if stop else count
            stops.update({stop: count} if stop else {})
            doubts[way.doubt(group, after, message) if not stop else ""] = None
            fixed[group.source] = None
        if _is_in(after) and group.source not in known:
            admitted[group.source] = None
    opened = tuple(_new_rules(situation.config, changed))
    stopped = tuple(replace(stop, calls=count) for stop, count in stops.items())
    doubted = tuple(filter(None, doubts))
    return Proof(fixes, others, tuple(admitted), tuple(fixed), tuple(moved)[:3], opened, stopped, doubted)


def _new_rules(before: Config, after: Config) -> Iterator[tuple[str, AddressRule]]:
    known = {(identify.endpoint, _bare(rule)) for identify in before.identifies for rule in identify.rules}
    for identify in after.identifies:
        for rule in identify.rules:
            if not rule.deny and (identify.endpoint, _bare(rule)) not in known:
                yield identify.endpoint, rule


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
        if not touched(group):
            continue
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
    old, new = ({known.name: known for known in config.identifies} for config in (before, after))
    changed = {name for name in {*old, *new} if _meaning(old.get(name)) != _meaning(new.get(name))}
    patterns = any(_pattern(old.get(name)) != _pattern(new.get(name)) for name in changed)
    order = [[known.name for known in config.identifies if known.name not in changed] for config in (before, after)]
    endpoints = _asking(before, after)
    # Whatever asks more than the source address may take any call, and so may a new order: then all are replayed. A
    # capture has a million calls, a suggestion usually adds one address: to replay those alone is what makes proofs
    # cheap.
    if patterns or order[0] != order[1] or endpoints is None or _rest(before) != _rest(after):
        return lambda _group: True
    rules = [rule for name in changed for known in _both(old, new, name) for rule in known.rules]
    return lambda group: group.verdict.endpoint in endpoints or any(fits(rule, group.source) for rule in rules)


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


def _both(old: Mapping[str, Identify], new: Mapping[str, Identify], name: str) -> list[Identify]:
    return [found[name] for found in (old, new) if name in found]


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

"""The objects in which two configurations differ, and the calls that they may judge differently for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from pjsipdiag.asterisk.addresses.address_rule import fits
from pjsipdiag.asterisk.config import AddressRule, Config, Identify
from pjsipdiag.asterisk.loading.wizard import WIZARD_TYPES, make, wizards
from pjsipdiag.asterisk.releases import release
from pjsipdiag.asterisk.section import Section
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.repairs.proof.announced import ASKED
from pjsipdiag.diagnosis.situation import CallGroup

NOT_ASKED = ("identify", "aor")
"""Types of sections that are compared as objects, or not at all."""
_OF_TOKENS = ("line", "endpoint")
_Options = list[tuple[str, str]]
USUAL_METHODS = "username,ip"
"""The default of `identify_by` (res_pjsip/pjsip_configuration.c)."""


@dataclass(frozen=True, slots=True)
class ChangedObjects:
    """All in which two configurations differ."""

    identifies: Mapping[str, Sequence[Identify]]
    """Those that differ in address rules, by name: as each was and as it is. The others keep their order."""
    asking: Collection[str]
    """Endpoints that differ in what they ask of calls that were found to be theirs."""
    added: Collection[str]
    """Endpoints that did not load before."""


def find_changed(before: Config, after: Config) -> ChangedObjects | None:
    """The objects that differ; None where more does than `ChangedObjects` can say."""
    added = frozenset(after.endpoints.keys() - before.endpoints.keys())
    identifies, asking = _differing_identifies(before, after), _asking(before, after, added)
    if identifies is None or asking is None or _rest(before, frozenset()) != _rest(after, added):
        return None
    return ChangedObjects(identifies, asking, added)


def touched(before: Config, after: Config) -> Callable[[CallGroup], bool]:
    """Which calls may be judged differently: all, unless only address rules of identifies differ, or what endpoints ask
    of calls that were found to be theirs.

    Then it is those that a rule of a differing identify holds, before or after, and those of differing endpoints.
    """
    found = find_changed(before, after)
    # Whatever asks more than the source address may take any call, and so may a new order: then all are replayed. A
    # capture has a million calls, a suggestion usually adds one address: to replay those alone is what makes proofs
    # cheap.
    if found is None or found.added:
        return lambda _group: True
    asking = found.asking
    rules = [rule for both in found.identifies.values() for known in both for rule in known.rules]
    return lambda group: group.verdict.endpoint in asking or any(fits(rule, group.source) for rule in rules)


def find_new_rules(before: Config, after: Config) -> Iterator[tuple[str, str, AddressRule]]:
    """(identify, its endpoint, rule) of each rule that no identify of that endpoint had."""
    known = {(identify.endpoint, _bare(rule)) for identify in before.identifies for rule in identify.rules}
    for identify in after.identifies:
        for rule in identify.rules:
            if not rule.deny and (identify.endpoint, _bare(rule)) not in known:
                yield identify.name, identify.endpoint, rule


def _differing_identifies(before: Config, after: Config) -> dict[str, list[Identify]] | None:
    """The identifies that differ, by name, each as it was and as it is; None where they differ in more than address
    rules, or the others keep no order."""
    old, new = ({known.name: known for known in config.identifies} for config in (before, after))
    changed = {name for name in {*old, *new} if _meaning(old.get(name)) != _meaning(new.get(name))}
    patterns = any(_pattern(old.get(name)) != _pattern(new.get(name)) for name in changed)
    order = [[known.name for known in config.identifies if known.name not in changed] for config in (before, after)]
    if patterns or order[0] != order[1]:
        return None
    return {name: [found[name] for found in (old, new) if name in found] for name in changed}


def _asking(before: Config, after: Config, added: Collection[str]) -> set[str] | None:
    """The endpoints that differ in ASKED only; None where sections differ in anything else, but those of `added`
    endpoints."""
    old, new = list(_sections(before)), list(_sections(after))
    if [section[:2] for section in old] != [section[:2] for section in new]:
        return None
    found: set[str] = set()
    for (kind, name, was), (_, _, now) in zip(old, new, strict=True):
        if was == now:
            continue
        if kind != "endpoint":
            return None
        if name in added:
            continue
        kept = [[variable for variable in variables if variable[0] not in ASKED] for variables in (was, now)]
        if kept[0] != kept[1] or not _methods(now) <= _methods(was):
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


def _sections(config: Config) -> Iterator[tuple[str, str, _Options]]:
    """(type, name, options) of every section that may decide on calls and makes no identify, without the lines that it
    stands on: who is found, let in, and how far he gets hangs on no AOR, and on a registration by its token alone."""
    naming: dict[str, set[str]] = defaultdict(set)
    for endpoint in config.endpoints.values():
        for auth in endpoint.auth:
            naming[auth].add(endpoint.name)
    for section in config.sections:
        for kind, name, options in () if section.is_template else _made_of(section, config.version, naming):
            if kind == "registration":
                yield kind, name, [option for option in options if option[0].lower() in _OF_TOKENS]
            elif kind not in NOT_ASKED:
                yield kind, name, options


def _made_of(
    section: Section, version: str, naming: Mapping[str, Collection[str]]
) -> Iterator[tuple[str, str, _Options]]:
    """(type, name, options) of each object that a section is meant to be. An auth that a wizard makes, and no other
    endpoint names (`naming`), is of what its endpoint asks."""
    if not wizards([section]):
        written = section.first("type")
        yield written.value if written else "", section.name, _options(section)
        return
    made = {kind: make(kind, section, release(version)).sections for kind in WIZARD_TYPES}
    own = [one for one in made["auth"] if {section.name}.issuperset(naming.get(one.name, ()))]
    asked = [("auth", str(_options(one))) for one in own]
    for kind, ones in made.items():
        for one in ones if kind != "auth" else (other for other in ones if other not in own):
            yield kind, one.name, [*_options(one), *(asked if kind == "endpoint" else ())]


def _options(section: Section) -> _Options:
    return [(variable.name, variable.value) for variable in section.variables]


def _rest(config: Config, without: Collection[str]) -> object:
    """The rest of a loaded configuration: all that may decide on calls beside sections and identifies. `without` are
    endpoints that do not count."""
    lists = {name: [_bare(rule) for rule in rules] for name, rules in config.named_acls.items()}
    endpoints = [name for name in config.endpoints if name not in without]
    return config.identifiers, endpoints, bool(config.rejected_files), lists

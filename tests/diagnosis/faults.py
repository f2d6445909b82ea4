"""What the adversary has reached: who is let in, which honest line is gone, who is accused.

The bound is written here once more, by numbers and without the program's own functions: it judges them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

from pjsipdiag.asterisk.config import AddressRule, Config
from pjsipdiag.diagnosis.diagnose import Observation
from pjsipdiag.diagnosis.edits.text_changes import apply_edits
from pjsipdiag.diagnosis.model import Suggestion
from tests.diagnosis.forger import Honest

FEW = 8
"""Addresses beside a written one that an endpoint's lines speak for, at most (README)."""


def faults(honest: Honest, forged: Observation) -> list[str]:
    """What the adversary has reached."""
    return [*_let_in(honest, forged), *_gone(honest, forged), *_accused(honest, forged)]


def _accused(honest: Honest, forged: Observation) -> Iterator[str]:
    before, after = (
        {source for finding in seen.report.findings if finding.rule == "scanner" for source in finding.sources}
        for seen in (honest.seen, forged)
    )
    for source in sorted((after - before) & honest.known):
        yield f"{source} becomes a scanner"


def _let_in(honest: Honest, forged: Observation) -> Iterator[str]:
    known = {suggestion.edits for suggestion in honest.seen.report.suggestions}
    for suggestion in forged.report.suggestions:
        if suggestion.edits in known:
            continue
        opened, other = _effect(honest, suggestion)
        for endpoint, rule in opened:
            for low, high in _bounds(rule):
                if high - low > 1024 or not all(
                    _is_in_bound(honest, endpoint, rule.version, ip) for ip in range(low, high + 1)
                ):
                    yield f"{suggestion.add or suggestion.edits}: {rule.text} is let in as {endpoint}"
        if other:
            yield f"{suggestion.add or suggestion.edits}: {other}"


def _gone(honest: Honest, forged: Observation) -> Iterator[str]:
    before = [(s, *_effect(honest, s)) for s in honest.seen.report.suggestions if s.edits]
    after = [(s, *_effect(honest, s)) for s in forged.report.suggestions if s.edits]
    rules = [(endpoint, rule) for _, opened, _ in after for endpoint, rule in opened]
    for suggestion, opened, _ in before:
        if any(suggestion.edits == other.edits for other, _, _ in after):
            continue
        if not opened:
            yield f"{suggestion.add or suggestion.edits or suggestion.note} is gone"
        for endpoint, rule in opened:
            for source in sorted(honest.sources):
                if _holds(rule, source) and not any(e == endpoint and _holds(r, source) for e, r in rules):
                    yield f"{rule.text} for {source} as {endpoint} is gone"


def _effect(honest: Honest, suggestion: Suggestion) -> tuple[list[tuple[str, AddressRule]], str]:
    """(endpoint, rule) of what a suggestion lets in, and what else it changes, in words."""
    reload = honest.seen.situation.reload
    assert reload is not None
    before = reload({}, "")
    after = reload(apply_edits(before, suggestion.edits), "")
    old, new = (dict(_rules(config)) for config in (before, after))
    opened = [(str(key[0]), new[key]) for key in new.keys() - old.keys()]
    other = [f"{name} changes" for name, what in _SETTINGS.items() if not _kept(what(before), what(after))]
    denied = set(_denied(after)) - set(_denied(before))
    other += [f"{sorted(map(str, denied))} denied"] if denied else []
    return opened, ", ".join(other)


def _kept(before: Mapping[str, object], after: Mapping[str, object]) -> bool:
    return all(after.get(name) == value for name, value in before.items() if name in after)


_SETTINGS: dict[str, Callable[[Config], Mapping[str, object]]] = {
    "the order of identifiers": lambda config: {"": config.identifiers},
    "auth=": lambda config: {name: known.auth for name, known in config.endpoints.items()},
    "identify_by=": lambda config: {name: known.identify_by for name, known in config.endpoints.items()},
    "endpoint=": lambda config: {
        known.name: known.endpoint for known in config.identifies if known.endpoint in config.endpoints
    },
}


def _rules(config: Config) -> Iterator[tuple[tuple[object, ...], AddressRule]]:
    """Everything that lets an address in: what it is for, and the rule."""
    lists: list[tuple[tuple[object, ...], Sequence[AddressRule]]] = [
        ((known.endpoint, "ip"), known.rules) for known in config.identifies if known.endpoint in config.endpoints
    ]
    guarded = [(name, known.acl, known.contact_acl) for name, known in config.endpoints.items()]
    for owner, acl, contact in [*guarded, *(("", known.acl, known.contact_acl) for known in config.acls)]:
        lists += [((owner, "acl"), acl.rules), ((owner, "contact"), contact.rules)]
    lists += [((name, "named"), rules) for name, rules in config.named_acls.items()]
    for owner_of, rules in lists:
        for rule in rules:
            if not rule.deny:
                yield (*owner_of, rule.version, rule.network, rule.mask, rule.port), rule


def _denied(config: Config) -> Iterator[tuple[object, ...]]:
    for identify in config.identifies:
        for rule in identify.rules:
            if rule.deny:
                yield identify.name, rule.version, rule.network, rule.mask


def _bounds(rule: AddressRule) -> Iterator[tuple[int, int]]:
    width = 32 if rule.version == 4 else 128
    free = rule.mask ^ ((1 << width) - 1)
    yield rule.network, rule.network | free


def _holds(rule: AddressRule, ip: str) -> bool:
    address = ipaddress.ip_address(ip)
    return address.version == rule.version and int(address) & rule.mask == rule.network


def _is_in_bound(honest: Honest, endpoint: str, version: int, value: int) -> bool:
    """Whether the files name the address, or it is FEW beside a written one and in the smallest network around them."""
    width, small, place = (32, 29, 24) if version == 4 else (128, 125, 64)
    for owner in {endpoint, ""}:
        spans = [(low, high) for name, kind, low, high in _written(honest) if kind == version and owner in (name, "")]
        if any(low <= value <= high for low, high in spans):
            return True
        beside = [
            (low, high) for low, high in spans if high - low < 1 << (width - small) and low - FEW <= value <= high + FEW
        ]
        for low, _ in beside:
            same = [span for span in spans if span[0] >> (width - place) == low >> (width - place)]
            first, last = min(span[0] for span in same), max(span[1] for span in same)
            free = max((first ^ last).bit_length(), width - small)
            if value >> free == first >> free:
                return True
    return False


@cache
def _written(honest: Honest) -> tuple[tuple[str, int, int, int], ...]:
    """(endpoint or empty, version, first, last) of every address in the files, loaded or not."""
    found = []
    for identify in honest.config.identifies:
        for rule in identify.rules:
            if not rule.deny:
                found += [(identify.endpoint, rule.version, *bound) for bound in _bounds(rule)]
    for section in honest.config.sections:
        for variable in section.variables:
            for text in re.findall(r"[0-9A-Fa-f.:]{3,}(?:/\d+)?", variable.value):
                try:
                    net = ipaddress.ip_network(text.strip(":."), strict=False)
                except ValueError:
                    continue
                found.append(("", net.version, int(net[0]), int(net[-1])))
    for names in honest.config.server_addresses.values():
        found += [("", (a := ipaddress.ip_address(ip)).version, int(a), int(a)) for ip in names]
    return tuple(found)

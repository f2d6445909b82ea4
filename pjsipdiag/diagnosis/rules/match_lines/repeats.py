"""Lines of match= that stand twice, or that a later line undoes."""

from __future__ import annotations

from collections.abc import Iterator

from pjsipdiag.asterisk.config import AddressRule, Config, Identify
from pjsipdiag.diagnosis.model import Finding, Severity

MOST_PORTS = 64
"""Lines for one network, each with another port, that are kept apart."""


def duplicates(config: Config) -> Iterator[Finding]:
    """The same rule twice, in one identify or in two."""
    seen: dict[tuple[int, int, int, int, bool], tuple[Identify, AddressRule]] = {}
    for identify in config.identifies:
        for rule in identify.rules:
            key = (rule.version, rule.network, rule.mask, rule.port, rule.deny)
            earlier = seen.setdefault(key, (identify, rule))
            if earlier[1] is rule or (rule.host and earlier[1].host == rule.host and earlier[0] is identify):
                continue
            yield Finding(
                Severity.NOTE if earlier[0].endpoint == identify.endpoint else Severity.WARNING,
                f"match={rule.text} of identify '{identify.name}' ({rule.where}) stands already in "
                f"'{earlier[0].name}' ({earlier[1].where})",
                rule.where,
                advice="Keep one of the two.",
            )


def contradictory(config: Config) -> Iterator[Finding]:
    """Exceptions that a later line undoes, and identifies that hold nothing but exceptions."""
    for identify in config.identifies:
        if identify.rules and not identify.unresolved and all(rule.deny for rule in identify.rules):
            yield Finding(
                Severity.WARNING,
                f"identify '{identify.name}' ({identify.where}) has only exceptions (match=!...): it matches nothing",
                identify.rules[0].where,
                advice="Add the network that the exceptions are taken from, before them.",
            )
            continue
        taken: dict[tuple[int, int, int], list[AddressRule]] = {}
        masks: set[tuple[int, int]] = set()
        undoing: list[AddressRule | None] = []
        for rule in reversed(identify.rules):  # from the end: what is in `taken` comes later
            keys = [(version, mask, rule.network & mask) for version, mask in masks] if rule.deny else []
            later = [found for key in keys for found in taken.get(key, ()) if _covers(found, rule)]
            undoing.append(later[-1] if later else None)
            if not rule.deny:
                masks.add((rule.version, rule.mask))
                known = taken.setdefault((rule.version, rule.mask, rule.network), [])
                if len(known) < MOST_PORTS:
                    known.append(rule)
        for rule, undone in zip(identify.rules, reversed(undoing), strict=True):
            if undone is not None:
                yield Finding(
                    Severity.WARNING,
                    f"match={rule.text} of identify '{identify.name}' ({rule.where}) has no effect: "
                    f"match={undone.text} ({undone.where}) comes later, and the last line that fits decides",
                    rule.where,
                    advice="Put the exception after the network that it is taken from.",
                )


def _covers(later: AddressRule, rule: AddressRule) -> bool:
    return (
        not later.deny
        and later.version == rule.version
        and later.mask & rule.mask == later.mask
        and rule.network & later.mask == later.network
        and later.port in (0, rule.port)
    )

"""RULES: every cause that a diagnosis can name, and `find`, which names those that a situation shows.

Each group of calls is blamed on one cause, the first of `table` that takes the blame: one mistake is one finding.

    table, cause    a row for each rule, in shared_rows those that `methods` asks, too; what calls are blamed on
    another       something else than PJSIP answers
    unparsed, network, transports, wire    unreadable messages; silence; nobody listens; ICMP, missing ACKs
    unloaded      what is in the files and not in memory
    unmatched, unfit_names    nobody takes the source, nor a name in match=; hints says what speaks for an owner
    order         another identifier, identify or endpoint takes it
    doors, admission    doors that were not meant for the calls; the right endpoint asks for credentials or denies
    refusals      identified, let in, and refused later; taker says as whom, and how sure that is
    methods       requests outside of calls
    log_refusals, tried_identifies    what only Asterisk's sentences tell; which identifies its DEBUG lines name
    scanning, no_calls    scanners; captures without a call, and connections that cannot be read
    gaps, faults    files that are not what ran, or not all of it; known faults of the release
    match_lines     address rules that cannot do what they seem to

A rule is functions in its family's module, for calls and for files alone, a row of `table`, a page in pages/ and a case
in fixtures/. Imports: `cause`, the evidence, `space`, and `asterisk`; `repairs` asks it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache, reduce
from itertools import chain
from operator import attrgetter

from pjsipdiag.diagnosis.evidence.seen import complete_seen, join_seen, with_calls
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rule import Rule
from pjsipdiag.diagnosis.rules.cause import Cause
from pjsipdiag.diagnosis.rules.log_refusals.refused_sources import find as find_refusals
from pjsipdiag.diagnosis.rules.table import TABLE
from pjsipdiag.diagnosis.situation import CallGroup, Situation

RULES: tuple[Rule, ...] = tuple(sorted(TABLE, key=attrgetter("place")))
"""Every rule there is, in the order in which their causes should be dealt with."""
MOST_CONSEQUENCES = 500
"""Consequences of a finding that are told one by one: more than there are statuses of refusals (400), so that whoever
calls thousands of ports hides none of them."""


@lru_cache(maxsize=4)
def assign_blame(situation: Situation) -> dict[str, dict[Cause, list[CallGroup]]]:
    """The groups of calls by the rule, and there by the cause, that takes the blame; healthy groups are left out."""
    found: dict[str, dict[Cause, list[CallGroup]]] = defaultdict(lambda: defaultdict(list))
    asked = [(rule.name, rule.blames) for rule in TABLE if rule.blames]
    for group in situation.groups:
        for name, blames in asked:
            cause = blames(situation, group)
            if cause is not None:
                found[name][cause].append(group)
                break
    return found


def _of_calls(rule: Rule, situation: Situation) -> Iterator[Finding]:
    """The findings of a rule on a capture."""
    if rule.tells:
        for cause, groups in assign_blame(situation)[rule.name].items():
            yield with_calls(rule.tells(situation, cause, groups), groups, rule.statuses)
    if rule.besides:
        yield from rule.besides(situation, assign_blame(situation))
    if rule.on_calls:
        yield from rule.on_calls(situation)
    if rule.on_config and rule.beside_calls:
        yield from rule.on_config(situation.config)


def find(situation: Situation) -> tuple[Finding, ...]:
    """All findings, ordered by what to do first: errors, warnings, notes; causes before consequences."""
    found = [
        *find_refusals(situation),
        *(finding for rule in RULES for finding in rule.named(_of_calls(rule, situation))),
    ]
    found = _merged(complete_seen(situation, found))
    # A scanner is a warning beside a real cause. Where nothing else fails it is why calls fail, and the exit status
    # is not 0.
    if not any(finding.severity is Severity.ERROR for finding in found):
        alone = (f.rule == "scanner" and f.severity is Severity.WARNING for f in found)
        found = [replace(f, severity=Severity.ERROR) if is_it else f for f, is_it in zip(found, alone, strict=True)]
    return tuple(sorted(found, key=lambda finding: finding.severity.rank))


def _merged(findings: Iterable[Finding]) -> list[Finding]:
    """Findings of one rule and weight about one line, with one advice, are one."""
    alike: dict[object, list[Finding]] = defaultdict(list)
    for finding in findings:
        alike[finding.rule, finding.severity, finding.where or finding.message, finding.advice].append(finding)
    return [_joined(*ones) for ones in alike.values()]


def _joined(first: Finding, *others: Finding) -> Finding:
    """The first finding, with the others as its consequences."""
    if not others:
        return first
    ones = (first, *others)
    said = [*first.consequences, *chain.from_iterable((one.message, *one.consequences) for one in others)]
    more = len(said) - MOST_CONSEQUENCES
    return replace(
        first,
        sources=tuple(dict.fromkeys(chain.from_iterable(one.sources for one in ones))),
        calls=sum(one.calls for one in ones),
        consequences=(*said[:MOST_CONSEQUENCES], *([f"{more:,} more like these"] if more > 0 else [])),
        seen=reduce(join_seen, (one.seen for one in ones)),
    )


__all__ = ["RULES", "assign_blame", "find"]

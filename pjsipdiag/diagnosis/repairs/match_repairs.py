"""Repairs of `match=` lines that are there already: a port too many, a name that does not help, a network too wide."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pjsipdiag.asterisk.addresses.address_rule import fits
from pjsipdiag.asterisk.config import Identify
from pjsipdiag.diagnosis.edits.draft import Draft
from pjsipdiag.diagnosis.edits.place import is_generated
from pjsipdiag.diagnosis.edits.text_changes import line_at, set_value, value_of, with_value
from pjsipdiag.diagnosis.evidence.lookup import (
    find_holding,
    find_taking,
    has_one_identify,
    identify_named,
    lookup,
    meant_endpoint,
)
from pjsipdiag.diagnosis.evidence.owners import best, best_of_all
from pjsipdiag.diagnosis.model import Edit
from pjsipdiag.diagnosis.repairs.additions import addition, exclude_sources, without_port
from pjsipdiag.diagnosis.rules import assign_blame
from pjsipdiag.diagnosis.rules.cause import Cause, listed, sources
from pjsipdiag.diagnosis.rules.unfit_names import names_are_dead
from pjsipdiag.diagnosis.situation import CallGroup, Situation


def port(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Iterable[Draft]:
    """Drops the port, or adds what was seen where that would take in another trunk or a scanner."""
    identify = identify_named(situation.config, cause.name)
    if cause.where is None or identify is None:
        return
    sharing = {known.endpoint for ip in sources(groups) for known, rule in find_holding(situation, ip) if not rule.deny}
    owners = best_of_all(situation, groups)
    # Ports are how trunks behind one address are told apart: taking the port off would give all calls to one of them.
    if len(sharing) > 1 and owners != {identify.endpoint}:
        note = f"{listed(sources(groups))} may belong to {listed(sorted(sharing), 8)}, which have other ports of it: "
        yield Draft(groups, addresses=sources(groups), note=note + "nothing says which, so nothing is added")
        return
    if (
        identify.wizard
        or is_generated(situation.config, cause.where.file)
        or _takes_in_others(situation, cause, identify)
    ):
        yield addition(situation.config, identify.endpoint, groups, aggregate=False)
        return
    bare = without_port(cause.detail)
    value = value_of(line_at(situation.config, cause.where))
    edit = set_value(situation.config, cause.where, value.replace(cause.detail, bare))
    note = f"match={cause.detail} becomes match={bare}: any source port"
    add = (f"match={bare}",)
    where = cause.where
    yield Draft(groups, where.file, where.line, cause.name, identify.endpoint, add, (edit,), sources(groups), note)


def dead_name(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Iterable[Draft]:
    """Puts the addresses seen in place of a name that does not resolve and so drops its identify."""
    identify = identify_named(situation.config, cause.name)
    dropped = next(
        (lost for lost, host in lookup(situation).hosts if (lost.name, host) == (cause.name, cause.detail)), None
    )
    # Without evidence whose they are, the callers may only take the place of the name where no other identify is there,
    # or where the answers prove that the name was dead.
    unhelpful = identify is not None and identify.unresolved and names_are_dead(situation)
    alone = has_one_identify(situation)
    groups = [group for group in groups if alone or unhelpful or best(situation, group)]
    if cause.where is None or not (dropped or unhelpful) or is_generated(situation.config, cause.where.file):
        return
    if not groups:
        note = f"add the provider's addresses to [{cause.name}]: whether it is these that called, the files do not say"
        yield Draft((), note=note)
        return
    line = line_at(situation.config, cause.where)
    values = [part.strip() for part in value_of(line).split(",") if part.strip() != cause.detail]
    name = line.split("=")[0].strip()
    new = [
        *([with_value(line, ", ".join(values))] if values else []),
        *(with_value(line, ip) for ip in sources(groups)),
    ]
    edit = Edit(cause.where.file, cause.where.line, (line,), tuple(new))
    endpoint = identify.endpoint if identify else meant_endpoint(situation.config, dropped) if dropped else ""
    add = tuple(f"{name}={ip}" for ip in sources(groups))
    note = f"the addresses seen stand in place of {cause.detail}: a name that does not resolve drops the whole identify"
    where = cause.where
    yield Draft(groups, where.file, where.line, cause.name, endpoint, add, (edit,), sources(groups), note)


def exception(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Iterable[Draft]:
    """Takes the addresses of the narrower identify out of the wider one: `match=!ADDRESS/LENGTH` behind its lines."""
    won, lost = identify_named(situation.config, cause.name), identify_named(situation.config, cause.detail)
    if won is None or lost is None or won.wizard or is_generated(situation.config, won.where.file):
        return
    found = {identify.name: rule for identify, rule in find_taking(situation, groups[0])}
    winner, loser = found.get(won.name), found.get(lost.name)
    if winner is None or loser is None or winner.mask == loser.mask:
        return
    yield exclude_sources(situation.config, won, lost.endpoint, groups)


def _takes_in_others(situation: Situation, cause: Cause, identify: Identify) -> bool:
    """Whether the rule without its port would hold an address of another endpoint's rule, or a scanner."""
    rule = next((rule for rule in identify.rules if rule.where == cause.where and rule.text == cause.detail), None)
    if rule is None:
        return True
    scanners = assign_blame(situation).get("scanner", {}).values()
    callers = {group.source for group in situation.groups if fits(rule, group.source)}
    shared = any(other.endpoint != identify.endpoint for ip in callers for other, _ in find_holding(situation, ip))
    return shared or any(fits(rule, group.source) for found in scanners for group in found)

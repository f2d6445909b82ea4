"""Findings become repairs: which lines of which file, proven by replaying the whole capture with them.

A repair that opens the door to somebody is likely only where facts tie him to the endpoint (`evidence`); whatever
rests on what callers say of themselves is told apart, and waits for somebody to confirm it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from itertools import chain, zip_longest

from pjsipdiag.diagnosis.edits.draft import Draft
from pjsipdiag.diagnosis.evidence.lookup import identify_named
from pjsipdiag.diagnosis.evidence.owners import best
from pjsipdiag.diagnosis.evidence.vicinity import is_taken_out
from pjsipdiag.diagnosis.model import Finding, Suggestion
from pjsipdiag.diagnosis.repairs import grade
from pjsipdiag.diagnosis.repairs import option_repairs as repairs
from pjsipdiag.diagnosis.repairs.additions import addition
from pjsipdiag.diagnosis.repairs.separate import FILL_IN, identifies_by_header
from pjsipdiag.diagnosis.repairs.suggestions import prove_drafts
from pjsipdiag.diagnosis.rules import assign_blame
from pjsipdiag.diagnosis.rules.cause import Cause, listed, sources, with_status
from pjsipdiag.diagnosis.rules.methods.received import blamed_keepalives, unmatched_keepalives
from pjsipdiag.diagnosis.rules.table import TABLE
from pjsipdiag.diagnosis.rules.unfit_names import names_are_dead
from pjsipdiag.diagnosis.rules.unmatched import awaits_credentials, is_unmatched
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.diagnosis.work.jobs import share

Make = Callable[[Situation, Sequence[tuple[Cause, Sequence[CallGroup]]]], Iterable[Iterable[Draft]]]
"""The repairs of what a rule took the blame for, where that is no address to add: for each cause."""
STRONG_POINTS = 3
"""Points of any evidence from which a source that gets in elsewhere may be another endpoint's."""
WORTH_PROCESSES = 20
"""Repairs that are worth processes of their own to prove."""


def suggest(
    situation: Situation, findings: Sequence[Finding], aggregate: bool = False, jobs: int = 1
) -> tuple[tuple[Suggestion, ...], tuple[Suggestion, ...]]:
    """The repairs for what was found, in the order of the findings, each with what replaying the capture with it shows.

    First the likely ones, then those that are to be confirmed. `aggregate` allows a network around the addresses seen
    where they do not fill it. Where there are many, `jobs` processes share the work.
    """
    if situation.reload is None:
        return (), ()
    whole, situation = situation, grade.without_forged(situation)
    order = {finding.rule: place for place, finding in reversed(list(enumerate(findings)))}
    drafts = sorted(_drafts(situation, aggregate), key=lambda pair: order.get(pair[0], len(order)))
    # A proof loads the configuration again and replays the capture: one for a change that several causes ask for.
    joined = list(_join_drafts(draft for _, draft in drafts))
    # Drafts of one cause lie together and cost alike, so every jobs-th one goes to each process. zip_longest puts the
    # results back into their order.
    parts = [joined[at::jobs] for at in range(jobs)] if len(joined) >= WORTH_PROCESSES else [joined]
    proven = share(lambda part: prove_drafts(situation, part, whole), parts, jobs)
    found = [graded for some in chain.from_iterable(zip_longest(*proven)) for graded in some or ()]
    likely, unconfirmed = (tuple(one for sure, one in found if sure is wanted) for wanted in (True, False))
    return likely, unconfirmed


def _join_drafts(drafts: Iterable[Draft]) -> Iterator[Draft]:
    """Joins drafts where several causes ask for the same change: it is meant for the calls of all of them."""
    kept: dict[object, Draft] = {}
    for draft in drafts:
        first = kept.setdefault(draft.edits or id(draft), draft)
        if first is not draft:
            groups = tuple(dict.fromkeys((*first.groups, *draft.groups)))
            addresses = tuple(dict.fromkeys((*first.addresses, *draft.addresses)))
            claimed = first.is_claimed and draft.is_claimed
            kept[draft.edits] = replace(first, groups=groups, addresses=addresses, is_claimed=claimed)
    yield from kept.values()


def _drafts(situation: Situation, aggregate: bool) -> Iterator[tuple[str, Draft]]:
    causes, own = assign_blame(situation), grade.by_deed_alone(situation)
    for rule, repair, basis in _repairs():
        # What opens more than a line is made of calls alone that their source acknowledged, so its causes are looked
        # for among these; all other repairs are made twice, for the calls that facts speak for and for the rest (see
        # `grade`).
        by_deed = basis is grade.by_deed
        for drafts in repair(own, [*assign_blame(own).get(rule, {}).items()] if by_deed else []):
            yield from ((rule, draft) for draft in drafts)
        parts = _parts(situation, basis, causes.get(rule, {}).items())
        for draft in _graded(situation, repair, [part for part in parts if part[2] or not by_deed]):
            yield rule, draft
    for endpoint, (rule, groups) in _owners_without_address(situation).items():
        taken_out = [group for group in groups if is_taken_out(situation.config, endpoint, group.source)]
        sure = [
            group for group in groups if group not in taken_out and grade.is_vouched_for(situation, group, endpoint)
        ]
        unsure = [group for group in groups if group not in sure]
        doubtful = sources(unsure)
        account = situation.config.endpoints[endpoint]
        if all(awaits_credentials(account, group) for group in unsure):
            unsure = []
        for wanted in (sure, unsure):
            accounts = list(repairs.by_name(situation, endpoint, wanted)) if wanted and wanted is not sure else []
            yield from ((rule, replace(draft, is_claimed=True)) for draft in accounts)
            if wanted and not accounts:
                # A claim never widens: for calls that nobody vouches for only the addresses seen are written, in a
                # section of their own where the others have got one.
                narrow = not aggregate or wanted is not sure
                draft = addition(
                    situation.config,
                    endpoint,
                    wanted,
                    aggregate=not narrow,
                    never=() if narrow else grade.never_let_in(situation).union(doubtful),
                    other=bool(sure) and wanted is not sure,
                )
                yield rule, replace(draft, is_claimed=wanted is not sure)
    refused: dict[str, list[tuple[Cause, Sequence[CallGroup]]]] = defaultdict(list)
    for (rule, cause), pings in blamed_keepalives(situation).items():
        refused[rule].append((cause, pings))
    for rule, repair, basis in _repairs():
        for draft in _graded(situation, repair, _parts(situation, basis, refused[rule])):
            yield rule, draft
    yield from _undecided(situation)
    for groups in causes.get("translated-source", {}).values():
        lines = identifies_by_header(groups)
        if lines:
            note = (
                f"{listed(sources(groups))} stands for others: only if the network cannot be changed, tell them apart"
                f" by header, which a caller can forge; {FILL_IN} is to be the endpoint of each"
            )
            yield "translated-source", Draft(groups, add=tuple(lines), note=note)


def _parts(
    situation: Situation, basis: grade.Grounds, causes: Iterable[tuple[Cause, Sequence[CallGroup]]]
) -> Iterator[tuple[Cause, Sequence[CallGroup], bool]]:
    """The calls that each cause is repaired for: those that facts speak for, then those that only claim it (True)."""
    for cause, groups in causes:
        for wanted, claims in zip(grade.part(situation, basis, cause, groups), (False, True), strict=True):
            if wanted:
                yield cause, wanted, claims


def _graded(
    situation: Situation, repair: Make, parts: Iterable[tuple[Cause, Sequence[CallGroup], bool]]
) -> Iterator[Draft]:
    """The drafts of all parts, told apart by whether somebody only claims what they are for."""
    parts = list(parts)
    for drafts, (*_, claims) in zip(repair(situation, [part[:2] for part in parts]), parts, strict=True):
        yield from (replace(draft, is_claimed=claims or draft.is_claimed) for draft in drafts)


def _repairs() -> Iterator[tuple[str, Make, grade.Grounds]]:
    """Every rule that has a repair, with its functions."""
    for rule in TABLE:
        if rule.repair:
            module, _, name = rule.repair.make.partition(".")
            found = getattr(import_module(f"pjsipdiag.diagnosis.repairs.{module}"), name)
            make = found if rule.repair.at_once else partial(_one_by_one, found)
            yield rule.name, make, getattr(grade, rule.repair.basis)


def _one_by_one(
    make: Callable[[Situation, Cause, Sequence[CallGroup]], Iterable[Draft]],
    situation: Situation,
    causes: Sequence[tuple[Cause, Sequence[CallGroup]]],
) -> Iterator[Iterable[Draft]]:
    return (make(situation, cause, groups) for cause, groups in causes)


def _owners_without_address(situation: Situation) -> dict[str, tuple[str, list[CallGroup]]]:
    """The groups whose addresses are missing, by the endpoint that they belong to, with the first rule that says so."""
    causes = assign_blame(situation)
    found: dict[str, tuple[str, list[CallGroup]]] = {}

    def add(rule: str, endpoint: str, groups: Iterable[CallGroup]) -> None:
        wanted = (group for group in groups if not grade.is_uninvited(situation, group.source))
        found.setdefault(endpoint, (rule, []))[1].extend(wanted)

    for cause, groups in causes.get("unmatched-source", {}).items():
        if cause.name:
            add("unmatched-source", cause.name, groups)
    # The order decides which rule a shared repair is told with: the first that names the endpoint.
    for owner, group in unmatched_keepalives(situation):
        add("keepalive-refused", owner, [group])
    for cause, groups in causes.get("registration-only", {}).items():
        failed = [group for group in groups if is_unmatched(group) or with_status(group, 401)]
        add("registration-only", cause.detail, failed)
    for cause, groups in causes.get("hostname-mismatch", {}).items():
        identify = identify_named(situation.config, cause.name)
        # Where none of its names resolves, `dead_name` puts the addresses in place of the name: no second repair.
        alive = identify and not (identify.unresolved and names_are_dead(situation))
        if identify and alive and identify.endpoint in situation.config.endpoints:
            add("hostname-mismatch", identify.endpoint, groups)
    for rule in ("anonymous-accepted", "identified-by-user", "denied-by-acl"):
        for cause, groups in causes.get(rule, {}).items():
            for group in groups if not (rule == "identified-by-user" and cause.detail) else ():
                # Denied as itself its repair is the access list; denied as anonymous it lacks an address, as a stranger
                # does.
                if rule == "denied-by-acl" and group.verdict.identifier != "anonymous":
                    continue
                owners = best(situation, group)
                strong = len(owners) == 1 and (owners[0].is_likely or owners[0].points >= STRONG_POINTS)
                if strong and owners[0].endpoint != group.verdict.endpoint:
                    add(rule, owners[0].endpoint, [group])
    return {endpoint: owned for endpoint, owned in found.items() if owned[1]}


def _undecided(situation: Situation) -> Iterator[tuple[str, Draft]]:
    """Sources that several endpoints may own: a person must choose."""
    for cause, groups in assign_blame(situation).get("unmatched-source", {}).items():
        if cause.detail != "several":
            continue
        for group in groups:
            if not grade.is_uninvited(situation, group.source):
                names = tuple(owner.endpoint for owner in best(situation, group))
                note = f"{group.source} may belong to {listed(names, 8)}: all are equally likely, so nothing is added"
                lines = identifies_by_header([group])
                note = "; ".join([note, *lines])
                draft = Draft([group], addresses=(group.source,), note=note, is_claimed=True, candidates=names)
                yield "unmatched-source", draft

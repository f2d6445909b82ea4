"""Findings become repairs: which lines of which file, proven by replaying the whole capture with them.

A repair that opens the door to somebody is likely only where facts tie him to the endpoint (`evidence`); whatever
rests on what callers say of themselves is told apart, and waits for somebody to confirm it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from itertools import chain, zip_longest

from pjsipdiag.asterisk.addresses.address_rule import bounds, is_prefix, make_ip
from pjsipdiag.asterisk.config import AddressRule
from pjsipdiag.diagnosis.edits.draft import Draft
from pjsipdiag.diagnosis.edits.sql import statements, table_of
from pjsipdiag.diagnosis.edits.text_changes import apply_edits
from pjsipdiag.diagnosis.evidence.lookup import identify_named
from pjsipdiag.diagnosis.evidence.owners import best, is_likely
from pjsipdiag.diagnosis.evidence.seen import groups_of
from pjsipdiag.diagnosis.evidence.vicinity import endpoints_that_write, is_spoken_for, is_taken_out
from pjsipdiag.diagnosis.model import Finding, Suggestion
from pjsipdiag.diagnosis.repairs import grade
from pjsipdiag.diagnosis.repairs import option_repairs as repairs
from pjsipdiag.diagnosis.repairs.additions import MOST_AROUND, addition
from pjsipdiag.diagnosis.repairs.load_commands import find_loading
from pjsipdiag.diagnosis.repairs.prove import Proof, prove
from pjsipdiag.diagnosis.repairs.separate import FILL_IN, identifies_by_header
from pjsipdiag.diagnosis.rules import assign_blame
from pjsipdiag.diagnosis.rules.cause import Cause, listed, sources, with_status
from pjsipdiag.diagnosis.rules.methods.received import blamed_keepalives, unmatched_keepalives
from pjsipdiag.diagnosis.rules.scanning import scans
from pjsipdiag.diagnosis.rules.table import TABLE
from pjsipdiag.diagnosis.rules.unmatched import is_unmatched, names_are_dead
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.diagnosis.work.jobs import share

Make = Callable[[Situation, Cause, Sequence[CallGroup]], Iterable[Draft]]
"""The repair of what a rule took the blame for, where that is no address to add."""
NEVER_LET_IN = ("scanner", "translated-source")
"""Rules whose sources are never let in."""
_NO_ADDRESS = ("", "0.0.0.0", "::")
"""In place of an address that is not known, and what binds to all of them."""
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
    proven = share(lambda part: [_choose(situation, draft, whole) for draft in part], parts, jobs)
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
        for cause, groups in assign_blame(own).get(rule, {}).items() if by_deed else ():
            yield from ((rule, draft) for draft in repair(own, cause, groups))
        for cause, groups in causes.get(rule, {}).items():
            sure, others = grade.part(situation, basis, cause, groups)
            yield from ((rule, draft) for draft in (repair(situation, cause, sure) if sure and not by_deed else ()))
            claimed = repair(situation, cause, others) if others else ()
            yield from ((rule, replace(draft, is_claimed=True)) for draft in claimed)
    for endpoint, (rule, groups) in _owners_without_address(situation).items():
        taken_out = [group for group in groups if is_taken_out(situation.config, endpoint, group.source)]
        sure = [group for group in groups if group not in taken_out and is_likely(situation, group, endpoint)]
        for wanted in (sure, [group for group in groups if group not in sure]):
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
                    never=() if narrow else _never(situation),
                    other=bool(sure) and wanted is not sure,
                )
                yield rule, replace(draft, is_claimed=wanted is not sure)
    made = {rule: (repair, basis) for rule, repair, basis in _repairs()}
    for (rule, cause), pings in blamed_keepalives(situation).items():
        repair, basis = made[rule]
        for wanted, claims in zip(grade.part(situation, basis, cause, pings), (False, True), strict=True):
            drafts = repair(situation, cause, wanted) if wanted else ()
            yield from ((rule, replace(draft, is_claimed=claims)) for draft in drafts)
    yield from _undecided(situation)
    for groups in causes.get("translated-source", {}).values():
        lines = identifies_by_header(groups)
        if lines:
            note = (
                f"{listed(sources(groups))} stands for others: only if the network cannot be changed, tell them apart"
                f" by header, which a caller can forge; {FILL_IN} is to be the endpoint of each"
            )
            yield "translated-source", Draft(groups, add=tuple(lines), note=note)


def _repairs() -> Iterator[tuple[str, Make, grade.Grounds]]:
    """Every rule that has a repair, with its functions."""
    for rule in TABLE:
        if rule.repair:
            module, _, name = rule.repair.make.partition(".")
            found = import_module(f"pjsipdiag.diagnosis.repairs.{module}")
            yield rule.name, getattr(found, name), getattr(grade, rule.repair.basis)


@lru_cache(maxsize=8192)
def _is_uninvited(situation: Situation, ip: str) -> bool:
    """Whether no suggestion may add an address: a scanner's, a translated source or the PBX's own. Only those are asked
    that a repair is about, as telling a scanner may read all of its calls."""
    if ip in _NO_ADDRESS:
        return False
    return ip in _blamed_or_own(situation) or any(scans(situation, group) for group in groups_of(situation, ip))


@lru_cache(maxsize=2)
def _blamed_or_own(situation: Situation) -> frozenset[str]:
    causes = assign_blame(situation)
    blamed_for = [group for rule in NEVER_LET_IN for groups in causes.get(rule, {}).values() for group in groups]
    found = {group.source for group in blamed_for if not is_likely(situation, group)}
    found |= {*situation.pbx, *(transport.bind for transport in situation.config.transports.values())}
    return frozenset(found.difference(_NO_ADDRESS))


def _never(situation: Situation) -> frozenset[str]:
    """All such addresses."""
    called = {group.source for group in situation.groups}
    return _blamed_or_own(situation) | {ip for ip in called if _is_uninvited(situation, ip)}


def _owners_without_address(situation: Situation) -> dict[str, tuple[str, list[CallGroup]]]:
    """The groups whose addresses are missing, by the endpoint that they belong to, with the first rule that says so."""
    causes = assign_blame(situation)
    found: dict[str, tuple[str, list[CallGroup]]] = {}

    def add(rule: str, endpoint: str, groups: Iterable[CallGroup]) -> None:
        wanted = (group for group in groups if not _is_uninvited(situation, group.source))
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
            if not _is_uninvited(situation, group.source):
                names = tuple(owner.endpoint for owner in best(situation, group))
                note = f"{group.source} may belong to {listed(names, 8)}: all are equally likely, so nothing is added"
                lines = identifies_by_header([group])
                note = "; ".join([note, *lines])
                draft = Draft([group], addresses=(group.source,), note=note, is_claimed=True, candidates=names)
                yield "unmatched-source", draft


def _choose(situation: Situation, draft: Draft, whole: Situation) -> list[tuple[bool, Suggestion]]:
    """The repairs of `_proven`, with the counts of all calls."""
    return [(sure, _with_all_calls(whole, one, found)) for one, (sure, found) in _proven(situation, draft)]


def _proven(situation: Situation, draft: Draft) -> list[tuple[Draft, tuple[bool, Suggestion]]]:
    """The repair with its proof; where it ends in a refusal, another one before it that gets further."""
    first = _prove(situation, draft)
    # A repair that gets calls as far as the next refusal is worth less than one that lets more of them through.
    if first is None or not first[1].stops:
        return [(draft, first)] if first else []
    tried = ((one, _prove(situation, one)) for one in draft.alternatives)
    better = [(one, found) for one, found in tried if found and found[1].fixes > first[1].fixes]
    if not better:
        return [(draft, first)]
    other, (sure, best) = max(better, key=lambda pair: pair[1][1].fixes)
    stop = first[1].stops[0]
    note = f"{best.note}; endpoint {stop.endpoint} would be answered {stop.status} next: {stop.reason}"
    left = [group for group in draft.groups if group not in other.groups]
    addresses = tuple(ip for ip in draft.addresses if ip in sources(left))
    remaining = replace(draft, groups=left, addresses=addresses)
    rest = _prove(situation, remaining) if left else None
    return [(other, (sure, replace(best, note=note))), *([(remaining, rest)] if rest else [])]


def _with_all_calls(whole: Situation, draft: Draft, suggestion: Suggestion) -> Suggestion:
    """The suggestion with the counts of all calls: what may be forged decides nothing, but the change is for it,
    too."""
    of_draft = {(group.source, group.transport, id(group.verdict)) for group in draft.groups}
    groups = [one for one in whole.groups if (one.source, one.transport, id(one.verdict)) in of_draft]
    if sum(one.calls for one in groups) == sum(one.calls for one in draft.groups if one.method == "INVITE"):
        return suggestion
    groups += [one for one in draft.groups if one.method != "INVITE"]
    proof = prove(whole, apply_edits(whole.config, draft.edits), groups, draft.edits) if draft.edits else None
    if proof is None:
        return suggestion
    return replace(suggestion, fixes=proof.fixes, changes_others=proof.changes_others, stops=proof.stops)


def _prove(situation: Situation, draft: Draft) -> tuple[bool, Suggestion] | None:
    """Whether it is likely, and the suggestion with its proof; None for edits that repair nothing."""
    proof: Proof | None = Proof()
    if draft.edits:
        proof = prove(situation, apply_edits(situation.config, draft.edits), draft.groups, draft.edits)
    if proof is None or (
        draft.edits and not proof.fixed_sources and draft.groups and not situation.config.rejected_files
    ):
        return None
    notes = [draft.note] if draft.note else []
    if proof.others:
        notes.append(f"other calls go elsewhere as well ({', '.join(proof.others)})")
    notes += proof.doubts[:1]
    uninvited = sorted({ip for ip in proof.admits if _is_uninvited(situation, ip)})
    if uninvited:
        notes.append(f"it also lets in {listed(uninvited)}, which nobody invited")
    suggestion = Suggestion(
        draft.file,
        0 if table_of(situation.config, draft.file) else draft.line,
        draft.section,
        draft.endpoint,
        draft.add,
        tuple(edit for edit in draft.edits if not table_of(situation.config, edit.file)),
        proof.fixes,
        proof.changes_others,
        proof.admits,
        tuple(ip for ip in draft.addresses if ip in proof.fixed_sources) if proof.fixed_sources else draft.addresses,
        "; ".join(notes),
        draft.candidates,
        _thing_fixed(draft.groups),
        statements(situation.config, draft.edits),
        proof.stops,
        find_loading(situation.config, draft),
    )
    return _is_likely(situation, draft, proof), suggestion


def _thing_fixed(groups: Sequence[CallGroup]) -> str:
    """The thing that it fixes, in the singular: a call, or a request of other methods."""
    methods = {group.method for group in groups} - {"INVITE"}
    alone = all(group.method != "INVITE" for group in groups)
    return f"{listed(sorted(methods))} request" if methods and alone else "call"


def _is_likely(situation: Situation, draft: Draft, proof: Proof) -> bool:
    """Whether the repair rests on facts: nobody is let in whom the endpoint's own lines do not speak for.

    Every address rule that is new is looked at, whatever repair brought it.
    """
    if draft.is_own:
        return True
    return not draft.is_claimed and all(
        _is_spoken_for(situation, draft, endpoint, rule) for endpoint, rule in proof.opened_rules
    )


def _is_spoken_for(situation: Situation, draft: Draft, endpoint: str, rule: AddressRule) -> bool:
    """Whether the files name all addresses of a rule for its endpoint already, or it holds few and all are likely."""
    config = situation.config
    if any(owner in (endpoint, "") or owner not in config.endpoints for owner in endpoints_that_write(config, rule)):
        return True
    first, last = bounds(rule)
    if last - first >= MOST_AROUND or not is_prefix(rule):
        return False
    addresses = (str(make_ip(rule.version, value)) for value in range(first, last + 1))
    likely = {group.source for group in draft.groups if is_likely(situation, group, endpoint)}
    return all(ip in likely or is_spoken_for(config, endpoint, ip) for ip in addresses)

"""Drafts become suggestions: each with what replaying the capture with it shows, and whether it is likely."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

from pjsipdiag.asterisk.addresses.address_rule import bounds, is_prefix, make_ip
from pjsipdiag.asterisk.config import AddressRule
from pjsipdiag.diagnosis.edits.draft import Draft
from pjsipdiag.diagnosis.edits.sql import statements, table_of
from pjsipdiag.diagnosis.edits.text_changes import apply_edits
from pjsipdiag.diagnosis.evidence.owners import is_likely
from pjsipdiag.diagnosis.evidence.vicinity import endpoints_that_write, is_spoken_for
from pjsipdiag.diagnosis.model import Suggestion
from pjsipdiag.diagnosis.repairs.additions import MOST_AROUND
from pjsipdiag.diagnosis.repairs.grade import is_uninvited
from pjsipdiag.diagnosis.repairs.load_commands import find_loading
from pjsipdiag.diagnosis.repairs.proof.announced import adds_addresses_alone, asks_otherwise
from pjsipdiag.diagnosis.repairs.proof.prove import Proof, prove
from pjsipdiag.diagnosis.repairs.proof.together import SectionChange, prove_together
from pjsipdiag.diagnosis.rules.cause import listed, sources
from pjsipdiag.diagnosis.situation import CallGroup, Situation

Found = tuple[bool, Suggestion]
"""Whether a suggestion is likely, and it."""


def prove_drafts(situation: Situation, drafts: Sequence[Draft], whole: Situation) -> list[list[Found]]:
    """The suggestions of each draft, likely or not: proven by the calls that cannot be forged (`situation`), with the
    counts of all (`whole`)."""
    proofs = _prove_all(situation, [(draft, draft.groups) for draft in drafts])
    chosen = [_choose(situation, draft, proof) for draft, proof in zip(drafts, proofs, strict=True)]
    return _with_all_calls(whole, chosen)


def _prove_all(situation: Situation, changes: Sequence[tuple[Draft, Sequence[CallGroup]]]) -> list[Proof | None]:
    """The proof of each draft, for these groups. Drafts that change an identify or endpoint each are proven together,
    as far as that goes: each load of a configuration takes the longer the more sections it has."""
    proofs: list[Proof | None] = [Proof() for _ in changes]
    alike: dict[object, list[int]] = defaultdict(list)
    for number, (draft, _) in enumerate(changes):
        if draft.edits:
            alike[adds_addresses_alone(draft.edits), asks_otherwise(draft.edits)].append(number)
    for at in alike.values():
        found = _prove_halves(situation, [changes[number] for number in at])
        for number, proof in zip(at, found, strict=True):
            proofs[number] = proof
    return proofs


def _prove_halves(situation: Situation, changes: Sequence[tuple[Draft, Sequence[CallGroup]]]) -> list[Proof | None]:
    """The same, where those that cannot be proven with the others are looked for by halves."""
    if not changes:
        return []
    texts = apply_edits(situation.config, chain.from_iterable(draft.edits for draft, _ in changes))
    if len(changes) == 1:
        draft, groups = changes[0]
        return [prove(situation, texts, groups, draft.edits)]
    found = prove_together(situation, texts, [SectionChange(one.section, one.edits, groups) for one, groups in changes])
    if found is not None:
        return [*found]
    middle = len(changes) // 2
    return [*_prove_halves(situation, changes[:middle]), *_prove_halves(situation, changes[middle:])]


def _prove_one(situation: Situation, draft: Draft) -> Found | None:
    (proof,) = _prove_all(situation, [(draft, draft.groups)])
    return _suggestion(situation, draft, proof)


def _choose(situation: Situation, draft: Draft, proof: Proof | None) -> list[tuple[Draft, Found]]:
    """The repair with its proof; where it ends in a refusal, another one before it that gets further."""
    first = _suggestion(situation, draft, proof)
    # A repair that gets calls as far as the next refusal is worth less than one that lets more of them through.
    if first is None or not first[1].stops:
        return [(draft, first)] if first else []
    tried = ((one, _prove_one(situation, one)) for one in draft.alternatives)
    better = [(one, found) for one, found in tried if found and found[1].fixes > first[1].fixes]
    if not better:
        return [(draft, first)]
    other, (sure, best) = max(better, key=lambda pair: pair[1][1].fixes)
    stop = first[1].stops[0]
    note = f"{best.note}; endpoint {stop.endpoint} would be answered {stop.status} next: {stop.reason}"
    left = [group for group in draft.groups if group not in other.groups]
    addresses = tuple(ip for ip in draft.addresses if ip in sources(left))
    remaining = replace(draft, groups=left, addresses=addresses)
    rest = _prove_one(situation, remaining) if left else None
    return [(other, (sure, replace(best, note=note))), *([(remaining, rest)] if rest else [])]


def _with_all_calls(whole: Situation, chosen: Sequence[Sequence[tuple[Draft, Found]]]) -> list[list[Found]]:
    """The suggestions with the counts of all calls: what may be forged decides nothing, but the change is for it,
    too."""
    alike: dict[tuple[str, str, int], list[CallGroup]] = defaultdict(list)
    for group in whole.groups:
        alike[_kind(group)].append(group)
    drafts = [draft for some in chosen for draft, _ in some]
    meant = [_meant(draft, alike) for draft in drafts]
    at = [number for number, draft in enumerate(drafts) if draft.edits and meant[number]]
    proofs = dict(zip(at, _prove_all(whole, [(drafts[number], meant[number]) for number in at]), strict=True))
    counts = iter([proofs.get(number) for number in range(len(drafts))])
    return [[(sure, _with_counts(one, next(counts))) for _, (sure, one) in some] for some in chosen]


def _meant(draft: Draft, alike: Mapping[tuple[str, str, int], Sequence[CallGroup]]) -> list[CallGroup]:
    """The groups of all calls that a draft is meant for; none where these are no more calls than its own."""
    groups = [group for kind in dict.fromkeys(map(_kind, draft.groups)) for group in alike.get(kind, ())]
    others = [one for one in draft.groups if one.method != "INVITE"]
    own = sum(one.calls for one in draft.groups if one.method == "INVITE")
    return groups + others if sum(one.calls for one in groups) != own else []


def _kind(group: CallGroup) -> tuple[str, str, int]:
    return group.source, group.transport, id(group.verdict)


def _with_counts(suggestion: Suggestion, proof: Proof | None) -> Suggestion:
    if proof is None:
        return suggestion
    return replace(suggestion, fixes=proof.fixes, changes_others=proof.changes_others, stops=proof.stops)


def _suggestion(situation: Situation, draft: Draft, proof: Proof | None) -> Found | None:
    """Whether it is likely, and the suggestion with its proof; None for edits that repair nothing."""
    if proof is None or (
        draft.edits and not proof.fixed_sources and draft.groups and not situation.config.rejected_files
    ):
        return None
    notes = [draft.note] if draft.note else []
    if proof.others:
        notes.append(f"other calls go elsewhere as well ({', '.join(proof.others)})")
    notes += proof.doubts[:1]
    uninvited = sorted({ip for ip in proof.admits if is_uninvited(situation, ip)})
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

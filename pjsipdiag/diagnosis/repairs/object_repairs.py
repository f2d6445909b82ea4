"""Corrects the lines that drop objects: of each the first mistake, from one load for all, then the next."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace

from pjsipdiag.asterisk.config import Config, DroppedObject
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.edits.draft import Draft
from pjsipdiag.diagnosis.edits.place import end_of_section, free_name, is_generated
from pjsipdiag.diagnosis.edits.text_changes import apply_edits, option_of, value_of
from pjsipdiag.diagnosis.evidence.lookup import dropped_identifies, lookup
from pjsipdiag.diagnosis.evidence.owners import best_of_all
from pjsipdiag.diagnosis.model import Edit
from pjsipdiag.diagnosis.repairs.corrections import correction
from pjsipdiag.diagnosis.rules.cause import Cause, sources
from pjsipdiag.diagnosis.situation import CallGroup, Situation

ROUNDS = 8
"""How many mistakes of one object are repaired one after the other."""
AS_WRITTEN = ("identify", "wizard")
"""Types of which sections count, too, that were meant to be such objects and are none."""
ObjectKey = tuple[str, str]
"""Type and name of an object."""


@dataclass(frozen=True, slots=True)
class _Uses:
    """How many sections are of a type and name, and how many have the option of a line, (file, line)."""

    keys: Counter[ObjectKey]
    lines: Counter[tuple[str, int]]

    @classmethod
    def of(cls, config: Config) -> _Uses:
        sections = [section for section in config.sections if not section.is_template]
        keys = Counter((kind.value, section.name) for section in sections if (kind := section.first("type")))
        options = (option.where for section in sections for option in section.variables)
        return cls(keys, Counter((where.file, where.line) for where in options))


@dataclass(slots=True)
class _Correction:
    """The correction of one object for the calls that it keeps out."""

    key: ObjectKey
    groups: Sequence[CallGroup]
    owner: str
    dropped: DroppedObject | None
    """The next to be corrected: the object, or another one that keeps the calls out; None where there is none, or
    its line is not known."""
    edits: list[Edit] = field(default_factory=list)
    corrected: set[ObjectKey] = field(default_factory=set)
    is_own: bool = True
    """Whether only options of the objects themselves are edited, neither what others inherit nor a name, so that it
    makes no difference to any other object."""

    def correct(self, config: Config, uses: _Uses) -> bool:
        """Adds the next edit; says whether to load the files with it, as only that shows what is still dropped."""
        dropped, self.dropped = self.dropped, None
        edit = correction(config, dropped, sources(self.groups), self.owner) if dropped else None
        if not dropped or not edit or any((edit.file, edit.line) == (made.file, made.line) for made in self.edits):
            return False
        self.edits.append(edit)
        self.corrected.add(_key(dropped))
        is_head = "".join(edit.old).lstrip().startswith("[")
        # an object that loads again beside one of its name costs all objects of its type
        is_alone = uses.keys[_key(dropped)] <= 1 and uses.lines[edit.file, edit.line] <= 1
        self.is_own &= is_alone and not is_head
        # The line was commented out, for no endpoint knows match= or host=: an identify has to say it instead.
        if self.key[0] == "endpoint" and option_of(edit.old[0] if edit.old else "") in ("match", "host"):
            self.edits.append(_identify_of(config, dropped, value_of(edit.old[0])))
        return all(len(edit.new) == len(edit.old) for edit in self.edits)

    def look_again(self, situation: Situation, after: Situation, lost: Mapping[ObjectKey, DroppedObject]) -> None:
        """Finds what keeps the calls out `after` the edits, which drop `lost`. Others' edits may be among them where
        only own options are edited: then what this does not correct is as it was."""
        seen = situation if self.is_own else after
        others = [gone for group in self.groups for gone in dropped_identifies(seen, group)]
        changed = self.corrected if self.is_own else set[ObjectKey]()
        still = (lost.get(_key(gone)) if _key(gone) in changed else gone for gone in others)
        self.dropped = lost.get(self.key) or next(filter(None, still), None)


def correct_objects(
    situation: Situation, causes: Sequence[tuple[Cause, Sequence[CallGroup]]]
) -> Iterable[Iterable[Draft]]:
    """Corrects the line that drops an object, and the next one while the object still does not load: for each cause."""
    if not causes:  # as is usual: what follows walks all sections
        return []
    written = (lost for lost in lookup(situation).dropped if lost.type in AS_WRITTEN)
    loaded = (lost for lost in situation.config.dropped if lost.type not in AS_WRITTEN)
    named = {_key(lost): lost for lost in reversed((*written, *loaded))}
    uses = _Uses.of(situation.config)
    left = made = [_begin(situation, named, *one) for one in causes]
    # sorcery drops an object at its first bad option and says nothing of the others: only loading again shows the next.
    for _ in range(ROUNDS):
        left = [one for one in left if one.correct(situation.config, uses)]
        _load_again(situation, left)
    return [_drafts(cause, one) for (cause, _), one in zip(causes, made, strict=True)]


def _begin(
    situation: Situation, named: Mapping[ObjectKey, DroppedObject], cause: Cause, groups: Sequence[CallGroup]
) -> _Correction:
    config = situation.config
    kind, _, name = cause.name.partition(" ")
    owners = best_of_all(situation, groups)
    owner = name if name in config.endpoints else owners.pop() if len(owners) == 1 else ""
    is_written = cause.where is not None and not is_generated(config, cause.where.file)
    return _Correction((kind, name), groups, owner, named.get((kind, name)) if is_written else None)


def _load_again(situation: Situation, corrections: Sequence[_Correction]) -> None:
    """Loads the files with as many edits at once as make no difference to one another."""
    assert situation.reload is not None
    for edits, ones in _batches(corrections):
        after = replace(situation, config=situation.reload(apply_edits(situation.config, edits), ""))
        lost = {_key(dropped): dropped for dropped in reversed(after.config.dropped)}
        for one in ones:
            one.look_again(situation, after, lost)


def _batches(corrections: Sequence[_Correction]) -> Iterator[tuple[Sequence[Edit], Sequence[_Correction]]]:
    """Edits for one load and the corrections that they are of: equal ones, and those of objects' own lines, as far as
    they edit different ones. A line of a template makes a difference to all that inherit it."""
    alike: dict[tuple[Edit, ...], list[_Correction]] = defaultdict(list)
    for one in corrections:
        alike[tuple(one.edits)].append(one)
    joined: list[tuple[dict[tuple[str, int], Edit], list[_Correction]]] = []
    for edits, ones in alike.items():
        if not ones[0].is_own:
            yield edits, ones
            continue
        lines = {(edit.file, edit.line): edit for edit in edits}
        for known, others in joined:
            if known.keys().isdisjoint(lines):
                known.update(lines)
                others.extend(ones)
                break
        else:
            joined.append((lines, ones))
    yield from ((tuple(lines.values()), ones) for lines, ones in joined)


def _drafts(cause: Cause, made: _Correction) -> Iterator[Draft]:
    where, edits, groups = cause.where, made.edits, made.groups
    if not edits or not where:
        return
    note = "; ".join(_describe(edit) for edit in edits if edit.old or len(edit.new) == 1)
    if any(_comments_out(edit) for edit in edits) and not any(len(edit.new) > 1 for edit in edits):
        note += "; write the right value instead, if there is one"
    elif any(ip in edit.new[0] and ip not in "".join(edit.old) for ip in sources(groups) for edit in edits):
        note += "; these are the addresses that called: write the others that the line was meant for as well"
    # Addresses of callers in a new line let somebody in: then it is no longer the files alone that speak (`is_own`).
    used = any(
        ip in new and ip not in "".join(edit.old) for ip in sources(groups) for edit in edits for new in edit.new
    )
    draft = Draft(groups, where.file, where.line, where.section, edits=tuple(edits))
    yield replace(draft, addresses=sources(groups), note=note, is_own=not used)


def _key(dropped: DroppedObject) -> ObjectKey:
    return dropped.type, dropped.name


def _identify_of(config: Config, endpoint: DroppedObject, value: str) -> Edit:
    """The identify that `match=` of an endpoint was meant to be, behind the endpoint."""
    file, line = endpoint.section_where.file, endpoint.section_where.line
    body = ("type=identify", f"endpoint={endpoint.name}", f"match={value}")
    text = ("", f"[{free_name(config, endpoint.name)}]", *body)
    return Edit(file, end_of_section(config, file, line) + 1, (), text)


def _describe(edit: Edit) -> str:
    old = "".join(edit.old).strip()
    return f"line {edit.line}: {old} -> {edit.new[0].strip()}" if old else f"line {edit.line}: {edit.new[0]}"


def _comments_out(edit: Edit) -> bool:
    return edit.new[0].startswith(";") and not "".join(edit.old).startswith(";")

"""Whether a number exists in a context, as `new_invite` asks before it answers (res/res_pjsip_session.c).

Replays get_destination() there, and pbx_find_extension() of main/pbx.c: the extensions of a context, its switches, then
its includes, each context once. What the files leave open makes a number unknown that is not found otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from pjsipdiag.asterisk.config import Problem
from pjsipdiag.asterisk.dialplan.contexts import HINT, NO_CONTEXTS, Context, Dialplan, Extension
from pjsipdiag.asterisk.dialplan.extension import Fit, fit
from pjsipdiag.asterisk.reasons.files import FileReason
from pjsipdiag.asterisk.section import Where
from pjsipdiag.dataclass import NamedTuple

MOST_CONTEXTS = 128
"""AST_PBX_MAX_STACK: contexts that are looked through for one number."""
LONGEST_NUMBER = 79
"""AST_MAX_EXTENSION, without its end: longer numbers are cut."""


class Presence(StrEnum):
    """FOUND goes on, INCOMPLETE is answered 484, MISSING 404."""

    FOUND = "found"
    INCOMPLETE = "incomplete"
    MISSING = "missing"
    UNKNOWN = "unknown"


class Destination(NamedTuple):
    """Where a call goes, and the line or the reason for it; `passed` is what seems to take a missing number and does
    not."""

    presence: Presence
    reason: str
    where: Where | None = None
    passed: tuple[Problem, ...] = ()


def find(
    dialplan: Dialplan, context: str, number: str, caller: str | None = None, *, overlap: bool = True
) -> Destination:
    """Where a call to `number` in `context` goes; `caller` is the caller's number, None where it is not known.

    With `overlap` (allow_overlap=yes) a number that may still grow is incomplete.
    """
    dialled = number[:LONGEST_NUMBER] or ("s" if dialplan.empty_is_s else "")
    if dialled == dialplan.pickup:
        return Destination(Presence.FOUND, f"{dialled} picks up a call (pickupexten)")
    walk = _Walk(dialplan, dialled, caller)
    found = next(walk.through(context), None)
    if dialplan.tree and (found is None or found.name.startswith("_")):
        return Destination(Presence.UNKNOWN, dialplan.tree.reason, dialplan.tree.where)
    mapped = next((one for one in dialplan.unknown_sources if one.why.kind is FileReason.MAPPED_ELSEWHERE), None)
    if mapped:
        return Destination(Presence.UNKNOWN, mapped.reason, mapped.where)
    if found is not None:
        return Destination(Presence.FOUND, f"{found.name} takes {dialled}", found.where)
    known = dialplan.contexts.get(context)
    if walk.open:
        return Destination(Presence.UNKNOWN, walk.open[0].reason, walk.open[0].where)
    if overlap and (walk.later or dialplan.pickup.startswith(dialled)):
        longer = walk.later.name if walk.later else f"{dialplan.pickup} (pickupexten)"
        where = walk.later.where if walk.later else None
        return Destination(Presence.INCOMPLETE, f"{dialled} is incomplete: {longer} would take a longer number", where)
    if known is None:
        template = dialplan.templates.get(context)
        passed = (Problem(FileReason.CONTEXT_IS_TEMPLATE(context=context), template),) if template else ()
        settings = FileReason.CONTEXT_IS_OF_SETTINGS(context=context) if context.lower() in NO_CONTEXTS else ""
        reason = f"there is no context [{context}]" + (f": {settings}" if settings else "")
        return Destination(Presence.MISSING, reason, None, passed)
    if walk.later:
        walk.passed.append(Problem(FileReason.LONGER_NUMBER(extension=walk.later.name), walk.later.where))
    reason = f"context [{context}] has no extension that takes {dialled}"
    return Destination(Presence.MISSING, reason, known.where, tuple(walk.passed))


class _Walk:
    """One search: `open` is what may hold the number unseen, `later` an extension that takes a longer number, `passed`
    what would take the number and does not count."""

    def __init__(self, dialplan: Dialplan, number: str, caller: str | None) -> None:
        self.dialplan, self.number, self.caller = dialplan, number, caller
        self.open: list[Problem] = list(dialplan.unknown_sources)
        self.later: Extension | None = None
        self.passed: list[Problem] = []
        self._seen: set[str] = set()

    def through(self, name: str) -> Iterator[Extension]:
        """The extensions that take the number, in the order in which Asterisk comes to them."""
        # `_seen` stays filled while the search goes on, so that a context that two others include is looked through
        # once, as with the stack of pbx_find_extension(), which a search never takes a context off.
        if name.lower() in self._seen or len(self._seen) >= MOST_CONTEXTS:
            return
        self._seen.add(name.lower())
        for file, text in self.dialplan.elsewhere.items():
            if name in text:
                self.open.append(Problem(FileReason.NAMED_ELSEWHERE(file=file, context=name), Where(file, 0)))
        context = self.dialplan.contexts.get(name)
        if context is None:
            return
        yield from self._own(context)
        self.open += context.open_lines
        for switch in context.switches:
            self.open.append(Problem(FileReason.SWITCH(switch=switch.text), switch.where))
        for include in context.includes:
            if include.context not in self.dialplan.contexts:
                self.passed.append(Problem(FileReason.INCLUDES_NOTHING(context=include.context), include.where))
            if not include.when:
                yield from self.through(include.context)
            elif self._may_take(include.context):
                reason = FileReason.AT_TIMES(context=include.context, times=include.when)
                self.open.append(Problem(reason, include.where))

    def _own(self, context: Context) -> Iterator[Extension]:
        for extension in context.extensions:
            how = fit(extension.name, self.number)
            if how is Fit.NO or 1 not in extension.priorities or not self._takes_caller(extension):
                self.passed += [_passed(extension)] if how is Fit.YES else []
                continue
            if how is Fit.YES:
                yield extension
            else:
                self.later = self.later or extension
        self.passed += [problem for name, problem in context.left_out if fit(name, self.number) is Fit.YES]

    def _takes_caller(self, extension: Extension) -> bool:
        """matchcid(): an empty caller fits an empty pattern alone."""
        if extension.caller is None:
            return True
        if not self.dialplan.by_caller:  # no number is given to the search
            return not extension.caller
        if self.caller is None:
            reason = FileReason.ASKS_FOR_CALLER(extension=extension.name, caller=extension.caller)
            self.open.append(Problem(reason, extension.where))
            return False
        if not self.caller:
            return not extension.caller
        return fit(extension.caller, self.caller) is Fit.YES

    def _may_take(self, name: str) -> bool:
        """Whether a context that is left out at times takes the number or a longer one; what it leaves open counts."""
        other = _Walk(self.dialplan, self.number, self.caller)
        other._seen = self._seen
        found = next(other.through(name), None)
        self.open += other.open
        return found is not None or other.later is not None


def _passed(extension: Extension) -> Problem:
    """Why an extension that fits a number does not take the call."""
    if extension.priorities == (HINT,):
        return Problem(FileReason.HINT_ALONE(extension=extension.name), extension.where)
    if 1 not in extension.priorities:
        return Problem(FileReason.NO_FIRST_PRIORITY(extension=extension.name), extension.where)
    return Problem(FileReason.OTHER_CALLERS(extension=extension.name, caller=extension.caller), extension.where)

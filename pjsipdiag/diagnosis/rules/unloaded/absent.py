"""Modules that are not loaded, and what is then not done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.loading.sources import modules
from pjsipdiag.asterisk.loading.sources.absent_module import AbsentModule
from pjsipdiag.asterisk.loading.sources.call_modules import CALL_MODULES
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import Cause, finding_for, is_silent, who, with_status
from pjsipdiag.diagnosis.rules.unloaded.ignored import words_of_log
from pjsipdiag.diagnosis.situation import CallGroup, Situation


def of_absent_module(situation: Situation, group: CallGroup) -> Cause | None:
    """The module without which nothing listens; for calls that nothing identifies the first one that would identify,
    for others the one without which they end as they did."""
    absent = [one for one in situation.config.absent_modules if one.is_used]
    if group.verdict.endpoint and group.verdict.identifier != "anonymous":
        needed = (one for one in absent if one.module in CALL_MODULES and not one.is_fatal)
        lacking = next((one for one in needed if _ends_so(group, CALL_MODULES[one.module].statuses)), None)
        return Cause(lacking.module, lacking.where, lacking.reason) if lacking else None
    ended = next((one for one in absent if one.is_fatal), None)
    if ended is not None:
        return Cause(ended.module, ended.where, ended.reason) if is_silent(group) else None
    identifying = (one for one in absent if one.module in (*modules.IDENTIFIERS_OF, modules.WIZARD_MODULE))
    found = next(identifying, None)
    return Cause(found.module, found.where, found.reason) if found else None


def _ends_so(group: CallGroup, statuses: Sequence[int]) -> bool:
    """Whether calls of it ended with one of these; what the dialplan answers comes behind a 100, as these do."""
    return any(with_status(group, status) for status in statuses)


def module_not_loaded(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    blamed = [one for one in situation.config.absent_modules if one.where == cause.where]
    lines = [line for one in blamed for line in words_of_log(one.log)]
    ends = "matched, and calls end so" if cause.name in CALL_MODULES else "not identified"
    helps = next((say_remedy(one) for one in blamed if one.module == cause.name), f"correct {cause.where}")
    return finding_for(
        groups,
        Severity.ERROR,
        f"{cause.detail}; {who(groups, 'is', 'are')} {ends}",
        cause.where,
        *lines,
        advice=f"{helps}, then restart Asterisk",
    )


def say_remedy(absent: AbsentModule) -> str:
    """Says the change that has a module loaded, with its line."""
    return f"{absent.remedy} ({absent.where})" if absent.remedy else f"correct {absent.where}"


def absent_modules(config: Config) -> Iterator[Finding]:
    """Modules that are not loaded, and what is then not there."""
    for one in config.absent_modules:
        remedy = one.remedy or "correct the line"
        yield Finding(
            Severity.ERROR if one.is_used else Severity.NOTE,
            one.reason,
            one.where,
            evidence=words_of_log(one.log),
            advice=f"{remedy[:1].upper()}{remedy[1:]}, then restart Asterisk; `module show like pjsip` tells what is"
            " loaded.",
        )
    for unread in config.unread_objects:
        if unread.source == "module":
            yield Finding(
                Severity.WARNING,
                f"{unread.text}; else it ends at once",
                unread.where,
                advice="Take the line out, or write load= in the place of require=, unless that module was added.",
            )
    dialplan = config.dialplan()
    if dialplan is not None and dialplan.unread_file:
        yield Finding(
            Severity.ERROR,
            f"{dialplan.unread_file.reason}: each number is answered 404",
            dialplan.unread_file.where,
            advice="Have it loaded (`load = pbx_config.so`, and no noload of it), then restart Asterisk.",
        )

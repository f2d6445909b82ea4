"""Objects that stand where nothing was read: in databases, memory and other files, or in what a program writes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from pjsipdiag.asterisk.verdict import Match
from pjsipdiag.diagnosis.check import loading as check
from pjsipdiag.diagnosis.evidence.seen import with_calls
from pjsipdiag.diagnosis.model import Finding
from pjsipdiag.diagnosis.rules.cause import counted, listed, sources, with_status
from pjsipdiag.diagnosis.situation import CallGroup, Situation


def tables_not_read(situation: Situation) -> Iterable[Finding]:
    """What was not read, with the refused calls whose verdict hangs on it."""
    for held, finding in zip(check.stores(situation.config), check.unread(situation.config), strict=True):
        yield _with_refused(situation, finding, {one.text for one in held})


def programs_not_run(situation: Situation) -> Iterable[Finding]:
    """The same of what programs write."""
    for finding in check.programs(situation.config):
        yield _with_refused(situation, finding, {finding.message})


def _with_refused(situation: Situation, finding: Finding, unread: Collection[str]) -> Finding:
    def hangs(group: CallGroup) -> bool:
        return any(one.match is Match.UNKNOWN and str(one.why) in unread for one in group.verdict.trace)

    groups = [group for group in situation.groups if with_status(group, 401) and hangs(group)]
    if not groups:
        return finding
    count = sum(with_status(group, 401) for group in groups)
    message = f"{finding.message}, as the 401 of {listed(sources(groups))} does ({counted(count, 'call')})"
    return with_calls(replace(finding, message=message, sources=sources(groups), calls=count), groups, (401,))

"""Copies of a configuration that lack files, while the capture shows an Asterisk that has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.diagnosis.check import loading as check
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rule import Blamed
from pjsipdiag.diagnosis.rules import difference
from pjsipdiag.diagnosis.rules.cause import Cause, answers, counted, listed, sources
from pjsipdiag.diagnosis.situation import CallGroup, Situation

_ACL = "acl"


def of_copy(situation: Situation, group: CallGroup) -> Cause | None:
    """Answers that the files at hand do not explain, where something that decides is not among them."""
    config = situation.config
    if difference.of_difference(situation, group) is None:
        return None
    endpoint = config.endpoints.get(group.verdict.endpoint)
    if endpoint is not None and endpoint.acl.names and not config.has_acls:
        return Cause(_ACL, None, endpoint.name)
    return Cause() if config.partial and config.missing else None


def incomplete_copy(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    config = situation.config
    finding = check.list_missing(config, cause.detail) if cause.name == _ACL else check.copy_lacks(config)
    assert finding is not None
    contradicting = [difference.contradicts(group) for group in groups]
    count = sum(sum(found.values()) for found in contradicting)
    statuses = listed([str(status) for status in sorted({status for found in contradicting for status in found})])
    return replace(
        finding,
        severity=Severity.ERROR,
        message=f"{finding.message}; the {statuses} of {listed(sources(groups))} ({counted(count, 'call')})"
        " may follow from that, for the files at hand do not give it",
        sources=sources(groups),
        calls=count,
        evidence=(*finding.evidence, f"observed answers: {answers(groups)}"),
    )


def besides(situation: Situation, blamed: Blamed) -> Iterable[Finding]:
    """What is missing where no call shows it."""
    told = {cause.name for cause in blamed["incomplete-copy"]}
    open_ = any(group.verdict.outcome is Outcome.NO_MATCH for group in situation.groups)
    for name, find in (("", check.copy_lacks), (_ACL, check.lists_missing)):
        finding = find(situation.config) if name not in told else None
        if finding is not None:
            warns = open_ and finding.severity is Severity.WARNING
            yield replace(finding, severity=Severity.ERROR) if warns else finding
    yield from check.dialplan_lacks(situation.config)

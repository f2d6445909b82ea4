"""Copies of a configuration that lack files, while the capture shows an Asterisk that has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pjsipdiag.asterisk.config import Config, Problem
from pjsipdiag.asterisk.reasons.files import FileReason
from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rule import Blamed
from pjsipdiag.diagnosis.rules.cause import Cause, answers, counted, enumerated, listed, sources
from pjsipdiag.diagnosis.rules.gaps.difference import contradicts, of_difference
from pjsipdiag.diagnosis.situation import CallGroup, Situation

MOST_LISTED = 30
"""Objects that one line keeps from loading, and missing files, before the rest is counted."""
COPY_ALL = (
    "Bring them along: copy the whole directory, links followed (tar -chzf etc.tgz -C /etc asterisk), and what lies "
    "elsewhere with --include-from. The includes are right as they are."
)

_ACL, _OPTIONAL = "acl", "optional"


def of_copy(situation: Situation, group: CallGroup) -> Cause | None:
    """Answers that the files at hand do not explain, where something that decides is not among them."""
    config = situation.config
    endpoint = config.endpoints.get(group.verdict.endpoint)
    cause = Cause() if config.is_partial and config.missing_files else None
    if cause is None and config.optional_files and group.verdict.outcome is Outcome.NO_MATCH:
        cause = Cause(_OPTIONAL)
    if endpoint is not None and endpoint.acl.names and not config.has_acls:
        cause = Cause(_ACL, None, endpoint.name)
    if cause is None:
        return None
    return cause if of_difference(situation, group) is not None or _by_list(config, group) else None


def _by_list(config: Config, group: CallGroup) -> int:
    """The calls that a list may have denied of which the copy lacks a part."""
    endpoint = config.endpoints.get(group.verdict.endpoint)
    open_ = endpoint is not None and endpoint.acl.why_partial and group.verdict.outcome is Outcome.UNKNOWN
    return group.statuses.get(401, 0) if open_ and config.missing_files else 0


def incomplete_copy(situation: Situation, cause: Cause, groups: Sequence[CallGroup]) -> Finding:
    config = situation.config
    if cause.name == _OPTIONAL:
        finding: Finding | None = optional_lacking(config)
    else:
        finding = list_lacking(config, cause.detail) if cause.name == _ACL else copy_lacks(config)
    assert finding is not None
    contradicting = [contradicts(group) or {401: _by_list(config, group)} for group in groups]
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
    """Findings on what the copy lacks, where no call shows it."""
    told = {cause.name for cause in blamed["incomplete-copy"]}
    open_ = any(group.verdict.outcome is Outcome.NO_MATCH for group in situation.groups)
    for name, find in (("", copy_lacks), (_ACL, lists_lacking)):
        finding = find(situation.config) if name not in told else None
        if finding is not None:
            warns = open_ and finding.severity is Severity.WARNING
            yield replace(finding, severity=Severity.ERROR) if warns else finding
    for finding in dialplan_lacks(situation.config):
        weighs = _runs_dialplan(situation) and _has_refusals(situation)
        yield replace(finding, severity=Severity.ERROR) if weighs else finding


def _runs_dialplan(situation: Situation) -> bool:
    """Whether the capture shows extensions run, which a dialplan without one of its files has none of."""
    accepted = (group for group in situation.groups if group.verdict.outcome is Outcome.ACCEPTED)
    return any(status in (180, 183) or 200 <= status < 300 for group in accepted for status in group.statuses)


def _has_refusals(situation: Situation) -> bool:
    return any(status >= 400 for group in situation.groups for status in group.statuses)


def describe_missing(missing: Iterable[Problem]) -> str:
    """The includes that lead nowhere, each with its line."""
    return enumerated([f"{one.why['file']} ({one.where})" for one in missing], MOST_LISTED)


def incomplete_copies(config: Config) -> Iterator[Finding]:
    """A copy that lacks files which others include, or the access lists that endpoints name."""
    yield from (one for one in (copy_lacks(config), lists_lacking(config)) if one is not None)


def copy_lacks(config: Config) -> Finding | None:
    """The included files that the copy lacks, or that lie where nothing is read."""
    if not config.missing_files or not (
        config.is_partial or any(one.why.kind is FileReason.NOT_AMONG for one in config.missing_files)
    ):
        return None
    files = len({one.why for one in config.missing_files})
    return Finding(
        Severity.ERROR if config.is_partial else Severity.WARNING,
        f"the copy of the configuration is incomplete: {files} included {'file is' if files == 1 else 'files are'} "
        f"missing here: {describe_missing(config.missing_files)}",
        config.missing_files[0].where,
        evidence=("what they hold is not known: identifies and settings in them may change what follows",),
        advice=COPY_ALL,
    )


def optional_lacking(config: Config) -> Finding:
    """The files that are included where they are there, and that the copy lacks."""
    return Finding(
        Severity.ERROR,
        "the copy of the configuration is probably incomplete: what #tryinclude names is missing here:"
        f" {describe_missing(config.optional_files)}",
        config.optional_files[0].where,
        evidence=("Asterisk reads them where they are there, and says nothing where they are not",),
        advice=COPY_ALL,
    )


def lists_lacking(config: Config) -> Finding | None:
    """The first endpoint that names an access list, without an acl.conf, and how many more do."""
    found = [] if config.has_acls else [list_lacking(config, name) for name in config.endpoints]
    naming = [one for one in found if one is not None]
    if len(naming) < 2:
        return naming[0] if naming else None
    more = "one more endpoint does" if len(naming) == 2 else f"{len(naming) - 1:,} more endpoints do"
    return replace(naming[0], evidence=(f"{more} so, too",))


def list_lacking(config: Config, name: str) -> Finding | None:
    """An endpoint that names an access list, without an acl.conf."""
    endpoint = config.endpoints[name]
    named = (one for kind in ("acl", "contact_acl") for one in reversed(endpoint.options.get(kind, ())) if one.value)
    option = next(named, None)  # an empty one takes nothing back
    if option is None:
        return None
    return Finding(
        Severity.NOTE,
        f"{option.name}={option.value} of endpoint '{endpoint.name}' ({option.where}) names an access list, and "
        "acl.conf is not among the files: whom it denies is not known",
        option.where,
        advice="Bring acl.conf along. If the machine itself has none, every named list lets everybody pass.",
    )


def dialplan_lacks(config: Config) -> Iterator[Finding]:
    """Files that extensions.conf includes and that are not there."""
    dialplan = config.dialplan()
    gone = [one for one in dialplan.unknown_sources if one.why.kind is FileReason.FILE_IS_MISSING] if dialplan else []
    if gone:
        names = describe_missing(gone)
        yield Finding(
            Severity.NOTE,
            f"the copy of the dialplan is incomplete, so what it does with a number is not known: {names}"
            f" {'is' if len(gone) == 1 else 'are'} missing here",
            gone[0].where,
            advice=COPY_ALL,
        )

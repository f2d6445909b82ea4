"""Files that Asterisk rejects as a whole."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from pjsipdiag.asterisk.config import Config, Problem
from pjsipdiag.asterisk.loading.acls import ACL_FILE
from pjsipdiag.asterisk.reasons.files import FileReason
from pjsipdiag.asterisk.section import Where
from pjsipdiag.diagnosis.edits.text_changes import lines_of
from pjsipdiag.diagnosis.evidence.owners import is_likely
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import Cause, calls, counted, sources
from pjsipdiag.diagnosis.rules.gaps.copies import describe_missing
from pjsipdiag.diagnosis.rules.gaps.difference import contradicts
from pjsipdiag.diagnosis.rules.unloaded.ignored import words_of_log
from pjsipdiag.diagnosis.situation import CallGroup, Situation

_HEAD = re.compile(r"\s*\[([^]\r\n]*)\]")
"""The line on which a section begins. Blanks between the brackets are a part of its name."""
BRING = (
    "If these files are a copy, bring the missing ones along. If the machine itself lacks them, create them there: an "
    "empty file will do."
)

LISTS_LET_PASS = "an Asterisk that starts so has no named ACL, and every acl= lets everybody pass"


def of_rejected_file(situation: Situation, group: CallGroup) -> Cause | None:
    rejected = situation.config.rejected_files if not group.verdict.endpoint else ()
    if not rejected or _tells_nothing(situation, group, rejected):
        return None
    return Cause(rejected[0].where.file, rejected[0].where)


def _tells_nothing(situation: Situation, group: CallGroup, rejected: Sequence[Problem]) -> bool:
    """Whether nothing is lost but files that are missing here, while what did load speaks for the source: then the
    copy may just lack them, and the call is told as it would be without."""
    config, near = situation.config, _neighbourhood(group.source)
    lost = (line for one in rejected for line in lines_of(config, one.where.file)[_first_lost(one) :])
    return (
        all(is_missing(config, one) for one in rejected)
        and is_likely(situation, group)
        and not any(near in line for line in lost)
    )


def _first_lost(problem: Problem) -> int:
    """The index of the first line of its file that does not count."""
    return 0 if problem.why.kind is FileReason.NOTHING_COUNTS else problem.where.line


def find_lost(config: Config, names: Collection[str]) -> tuple[Problem, Where] | None:
    """The first section of such a name behind the line from which Asterisk reads no more of its file."""
    for problem in config.rejected_files:
        first = _first_lost(problem)
        for number, line in enumerate(lines_of(config, problem.where.file)[first:], first + 1):
            name = _HEAD.match(line)
            if name and name[1] in names and not is_missing(config, problem):
                return problem, Where(problem.where.file, number, name[1])
    return None


def _neighbourhood(ip: str) -> str:
    """How addresses of its /24 (IPv6: /48) are written."""
    return ":".join(ip.split(":")[:3]) if ":" in ip else f"{ip.rpartition('.')[0]}."


def file_rejected(situation: Situation) -> Iterable[Finding]:
    """One finding for each file that Asterisk refuses as a whole; with a capture all its calls follow from it."""
    groups = [group for group in situation.groups if not group.verdict.endpoint]
    for problem in situation.config.rejected_files:
        answered = sum(sum(contradicts(group).values()) for group in groups)
        running = (
            [
                f"{counted(answered, 'call')} of the capture got an answer that these files do not give: Asterisk still"
                " runs what it read before this change"
            ]
            if answered
            else []
        )
        yield Finding(
            Severity.ERROR,
            _rejection(situation.config, problem),
            problem.where,
            sources(groups[:100]),
            calls(groups),
            (
                *not_there(situation.config, problem),
                *words_of_log(problem.log),
                *([LISTS_LET_PASS] if _has_the_lists(problem) else []),
                *running,
            ),
            advice=BRING if is_missing(situation.config, problem) else f"correct {problem.where.phrase}, then reload",
        )


def _rejection(config: Config, problem: Problem) -> str:
    """The message on a rejected file: the main one is rejected as a whole, an included one is only read up to the
    line."""
    where = problem.where
    if problem.why.kind is FileReason.NOTHING_COUNTS:
        return f"Asterisk rejects the whole of {where.file} because of line {where.line}: {problem.reason}"
    message = f"Asterisk reads {where.file} only up to line {where.line}: {problem.reason}; the rest of it is missing"
    later = next((section for section in config.sections if section.name == where.section), None)
    if later and problem.why.kind is FileReason.NOTHING_TO_ADD_TO:
        message += f" ([{later.name}] comes later, at {later.where}: include {where.file} behind it)"
    return message


def rejected_files(config: Config) -> Iterator[Finding]:
    """One finding for each file that is refused as a whole."""
    for problem in config.rejected_files:
        effect, module = "nothing in it loads", "res_pjsip.so"
        if _has_the_lists(problem):
            effect, module = LISTS_LET_PASS, "acl"
        yield Finding(
            Severity.ERROR,
            f"{problem.where.file} is rejected as a whole: {problem.reason}; {effect}",
            problem.where,
            evidence=(*words_of_log(problem.log), *not_there(config, problem)),
            advice=BRING if is_missing(config, problem) else f"Correct the line, then `module reload {module}`.",
        )


def _has_the_lists(problem: Problem) -> bool:
    """Whether it is the file of the named access lists that does not count (`ast_named_acl_find`, main/named_acl.c)."""
    return problem.why.kind is FileReason.NOTHING_COUNTS and problem.why["file"] == ACL_FILE


def is_missing(config: Config, problem: Problem) -> bool:
    """Whether a file is rejected because of an include that leads nowhere."""
    return any(
        (one.where.file, one.where.line) == (problem.where.file, problem.where.line) for one in config.missing_files
    )


def not_there(config: Config, problem: Problem) -> tuple[str, ...]:
    """All that is missing, where one of these files is why another is rejected."""
    return (f"not among the files: {describe_missing(config.missing_files)}",) if is_missing(config, problem) else ()

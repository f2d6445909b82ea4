"""Lines and rows that Asterisk passes over, or takes otherwise than they look."""

from __future__ import annotations

from collections.abc import Iterator

from pjsipdiag.asterisk.config import Config, DroppedObject, Problem
from pjsipdiag.asterisk.reasons.files import OF_TABLES, FileReason
from pjsipdiag.asterisk.reasons.loading import LoadReason
from pjsipdiag.asterisk.reasons.reason import Reason, ReasonKind
from pjsipdiag.asterisk.reasons.values import ValueReason
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.diagnosis.rules.cause import enumerated
from pjsipdiag.diagnosis.rules.gaps.copies import MOST_LISTED

_ONLY_IF: dict[ReasonKind, str] = {
    ValueReason.FILE_NOT_KNOWN: "{file} can be read",
    ValueReason.CIPHERS_NOT_KNOWN: "OpenSSL knows its ciphers",
    ValueReason.BIND_IS_A_NAME: "the host {host} resolves",
}
"""Conditions of Asterisk's machine on which an object loads, and which files alone cannot tell."""
_COMMENTS: dict[ReasonKind, str] = {
    FileReason.OPEN_COMMENT: "close it with `--;`, or take it out: all that stands behind it counts as comment",
    FileReason.CLOSED_COMMENT: "take it out: all that stands behind it counts as comment",
}
"""Marks of a comment that take the lines behind them out, and what to do."""
_ADVICE: dict[ReasonKind, str] = {
    **_COMMENTS,
    FileReason.NO_DIRECTIVE: "begin a comment with `;`: behind `#` Asterisk looks for a directive",
    FileReason.INCLUDES_TOO_DEEP: "take the line out before Asterisk starts or reloads: where a file includes itself by"
    " its name, Asterisk crashes as it looks whether its files have changed",
    LoadReason.NAME_ALONE: "write type= into the section, so that Asterisk reads it, and says what it does not know",
    LoadReason.BIND_LEFT_BEHIND: "give it a bind= of its own and mend the transport before it, then restart Asterisk",
    LoadReason.REPLACED_PATTERN: "write an identify of its own for each pattern, or one expression: /^(a|b)$/",
    LoadReason.BARE_EXPRESSION: "write the slashes, unless the text is meant as it stands",
    LoadReason.NOT_YET_KNOWN: "see that your release has the option: one that lacks it drops the object",
}
_MOST_LINES, _MOST_QUOTED = 8, 3
"""How many lines one note names, and of how many it quotes Asterisk's log."""


def warnings(config: Config) -> Iterator[Finding]:
    """Lines that Asterisk passes over with a warning: one finding for those of one file that are alike."""
    alike: dict[tuple[str, Reason], list[Problem]] = {}
    for problem in config.warnings:
        if problem.why.kind not in OF_TABLES and problem.why.kind not in _ONLY_IF:
            alike.setdefault((problem.where.file, problem.why), []).append(problem)
    for (_, why), problems in alike.items():
        yield Finding(
            Severity.ERROR if why.kind is FileReason.INCLUDES_TOO_DEEP else Severity.NOTE,
            f"{enumerated([str(one.where) for one in problems], _MOST_LINES)}: {why}",
            problems[0].where,
            evidence=tuple(line for one in problems[:_MOST_QUOTED] for line in words_of_log(one.log)),
            advice=_ADVICE.get(why.kind, "correct the line, or take it out: Asterisk goes on as if it were not there"),
            places=tuple(one.where for one in problems) if problems[1:] else (),
        )


def passed_over(config: Config, dropped: DroppedObject) -> list[str]:
    """The lines that Asterisk passes over in a section that lacks something: what is missing may stand there."""
    if dropped.why.kind not in (LoadReason.MISSING, LoadReason.NOTHING_TO_MATCH):
        return []
    begin = dropped.section_where
    later = (one.where.line for one in config.sections if one.where.file == begin.file and one.where.line > begin.line)
    end = min(later, default=None)
    kinds = (FileReason.NO_EQUALS, *_COMMENTS)
    return [
        f"{problem.where}: {problem.reason}; what is missing may stand there"
        for problem in config.warnings
        if problem.why.kind in kinds
        and problem.where.file == begin.file
        and problem.where.line > begin.line
        and (end is None or problem.where.line < end)
    ][:MOST_LISTED]


def tables(config: Config) -> Iterator[Finding]:
    """Rows and mappings of tables that do not do what they look like."""
    for problem in config.warnings:
        advice = OF_TABLES.get(problem.why.kind)
        if advice is not None:
            yield Finding(
                Severity.NOTE if problem.why.kind is FileReason.CACHE_HOLDS_NOTHING else Severity.WARNING,
                f"{problem.where}: {problem.reason}",
                problem.where,
                advice=f"{advice[0].upper()}{advice[1:]}.",
            )


def conditions(config: Config) -> tuple[str, ...]:
    """The conditions of Asterisk's machine on which sections load, one sentence for each section."""
    needs: dict[tuple[str, str], list[Problem]] = {}
    for problem in config.warnings:
        if problem.why.kind in _ONLY_IF:
            needs.setdefault((problem.where.file, problem.where.section), []).append(problem)
    said = []
    for (_, section), problems in needs.items():
        parts = dict.fromkeys(_ONLY_IF[one.why.kind].format(**dict(one.why.fields)) for one in problems)
        said.append(f"not seen: [{section}] ({problems[0].where}) loads only if {' and '.join(parts)}")
    more = (f"not seen: so it is with {len(said) - MOST_LISTED} more sections",) if said[MOST_LISTED:] else ()
    return (*said[:MOST_LISTED], *more)


def words_of_log(log: str) -> tuple[str, ...]:
    return tuple(f"Asterisk's log: {line}" for line in log.split("\n") if line)

"""The report for a ticket (GitHub's Markdown, readable as plain text): verdict, causes, lines to add, sources.

Text from packets and files stands in code spans where it stands alone, and is escaped where it stands in a sentence:
it makes no link, no mention, no image and no HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TextIO

from pjsipdiag.diagnosis.model import DoorState, Finding, Report, Suggestion
from pjsipdiag.report import wording
from pjsipdiag.report.escape import clip
from pjsipdiag.report.headline import headline
from pjsipdiag.report.look import Style
from pjsipdiag.report.steps import gather_ending

MOST_IN_TICKET = 100
"""Sources, and doors, that a ticket shows; the rest are counted."""


def write(report: Report, stream: TextIO, look: Style) -> None:
    """Writes the report; with `look.verbose` every source and door is shown."""
    for line in _lines(report, None if look.verbose else MOST_IN_TICKET):
        stream.write(line + "\n")


def prose(text: str) -> str:
    """`text` inside a sentence, without any meaning to Markdown."""
    shown = _MARKUP.sub(r"\\\g<0>", clip(text, 2000))
    return _MENTION.sub(r"\1<!-- -->", shown).replace("://", ":<!-- -->//").replace("www.", "www<!-- -->.")


def code(text: str) -> str:
    """`text` as a code span, longer fences around backticks, for a table cell too."""
    shown = clip(text).replace("|", "\\|")
    if not shown:
        return ""
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    blank = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{blank}{shown}{blank}{fence}"


_MARKUP = re.compile(r"[\\`*_\[\]<>|~&#!$]")
_MENTION = re.compile(r"(?<![\w])(@)")


def _lines(report: Report, most: int | None) -> Iterator[str]:
    yield f"## {prose(headline(report))}"
    yield ""
    for said in filter(
        None,
        (*wording.unread_records(report), wording.asterisk(report), wording.pbx(report), wording.scope(report)),
    ):
        yield f"- {prose(said)}"
    for capture in report.captures:
        counts = f"{wording.plural(capture.records, 'record')}, {wording.plural(capture.invites, 'INVITE')}"
        yield f"- {code(capture.file)}: {counts}" + (f"; {prose(capture.truncated)}" if capture.truncated else "")
    if report.findings:
        yield from ("", "### Causes", "")
        for finding in report.findings:
            yield from _finding(finding, report)
    yield from _sources(report, most)
    yield from _doors(report, most)
    if notes := wording.notes(report):
        yield from ("", "### Notes", "")
        yield from (f"- {prose(note)}" for note in notes)
    if report.suggestions:
        yield from ("", "### Suggested lines")
        for suggestion in report.suggestions:
            yield from _suggestion(suggestion)
    if report.unconfirmed:
        yield from ("", f"### {wording.UNCONFIRMED}")
        for suggestion in report.unconfirmed:
            yield from _suggestion(suggestion, "may fix")
    if (last := gather_ending(report)).steps:
        yield from ("", f"### {last.title}", "")
        for step in last.steps:
            commands = ", ".join(map(code, step.commands))
            yield f"- {prose(step.says)}" + (f": {commands}" if commands else "")


def _finding(finding: Finding, report: Report) -> Iterator[str]:
    place = f" ({code(wording.place(finding.where))})" if wording.place(finding.where) else ""
    yield f"- **{finding.severity}** {prose(finding.message)}{place} ({code(finding.rule)})"
    if seen := wording.where_seen(finding):
        yield f"  - {prose(seen)}"
    yield from (f"  - {prose(line)}" for line in wording.evidence(finding))
    yield from (f"  - so: {prose(line)}" for line in finding.consequences)
    yield from (f"  - **Fix:** {prose(fix)}" for fix in wording.fixes(finding, report))


def _suggestion(suggestion: Suggestion, fixes: str = "fixes") -> Iterator[str]:
    endpoint = f", endpoint {code(suggestion.endpoint)}" if suggestion.endpoint else ""
    yield ""
    place = f"{suggestion.file}:{suggestion.line}" if suggestion.line or not suggestion.sql else suggestion.file
    yield f"{code(place)} {code(f'[{suggestion.section}]')}{endpoint}:"
    yield ""
    yield from (f"    {clip(line)}" for line in wording.changed_lines(suggestion))
    yield ""
    yield f"It {wording.effect(suggestion, fixes)}."
    if suggestion.note:
        yield f"**First:** {prose(suggestion.note)}"


def _sources(report: Report, most: int | None) -> Iterator[str]:
    if not report.sources:
        return
    yield from ("", "### Sources", "")
    yield "| Source | Requests | Calls | Verdict | Identify | Endpoint | Answered |"
    yield "| --- | ---: | ---: | --- | --- | --- | --- |"
    ordered = wording.sources_by_need(report)
    for row in ordered[:most]:
        verdict = f"**{row.verdict}**" if row.verdict != "matched" else row.verdict
        cells = (
            code(row.address),
            f"{row.requests:,}",
            f"{row.calls:,}",
            verdict if row.calls else "",
            code(row.identify),
            code(row.endpoint),
            prose(wording.observed_answers(row)),
        )
        yield f"| {' | '.join(cells)} |"
    if most and len(ordered) > most:
        yield ""
        yield f"{len(ordered) - most:,} more sources are not shown."


def _doors(report: Report, most: int | None) -> Iterator[str]:
    if not report.doors:
        return
    yield from ("", "### Doors", "")
    yield "| Endpoint | Context | By | From | Password | Line |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for door in report.doors[:most]:
        password = wording.door_password(door)
        cells = (
            code(door.endpoint),
            code(door.context),
            code(door.identifier),
            code(wording.door_from(door)),
            f"**{password}**" if door.state is DoorState.OPEN else password,
            code(wording.place(door.where)),
        )
        yield f"| {' | '.join(cells)} |"
    if most and len(report.doors) > most:
        yield ""
        yield f"{len(report.doors) - most:,} more doors are not shown."

"""The configuration section that a finding or a suggestion is about, as the files have it.

It is made of the sections that were read: no file is opened again, and secrets are never shown.
"""

from __future__ import annotations

from collections.abc import Mapping

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.secrets import shown_value
from pjsipdiag.asterisk.section import Section, Where
from pjsipdiag.dataclass import dataclass

LINES_AROUND = 6
"""Lines that are shown before and after the one that matters."""


@dataclass(frozen=True, slots=True)
class ExcerptLine:
    """A line of a file: its number (1-based), and its text without secrets."""

    number: int
    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Some lines of a section in `file`, one of which is `marked`."""

    file: str
    lines: tuple[ExcerptLine, ...]


def sections_by_line(config: Config | None) -> dict[tuple[str, int], Section]:
    """The section that each line (file, number) is of: that which holds it, or whose header it is."""
    found: dict[tuple[str, int], Section] = {}
    for section in config.sections if config else ():
        for where in (section.where, *(variable.where for variable in section.variables)):
            found.setdefault((where.file, where.line), section)
    return found


def excerpt(sections: Mapping[tuple[str, int], Section], where: Where | None) -> Excerpt | None:
    """The lines around `where`, of `sections_by_line`; None when the section is not known."""
    section = sections.get((where.file, where.line)) if where else None
    if section is None or where is None:
        return None
    lines = {section.where.line: f"[{section.name}]"} if section.where.file == where.file else {}
    for variable in section.variables:
        if variable.where.file == where.file:
            lines[variable.where.line] = f"{variable.name}={shown_value(variable)}"
    numbers = sorted(lines)
    at = numbers.index(where.line)
    near = numbers[max(0, at - LINES_AROUND) : at + LINES_AROUND + 1]
    return Excerpt(where.file, tuple(ExcerptLine(number, lines[number], number == where.line) for number in near))

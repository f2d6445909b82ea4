"""Sections in the making: what a header line begins, and what the lines after it add."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pjsipdiag.asterisk.files.lines import BLANKS, to_text
from pjsipdiag.asterisk.section import Section, Variable, Where


@dataclass(slots=True)
class Category:
    """A section while its lines are read."""

    name: str
    where: Where
    template: bool = False
    variables: list[Variable] = field(default_factory=list)
    parents: list[str] = field(default_factory=list)

    def section(self) -> Section:
        """What is left when all is read."""
        return Section(self.name, self.where, tuple(self.variables), self.template, tuple(self.parents))


def named(line: bytes) -> str:
    """The name between the brackets of a header that is refused; empty for another line."""
    text = line.strip(BLANKS)
    return to_text(re.split(rb"[]();]", text[1:])[0].strip(BLANKS)) if text.startswith(b"[") else ""

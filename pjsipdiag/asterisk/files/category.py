"""Sections in the making: what a header line begins, and what the lines after it add."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import field

from pjsipdiag.asterisk.files.criteria import Criteria
from pjsipdiag.asterisk.files.lines import BLANK_BYTES, lower, to_text
from pjsipdiag.asterisk.section import Section, Variable, Where
from pjsipdiag.dataclass import dataclass


@dataclass(slots=True)
class Category:
    """A section while its lines are read."""

    name: str
    where: Where
    is_template: bool = False
    variables: list[Variable] = field(default_factory=list)
    parents: list[str] = field(default_factory=list)

    def section(self) -> Section:
        """The section, once all its lines were read."""
        return Section(self.name, self.where, tuple(self.variables), self.is_template, tuple(self.parents))


class Categories:
    """The sections of a file in order; `current` is the one that was begun or added to last."""

    def __init__(self, utf8: bool) -> None:
        self.all: list[Category] = []
        self.current: Category | None = None
        self._by_name: defaultdict[str, list[Category]] = defaultdict(list)
        self._utf8 = utf8

    def append(self, category: Category) -> None:
        """`ast_category_append`."""
        self.all.append(category)
        self._by_name[lower(category.name)].append(category)
        self.current = category

    def template(self, name: str) -> Category | None:
        """The section that `(name)` inherits from: the first of that name, template or not; any for an empty name."""
        return next(iter(self._named(name)), None)

    def to_add_to(self, name: str, criteria: str) -> Category | None:
        """The section that `(+)` or `(+name=regex&...)` adds to (`does_category_match`)."""
        if not criteria:
            return next((category for category in self._named(name) if not category.is_template), None)
        wanted = Criteria(criteria, self._utf8)
        return next((c for c in self._named(name) if wanted.fit(c.variables, template=c.is_template)), None)

    def _named(self, name: str) -> list[Category]:
        return self._by_name.get(lower(name), []) if name else self.all


def header_name(line: bytes) -> str:
    """The name between the brackets of a header that is refused; empty for another line."""
    text = line.strip(BLANK_BYTES)
    return to_text(re.split(rb"[]();]", text[1:])[0].strip(BLANK_BYTES)) if text.startswith(b"[") else ""

"""Filters of sections: `(+type=endpoint&TEMPLATES=include)` (main/config.c, does_category_match).

Names and values are extended regular expressions; without `TEMPLATES=` a template is never meant.
"""

from __future__ import annotations

from collections.abc import Sequence

from pjsipdiag.asterisk.files.lines import latin, lower
from pjsipdiag.asterisk.section import Variable


class Criteria:
    """The expressions of one filter; all of them have to be met."""

    def __init__(self, text: str, utf8: bool) -> None:
        self.utf8 = utf8
        self.templates: set[str] = set()
        self.patterns: list[tuple[str, str]] = []
        self.impossible = False
        for expression in text.split("&"):
            name, equals, value = (part.strip(" \t'\"") for part in expression.partition("="))
            if not equals:
                self.impossible = True
            elif name == "TEMPLATES":
                self.templates.add(lower(value))
            else:
                self.patterns.append((name, value))

    def fit(self, variables: Sequence[Variable], *, template: bool) -> bool:
        """Whether a section with these variables is meant."""
        allowed = {"include", "restrict"} if template else {"include"}
        if self.impossible or not self.templates <= allowed or (template and not self.templates):
            return False
        return all(_has(variables, name, value, self.utf8) for name, value in self.patterns)


def _has(variables: Sequence[Variable], name: str, value: str, utf8: bool) -> bool:
    from pjsipdiag.asterisk.ere.automaton import EreError, compile_ere

    try:
        names, values = compile_ere(name, utf8), compile_ere(value, utf8)
    except EreError:
        return False
    return any(names.search(latin(v.name)) and values.search(latin(v.value)) for v in variables)

"""Rows as lines of a file, so that whatever looks at lines or changes them can do so with rows.

Each row is a section, headed by its id and with its type, each value of a column a line. Lines are counted from 1, and
the `Where` of a row has such a number; nobody is shown it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pjsipdiag.asterisk.section import Section, Variable, Where

_ESCAPES = {"\\": "\\\\", ";": "\\;", "\n": "\\n"}
_ESCAPED = re.compile(r"\\(.)")


def length(section: Section) -> int:
    """How many lines a row is, with the blank one behind it."""
    return len(section.variables) + 2


def text(sections: Iterable[Section]) -> str:
    """The lines of all rows, a blank one behind each."""
    return "".join(
        f"[{section.name}]\n" + "".join(f"{v.name}={_escape(v.value)}\n" for v in section.variables) + "\n"
        for section in sections
    )


def parse_rows(table: str, written: str, columns: Sequence[str] = (), key: str = "id") -> tuple[Section, ...]:
    """The rows that such lines stand for, each with its variables in the order of the columns, if there is one."""
    found: list[Section] = []
    order = {name: place for place, name in enumerate(("type", *columns))}
    for number, line in enumerate(written.split("\n"), 1):
        if line.startswith("["):
            name = line[1:].rpartition("]")[0]
            found.append(Section(name, Where(table, number, name, "id", key)))
        elif found and line.strip() and not line.startswith(";"):
            name, _, value = line.partition("=")
            section = found[-1]
            where = Where(table, number, section.name, name.strip(), key)
            variable = Variable(name.strip(), _unescape(value.strip()), where)
            kept = [*section.variables, variable]
            if columns:
                kept.sort(key=lambda one: order.get(one.name.lower(), len(order)))
            found[-1] = Section(section.name, section.where, tuple(kept))
    return tuple(found)


def _escape(value: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in value)


def _unescape(value: str) -> str:
    return _ESCAPED.sub(lambda found: "\n" if found[1] == "n" else found[1], value)

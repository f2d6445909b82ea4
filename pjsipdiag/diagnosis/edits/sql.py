"""Changes of the lines that stand for rows, as SQL: what a person runs in place of editing a file.

A value that a column is too narrow for gets no statement that would cut it: the column is widened first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from pjsipdiag.asterisk.config import Config, Section
from pjsipdiag.asterisk.realtime import lines
from pjsipdiag.asterisk.realtime.families import Stored
from pjsipdiag.diagnosis.edits.lines import changed
from pjsipdiag.diagnosis.model import Edit

_LISTS = ("match", "permit", "deny", "acl", "contact_permit", "contact_deny", "contact_acl", "auth", "aors")
"""Columns that hold several values, with commas."""

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?")


def table_of(config: Config, file: str) -> Stored | None:
    """The table that is called so, where its rows were read."""
    return next((stored for stored in config.stored if stored.mapped.table == file), None)


def statements(config: Config, edits: Iterable[Edit]) -> tuple[str, ...]:
    """The SQL that makes the edits of tables."""
    return tuple(
        statement
        for file, text in changed(config, [edit for edit in edits if table_of(config, edit.file)]).items()
        if (stored := table_of(config, file))
        for statement in _changes(stored, lines.parsed(file, text, stored.columns))
    )


def joined(values: Iterable[str]) -> str:
    return ",".join(values)


def _changes(stored: Stored, after: Iterable[Section]) -> Iterator[str]:
    before = {section.name: _columns(section) for section in stored.sections}
    quoted = Quoting(stored)
    table = quoted.name(stored.mapped.table)
    for section in after:
        old, new = before.get(section.name), _columns(section)
        if old is None:
            yield from quoted.widened({"id": section.name, **new})
            columns = ", ".join(map(quoted.name, ("id", *new)))
            values = ", ".join(map(quoted.value, (section.name, *new.values())))
            yield f"INSERT INTO {table} ({columns}) VALUES ({values});"
        elif old != new:
            names = [name for name in dict.fromkeys((*old, *new)) if old.get(name) != new.get(name)]
            yield from quoted.widened({name: new[name] for name in names if name in new})
            sets = ", ".join(f"{quoted.name(n)} = {quoted.value(new[n]) if n in new else 'NULL'}" for n in names)
            yield f"UPDATE {table} SET {sets} WHERE id = {quoted.value(section.name)};"


def _columns(section: Section) -> Mapping[str, str]:
    """What each column of the row holds."""
    found: dict[str, list[str]] = {}
    for variable in section.variables:
        if variable.name.lower() != "type":
            found.setdefault(variable.name, []).append(variable.value)
    return {name: joined(values) if name.lower() in _LISTS else values[-1] for name, values in found.items()}


class Quoting:
    """Names and values as the database of a table takes them."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._mysql = stored.dialect == "mysql" or (not stored.dialect and stored.mapped.driver == "odbc")

    def name(self, name: str) -> str:
        if _PLAIN.fullmatch(name) and name != "match":
            return name
        return f"`{name.replace('`', '``')}`" if self._mysql else '"' + name.replace('"', '""') + '"'

    def value(self, text: str) -> str:
        if self._stored.mapped.driver.lower() != "sqlite3":
            text = text.replace(";", "^3B")
        text = text.replace("'", "''")
        return "'" + (text.replace("\\", "\\\\") if self._mysql else text) + "'"

    def widened(self, values: Mapping[str, str]) -> Iterator[str]:
        """A statement for each column that is too narrow; SQLite cuts nothing."""
        table = self.name(self._stored.mapped.table)
        for name, value in values.items():
            width = self._stored.widths.get(name, len(value))
            if len(value) <= width or self._stored.dialect == "sqlite":
                continue
            kind = f"VARCHAR({max(len(value), 255)})"
            change = (
                f"MODIFY {self.name(name)} {kind}" if self._mysql else f"ALTER COLUMN {self.name(name)} TYPE {kind}"
            )
            yield f"ALTER TABLE {table} {change};"

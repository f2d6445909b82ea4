"""Changes of the lines that stand for rows, as SQL: what a person runs in place of editing a file.

A value that a column is too narrow for gets no statement that would cut it: the column is widened first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.realtime import row_lines
from pjsipdiag.asterisk.realtime.families import StoredTable, TableRow
from pjsipdiag.asterisk.realtime.static import CATEGORY, metric
from pjsipdiag.asterisk.section import Section
from pjsipdiag.diagnosis.edits.text_changes import apply_edits
from pjsipdiag.diagnosis.model import Edit

_LISTS = ("match", "permit", "deny", "acl", "contact_permit", "contact_deny", "contact_acl", "auth", "aors")
"""Columns that hold several values, with commas."""

_ROW_START = re.compile(r"(?m)^(?=\[)")
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?")


def table_of(config: Config, file: str) -> StoredTable | None:
    """The table that is called so, where its rows were read."""
    return next((stored for stored in config.stored_tables if stored.name == file), None)


def statements(config: Config, edits: Iterable[Edit]) -> tuple[str, ...]:
    """The SQL that makes the edits of tables."""
    return tuple(
        statement
        for file, text in apply_edits(config, [edit for edit in edits if table_of(config, edit.file)]).items()
        if (stored := table_of(config, file))
        for statement in (
            _changes(stored, row_lines.parse_rows(file, _changed_rows(stored.text, text), stored.columns))
            if stored.type
            else _lines_changed(stored, row_lines.parse_rows(file, text, key=CATEGORY))
        )
    )


def _changed_rows(before: str, after: str) -> str:
    """The lines of the rows that are not there before: a table has thousands, and a repair changes one."""
    known = _row_texts(before)
    return "".join(row for row in _ROW_START.split(after) if row not in known)


@lru_cache(maxsize=4)
def _row_texts(text: str) -> frozenset[str]:
    return frozenset(_ROW_START.split(text))


def _changes(stored: StoredTable, after: Sequence[Section]) -> Iterator[str]:
    wanted = {section.name for section in after}
    before = {section.name: _columns(section) for section in stored.sections if section.name in wanted}
    quoted = Quoting(stored)
    table = quoted.name(stored.mapped.table)
    for section in after:
        old, new = before.get(section.name), _columns(section)
        if old is None:
            yield from quoted.widen({"id": section.name, **new})
            columns = ", ".join(map(quoted.name, ("id", *new)))
            values = ", ".join(map(quoted.value, (section.name, *new.values())))
            yield f"INSERT INTO {table} ({columns}) VALUES ({values});"
        elif old != new:
            names = [name for name in dict.fromkeys((*old, *new)) if old.get(name) != new.get(name)]
            yield from quoted.widen({name: new[name] for name in names if name in new})
            sets = ", ".join(f"{quoted.name(n)} = {quoted.value(new[n]) if n in new else 'NULL'}" for n in names)
            yield f"UPDATE {table} SET {sets} WHERE id = {quoted.value(section.name)};"


def _columns(section: Section) -> Mapping[str, str]:
    """The text of each column of the row."""
    found: dict[str, list[str]] = {}
    for variable in section.variables:
        if variable.name.lower() != "type":
            found.setdefault(variable.name, []).append(variable.value)
    return {name: ",".join(values) if name.lower() in _LISTS else values[-1] for name, values in found.items()}


def _lines_changed(stored: StoredTable, after: Iterable[Section]) -> Iterator[str]:
    """Lines of a file that is a table: each is a row, `cat_metric` and `var_metric` say where it stands."""
    rest = list(stored.sections)
    made = _Rows(stored)
    for section in after:
        old = next((one for one in rest if one.name == section.name), None)
        if old is None:
            made.top += 1
            yield from made.insert(section.name, made.top, 0, [(v.name, v.value) for v in section.variables])
            continue
        rest.remove(old)
        rows = [stored.entries[variable.where.line] for variable in old.variables]
        before, now = ([(v.name, v.value) for v in one.variables] for one in (old, section))
        # From the end on: what moves later rows leaves the earlier ones as they are.
        for _, i, j, k, m in reversed(SequenceMatcher(None, before, now, autojunk=False).get_opcodes()):
            same = min(j - i, m - k)
            if before[i:j] == now[k:m]:
                continue
            if m - k > same:
                yield from made.add(section.name, rows, i + same, now[k + same : m])
            yield from map(made.delete, rows[i + same : j])
            for row, pair in zip(rows[i : i + same], now[k : k + same], strict=True):
                yield from made.update(row, *pair)


class _Rows:
    """Statements for the rows of one file."""

    def __init__(self, stored: StoredTable) -> None:
        self._stored, self._quoted = stored, Quoting(stored)
        self._table = self._quoted.name(stored.mapped.table)
        self.top = max((metric(row, "cat_metric") for row in stored.entries.values()), default=-1)

    def insert(self, category: str, place: int, first: int, pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
        value = self._quoted.value
        for number, (name, text) in enumerate(pairs, first):
            yield from self._quoted.widen({CATEGORY: category, "var_name": name, "var_val": text})
            texts = ", ".join(map(value, (self._stored.filename, category, name, text)))
            yield (
                f"INSERT INTO {self._table} (cat_metric, var_metric, commented, filename, category, var_name, var_val) "
                f"VALUES ({place}, {number}, 0, {texts});"
            )

    def add(self, category: str, rows: Sequence[TableRow], at: int, pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
        """New rows behind the first `at` of a section; those that follow are moved on."""
        place = metric(rows[max(at - 1, 0)], "cat_metric")
        last = metric(rows[at - 1], "var_metric") if at else metric(rows[0], "var_metric") - 1
        if any(metric(row, "var_metric") > last for row in rows[at:]):
            yield (
                f"UPDATE {self._table} SET var_metric = var_metric + {len(pairs)} WHERE "
                f"{self._these(category=category)} AND cat_metric = {place} AND var_metric > {last};"
            )
        yield from self.insert(category, place, last + 1, pairs)

    def update(self, row: TableRow, name: str, text: str) -> Iterator[str]:
        changed = {key: new for key, new in (("var_name", name), ("var_val", text)) if new != row[key]}
        yield from self._quoted.widen(changed)
        sets = ", ".join(f"{key} = {self._quoted.value(new)}" for key, new in changed.items())
        yield f"UPDATE {self._table} SET {sets} WHERE {self._this(row)};"

    def delete(self, row: TableRow) -> str:
        return f"DELETE FROM {self._table} WHERE {self._this(row)};"

    def _this(self, row: TableRow) -> str:
        if (row.get("id") or "").isdecimal():
            return f"id = {row['id']}"
        texts = {key: row.get(key) or "" for key in (CATEGORY, "var_name", "var_val")}
        numbers = (f"{key} = {metric(row, key)}" for key in ("cat_metric", "var_metric"))
        return " AND ".join((self._these(**texts), *numbers))

    def _these(self, **texts: str) -> str:
        texts = {"filename": self._stored.filename, **texts}
        return " AND ".join(f"{key} = {self._quoted.value(text)}" for key, text in texts.items())


class Quoting:
    """Names and values as the database of a table takes them."""

    def __init__(self, stored: StoredTable) -> None:
        self._stored = stored
        self._mysql = stored.dialect == "mysql" or (not stored.dialect and stored.mapped.driver == "odbc")

    def name(self, name: str) -> str:
        if _PLAIN.fullmatch(name) and name != "match":
            return name
        return f"`{name.replace('`', '``')}`" if self._mysql else '"' + name.replace('"', '""') + '"'

    def value(self, text: str) -> str:
        if self._stored.type and self._stored.mapped.driver != "sqlite3":
            text = text.replace(";", "^3B")
        text = text.replace("'", "''")
        return "'" + (text.replace("\\", "\\\\") if self._mysql else text) + "'"

    def widen(self, values: Mapping[str, str]) -> Iterator[str]:
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

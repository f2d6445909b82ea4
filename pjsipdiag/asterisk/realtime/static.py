"""A configuration file that is a table: `pjsip.conf => DRIVER,DATABASE[,TABLE]` in extconfig.conf.

The table takes the place of the file (config_pgsql, config_odbc, realtime_sqlite3_load). A section begins where the
name of the category changes, and with pgsql and odbc where its metric does; these two read the highest metric first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from pjsipdiag.asterisk.config import Problem
from pjsipdiag.asterisk.files.parsed import ParsedFile
from pjsipdiag.asterisk.realtime import row_lines
from pjsipdiag.asterisk.realtime.database import Columns
from pjsipdiag.asterisk.realtime.families import StoredTable, TableMapping, TableRow, document
from pjsipdiag.asterisk.reasons.files import FileReason
from pjsipdiag.asterisk.section import Section, Variable, Where
from pjsipdiag.digits import is_number, read_number

KEY = "filename"
CATEGORY = "category"


def rows_of(file: str, mapped: TableMapping, columns: Columns, rows: Iterable[TableRow]) -> list[TableRow]:
    """The rows of one file that are not commented out, in the order in which they are read."""
    fold = columns.folding.fold
    wanted = [row for row in rows if fold(row.get(KEY) or "") == fold(file) and row.get("commented") in ("0", "f")]
    if mapped.driver == "sqlite3":
        return sorted(wanted, key=_by_sqlite)
    return sorted(wanted, key=partial(_by_others, null_is_high=columns.dialect != "mysql"))


Included = list[tuple[int, str]]
"""How many sections begin before a row that includes a file, and the file."""


def store_rows(
    file: str, mapped: TableMapping, columns: Columns, rows: Sequence[TableRow]
) -> tuple[StoredTable, Included]:
    """The rows as lines of a file: which line is which row, and the sections that they make."""
    name, number = document(mapped, file), 0
    sections: list[Section] = []
    included: Included = []
    entries: dict[int, TableRow] = {}
    last: object = None
    kept = dict.fromkeys((CATEGORY, "var_name", "var_val"), "")
    # The rows are numbered as the lines of a file would be: a line for the head of each section with a blank one before
    # it, and one for each row, so that a line that is changed finds its row again (`entries`).
    for row in rows:
        # ODBC leaves what it holds of the row before where a column is NULL (SQLBindCol, SQLFetch).
        stays = kept if mapped.driver == "odbc" else {}
        kept = {column: stays.get(column, "") if (told := row.get(column)) is None else told for column in kept}
        category, option, value = kept.values()
        if option == "#include":
            included.append((len(sections), value))
            continue
        begins = category if mapped.driver == "sqlite3" else (category, metric(row, "cat_metric"))
        if begins != last:
            number += 2 if sections else 1
            sections.append(Section(category, Where(name, number, category, "id", CATEGORY)))
            last = begins
        number += 1
        entries[number] = row
        variable = Variable(option, value, Where(name, number, category, option, CATEGORY))
        sections[-1] = replace(sections[-1], variables=(*sections[-1].variables, variable))
    made = StoredTable("", mapped, tuple(sections), columns.names, columns.widths, columns.dialect, file, entries)
    return made, included


def as_file(
    table: StoredTable, included: Included, written: str | None, include: Callable[[str], ParsedFile]
) -> ParsedFile:
    """The table as a file; `include` reads one that it includes, `written` are lines that stand in for its rows.

    A section that the rows do not have gets the highest metric, and is read where that is.
    """
    sections = list(table.sections)
    if written is not None:
        sections = list(row_lines.parse_rows(table.name, written, key=CATEGORY))
        known = {section.name for section in table.sections}
        new = [section for section in sections if section.name not in known]
        old = [section for section in sections if section.name in known]
        sections = [*old, *new] if table.mapped.driver == "sqlite3" else [*new, *old]
    files: list[str] = []
    for place, name in reversed(included):
        found = include(name)
        sections[place:place] = found.sections
        files[:0] = found.files
    return ParsedFile(tuple(sections), files=tuple(files), warnings=tuple(_full(table)))


def null_columns(table: StoredTable) -> Iterable[Where]:
    """The columns whose NULL Asterisk does not stand: sqlite3 gives it on as no text at all (realtime_sqlite3_load)."""
    for line, row in table.entries.items() if table.mapped.driver == "sqlite3" else ():
        for column in (CATEGORY, "var_name", "var_val"):
            if row.get(column) is None:
                yield Where(table.name, line, row.get(CATEGORY) or "", column, CATEGORY)


def _full(table: StoredTable) -> Iterable[Problem]:
    width = table.widths.get("var_val", 0)
    for section in table.sections if width else ():
        for variable in section.variables:
            if len(variable.value) >= width:
                yield Problem(FileReason.FULL_COLUMN(column="var_val", width=width), variable.where)


def metric(row: Mapping[str, str | None], name: str) -> int:
    text = row.get(name)
    return read_number(text) if text and is_number(text.removeprefix("-")) else 0


def _place(row: TableRow, name: str, *, null_is_high: bool) -> tuple[bool, int]:
    """The place of a row by one of its numbers: what is NULL stands before all numbers, or behind them."""
    return (row.get(name) is None) == null_is_high, metric(row, name)


def _by_sqlite(row: TableRow) -> tuple[object, ...]:
    return tuple(_place(row, name, null_is_high=False) for name in ("cat_metric", "var_metric"))


def _by_others(row: TableRow, *, null_is_high: bool) -> tuple[object, ...]:
    category, name = row.get(CATEGORY) or "", row.get("var_name") or ""
    is_null, number = _place(row, "cat_metric", null_is_high=not null_is_high)
    return (is_null, -number), _place(row, "var_metric", null_is_high=null_is_high), category, name

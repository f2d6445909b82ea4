"""A configuration file that is a table: `pjsip.conf => DRIVER,DATABASE[,TABLE]` in extconfig.conf.

The table takes the place of the file (config_pgsql, config_odbc, realtime_sqlite3_load). A section begins where the
name of the category changes, and with pgsql and odbc where its metric does; these two read the highest metric first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from pjsipdiag.asterisk.config import Section, Variable, Where
from pjsipdiag.asterisk.files.parsed import Parsed

KEY = "filename"

_Row = Mapping[str, str | None]


def parsed(file: str, table: str, driver: str, rows: Iterable[_Row], include: Callable[[str], Parsed]) -> Parsed:
    """The sections of one file, of the rows that are not commented out; `include` reads what a row `#include`s."""
    wanted = [row for row in rows if row.get("filename") == file and row.get("commented") in ("0", "f")]
    by_sqlite = driver.lower() == "sqlite3"
    wanted = sorted(wanted, key=_by_sqlite) if by_sqlite else sorted(wanted, key=_by_others)
    sections: list[Section] = []
    files: list[str] = []
    last: object = None
    for row in wanted:
        category, name, value = (row.get(column) or "" for column in ("category", "var_name", "var_val"))
        if name == "#include":
            included = include(value)
            sections += included.sections
            files += included.files
            continue
        begins = category if by_sqlite else (category, _number(row.get("cat_metric")))
        if begins != last:
            sections.append(Section(category, Where(table, 0, category, "id")))
            last = begins
        variable = Variable(name, value, Where(table, 0, category, name))
        section = sections[-1]
        sections[-1] = Section(section.name, section.where, (*section.variables, variable))
    return Parsed(tuple(sections), files=tuple(files))


def _by_sqlite(row: _Row) -> tuple[int, int]:
    return _number(row.get("cat_metric")), _number(row.get("var_metric"))


def _by_others(row: _Row) -> tuple[int, int, str, str]:
    category, name = row.get("category") or "", row.get("var_name") or ""
    return -_number(row.get("cat_metric")), _number(row.get("var_metric")), category, name


def _number(text: str | None) -> int:
    return int(text) if text and text.lstrip("-").isdigit() else 0

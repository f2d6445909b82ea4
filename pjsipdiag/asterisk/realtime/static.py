"""A configuration file that is a table: `pjsip.conf => DRIVER,DATABASE[,TABLE]` in extconfig.conf.

The table takes the place of the file (config_pgsql, config_odbc, realtime_sqlite3_load): a section begins where the
name or the metric of the category changes.
"""

from __future__ import annotations

from pjsipdiag.asterisk.config import Section, Variable, Where
from pjsipdiag.asterisk.files.conf import Parsed
from pjsipdiag.asterisk.realtime.rows import Row


def parsed(file: str, table: str, rows: tuple[Row, ...]) -> Parsed:
    """The sections of one file, of the rows that are not commented out."""
    wanted = [row for row in rows if row.get("filename") == file and row.get("commented") in ("0", "f", None)]
    wanted.sort(key=lambda row: (-_number(row.get("cat_metric")), _number(row.get("var_metric"))))
    found: dict[tuple[int, str], list[Variable]] = {}
    for row in wanted:
        category, name = row.get("category") or "", row.get("var_name") or ""
        variable = Variable(name, row.get("var_val") or "", Where(table, 0, category, name))
        found.setdefault((_number(row.get("cat_metric")), category), []).append(variable)
    sections = (
        Section(category, Where(table, 0, category, "id"), tuple(variables))
        for (_, category), variables in found.items()
    )
    return Parsed(tuple(sections))


def _number(text: str | None) -> int:
    return int(text) if text and text.lstrip("-").isdigit() else 0

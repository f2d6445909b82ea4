"""What a driver makes of a row: a section with the columns that have a value.

pgsql and odbc cut blanks off the end of a value, split it at `;` and decode `^3B` (ast_realtime_decode_chunk);
sqlite3 takes it as it is.
All leave out what is NULL or empty, but a list of sqlite3 passes NULL as an empty value (append_row_to_cfg).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pjsipdiag.asterisk.config import Section, Variable, Where
from pjsipdiag.asterisk.files.lines import BLANKS
from pjsipdiag.asterisk.loading.options import knows

_TRIMMED = BLANKS.decode()

Row = Mapping[str, str | None]

LISTED = ("identify", "global", "transport", "acl", "system")
"""The types that are fetched as lists; a row of another type is fetched by its id."""


def section(row: Row, table: str, object_type: str, driver: str, version: str) -> Section | None:
    """The row as a section without the columns that the type does not know; None without an id."""
    name = row.get("id")
    if not name:
        return None
    if driver != "sqlite3":
        name = name.rstrip(_TRIMMED)
    listed = object_type in LISTED
    variables = [
        Variable(column, value, Where(table, 0, name, column))
        for column, written in row.items()
        if column != "id" and knows(object_type, column, version)
        for value in _values(written, driver, listed)
    ]
    return Section(name, Where(table, 0, name, "id"), tuple(variables))


def _values(written: str | None, driver: str, listed: bool) -> Iterator[str]:
    if driver == "sqlite3":
        if written or listed:
            yield written or ""
        return
    for part in (written or "").split(";"):
        # The blanks before a value stay: ast_strip() cuts the end in place, and what it returns is not kept.
        value = part.rstrip(_TRIMMED).replace("^3B", ";").replace("^3b", ";").replace("^5E", "^").replace("^5e", "^")
        if value.strip(_TRIMMED):
            yield value

"""Rows become sections as a driver makes them: with the columns that have a value.

pgsql and odbc cut blanks off the end of a value, split it at `;` and decode `^3B` (ast_realtime_decode_chunk of
main/config.c, decode_chunk of res_config_odbc.c); sqlite3 takes it as it is. odbc gives up a row with a NUL in a value,
as BINARY(n) fills up what is shorter: it takes the rest of the value for one that it still has to fetch.
All leave out what is NULL or empty, but a list of sqlite3 passes NULL as an empty value (append_row_to_cfg). In a row
that is fetched by its id a single blank means an empty value (ast_load_realtime_fields). Columns have the names of
options in small letters (`registers`): others are passed over, and so is `disallow`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from pjsipdiag.asterisk.addresses.match import BLANKS
from pjsipdiag.asterisk.loading.object_options import registers
from pjsipdiag.asterisk.realtime.families import TableRow
from pjsipdiag.asterisk.section import Section, Variable, Where

_ENCODED = {"odbc": re.compile(r"\^([0-9A-F]{2})"), "": re.compile(r"\^([0-9A-Fa-f]{2})")}
"""Driver -> how it writes a byte in hexadecimal; odbc knows capital letters only."""

LISTED_TYPES = ("identify", "global", "transport", "acl", "system")
"""The types that are fetched as lists; a row of another type is fetched by its id."""

MOST_SHARED = 1000
"""Values of one table that are held once, however many rows have them."""

RowSection = tuple[str, Section]
"""The id as the column has it, by which the row is found, and the section."""


def sections(
    names: tuple[str, ...], table: str, object_type: str, driver: str, version: str
) -> Callable[[tuple[object, ...], int], RowSection | None]:
    """A function that makes the section of a row with columns of these names; its lines count from the number given.
    Only the type's own columns are looked at.

    A row without an id makes none.
    """
    driver = driver.lower()
    if "id" not in names:
        return lambda *_: None
    at = names.index("id")
    known = [
        (place, name) for place, name in enumerate(names) if name != "id" and registers(object_type, name, version)
    ]
    listed = object_type in LISTED_TYPES
    empty = driver == "sqlite3" and listed
    kind = Variable("type", object_type, Where(table, 0, "", "type"))
    same: dict[str, str] = {}
    stops_at_nul = driver == "odbc"

    def section(row: tuple[object, ...], line: int) -> RowSection | None:
        # pgsql and odbc take the id apart like any other value, and the last of its pieces is the name; the row is
        # found by the whole of it. A row of a list without a name gets a random one.
        key = text(row[at])
        name = key if driver == "sqlite3" else next(reversed(list(values(key or "", driver))), "")
        if not listed:
            key = key if driver == "sqlite3" else _looked_for(key or "")
        if key is None or name is None or not (name or empty) or (stops_at_nul and _has_nul(row)):
            return None
        variables = [kind]
        for place, column in known:
            written = row[place]
            if written is None and not empty:
                continue
            whole = text(written) or ""
            for value in values(whole, driver) if driver != "sqlite3" else (whole,) if whole or empty else ():
                if len(same) < MOST_SHARED:
                    same.setdefault(value, value)
                where = Where(table, line + len(variables) + 1, name, column)
                passed = "" if value == " " and not listed else same.get(value, value)
                variables.append(Variable(column, passed, where))
        return key, Section(name, Where(table, line, name, "id"), tuple(variables))

    return section


def _has_nul(row: tuple[object, ...]) -> bool:
    """Whether one of the values has a NUL in it."""
    return any(
        ("\0" in value) if isinstance(value, str) else (isinstance(value, bytes) and 0 in value) for value in row
    )


def values(written: str, driver: str) -> Iterator[str]:
    """The values that pgsql and odbc make of one column."""
    if ";" not in written and "^" not in written:
        if written and not written.isspace():
            yield written.rstrip(BLANKS)
        return
    encoded = _ENCODED.get(driver, _ENCODED[""])
    for part in written.split(";"):
        # The blanks before a value stay: ast_strip() cuts the end in place, and what it returns is not kept.
        trimmed = part.rstrip(BLANKS)
        value = encoded.sub(lambda found: chr(int(found[1], 16)), trimmed)
        if trimmed.strip(BLANKS) and value:
            yield value


def _looked_for(written: str) -> str | None:
    """The name for which pgsql and odbc ask for that id: they encode `;` and `^` (ESCAPE_STRING, ENCODE_CHUNK). None
    where no name is encoded so."""
    if ";" not in written and "^" not in written:
        return written or None
    name = _ENCODED["odbc"].sub(lambda found: chr(int(found[1], 16)), written)
    encoded = "".join(f"^{ord(c):02X}" if c in ";^" else c for c in name)
    return name if encoded == written else None


def row_of(names: tuple[str, ...], row: tuple[object, ...]) -> TableRow:
    """A row by its columns."""
    return {name: text(value) for name, value in zip(names, row, strict=True)}


def text(value: object) -> str | None:
    """A value as the driver passes it on."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)

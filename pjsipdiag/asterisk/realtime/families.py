"""Which table a realtime family of sorcery.conf means: extconfig.conf, read_config_maps() of main/config.c."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from functools import cached_property
from itertools import count, takewhile

from pjsipdiag.asterisk.files.parsed import ParsedFile
from pjsipdiag.asterisk.realtime import row_lines
from pjsipdiag.asterisk.section import Section, Variable, Where
from pjsipdiag.dataclass import dataclass
from pjsipdiag.digits import read_number


@dataclass(frozen=True, slots=True)
class TableMapping:
    """One line of extconfig.conf: `driver` is pgsql, odbc, sqlite3 or another, in small letters, `database` what it is
    told. Where it has `no_table`, that is called as the family is asked for; an empty one is none. Of several lines for
    a family, the one with the lowest `priority` is asked first."""

    family: str
    driver: str
    database: str
    table: str
    priority: int = 1
    where: Where | None = None
    no_table: bool = False

    def with_table(self, family: str) -> TableMapping:
        """This mapping with a table, where it names none."""
        return replace(self, table=family, no_table=False) if self.no_table else self


TableRow = Mapping[str, str | None]
"""Column -> value."""


def document(mapped: TableMapping, filename: str) -> str:
    """The name by which the rows of a table that stand for a file are called."""
    return f"{mapped.table}:{filename}" if filename else mapped.table


@dataclass(frozen=True, eq=False)
class StoredTable:
    """A table that was read for the objects of a type, with what a change of it has to know. Without a type it holds
    the lines of the file `filename` (static realtime): `entries` are its rows by their lines."""

    type: str
    mapped: TableMapping
    sections: tuple[Section, ...] = field(default=(), repr=False)
    columns: tuple[str, ...] = ()
    widths: Mapping[str, int] = field(default_factory=dict)
    """How many characters a column holds, for those that say so."""
    dialect: str = ""
    """The SQL that its database speaks: postgresql, mysql or sqlite; empty where that is not known."""
    filename: str = ""
    entries: Mapping[int, TableRow] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """The name in place of a file's where its rows are lines."""
        return document(self.mapped, self.filename)

    def holds(self, column: str, values: Iterable[str]) -> bool:
        """Whether the values fit into the column, with commas between them."""
        return len(",".join(values)) <= self.widths.get(column, 1 << 30)

    @cached_property
    def text(self) -> str:
        """The rows as lines."""
        return row_lines.text(self.sections)


ENGINES = {
    "odbc": "res_config_odbc",
    "pgsql": "res_config_pgsql",
    "sqlite3": "res_config_sqlite3",
    "mysql": "res_config_mysql",
    "ldap": "res_config_ldap",
    "curl": "res_config_curl",
}
"""Driver that extconfig.conf may name -> the module that brings it."""


_LONGEST = 511
"""Characters of a line that count."""


def families(extconfig: ParsedFile) -> Mapping[str, tuple[TableMapping, ...]]:
    """Family in small letters -> its tables in the order in which they are asked.

    Priorities count from 1 up to the first that is missing; of two lines with one priority the later is found
    (ast_realtime_append_mapping, find_engine).
    """
    found: dict[str, dict[int, TableMapping]] = {}
    # Of several sections of one name the first alone is read (ast_variable_browse).
    for section in extconfig.sections_named("settings")[:1] if extconfig.is_valid else ():
        for variable in section.variables:
            mapped = parse_mapping(variable)
            if mapped is not None:
                found.setdefault(mapped.family.lower(), {})[mapped.priority] = mapped
    return {
        name: tuple(maps[number] for number in takewhile(maps.__contains__, count(1))) for name, maps in found.items()
    }


def parse_mapping(variable: Variable) -> TableMapping | None:
    """A line of extconfig.conf taken apart (reload_module); blanks inside of it count."""
    driver, comma, rest = variable.value.encode("utf-8", "surrogateescape")[:_LONGEST].partition(b",")
    if not comma:
        return None
    if b'"' in rest:
        database, _, rest = rest[rest.index(b'"') + 1 :].partition(b'"')
        _, comma, rest = rest.partition(b",")
    else:
        database, comma, rest = rest.partition(b",")
    table, _, rest = rest.partition(b",")
    found = re.match(rb"\s*([+-]?\d+)", rest)
    text = [part.decode("utf-8", "surrogateescape") for part in (driver, database, table if comma else b"")]
    priority = (read_number(found[1]) if found else 0) or 1
    return TableMapping(variable.name, text[0].lower(), text[1], text[2], priority, variable.where, not comma)

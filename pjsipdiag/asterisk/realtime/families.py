"""Which table a realtime family of sorcery.conf means: extconfig.conf, read_config_maps() of main/config.c."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pjsipdiag.asterisk.config import Where
from pjsipdiag.asterisk.files.conf import Parsed


@dataclass(frozen=True, slots=True)
class Mapped:
    """One line of extconfig.conf: `driver` is pgsql, odbc, sqlite3 or another, `database` what it is told."""

    family: str
    driver: str
    database: str
    table: str
    priority: int = 1
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """A table that holds objects of a type and was not read."""

    type: str
    mapped: Mapped
    where: Where | None
    """The line of sorcery.conf, or of extconfig.conf where a whole file is a table."""

    def __str__(self) -> str:
        shown = f"'pjsip show {_SHOWN.get(self.type, self.type + 's')}'"
        table = f"{self.type} objects come (also) from the table {self.mapped.table} of a database"
        if not self.mapped.driver:
            return f"{table}, and extconfig.conf, which says of which one, is not among the files: see {shown}"
        name = self.mapped.database
        return (
            f"{table}, which was not read: extconfig.conf calls it {name} ({self.mapped.driver}); give "
            f"--database {name}=URL, or see {shown}"
        )


ENGINES = {
    "odbc": "res_config_odbc",
    "pgsql": "res_config_pgsql",
    "sqlite3": "res_config_sqlite3",
    "mysql": "res_config_mysql",
    "ldap": "res_config_ldap",
    "curl": "res_config_curl",
}
"""What extconfig.conf may call a driver, and the module that brings it."""

_SHOWN = {"identify": "identifies"}


def families(extconfig: Parsed) -> Mapping[str, tuple[Mapped, ...]]:
    """Family in small letters -> its tables in the order in which they are asked."""
    found: dict[str, list[Mapped]] = {}
    for section in extconfig.named("settings") if extconfig.valid else ():
        for variable in section.variables:
            driver, database, table, priority, *_ = [*(part.strip() for part in variable.value.split(",")), *[""] * 4]
            if "," in variable.value:
                number = int(priority) if priority.isdigit() and int(priority) else 1
                name = variable.name
                mapped = Mapped(name, driver, database, table or name, number, variable.where)
                found.setdefault(name.lower(), []).append(mapped)
    return {name: tuple(sorted(maps, key=lambda one: one.priority)) for name, maps in found.items()}

"""The rows of a table, read-only: from SQLite by the standard library, from other databases through SQLAlchemy.

A password stands in the URL only: it is in no message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import TypeVar

from pjsipdiag.asterisk.realtime.collation import EXACT, Folding
from pjsipdiag.asterisk.realtime.families import TableMapping
from pjsipdiag.dataclass import dataclass
from pjsipdiag.errors import ConfigError

DOWN = "down:"
"""In place of a URL: the database is taken to be down, whatever it is now."""

DATABASE_URLS = ("sqlite:///PATH", "postgresql://USER@HOST/DATABASE", "mysql://USER@HOST/DATABASE")
"""The URLs that `read` takes, as messages name them."""

Raw = Iterable[tuple[object, ...]]
_T = TypeVar("_T")


class NoAnswerError(ConfigError):
    """The database refuses, or has no such table: Asterisk finds nothing in it."""


class UnreachableError(NoAnswerError):
    """The database cannot be reached, or lets nobody in: no table of it needs to be tried."""


@dataclass(frozen=True, slots=True)
class Query:
    """A question to a table: all rows that have the column `key`, in the order of that column or of none. `is_list` are
    those that a pattern is held against: a column of numbers may refuse that."""

    table: str
    key: str = "id"
    is_ordered: bool = True
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a result, how the database compares the key, and the most characters that each column holds:
    a column that is not in `widths` holds any number."""

    names: tuple[str, ...]
    folding: Folding = EXACT
    widths: Mapping[str, int] = field(default_factory=dict)
    dialect: str = ""
    """The SQL that the database speaks: postgresql, mysql or sqlite; empty where statements make no sense."""


Take = Callable[[Columns, Raw], _T]
"""Makes something of a result while it is read: a large one is never held as a whole."""


def read(mapped: TableMapping, url: str, query: Query, take: Take[_T]) -> _T:
    """Reads a table and returns what `take` makes of its rows, ordered as the driver has them ordered.

    A `url` without :// is the path of a dump.

    :raises NoAnswerError: the database cannot be opened, or refuses.
    :raises ConfigError: the URL is none.
    """
    if url == DOWN:
        raise UnreachableError(f"database {mapped.database}: taken to be down")
    if "://" not in url:
        from pjsipdiag.asterisk.realtime.databases import dumps

        return dumps.read(mapped.database, url, query, take)
    if url.startswith("sqlite:///"):
        from pjsipdiag.asterisk.realtime.databases import sqlite

        return sqlite.read(mapped.database, url.removeprefix("sqlite:///"), query, take)
    from pjsipdiag.asterisk.realtime.databases import database_server

    return database_server.read(mapped.database, url, query, take)

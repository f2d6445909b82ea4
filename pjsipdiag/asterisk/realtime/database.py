"""The rows of a table, read-only: SQLite by the standard library, other databases through SQLAlchemy.

A password stands in the URL only: it is in no message.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from pjsipdiag.asterisk.realtime.families import Mapped
from pjsipdiag.asterisk.realtime.rows import Row
from pjsipdiag.errors import ConfigError

SECONDS = 5
"""How long a connection may take."""

_EXTRA = "pip install 'pjsipdiag[realtime]'"


class MissingTableError(ConfigError):
    """The database answers, and has no such table, or no such column."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows in the order of the result; `folds` when the database compares names without case and trailing blanks."""

    rows: tuple[Row, ...] = field(repr=False)
    folds: bool = False


def read(mapped: Mapped, url: str, key: str = "id") -> Table:
    """All rows of a table that has the column `key`, ordered as the driver has them ordered.

    :raises ConfigError: the database cannot be opened, or refuses.
    :raises MissingTableError: there is no such table.
    """
    if url.startswith("sqlite:///"):
        return _sqlite(mapped.database, url.removeprefix("sqlite:///"), mapped.table, key)
    return _server(mapped.database, url, mapped.table, key, ordered=mapped.driver != "sqlite3")


def _sqlite(name: str, path: str, table: str, key: str) -> Table:
    if not Path(path).is_file():
        raise ConfigError(f"database {name}: no file {path}")
    quoted = '"' + table.replace('"', '""') + '"'
    try:
        connection = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=SECONDS)
        try:
            # A name in double quotes that is no column would be a text: the bare name fails, as Asterisk's does.
            cursor = connection.execute(f"SELECT * FROM {quoted} WHERE {key} LIKE '%'")
            return Table(_rows([column[0] for column in cursor.description], cursor))
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        missing = "no such" in str(error)
        kind = MissingTableError if missing else ConfigError
        raise kind(f"database {name} ({path}), table {table}: {error}") from None
    except sqlite3.Error as error:
        raise ConfigError(f"database {name} ({path}): {error}") from None


def _server(name: str, url: str, table: str, key: str, ordered: bool) -> Table:
    try:
        from sqlalchemy import column, create_engine, exc, inspect, select, text
        from sqlalchemy import table as named
    except ImportError:
        raise ConfigError(f"database {name}: databases other than SQLite need SQLAlchemy: {_EXTRA}") from None
    arguments: dict[str, dict[str, Any]] = {
        "postgresql+pg8000": {"timeout": SECONDS},
        "mysql+pymysql": {"connect_timeout": SECONDS},
    }
    scheme = url.partition(":")[0]
    try:
        engine = create_engine(url, connect_args=arguments.get(scheme, {}))
    except (exc.ArgumentError, exc.NoSuchModuleError, ImportError, ValueError):
        raise ConfigError(
            f"database {name}: {scheme} is no URL of a database: postgresql+pg8000://USER@HOST/NAME, "
            f"mysql+pymysql://USER@HOST/NAME or sqlite:///PATH ({_EXTRA})"
        ) from None
    try:
        with engine.connect() as connection:
            if scheme in arguments:
                connection.execute(text("SET TRANSACTION READ ONLY"))
            found = inspect(connection)
            if not found.has_table(table) and table not in found.get_view_names():
                raise MissingTableError(f"database {name} ({_shown(url)}): there is no table {table}")
            described = {entry["name"]: entry for entry in found.get_columns(table)}
            if key not in described:
                raise MissingTableError(f"database {name} ({_shown(url)}), table {table}: there is no column {key}")
            # With all columns named, a column called like a word of SQL is quoted.
            query: Any = select(*(column(one) for one in described)).select_from(named(table))
            result = connection.execute(query.order_by(column(key)) if ordered else query)
            collation = str(getattr(described[key]["type"], "collation", None) or "")
            if not collation and scheme.startswith("mysql"):
                collation = str(connection.execute(text("SELECT @@collation_database")).scalar())
            folds = scheme.startswith("mysql") and not collation.endswith(("_bin", "_cs"))
            return Table(_rows(list(described), result), folds)
    except exc.SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        password = urlsplit(url).password
        reason = reason.replace(password, "***") if password else reason
        raise ConfigError(f"database {name} ({_shown(url)}) cannot be read: {reason}") from None
    except OSError as error:
        raise ConfigError(f"database {name} ({_shown(url)}) cannot be reached: {error}") from None
    finally:
        engine.dispose()


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname or ''}{parts.path}"


def _rows(columns: list[str], found: Iterable[Any]) -> tuple[Row, ...]:
    return tuple(dict(zip(columns, map(_text, row), strict=True)) for row in found)


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)

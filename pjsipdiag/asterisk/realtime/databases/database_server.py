"""A table of a database server, asked as res_config_pgsql.c and res_config_odbc.c ask it, through SQLAlchemy."""

from __future__ import annotations

import logging
import re
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from pjsipdiag.asterisk.realtime import column_types
from pjsipdiag.asterisk.realtime.collation import Folding, probing, read_probes
from pjsipdiag.asterisk.realtime.database import DATABASE_URLS, Columns, NoAnswerError, Query, Take, UnreachableError
from pjsipdiag.errors import ConfigError

SERVER_SECONDS = 5.0
"""How long a connection may take."""
SILENT_SECONDS = 30
"""How long a server may say nothing to a question: a table may be locked."""

_T = TypeVar("_T")
_EXTRA = "pip install '.[realtime]' in a checkout"
_DRIVERS = {
    "postgres": "postgresql+pg8000",
    "postgresql": "postgresql+pg8000",
    "mariadb": "mysql+pymysql",
    "mysql": "mysql+pymysql",
}
"""Schemes that name no driver: those of the extra are taken."""

_LIMITS = {"pg8000": ("timeout",), "pymysql": ("read_timeout", "write_timeout")}
"""The arguments of drivers that limit how long they wait."""

_UNKNOWN_OPTION = re.compile(r"unexpected keyword argument '(\w+)'")
_TABLE = re.compile(r"[\w$]+(\.[\w$]+)?")
_COLUMNS = (
    "SELECT column_name, character_maximum_length, {type} FROM information_schema.columns "
    "WHERE table_name = '{table}' AND table_schema = {schema}"
)


def read(name: str, url: str, query: Query, take: Take[_T]) -> _T:
    """:raises NoAnswerError: the server cannot be reached, refuses, or has no such table."""
    scheme, colon, rest = url.partition("://")
    scheme = _DRIVERS.get(scheme, scheme)
    if not rest:
        raise ConfigError(f"database {name}: {scheme}:// names no database: {', '.join(DATABASE_URLS)}")
    if not _is_plain(url):
        raise ConfigError(
            f"database {name}: its URL cannot be told apart: in a user or password write @ as %40, : as %3A, / as %2F,"
            " # as %23, ? as %3F, [ as %5B and % as %25"
        )
    shown = f"database {name} ({_without_login(url)})"
    if not _TABLE.fullmatch(query.table):
        raise NoAnswerError(f"{shown}: no table can be called {query.table!r} in SQL")
    engine = _engine(name, scheme + colon + rest)
    from sqlalchemy import exc

    try:
        try:
            connection = _within(SERVER_SECONDS, engine.connect)
        except Exception as error:  # drivers raise what they like, for no password or an unknown option as well
            raise UnreachableError(f"{shown} cannot be opened: {_reason(error, url)}") from None
        if connection is None:
            raise UnreachableError(f"{shown} does not answer within {SERVER_SECONDS:.0f} seconds")
        with connection:
            return take(*_query(connection, query))
    except (exc.SQLAlchemyError, OSError) as error:
        raise NoAnswerError(f"{shown}, table {query.table}: {_reason(error, url)}") from None
    finally:
        engine.dispose()


def _query(connection: Any, query: Query) -> tuple[Columns, Iterator[tuple[object, ...]]]:
    """The columns as the database describes them, and the rows."""
    from sqlalchemy import text

    dialect = connection.dialect.name
    if dialect in ("mysql", "postgresql"):
        connection.execute(text("SET TRANSACTION READ ONLY"))
    described = _described(connection, query, dialect)
    widths = {name: width for name, (width, _) in described.items() if width is not None}
    folding = _folding(connection, query, dialect, described.get(query.key, (None, "text"))[1])
    order = f" ORDER BY {query.key}" if query.is_ordered else ""
    # The pattern as Asterisk writes it: with ESCAPE PostgreSQL refuses it for bytes.
    pattern = "LIKE '%' ESCAPE '\\'" if dialect == "postgresql" else "LIKE '%'"
    wanted = pattern if query.is_list else "IS NOT NULL"
    statement = f"SELECT * FROM {query.table} WHERE {query.key} {wanted}{order}"
    if dialect == "postgresql":
        connection.execute(text(f"DECLARE rows CURSOR FOR {statement}"))
        result, found = _fetch(connection)
    else:
        result = connection.execution_options(stream_results=True).execute(text(statement))
        found = iter(result)
    names = tuple(result.keys())
    of_bytes = [place for place, name in enumerate(names) if described.get(name, (None, ""))[1] == "bytea"]
    return Columns(names, folding, widths, dialect), _as_text(found, of_bytes) if of_bytes else found


def _as_text(rows: Iterator[tuple[object, ...]], of_bytes: Sequence[int]) -> Iterator[tuple[object, ...]]:
    """The rows with bytes in the text that PostgreSQL gives for them."""
    for row in rows:
        values = list(row)
        for place in of_bytes:
            value = values[place]
            values[place] = "\\x" + value.hex() if isinstance(value, bytes) else value
        yield tuple(values)


def _engine(name: str, url: str) -> Any:
    try:
        from sqlalchemy import create_engine, exc
    except ImportError:
        raise ConfigError(f"database {name}: databases other than SQLite need SQLAlchemy: {_EXTRA}") from None
    logging.getLogger("sqlalchemy").addHandler(logging.NullHandler())  # what fails is told in one line, by us
    limits = _LIMITS.get(url.partition("://")[0].rpartition("+")[2], ())
    try:
        return create_engine(url, connect_args=dict.fromkeys(limits, SILENT_SECONDS))
    except (exc.ArgumentError, exc.NoSuchModuleError, ImportError, ValueError):
        raise ConfigError(
            f"database {name}: {url.partition(':')[0]} is no URL of a database: {', '.join(DATABASE_URLS)} ({_EXTRA})"
        ) from None


def _within(seconds: float, connect: Callable[[], _T]) -> _T | None:
    """Waits for `connect` and returns its result, or None when it takes longer: no driver limits all of its steps."""
    made: list[_T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            made.append(connect())
        except BaseException as error:  # it is raised again where it is waited for
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    return made[0] if made else None


def _fetch(connection: Any, at_once: int = 5000) -> tuple[Any, Iterator[tuple[object, ...]]]:
    """A cursor of PostgreSQL: its driver would keep the whole result in memory."""
    from sqlalchemy import text

    fetch = text(f"FETCH {at_once} FROM rows")
    first = connection.execute(fetch)

    def rows() -> Iterator[tuple[object, ...]]:
        part = first.fetchall()
        while part:
            yield from part
            part = connection.execute(fetch).fetchall()

    return first, rows()


def _folding(connection: Any, query: Query, dialect: str, kind: str) -> Folding:
    """How the column compares: each probe is held against a text as a value of the column would be."""
    from sqlalchemy import text

    of_type = column_types.folding(dialect, kind)
    if of_type is not None:
        return of_type
    return read_probes(connection.execute(text(probing(query.key, query.table))))


def _described(connection: Any, query: Query, dialect: str) -> dict[str, tuple[int | None, str]]:
    """The most characters that each column holds, and its type, as the database says."""
    from sqlalchemy import text

    if dialect not in ("mysql", "postgresql"):
        return {}
    schema, dot, table = query.table.rpartition(".")
    inside = f"'{schema}'" if dot else "current_schema()" if dialect == "postgresql" else "DATABASE()"
    kind = "data_type"
    if dialect == "postgresql":
        table, kind = table.lower(), "CASE data_type WHEN 'USER-DEFINED' THEN udt_name ELSE data_type END"
    found = connection.execute(text(_COLUMNS.format(table=table, schema=inside, type=kind)))
    return {name: (None if width is None else int(width), kind) for name, width, kind in found}


def _reason(error: BaseException, url: str) -> str:
    cause = getattr(error, "orig", None) or error
    if isinstance(cause.__cause__, OSError):
        cause = cause.__cause__  # pg8000 says with it that it could not connect
    if isinstance(cause, AttributeError) and urlsplit(url).password is None:
        return "it asks for a password, and the URL has none (USER:PASSWORD@HOST)"
    if unknown := _UNKNOWN_OPTION.search(str(cause)):
        return (
            f"its driver knows no option '{unknown[1]}': leave it out of the URL, or name a driver that has it, as"
            " postgresql+psycopg://"
        )
    if isinstance(cause, (LookupError, UnicodeError, struct.error)):
        return "what answers there is no such database"
    told = cause.args[-1] if cause.args else cause
    # pg8000 raises what the server sent as a dictionary, M is the message; PyMySQL a number and a text.
    text = str(told.get("M", told)) if isinstance(told, dict) else str(told)
    reason = next(iter(text.splitlines()), "") or type(cause).__name__
    password = urlsplit(url).password
    for secret in {password, unquote(password)} if password else ():
        reason = reason.replace(secret, "***")
    return reason


def _is_plain(url: str) -> bool:
    """Whether everybody finds the same password in it: one with a bare / or @ would be taken for a host, and shown."""
    try:
        netloc = urlsplit(url).netloc
    except ValueError:
        return False
    return "#" not in url and url.count("@") == netloc.count("@") <= 1


def _without_login(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname or ''}{parts.path}"

"""A table of a SQLite file, asked as res_config_sqlite3.c asks it (realtime_sqlite3_helper)."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from pjsipdiag.asterisk.realtime import column_types
from pjsipdiag.asterisk.realtime.collation import Folding, probing, read_probes
from pjsipdiag.asterisk.realtime.database import Columns, NoAnswerError, Query, Take, UnreachableError
from pjsipdiag.digits import read_number

LOCK_SECONDS = 5
"""How long a lock is waited for."""
TABLE_SECONDS, MOST_TABLE_ROWS, MOST_LENGTH = 60, 5_000_000, 1 << 20
"""Seconds that a table may take, its rows, and the bytes of a value: a view may go on for ever."""

_T = TypeVar("_T")
_WIDTH = re.compile(r"CHAR[A-Z ]*\(\s*(\d+)\s*\)", re.IGNORECASE)


def read(name: str, path: str, query: Query, take: Take[_T]) -> _T:
    """:raises NoAnswerError: there is no such file, or no such table in it."""
    if not Path(path).is_file():
        raise UnreachableError(f"database {name}: no file {path.partition('?')[0]}")  # what follows ? may be a password
    quoted = '"' + query.table.replace('"', '""') + '"'
    try:
        connection = sqlite3.connect(f"file:{quote(path)}?{_mode(path)}", uri=True, timeout=LOCK_SECONDS)
        try:
            # A name in double quotes that is no column would be a text: the bare name fails, as Asterisk's does.
            end = time.monotonic() + TABLE_SECONDS
            connection.set_progress_handler(lambda: time.monotonic() > end, 1_000_000)
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_LENGTH)
            found = connection.execute(f"SELECT * FROM {quoted} WHERE {query.key} LIKE '%'")
            names = tuple(column[0] for column in found.description)
            types = {row[1]: row[2] or "" for row in connection.execute(f"PRAGMA table_info({quoted})")}
            widths = {column: read_number(width[1]) for column, kind in types.items() if (width := _WIDTH.search(kind))}
            of_type = column_types.folding("sqlite", types.get(query.key, "").lower())
            folding = _folding(connection, quoted, query.key) if of_type is None else of_type
            return take(Columns(names, folding, widths, "sqlite"), _bound(found))
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise NoAnswerError(f"database {name} ({path}), table {query.table}: {error}") from None


def _bound(rows: sqlite3.Cursor) -> Iterator[tuple[str, ...]]:
    for number, row in enumerate(rows):
        if number >= MOST_TABLE_ROWS:
            raise sqlite3.DataError(f"more than {MOST_TABLE_ROWS:,} rows")
        yield row


def _mode(path: str) -> str:
    """A file in WAL mode that nobody has open is read without the side files that SQLite would make beside it."""
    with Path(path).open("rb") as file:
        header = file.read(20)
    alone = header[18:20] == b"\2\2" and not Path(f"{path}-wal").exists()
    return "immutable=1" if alone else "mode=ro"


def _folding(connection: sqlite3.Connection, quoted: str, key: str) -> Folding:
    return read_probes(connection.execute(probing(key, quoted)))

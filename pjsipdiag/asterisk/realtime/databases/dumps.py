"""A table out of a dump: a file of pg_dump, mysqldump or sqlite3's .dump, also gzipped, or a folder with TABLE.csv.

A dump of PostgreSQL does not say its collation: rows are then ordered by bytes, as in the locale C.
"""

from __future__ import annotations

import csv
import gzip
import re
import sys
import zlib
from collections.abc import Iterator
from dataclasses import field
from io import BytesIO, StringIO
from pathlib import Path
from typing import TypeVar

from pjsipdiag.asterisk.realtime import column_types
from pjsipdiag.asterisk.realtime.collation import EXACT, Folding
from pjsipdiag.asterisk.realtime.database import Columns, NoAnswerError, Query, Take, UnreachableError
from pjsipdiag.asterisk.realtime.databases import sqlite
from pjsipdiag.dataclass import dataclass
from pjsipdiag.digits import read_number
from pjsipdiag.inputs import read_whole

LARGEST_DUMP = 4 << 30
"""Bytes of a dump: one of all tables of a telephone system holds its call records, too."""
DUMP_BYTES, MOST_DUMP_RATIO = 64 << 20, 400
"""Past so much content, more than so many bytes out of one are no dump."""
_T = TypeVar("_T")
_Value = str | bytes | None
_Row = tuple[_Value, ...]

_REST = r"""|"(?:[^"]|"")*"|`(?:[^`]|``)*`|--[^\n]*|/\*.*?\*/|[^\s'"`();,]+|[();,]"""
_TOKENS = {
    "mysql": re.compile(r"'(?:[^'\\]|\\.|'')*'" + _REST, re.DOTALL),
    "": re.compile(r"'(?:[^']|'')*'" + _REST, re.DOTALL),
}
"""Words, names, texts, comments and signs of SQL; MariaDB alone has backslashes in texts."""

_WIDTH = re.compile(r"(?:character varying|varchar|char(?:acter)?) \( (\d+)")
_USUAL = Folding(case=True, accents=True, blanks=True, letters=True)
"""utf8mb4_general_ci, where a dump of MariaDB names no collation."""
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a"}
_COPIED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}
_LATIN = re.compile(rb"SET NAMES (?:latin1|cp1252)\b")
_UNISTR = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(\\))")
_BACKSLASH = re.compile(r"\\(.)|''", re.DOTALL)


def read(name: str, path: str, query: Query, take: Take[_T]) -> _T:
    """:raises NoAnswerError: there is no such file, or no such table in it."""
    place = Path(path)
    try:
        if place.is_dir():
            file = place / f"{query.table}.csv"
            if not file.exists():
                raise NoAnswerError(f"database {name}: {path} has no {file.name}: bring all tables that are asked for")
            columns, rows = _from_csv(file)
        else:
            data = read_whole(place, LARGEST_DUMP)
            if data.startswith(b"SQLite format 3\0"):
                return sqlite.read(name, path, query, take)
            data = _decompress(data) if data.startswith(b"\x1f\x8b") else data
            if data.startswith(b"PGDMP"):
                raise UnreachableError(
                    f"database {name}: {path} is no SQL: 'pg_restore -f dump.sql {path}' makes some of it"
                )
            text = data.decode("cp1252" if _LATIN.search(data[:2000]) else "utf-8", "surrogateescape")
            table = _Dump(text).tables.get(query.table.rpartition(".")[2].lower())
            if table is None:
                raise NoAnswerError(f"database {name}: {path} has no table {query.table}: bring all that are asked for")
            kind, folding = table.type_of(query.key)
            if query.is_list and not column_types.takes_patterns(table.dialect, kind):
                raise NoAnswerError(
                    f"database {name}: {query.table}.{query.key} is no text, which a list is asked for by"
                )
            columns, rows = Columns(tuple(table.columns), folding, table.widths, table.dialect), table.rows
    except (OSError, EOFError, ValueError, gzip.BadGzipFile, zlib.error, csv.Error) as error:
        raise UnreachableError(f"database {name}: {path}: {getattr(error, 'strerror', None) or error}") from None
    if not columns.names:
        raise NoAnswerError(
            f"database {name}: {path} does not name the columns of {query.table}: dump its CREATE TABLE too"
        )
    if query.key not in columns.names:
        raise NoAnswerError(f"database {name}: table {query.table} of {path} has no column {query.key}")
    # As the query of the drivers (WHERE key LIKE '%'), which passes over rows whose key is NULL.
    at = columns.names.index(query.key)
    wanted = [row for row in rows if len(row) == len(columns.names) and isinstance(row[at], str)]
    if query.is_ordered:
        wanted.sort(key=lambda row: columns.folding.sort_key(str(row[at])))
    return take(columns, wanted)


def _decompress(data: bytes) -> bytes:
    """:raises ValueError: it grows as no dump does."""
    most = max(DUMP_BYTES, MOST_DUMP_RATIO * len(data))
    content = gzip.GzipFile(fileobj=BytesIO(data)).read(most + 1)
    if len(content) > most:
        raise ValueError(f"it grows more than {MOST_DUMP_RATIO} times, which no dump does: decompress it")
    return content


def _from_csv(path: Path) -> tuple[Columns, list[_Row]]:
    """A file with the names of the columns first; nothing, and \\N, are NULL."""
    text = read_whole(path, LARGEST_DUMP).decode("utf-8", "surrogateescape")
    names, *rows = [*csv.reader(StringIO(text, newline=""))] or [[]]
    return Columns(tuple(names)), [tuple(value if value not in ("", "\\N") else None for value in row) for row in rows]


@dataclass
class _Table:
    columns: list[str] = field(default_factory=list)
    rows: list[_Row] = field(default_factory=list)
    widths: dict[str, int] = field(default_factory=dict)
    folding: Folding = EXACT
    definitions: dict[str, str] = field(default_factory=dict)
    dialect: str = ""

    def type_of(self, key: str) -> tuple[str, Folding]:
        """The type of a column, and how its database compares it."""
        definition = self.definitions.get(key, "")
        kind, folding = column_types.read_type(self.dialect, definition)
        if self.dialect == "mysql" and column_types.folding("mysql", kind) is None:
            return kind, _collated(definition) or self.folding
        return kind, folding


class _Dump:
    """The tables of a file of SQL."""

    def __init__(self, text: str) -> None:
        self._text = text
        head = text[:2000]
        self._dialect = (
            "mysql" if "/*!" in head or "MySQL dump" in head or "MariaDB dump" in head
            else "sqlite" if "PRAGMA" in head else "postgresql"
        )  # fmt: skip
        self._token = _TOKENS["mysql" if self._dialect == "mysql" else ""]
        self.tables: dict[str, _Table] = {}
        at = 0
        while at < len(text):
            words, at = self._statement(at)
            if len(words) > 2 and words[0].upper() == "COPY" and words[-1].lower() == "stdin":
                at = self._copy_rows(words, at)
            elif len(words) > 2 and words[0].upper() == "CREATE" and words[1].upper() == "TABLE":
                self._create_table(words[2:])
            elif len(words) > 2 and words[0].upper() in ("INSERT", "REPLACE"):
                self._insert_rows(words[2 if words[1].upper() == "INTO" else 3 :])

    def _statement(self, at: int) -> tuple[list[str], int]:
        words: list[str] = []
        for found in self._token.finditer(self._text, at):
            word = found[0]
            if word == ";":
                return words, found.end()
            if not word.startswith(("--", "/*")):
                words.append(word)
        return words, len(self._text)

    def _table_named(self, words: list[str]) -> tuple[_Table, list[str]]:
        """The table at the head of the words, and what follows: a schema before the name is left out."""
        at = 3 if [word.upper() for word in words[:3]] == ["IF", "NOT", "EXISTS"] else 0
        if at >= len(words):
            raise ValueError("a statement names no table")
        name = words[at]
        while at + 1 < len(words) and (name.endswith(".") or words[at + 1].startswith(".")):
            at += 1
            name += words[at]
        last = name.rpartition(".")[2]
        return self.tables.setdefault(_unquote(last).lower(), _Table(dialect=self._dialect)), words[at + 1 :]

    def _create_table(self, words: list[str]) -> None:
        table, words = self._table_named(words)
        if self._dialect == "mysql":
            options = " ".join(words).rpartition(")")[2]
            table.folding = _collated(options) or _USUAL
        for definition in next(_groups(words), []):
            if definition and definition[0].upper() not in ("PRIMARY", "UNIQUE", "KEY", "CONSTRAINT", "INDEX", "CHECK"):
                name = _unquote(definition[0])
                table.columns.append(name)
                table.definitions[name] = " ".join(definition[1:])
                width = _WIDTH.match(" ".join(definition[1:]).lower())
                if width:
                    table.widths[name] = read_number(width[1])

    def _copy_rows(self, words: list[str], at: int) -> int:
        table, words = self._table_named(words[1:])
        names = [_unquote(part[0]) for part in next(_groups(words), []) if part]
        table.columns = names or table.columns
        start = self._text.find("\n", at) + 1
        end = self._text.find("\n\\.", start - 1)
        end = len(self._text) if end < 0 else end
        for line in self._text[start:end].split("\n") if end > start else ():
            table.rows.append(tuple(None if value == "\\N" else _unescape(value) for value in line.split("\t")))
        return end + 3

    def _insert_rows(self, words: list[str]) -> None:
        table, words = self._table_named(words)
        groups = _groups(words)
        names = table.columns
        if words[:1] == ["("]:
            names = [_unquote(part[0]) for part in next(groups, []) if part]
            table.columns = table.columns or names
        for group in groups:
            row = dict(zip(names, map(self._value, group), strict=False))
            table.rows.append(tuple(row.get(name) for name in table.columns))

    def _value(self, words: list[str]) -> _Value:
        """A literal; a word before a text (E, X, _binary) says how it was written. sqlite3 has texts with line ends as
        `replace('...','\\n',char(10))` or `unistr('...')`."""
        texts = [word[1:-1] for word in words if word.startswith("'")]
        how = words[0].upper() if words else "NULL"
        if not texts:
            return None if how == "NULL" else _from_hex(how[2:]) if how.startswith("0X") else words[-1]
        if how == "X":  # sqlite3 holds no pattern against bytes, nor are they equal to a text
            return bytes.fromhex(texts[0]) if self._dialect == "sqlite" else _from_hex(texts[0])
        if self._dialect == "mysql" or how == "E":
            return _BACKSLASH.sub(lambda found: _ESCAPED.get(found[1], found[1]) if found[1] else "'", texts[0])
        text = texts[0].replace("''", "'")
        if how == "UNISTR":
            return _UNISTR.sub(lambda found: _character(int(found[1], 16)) if found[1] else "\\", text)
        for sign, number in zip(texts[1:], filter(str.isdecimal, words), strict=False):
            text = text.replace(sign, _character(read_number(number)))
        return text


def _collated(definition: str) -> Folding | None:
    """How the collation that a definition of MariaDB names compares; None where it names none."""
    found = re.search(r"collate[ =]*(\w+)", definition.lower())
    if found is None:
        return None
    folds = re.search(r"_(bin|cs)\b", found[1]) is None
    expands = re.search(r"_(unicode|uca|0900|[a-z]+_0900)", found[1]) is not None
    return Folding(folds, folds, "nopad" not in found[1], folds, expands)


def _groups(words: list[str]) -> Iterator[list[list[str]]]:
    """The words between the commas of each pair of brackets."""
    group: list[list[str]] = []
    depth = 0
    for word in words:
        if word == "(":
            depth += 1
            if depth == 1:
                group = [[]]
                continue
        elif word == ")":
            depth -= 1
            if not depth:
                yield group
                continue
        elif word == "," and depth == 1:
            group.append([])
            continue
        if depth > 0:
            group[-1].append(word)


def _unquote(name: str) -> str:
    """A name without its quotes."""
    if name[:1] in ('"', "`"):
        return name[1:-1].replace(name[0] * 2, name[0])
    return name


def _character(number: int) -> str:
    """A character by its number; the sign for an unknown one where there is none of that number."""
    return chr(number) if number <= sys.maxunicode and not 0xD800 <= number < 0xE000 else "\N{REPLACEMENT CHARACTER}"


def _unescape(value: str) -> str:
    """A value of COPY (text format)."""
    if "\\" not in value:
        return value
    return re.sub(r"\\(.)", lambda found: _COPIED.get(found[1], found[1]), value)


def _from_hex(digits: str) -> str:
    return bytes.fromhex(digits).decode("utf-8", "surrogateescape")

"""Dumps as the real tools write them: each has the rows that its server has, whatever stands in them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pjsipdiag.asterisk.realtime import database
from pjsipdiag.asterisk.realtime.families import Mapped
from tests.asterisk.realtime.recorded import Sqlite
from tests.asterisk.realtime.servers import PASSWORD, Server, program, server

TABLE = "ps_endpoint_id_ips"
TEXTS = (
    "203.0.113.10,203.0.113.11", "", "it's", "''", 'a "b" `c`', "back\\slash", "\\", "\\'", "\\\\N", "\\N", "NULL",
    "a;b", "-- no comment", "/* none */", "# none", "a,(b),c);", "tab\tand\nline\r\nend", "\\.", "\n\\.\n", "0x41",
    "ünï¢ødé 電話", "%s %", "$$x$$", "E'x'", "INSERT INTO x VALUES (1);\n", "  blanks  ", "0", "1e5",
    "\x1a\x08\f\v", "x" * 5000,
)  # fmt: skip
"""What a column may hold, and a reader of SQL may take for something else."""


def create(kind: str) -> str:
    collation = " COLLATE utf8mb4_bin" if kind == "mariadb" else ""
    quote = "`" if kind == "mariadb" else '"'
    return (
        f"CREATE TABLE {TABLE} (id VARCHAR(40){collation} NOT NULL UNIQUE, "
        f"{quote}match{quote} TEXT, number INTEGER DEFAULT 7, {quote}with blank{quote} VARCHAR(80))"
    )


def insert(kind: str, at: int, text: str | None) -> str:
    name = "`match`" if kind == "mariadb" else '"match"'
    value = "NULL" if text is None else "'" + text.replace("'", "''") + "'"
    if kind == "mariadb":
        value = value.replace("\\", "\\\\")
    return f"INSERT INTO {TABLE} (id, {name}) VALUES ('row{at:03}', {value})"


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def running(request: pytest.FixtureRequest) -> Iterator[tuple[Server, str]]:
    with server(request.param) as found:
        name = found.database()
        texts = (*TEXTS, None)
        found.run([create(found.kind), *(insert(found.kind, at, text) for at, text in enumerate(texts))], name)
        yield found, name


def rows(url: str) -> list[dict[str, str | None]]:
    def take(columns: database.Columns, raw: database.Raw) -> list[dict[str, str | None]]:
        texts = [tuple(None if value is None else str(value) for value in row) for row in raw]
        return [dict(zip(columns.names, row, strict=True)) for row in texts]

    return database.read(Mapped("ips", "pgsql", "main", TABLE), url, database.Query(TABLE), take)


PG_DUMP = (
    "", "--inserts", "--column-inserts", "--inserts --rows-per-insert=7", "--quote-all-identifiers", "--data-only",
)  # fmt: skip
MYSQLDUMP = (
    "", "--skip-extended-insert", "--complete-insert", "--compact", "--skip-opt", "--hex-blob", "--replace",
    "--compatible=ansi --default-character-set=utf8mb4", "--skip-comments", "--no-create-info --complete-insert",
)  # fmt: skip


def commands(found: Server, name: str) -> list[list[str]]:
    place = ["--host=127.0.0.1", f"--port={found.port}"]
    if found.kind == "postgresql":
        return [[program("pg_dump"), *place, f"--username={found.user}", *how.split(), name] for how in PG_DUMP]
    tool = next((path for one in ("mariadb-dump", "mysqldump") if (path := shutil.which(one))), None)
    if tool is None:
        pytest.skip("needs mariadb-dump (apt install mariadb-client)")
    return [[tool, "--no-defaults", *place, f"--user={found.user}", *how.split(), name] for how in MYSQLDUMP]


def test_a_dump_has_the_rows_of_the_server(running: tuple[Server, str], tmp_path: Path) -> None:
    found, name = running
    held = rows(found.url(name))
    assert len(held) == len(TEXTS) + 1
    for command in commands(found, name):
        dump = tmp_path / "dump.sql"
        with dump.open("wb") as file:
            environment = {**os.environ, "PGPASSWORD": PASSWORD, "MYSQL_PWD": PASSWORD}
            subprocess.run(command, check=True, stdout=file, env=environment, timeout=60)
        assert rows(str(dump)) == held, command


def test_copied_csv_has_the_rows_of_the_server(running: tuple[Server, str], tmp_path: Path) -> None:
    found, name = running
    if found.kind != "postgresql":
        return
    command = [
        program("psql"), "-X", "-q", "-h", "127.0.0.1", "-p", str(found.port), "-U", found.user, name,
        "-c", f"COPY {TABLE} TO STDOUT WITH CSV HEADER",
    ]  # fmt: skip
    with (tmp_path / f"{TABLE}.csv").open("wb") as file:
        subprocess.run(command, check=True, stdout=file, env={**os.environ, "PGPASSWORD": PASSWORD}, timeout=60)
    held = [{key: value or None for key, value in row.items()} for row in rows(found.url(name))]
    # In CSV an empty text and \N are NULL, to Asterisk they are alike but for the latter.
    assert [row for row in rows(str(tmp_path)) if row["id"] != f"row{TEXTS.index(chr(92) + 'N'):03}"] == [
        row for row in held if row["match"] != "\\N"
    ]


def test_the_dump_of_sqlite3_has_its_rows(tmp_path: Path) -> None:
    tool = shutil.which("sqlite3")
    if tool is None:
        pytest.skip("needs the program sqlite3")
    found = Sqlite(tmp_path / "a.sqlite3")
    found.run([create("sqlite3"), *(insert("sqlite3", at, text) for at, text in enumerate((*TEXTS, None)))])
    with (tmp_path / "dump.sql").open("wb") as file:
        subprocess.run([tool, str(found.path), ".dump"], check=True, stdout=file, timeout=60)
    assert rows(str(tmp_path / "dump.sql")) == rows(found.url(""))

"""Tables out of dumps: what mysqldump, pg_dump, .dump of sqlite3 and folders of CSV write, and the real tools do."""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pjsipdiag import inputs
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.realtime import database
from pjsipdiag.asterisk.realtime.databases import dumps, sqlite
from pjsipdiag.asterisk.realtime.families import TableMapping
from tests.asterisk.realtime.recorded import Sqlite
from tests.asterisk.realtime.servers import PASSWORD, Server, program, server

PG_DUMP = r"""--
-- PostgreSQL database dump
--
SET standard_conforming_strings = on;
CREATE TABLE public.ps_endpoint_id_ips (
    id character varying(40) NOT NULL,
    endpoint character varying(40),
    match character varying(80),
    match_header character varying(255)
);
COPY public.ps_endpoint_id_ips (id, endpoint, match, match_header) FROM stdin;
zulu	it's; trunk	203.0.113.10,203.0.113.11	\N
alpha	pbx	\N	X-A: a\\tb
\.
ALTER TABLE ONLY public.ps_endpoint_id_ips ADD CONSTRAINT id UNIQUE (id);
"""
PG_INSERTS = """-- PostgreSQL database dump
CREATE TABLE "public"."ps_endpoint_id_ips" (id varchar(40), endpoint varchar(40), match varchar(80), match_header text);
INSERT INTO "public"."ps_endpoint_id_ips" VALUES ('zulu', 'it''s; trunk', '203.0.113.10,203.0.113.11', NULL);
INSERT INTO "public"."ps_endpoint_id_ips" (match_header, endpoint, id) VALUES ('X-A: a\\tb', 'pbx', 'alpha');
"""
MYSQLDUMP = r"""-- MariaDB dump 10.19
/*!40101 SET NAMES utf8mb4 */;
CREATE TABLE `ps_endpoint_id_ips` (
  `id` varchar(40) NOT NULL,
  `endpoint` varchar(40) DEFAULT NULL,
  `match` varchar(80) DEFAULT NULL,
  `match_header` varchar(255) DEFAULT NULL,
  UNIQUE KEY `id` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
LOCK TABLES `ps_endpoint_id_ips` WRITE;
INSERT INTO `ps_endpoint_id_ips` VALUES ('zulu','it\'s; trunk','203.0.113.10,203.0.113.11',NULL),
('alpha','pbx',NULL,'X-A: a\\tb');
UNLOCK TABLES;
"""
SQLITE = """PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE ps_endpoint_id_ips ("id" VARCHAR(40) UNIQUE, endpoint TEXT, "match" VARCHAR(80), match_header TEXT);
INSERT INTO ps_endpoint_id_ips VALUES('zulu','it''s; trunk','203.0.113.10,203.0.113.11',NULL);
INSERT INTO ps_endpoint_id_ips VALUES('alpha','pbx',NULL,'X-A: a\\tb');
COMMIT;
"""
CSV = 'id,endpoint,match,match_header\nzulu,it\'s; trunk,"203.0.113.10,203.0.113.11",\nalpha,pbx,\\N,X-A: a\\tb\n'


@pytest.mark.parametrize(
    "text", [PG_DUMP, PG_INSERTS, MYSQLDUMP, SQLITE, CSV], ids=["copy", "pg", "mysql", "lite", "csv"]
)
@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzipped"])
def test_the_rows_are_those_of_the_table(tmp_path: Path, text: str, zipped: bool) -> None:
    source = tmp_path / "dump"
    if text is CSV:
        source.mkdir()
        (source / "ps_endpoint_id_ips.csv").write_text(CSV)
    else:
        source.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())
    files = {
        "pjsip.conf": "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n",
        "sorcery.conf": "[res_pjsip_endpoint_identifier_ip]\nidentify=realtime,ips\n",
        "extconfig.conf": "[settings]\nips => sqlite3,main,ps_endpoint_id_ips\n",
    }
    config = load_config(None, overlay=files, databases={"main": str(source)})
    assert config.dead_databases == ()
    assert [(one.name, one.endpoint, len(one.rules), one.match_header) for one in config.identifies] == [
        ("alpha", "pbx", 0, "X-A: a\\tb"),
        ("zulu", "it's; trunk", 2, ""),
    ]
    if text is not CSV:
        assert config.stored_tables[0].widths["match"] == 80


WORDS = (
    "INSERT", "INTO", "ips", "VALUES", "(", ")", ",", ";", "'a'", "'", "\\", "CREATE", "TABLE", "IF", "NOT", "EXISTS",
    "COPY", "FROM", "stdin;\n", "\n\\.\n", "\t", "id", "match", "X", "0x4", "'zz'", "replace", "char", "99999999", ".",
    "--", "/*", "*/", "MariaDB dump", "`", '"', "UNISTR", "REPLACE", "varchar(9", "E", "NULL",
)  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=40), st.sampled_from([" ", ""]))
@settings(max_examples=300)
def test_any_text_is_a_dump_or_one_line(words: list[str], between: str) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(between.join(words))
        file.flush()
        with suppress(database.NoAnswerError):
            database.read(
                TableMapping("ips", "pgsql", "main", "ips"), file.name, database.Query("ips"), lambda _, rows: [*rows]
            )


def test_a_dump_that_grows_as_none_does_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dumps, "DUMP_BYTES", 1000)
    (tmp_path / "dump").write_bytes(gzip.compress(bytes(1 << 20)))
    with pytest.raises(database.UnreachableError, match="grows more than 400 times"):
        dumps.read("main", str(tmp_path / "dump"), database.Query("ips"), lambda _, rows: [*rows])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"INSERT INTO",
        b"COPY x (",
        b"CREATE TABLE t (a",
        b"\x1f\x8bbroken",
        b"'",
        b"PGDMP\1\x0e",
        b"INSERT INTO ips VALUES (1);",
    ],
)
def test_a_broken_dump_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "dump").write_bytes(content)
    files = {
        "pjsip.conf": "",
        "sorcery.conf": "[res_pjsip_endpoint_identifier_ip]\nidentify=realtime,ips\n",
        "extconfig.conf": "[settings]\nips => pgsql,main\n",
    }
    config = load_config(None, overlay=files, databases={"main": str(tmp_path / "dump")})
    assert len(config.dead_databases) == 1
    assert "\n" not in config.dead_databases[0]


@pytest.mark.parametrize("in_folder", [False, True], ids=["dump", "csv"])
def test_a_pipe_in_the_place_of_a_dump_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_folder: bool
) -> None:
    monkeypatch.setattr(inputs, "PIPE_SECONDS", 0.1)
    os.mkfifo(tmp_path / "ips.csv")
    other = os.open(tmp_path / "ips.csv", os.O_RDWR)
    with pytest.raises(database.UnreachableError, match="nothing came out of it"):
        place = tmp_path if in_folder else tmp_path / "ips.csv"
        dumps.read("main", str(place), database.Query("ips"), lambda _, rows: [*rows])
    os.close(other)


@pytest.mark.parametrize(("number", "read"), [("10", "\n"), ("55296", "\ufffd"), ("9" * 5000, "\ufffd")])
def test_the_number_of_a_character_may_be_of_none(tmp_path: Path, number: str, read: str) -> None:
    table = f"CREATE TABLE ips (id TEXT, n varchar({number}));\n"
    (tmp_path / "dump").write_text(f"{table}INSERT INTO ips VALUES(replace('a*','*',char({number})),'');\n")
    rows = dumps.read("main", str(tmp_path / "dump"), database.Query("ips"), lambda _, rows: [*rows])
    assert rows[0][0] == f"a{read}"


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

    return database.read(TableMapping("ips", "pgsql", "main", TABLE), url, database.Query(TABLE), take)


HOW_PG_DUMP = (
    "", "--inserts", "--column-inserts", "--inserts --rows-per-insert=7", "--quote-all-identifiers", "--data-only",
)  # fmt: skip
HOW_MYSQLDUMP = (
    "", "--skip-extended-insert", "--complete-insert", "--compact", "--skip-opt", "--hex-blob", "--replace",
    "--compatible=ansi --default-character-set=utf8mb4", "--skip-comments", "--no-create-info --complete-insert",
)  # fmt: skip


def commands(found: Server, name: str) -> list[list[str]]:
    place = ["--host=127.0.0.1", f"--port={found.port}"]
    if found.kind == "postgresql":
        return [[program("pg_dump"), *place, f"--username={found.user}", *how.split(), name] for how in HOW_PG_DUMP]
    tool = next((path for one in ("mariadb-dump", "mysqldump") if (path := shutil.which(one))), None)
    if tool is None:
        pytest.skip("needs mariadb-dump (apt install mariadb-client)")
    return [[tool, "--no-defaults", *place, f"--user={found.user}", *how.split(), name] for how in HOW_MYSQLDUMP]


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


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id FROM n", "more than 1,000 rows"),
        (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id FROM n WHERE i < 0",
            "interrupted",
        ),
        ("SELECT hex(zeroblob(9000000)) AS id", "too big"),
    ],
    ids=["endless", "silent", "huge"],
)
def test_a_view_that_never_ends_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, said: str
) -> None:
    monkeypatch.setattr(sqlite, "MOST_TABLE_ROWS", 1000)
    monkeypatch.setattr(sqlite, "TABLE_SECONDS", 0.2)
    with closing(sqlite3.connect(tmp_path / "dump")) as made:
        made.execute(f"CREATE VIEW ips AS {table}")
    with pytest.raises(database.NoAnswerError, match=said):
        dumps.read("main", str(tmp_path / "dump"), database.Query("ips"), lambda _, rows: [*rows])

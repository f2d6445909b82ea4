"""Tables out of dumps: what mysqldump, pg_dump, .dump of sqlite3 and folders of CSV write."""

from __future__ import annotations

import gzip
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.realtime import database
from pjsipdiag.asterisk.realtime.families import Mapped

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
    assert config.failed == ()
    assert [(one.name, one.endpoint, len(one.rules), one.match_header) for one in config.identifies] == [
        ("alpha", "pbx", 0, "X-A: a\\tb"),
        ("zulu", "it's; trunk", 2, ""),
    ]
    if text is not CSV:
        assert config.stored[0].widths["match"] == 80


WORDS = (
    "INSERT", "INTO", "ips", "VALUES", "(", ")", ",", ";", "'a'", "'", "\\", "CREATE", "TABLE", "IF", "NOT", "EXISTS",
    "COPY", "FROM", "stdin;\n", "\n\\.\n", "\t", "id", "match", "X", "0x4", "'zz'", "replace", "char", "99999999", ".",
    "--", "/*", "*/", "MariaDB dump", "`", '"', "UNISTR", "REPLACE", "varchar(9", "E", "NULL",
)  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=40), st.sampled_from([" ", ""]))
@settings(deadline=None, max_examples=300)
def test_any_text_is_a_dump_or_one_line(words: list[str], between: str) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(between.join(words))
        file.flush()
        with suppress(database.NoAnswerError):
            database.read(
                Mapped("ips", "pgsql", "main", "ips"), file.name, database.Query("ips"), lambda _, rows: [*rows]
            )


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
    assert len(config.failed) == 1
    assert "\n" not in config.failed[0]

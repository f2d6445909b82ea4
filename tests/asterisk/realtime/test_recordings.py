"""Recordings of real Asterisk with PostgreSQL, MariaDB and SQLite: requests are judged with the rows as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.realtime.row_sections import sections
from pjsipdiag.asterisk.replay.identifiers import Replay
from tests.asterisk.realtime.recorded import FIXTURES, KINDS, Sqlite, replay, statements
from tests.conformance import Score, cases, message

RECORDINGS = tuple(
    FIXTURES / f"{name}-{release}.jsonl.gz"
    for name in ("realtime", "mapping", "columns", "lists", "types", "bytes")
    for release in ("16", "22")
)
"""`mapping`: forms of extconfig.conf and sorcery.conf, tables in the place of files, caches. `columns`: what names find
which ids, in columns of several types, and what columns and values are passed over. `lists`: named access lists in
tables. `types`: values in columns of several types, names with blanks, NULL in a table in the place of a file. `bytes`:
ids and values in columns of bytes."""
OF_TYPES = [path for path in RECORDINGS if path.name.startswith(("columns-", "types-", "bytes-"))]


@pytest.mark.parametrize("kind", KINDS)
def test_recordings_agree(kind: str) -> None:
    wrong: list[str] = []
    score = Score()
    replay(RECORDINGS, kind, score, wrong.append)
    assert wrong == []
    assert score.agree == score.requests > 50
    assert score.alike == score.cases


@pytest.mark.parametrize("kind", KINDS)
def test_dumps_find_the_same_rows(kind: str) -> None:
    wrong: list[str] = []
    score = Score()
    replay(OF_TYPES, kind, score, wrong.append, dumped=True)
    assert wrong == []
    assert score.agree == score.requests > 50


def test_without_the_database_the_verdict_is_unknown() -> None:
    case = next(cases(RECORDINGS[1]))
    config = load_config(None, asterisk=case["asterisk"], overlay=case["files"])
    for request in case["requests"]:
        verdict = Replay(config, {}).verdict(message(request, {}))
        assert verdict.outcome == "unknown"
        assert any("--database asterisk=URL" in check.reason for check in verdict.trace)


def test_a_list_of_a_table_that_was_not_read_is_unknown() -> None:
    case = next(case for case in cases(FIXTURES / "lists-22.jsonl.gz") if case["id"] == "lists-postgresql")
    config = load_config(None, asterisk=case["asterisk"], overlay=case["files"])
    unread, written = (
        Replay(config, {}).verdict(message(request, {}))
        for user in ("e0", "e26")  # acl=off, of the table, and acl=both, which acl.conf has
        for request in case["requests"]
        if request["src"] == "10.9.9.8" and f"sip:{user}@" in request["raw"]
    )
    assert unread.outcome == "unknown"
    assert any("--database asterisk=URL" in check.reason for check in unread.trace)
    assert written.outcome == "acl_denied"


def test_a_row_says_where_it_stands(tmp_path: Path) -> None:
    case = next(case for case in cases(RECORDINGS[1]) if case["id"] == "rt-sqlite3-plain")
    database = Sqlite(tmp_path / "a.sqlite3")
    database.run(list(statements(case)))
    config = load_config(
        None, asterisk=case["asterisk"], overlay=case["files"], databases={"asterisk": database.url("")}
    )
    zulu = next(one for one in config.identifies if one.name == "zulu")
    assert str(zulu.where) == "ps_endpoint_id_ips[id=zulu]"
    assert str(zulu.rules[0].where) == "ps_endpoint_id_ips[id=zulu].match"


def values(driver: str, row: dict[str, str | None]) -> list[tuple[str, str]]:
    made = sections(tuple(row), "ips", "identify", driver, "22.10.1")(tuple(row.values()), 1)
    assert made is not None
    return [(variable.name, variable.value) for variable in made[1].variables if variable.name != "type"]


def test_drivers_pass_values_on() -> None:
    row = {
        "id": "a",
        "endpoint": " trunk ",
        "match": "192.0.2.1;192.0.2.2",
        "match_header": "X: a^3Bb",
        "srv_lookups": None,
    }
    assert values("pgsql", row) == values("odbc", row)
    assert values("odbc", row) == [
        ("endpoint", " trunk"), ("match", "192.0.2.1"), ("match", "192.0.2.2"), ("match_header", "X: a;b"),
    ]  # fmt: skip
    assert values("sqlite3", row) == [
        ("endpoint", " trunk "), ("match", "192.0.2.1;192.0.2.2"), ("match_header", "X: a^3Bb"), ("srv_lookups", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "pgsql", "odbc"),
    [
        ("a^3bb", ["a;b"], ["a^3bb"]),
        ("^5E3B", ["^3B"], ["^3B"]),
        ("^41 ; ;x", ["A", "x"], ["A", "x"]),
        ("^20", [" "], [" "]),
    ],
)
def test_encoded_values(written: str, pgsql: list[str], odbc: list[str]) -> None:
    """ast_realtime_decode_chunk() takes small letters, decode_chunk() does not."""
    for driver, expected in (("pgsql", pgsql), ("odbc", odbc)):
        assert [value for _, value in values(driver, {"id": "a", "match_header": written})] == expected

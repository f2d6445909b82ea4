"""Recordings of real Asterisk with SQLite: each request is judged with the table as it stood then."""

from __future__ import annotations

import dataclasses
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.loading.resolve import Hosts
from pjsipdiag.asterisk.realtime.rows import section
from pjsipdiag.asterisk.replay.identifiers import Replay
from tests.conformance import HARNESS_HOSTS, TOKENS, Case, cases, message, verdict_differences

FIXTURES = Path(__file__).parents[3] / "fixtures" / "realtime"
LATER = {("rt-sqlite3-static", "not-per-call")}
"""What was in the table when Asterisk loaded, and is no more: no table can tell."""


def statements(case: Case, release: str) -> Iterator[str]:
    """The SQL that makes the database of a case."""
    schema = (FIXTURES / f"{release}.sqlite3.sql").read_text()
    database = case["database"]
    for table, rows in database["tables"].items():
        model = database.get("like", {}).get(table, table)
        found = re.search(rf'CREATE TABLE "{model}" \((.*?)\n\);', schema, re.DOTALL)
        columns = found[1].split(",\n") if found else []
        named = {column.split('"')[1] for column in columns}
        given = database.get("columns", {}).get(table, ())
        columns += [
            f'"{name}" TEXT' for name in dict.fromkeys([*given, *(c for row in rows for c in row)]) if name not in named
        ]
        yield f'CREATE TABLE "{table}" ({", ".join(columns)})'
        for row in rows:
            names = ", ".join(f'"{name}"' for name in row)
            values = ", ".join(
                "NULL" if value is None else "'" + str(value).replace("'", "''") + "'" for value in row.values()
            )
            yield f'INSERT INTO "{table}" ({names}) VALUES ({values})'
    yield from database.get("sql", ())


def load(case: Case, path: Path, hosts: Hosts) -> Config:
    config = load_config(
        None,
        asterisk=case["asterisk"],
        hosts=hosts,
        overlay={"acl.conf": "", "pjsip_wizard.conf": "", "geolocation.conf": "", **case["files"]},
        readable=lambda _: False,
        databases={"asterisk": f"sqlite:///{path}"},
    )
    return dataclasses.replace(config, identifiers=tuple(case["loaded"]["identifiers"]), uncertain_identifiers=())


@pytest.mark.parametrize("release", ["16", "22"])
def test_requests_agree(release: str, tmp_path: Path) -> None:
    wrong, judged = [], 0
    for number, case in enumerate(cases(FIXTURES / f"sqlite3-{release}.jsonl.gz")):
        path = tmp_path / f"{number}.sqlite3"
        connection = sqlite3.connect(path, isolation_level=None)
        for statement in statements(case, release):
            connection.execute(statement)
        names, services = case["hosts"], case["srv"]
        for request in case["requests"]:
            for step in request.get("before", ()):
                connection.execute(step.get("sql", "SELECT 1"))
                names, services = step.get("hosts", names), step.get("srv", services)
            if not request["expect"].get("scored", True) or (case["id"], request["id"]) in LATER:
                continue
            targets = {name: [row[3] for row in rows] for name, rows in services.items()}
            config = load(case, path, Hosts({**HARNESS_HOSTS, **names}, targets, complete=True))
            tokens = dict(zip((r.name for r in config.registrations.values() if r.line), TOKENS, strict=False))
            differences = verdict_differences(
                request["expect"], Replay(config, tokens).verdict(message(request, tokens))
            )
            judged += 1
            wrong += [f"{case['id']} {request['id']}: {difference}" for difference in differences]
        connection.close()
    assert wrong == []
    assert judged > 90


def test_without_the_database_the_verdict_is_unknown() -> None:
    case = next(cases(FIXTURES / "sqlite3-22.jsonl.gz"))
    config = load_config(None, asterisk=case["asterisk"], overlay=case["files"])
    for request in case["requests"]:
        verdict = Replay(config, {}).verdict(message(request, {}))
        assert verdict.outcome == "unknown"
        assert any("--database asterisk=URL" in check.reason for check in verdict.trace)


def test_a_row_says_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    connection = sqlite3.connect(path, isolation_level=None)
    case = next(cases(FIXTURES / "sqlite3-22.jsonl.gz"))
    for statement in statements(case, "22"):
        connection.execute(statement)
    connection.close()
    zulu = next(one for one in load(case, path, Hosts()).identifies if one.name == "zulu")
    assert str(zulu.where) == "ps_endpoint_id_ips[id=zulu]"
    assert str(zulu.rules[0].where) == "ps_endpoint_id_ips[id=zulu].match"


def test_drivers_pass_values_on() -> None:
    row = {
        "id": "a",
        "endpoint": " trunk ",
        "match": "192.0.2.1;192.0.2.2",
        "match_header": "X: a^3Bb",
        "srv_lookups": None,
    }
    by_driver = {
        driver: [(v.name, v.value) for v in found.variables]
        for driver in ("pgsql", "odbc", "sqlite3")
        if (found := section(row, "ips", "identify", driver, "22.10.1"))
    }
    assert by_driver["pgsql"] == by_driver["odbc"]
    assert by_driver["odbc"] == [
        ("endpoint", " trunk"), ("match", "192.0.2.1"), ("match", "192.0.2.2"), ("match_header", "X: a;b"),
    ]  # fmt: skip
    assert by_driver["sqlite3"] == [
        ("endpoint", " trunk "), ("match", "192.0.2.1;192.0.2.2"), ("match_header", "X: a^3Bb"), ("srv_lookups", ""),
    ]  # fmt: skip

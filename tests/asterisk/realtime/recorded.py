"""Replays recordings of Asterisk with a database through real databases: `python -m tests.asterisk.realtime.recorded
FILE...`.

Each request is judged with the rows as they stood then. What Asterisk keeps is kept here as well: the settings and
transports of its start, the files of its last reload, the objects of its caches.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pjsipdiag.asterisk.addresses.address_rule import canonical
from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.loading.resolve import Hosts
from pjsipdiag.asterisk.replay.identifiers import Replay
from tests.asterisk.realtime.servers import Server, program, server
from tests.conformance import (
    HARNESS_HOSTS,
    Case,
    Score,
    cases,
    line_tokens,
    loaded_differences,
    message,
    verdict_differences,
)

FIXTURES = Path(__file__).parents[3] / "fixtures" / "realtime"
DRIVERS = {"postgresql": "pgsql", "mariadb": "odbc", "sqlite3": "sqlite3"}
KINDS = tuple(DRIVERS)
MODULES = {
    kind: "[modules]\nautoload=yes\n"
    + "".join(f"noload=res_config_{other}.so\n" for other in DRIVERS.values() if other != driver)
    for kind, driver in DRIVERS.items()
}
"""modules.conf of the recording machine: it had the driver of the case alone."""
_TYPES = {"i": "INTEGER", "t": "TEXT", "b": "BIGINT"}
_FRESH = ("endpoints", "identifies", "domain_aliases", "auths", "aors", "acls", "dropped", "warnings")
"""What is asked anew for each request; the rest is as it was at the start."""


@dataclasses.dataclass
class Sqlite:
    """The file of one case, in place of a server."""

    path: Path
    kind: str = "sqlite3"

    def run(self, statements: Sequence[str], _database: str = "") -> None:
        with contextlib.closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            for statement in statements:
                connection.execute(statement)

    def url(self, _database: str) -> str:
        return f"sqlite:///{self.path}"

    def dump(self, path: Path, _database: str) -> None:
        with path.open("wb") as file:
            subprocess.run([program("sqlite3"), str(self.path), ".dump"], check=True, stdout=file, timeout=60)


def statements(case: Case) -> Iterator[str]:
    """The SQL that makes the database of a case."""
    database = case["database"]
    kind = database["kind"]
    schema = (FIXTURES / f"{case['asterisk'].partition('.')[0]}.{kind}.sql").read_text()
    yield from re.findall(r"^CREATE TYPE .*;$", schema, re.MULTILINE)
    for table, rows in database["tables"].items():
        model = database.get("like", {}).get(table, table)
        found = re.search(rf'CREATE TABLE ["`]{model}["`] \((.*?)\n\);', schema, re.DOTALL)
        columns = found[1].split(",\n") if found else []
        named = {re.split('["`]', column)[1] for column in columns}
        given = database.get("columns", {}).get(table, ())
        types = given if isinstance(given, Mapping) else {}
        columns += [
            f"{_name(kind, name)} {_type(types.get(name, 's255!' if name == 'id' else 't'))}"
            for name in dict.fromkeys([*given, *(column for row in rows for column in row)])
            if name not in named
        ]
        yield f"CREATE TABLE {_name(kind, table)} ({', '.join(columns)})"
        for row in rows:
            names = ", ".join(_name(kind, name) for name in row)
            values = ", ".join(_value(kind, value) for value in row.values())
            yield f"INSERT INTO {_name(kind, table)} ({names}) VALUES ({values})"
    yield from database.get("sql", ())


def _name(kind: str, name: str) -> str:
    return f"`{name}`" if kind == "mariadb" else f'"{name}"'


def _type(text: str) -> str:
    plain = text.rstrip("!")
    made = f"VARCHAR({plain[1:]})" if plain.startswith("s") else _TYPES[plain]
    return made + (" NOT NULL UNIQUE" if text.endswith("!") else "")


def _value(kind: str, value: object) -> str:
    if value is None:
        return "NULL"
    text = str(value).replace("'", "''")
    return "'" + (text.replace("\\", "\\\\") if kind == "mariadb" else text) + "'"


@dataclasses.dataclass
class Played:
    """One case while it is played: its database, and what its Asterisk keeps."""

    case: Case
    running: Server | Sqlite
    database: str
    dump: Path | None = None
    """Where a dump of the database is written, to be read in its place."""

    def __post_init__(self) -> None:
        self.up = not self.case["database"].get("down")
        self.names, self.services = self.case["hosts"], self.case["srv"]
        self.start = self.loaded = self.now = self.load()
        self.cached = self.start
        self.found = dict(self.start.endpoints if self.running.kind != "sqlite3" else {})
        caches = {unread.type for unread in self.start.unread_objects if unread.source == "cache"}
        self.keeps, self.remembers = "identify" in caches, "endpoint" in caches
        self.stale = self.running.kind == "sqlite3" and "batch=0" not in self.case["files"]["res_config_sqlite3.conf"]

    def load(self) -> Config:
        targets = {name: [row[3] for row in rows] for name, rows in self.services.items()}
        config = load_config(
            None,
            asterisk=self.case["asterisk"],
            hosts=Hosts({**HARNESS_HOSTS, **self.names}, targets, complete=True),
            overlay={
                "acl.conf": "",
                "pjsip_wizard.conf": "",
                "geolocation.conf": "",
                "modules.conf": MODULES[self.running.kind],
                **self.case["files"],
            },
            readable=lambda _: False,
            databases={"asterisk": self.source() if self.up else "down:"},
        )
        if not config.uncertain_identifiers:
            return config
        identifiers = tuple(self.case["loaded"]["identifiers"])
        return dataclasses.replace(config, identifiers=identifiers, uncertain_identifiers=())

    def source(self) -> str:
        if self.dump is None:
            return self.running.url(self.database)
        self.running.dump(self.dump, self.database)
        return str(self.dump)

    def step(self, step: Mapping[str, Any]) -> None:
        """What happened before a request."""
        with contextlib.suppress(sqlite3.Error) if "try_sql" in step else contextlib.nullcontext():
            self.running.run([step[key] for key in ("sql", "try_sql") if key in step], self.database)
        self.up = step.get("database", "start" if self.up else "stop") == "start"
        self.names, self.services = step.get("hosts", self.names), step.get("srv", self.services)
        self.now = self.load()
        if "expire" in step.get("cli", ""):
            self.cached = self.now
        if "reload" in step.get("cli", ""):
            self.loaded = self.now

    def config(self) -> Config:
        """What Asterisk goes by now."""
        if self.stale or "sorcery.conf" not in self.case["files"] or not self.case["files"]["sorcery.conf"]:
            return self.start if self.stale else self.loaded
        now = self.now
        fresh = {name: getattr(now, name) for name in _FRESH}
        if self.keeps:
            fresh["identifies"] = self.cached.identifies
        if self.remembers:
            fresh["endpoints"] = {**now.endpoints, **self.found}
        # What the caches hold is played here.
        unread = tuple(one for one in now.unread_objects if one.source != "cache")
        registrations = now.registrations or self.start.registrations
        return dataclasses.replace(self.start, registrations=registrations, unread_objects=unread, **fresh)

    def judge(self, request: Mapping[str, Any]) -> list[str]:
        """Where the replay of a request differs from the recording."""
        config = self.config()
        tokens = line_tokens(config)
        verdict = Replay(config, tokens).verdict(message(request, tokens))
        if verdict.endpoint:
            self.found.setdefault(verdict.endpoint, config.endpoints[verdict.endpoint])
        differences = verdict_differences(request["expect"], verdict)
        context = request["expect"]["context"]
        if context and verdict.endpoint and config.endpoints[verdict.endpoint].context != context:
            differences.append(f"context {config.endpoints[verdict.endpoint].context!r} instead of {context!r}")
        return differences


def _listed(case: Case, config: Config) -> Mapping[str, Any]:
    """What was loaded, without what `pjsip show` says otherwise than identification goes by.

    It lists no endpoints of sqlite3, none of later tables, none where only single rows are asked for, none whose ids
    are no texts; and it shows each identify of sqlite3 as its single row, where NULL means the default.
    """
    files, loaded = case["files"], dict(case["loaded"])
    listed = case["database"]["kind"] != "sqlite3" and "allow_unqualified_fetch" not in files.get("sorcery.conf", "")
    ids = case["database"].get("columns", {}).get("eps", ())
    listed &= not (isinstance(ids, Mapping) and ids.get("id") in ("i!", "b!"))
    listed &= not any("ALTER COLUMN id" in statement for statement in case["database"].get("sql", ()))
    if loaded["endpoints"] is None or not listed or re.search(r",2$", files.get("extconfig.conf", ""), re.MULTILINE):
        loaded["endpoints"] = {endpoint.name: {} for endpoint in config.endpoints.values()}
    if case["database"]["kind"] == "sqlite3":
        for one in config.identifies:
            recorded = loaded["identifies"].get(one.name)
            if recorded and recorded.get("srv_lookups") == "true" and not one.srv_lookups:
                loaded["identifies"] = {**loaded["identifies"], one.name: {"match": [*map(canonical, one.rules)]}}
    return loaded


def played(case: Case, running: Server | Sqlite, score: Score, dump: Path | None = None) -> Iterator[str]:
    """Plays one case into `score`; yields each difference as a line. With `dump` its database is read out of one."""
    database = running.database() if isinstance(running, Server) else ""
    running.run(list(statements(case)), database)
    play = Played(case, running, database, dump)
    differences = loaded_differences({**case, "loaded": _listed(case, play.start)}, play.start)
    if list(play.start.identifiers) != case["loaded"]["identifiers"]:
        differences.append(f"order {play.start.identifiers} instead of {case['loaded']['identifiers']}")
    score.cases += 1
    score.alike += not differences
    yield from (f"{case['id']}: {difference}" for difference in differences)
    for request in case["requests"]:
        for step in request.get("before", ()):
            play.step(step)
        if not request["expect"].get("scored", True):
            continue
        score.requests += 1
        wrong = play.judge(request)
        score.agree += not wrong
        yield from (f"{case['id']} {request['id']}: {difference}" for difference in wrong)
    if isinstance(running, Server):
        running.drop(database)


def replay(
    recordings: Sequence[Path], kind: str, score: Score, show: Callable[[str], object], *, dumped: bool = False
) -> None:
    """Plays all cases of the recordings with one kind of database, on one server, or out of dumps of it."""
    wanted = [case for path in recordings for case in cases(path) if case["database"]["kind"] == kind]
    if wanted:
        with contextlib.ExitStack() as stack:
            running = stack.enter_context(server(kind)) if kind != "sqlite3" else None
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            for number, case in enumerate(wanted):
                place = running or Sqlite(folder / f"{number}.sqlite3")
                for difference in played(case, place, score, folder / "dump.sql" if dumped else None):
                    show(f"{case['asterisk']} {difference}")


def main() -> int:
    """Exit status 0 when everything agrees."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("files", nargs="+", type=Path, metavar="FILE")
    arguments.add_argument("--kind", action="append", choices=KINDS, help="only this kind of database")
    options = arguments.parse_args()
    score = Score()
    for kind in options.kind or KINDS:
        replay(options.files, kind, score, lambda line: sys.stdout.write(f"{line}\n"))
    sys.stdout.write(f"{score}\n")
    return int(score.agree != score.requests or score.alike != score.cases)


if __name__ == "__main__":
    sys.exit(main())

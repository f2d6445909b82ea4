"""PostgreSQL and MariaDB for tests: started in a temporary folder, on 127.0.0.1, as an ordinary user, ended with it.

Only the programs are needed: no service, no cluster, no account of the system. As root they run as `nobody`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.ports import free_port

PASSWORD = "hidden-word"
_PR_SET_PDEATHSIG = 1
_START = 30.0


class NoServerError(RuntimeError):
    """The programs of a database server are not installed, or do not start."""


@dataclass
class Server:
    """A running server; `kind` as the recordings call it."""

    kind: str
    port: int
    user: str
    made: int = 0
    free: list[str] = field(default_factory=list)
    """Databases that nobody uses any more; PostgreSQL takes longer to make one than to empty one."""
    _connections: dict[str, Any] = field(default_factory=dict)
    """By database."""

    def url(self, database: str, *, user: str = "", password: str = PASSWORD, port: int = 0) -> str:
        scheme = "postgresql+pg8000" if self.kind == "postgresql" else "mysql+pymysql"
        return f"{scheme}://{user or self.user}:{password}@127.0.0.1:{port or self.port}/{database}"

    def run(self, statements: Sequence[str], database: str = "") -> None:
        """Runs statements one by one, each committed at once."""
        if database not in self._connections:  # a login costs more than most statements
            self._connections[database] = self._connect(database)
        with contextlib.closing(self._connections[database].cursor()) as cursor:
            for statement in statements:
                cursor.execute(statement)

    def dump(self, path: Path, database: str) -> None:
        """Writes what pg_dump or mariadb-dump makes of a database."""
        place = ["--host=127.0.0.1", f"--port={self.port}"]
        if self.kind == "postgresql":
            command = [program("pg_dump"), *place, f"--username={self.user}", database]
        else:
            command = [program("mariadb-dump"), "--no-defaults", *place, f"--user={self.user}", database]
        environment = {**os.environ, "PGPASSWORD": PASSWORD, "MYSQL_PWD": PASSWORD}
        with path.open("wb") as file:
            subprocess.run(command, check=True, stdout=file, env=environment, timeout=60)

    def database(self) -> str:
        """An empty database."""
        if self.free:
            return self.free.pop()
        self.made += 1
        name = f"case{self.made}"
        # later servers have other defaults than the one that was recorded
        options = "" if self.kind == "postgresql" else " CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
        self.run([f"CREATE DATABASE {name}{options}"])
        return name

    def drop(self, database: str) -> None:
        self._connections.pop(database).close()
        if self.kind == "postgresql":
            self.run(["DROP SCHEMA public CASCADE", "CREATE SCHEMA public"], database)
            self.free.append(database)
        else:
            self.run([f"DROP DATABASE {database}"])

    def leave(self) -> None:
        """Closes all connections."""
        while self._connections:
            self._connections.popitem()[1].close()

    def _connect(self, database: str) -> Any:
        if self.kind == "postgresql":
            import pg8000.dbapi

            connection = pg8000.dbapi.connect(
                self.user, "127.0.0.1", database or "postgres", self.port, PASSWORD, timeout=10
            )
            connection.autocommit = True
            return connection
        import pymysql

        return pymysql.connect(
            host="127.0.0.1", port=self.port, user=self.user, password=PASSWORD, database=database or None,
            autocommit=True, charset="utf8mb4",
        )  # fmt: skip


@contextlib.contextmanager
def server(kind: str) -> Iterator[Server]:
    """A server of that kind for as long as the context lasts.

    :raises NoServerError: it is not installed.
    """
    folder = Path(tempfile.mkdtemp(prefix="pjsipdiag-", dir="/tmp"))  # a path that another user may enter, and short
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody")
        with _postgresql(folder) if kind == "postgresql" else _mariadb(folder) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _postgresql(folder: Path) -> Iterator[Server]:
    initdb, postgres = program("initdb"), program("postgres")
    secret = folder / "secret"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    _do(
        folder, initdb, "-D", "data", "--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8",
        "--locale=C.UTF-8", "--username=tester", "--no-sync", "--no-instructions",
    )  # fmt: skip
    port = free_port()
    settings = (
        "listen_addresses=127.0.0.1", f"port={port}", f"unix_socket_directories={folder}", "fsync=off",
        "full_page_writes=off", "shared_buffers=16MB", "dynamic_shared_memory_type=mmap", "max_connections=30",
    )  # fmt: skip
    command = [postgres, "-D", "data", *(part for setting in settings for part in ("-c", setting))]
    with _running(folder, command, signal.SIGINT, Server("postgresql", port, "tester")) as running:
        yield running


@contextlib.contextmanager
def _mariadb(folder: Path) -> Iterator[Server]:
    install, mariadbd = program("mariadb-install-db"), program("mariadbd")
    small = ("--innodb-log-file-size=4M", "--innodb-undo-tablespaces=0", "--innodb-use-native-aio=0")
    data = f"--datadir={folder / 'data'}"
    _do(
        folder, install, "--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-test-db",
        "--skip-name-resolve", *small,
    )  # fmt: skip
    port = free_port()
    setup = folder / "setup.sql"
    setup.write_text(
        f"CREATE USER 'tester'@'%' IDENTIFIED BY '{PASSWORD}';\nGRANT ALL ON *.* TO 'tester'@'%' WITH GRANT OPTION;\n"
    )
    setup.chmod(0o644)
    command = [
        mariadbd, "--no-defaults", data, "--bind-address=127.0.0.1", f"--port={port}", f"--socket={folder}/socket",
        f"--pid-file={folder}/pid", f"--init-file={setup}", "--skip-name-resolve", "--innodb-buffer-pool-size=16M",
        "--innodb-flush-log-at-trx-commit=0", "--performance-schema=OFF", *small,
    ]  # fmt: skip
    with _running(folder, command, signal.SIGTERM, Server("mariadb", port, "tester")) as running:
        yield running


@contextlib.contextmanager
def _running(folder: Path, command: list[str], end: signal.Signals, made: Server) -> Iterator[Server]:
    with (folder / "log").open("wb") as log:
        process = _popen(folder, command, log, end)
    try:
        limit = time.monotonic() + _START
        while True:
            try:
                made.run(["SELECT 1"])
                break
            except Exception as error:  # the drivers raise what they like while nobody answers
                if process.poll() is not None or time.monotonic() > limit:
                    text = (folder / "log").read_text("utf-8", "replace")[-500:]
                    raise NoServerError(f"{command[0]} does not start: {error} {text}") from None
                time.sleep(0.05)
        yield made
    finally:
        made.leave()
        process.send_signal(end)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def program(name: str) -> str:
    """Where a program is: Debian keeps those of PostgreSQL out of PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    path = os.pathsep.join([*map(str, reversed(folders)), os.environ.get("PATH", ""), "/usr/sbin"])
    found = shutil.which(name, path=path)
    if found is None:
        raise NoServerError(
            f"there is no program {name}: the packages postgresql, mariadb-server-core and sqlite3 have them"
        )
    return found


def _do(folder: Path, *command: str) -> None:
    with (folder / "log").open("wb") as log:
        status = _popen(folder, list(command), log, signal.SIGKILL).wait()
    if status:
        raise NoServerError(f"{command[0]}: {(folder / 'log').read_text('utf-8', 'replace')[-500:]}")


def _popen(folder: Path, command: list[str], log: Any, end: signal.Signals) -> subprocess.Popen[bytes]:
    """As `nobody` where the tests run as root: PostgreSQL refuses root. It ends when the tests do, however they end."""
    as_nobody: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    prctl = ctypes.CDLL(None).prctl
    return subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8", "HOME": str(folder), "TMPDIR": str(folder)},
        preexec_fn=lambda: prctl(_PR_SET_PDEATHSIG, int(end)),  # noqa: PLW1509  # a single call of the system
        **as_nobody,
    )

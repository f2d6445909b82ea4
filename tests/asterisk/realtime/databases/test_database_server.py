"""--database with what cannot be used: one line that says what, and no password in it."""

from __future__ import annotations

import gc
import socket
import threading
from pathlib import Path

import pytest

from pjsipdiag.asterisk.realtime.databases import database_server
from pjsipdiag.diagnosis.basis.name_sources import load
from pjsipdiag.errors import ConfigError
from tests.asterisk.realtime.servers import NoServerError, server

FILES = {
    "pjsip.conf": "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n",
    "sorcery.conf": "[res_pjsip_endpoint_identifier_ip]\nidentify=realtime,ps_ips\n",
    "extconfig.conf": "[settings]\nps_ips => odbc,main\n",
}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("main=postgresql://u:hunter2@127.0.0.1:1/x", r"\(127\.0\.0\.1/x\) cannot be opened: Connection refused"),
        ("main=mysql://u:hunter2@127.0.0.1:1/x?unheard=of", "cannot be opened: .*'unheard'"),
        ("main=postgresql://u:hunter2@127.0.0.1:1/x?sslmode=require", "no option 'sslmode': leave it out"),
        ("main=", "--database takes NAME=URL"),
        ("main=mysql://u:hunter2@x@127.0.0.1:1/x", "write @ as %40"),
        ("main=postgresql://u:a/hunter2@127.0.0.1:1/x", "write @ as %40"),
        ("main=postgresql://u:a#hunter2@127.0.0.1:1/x", "write @ as %40"),
        ("main=postgresql://u:[hunter2@127.0.0.1:1/x", "write @ as %40"),
        ("main=postgresql://u:hunter2\u2100@127.0.0.1:1/x", "write @ as %40"),
        ("main=postgresql://u:a?hunter2@127.0.0.1:1/x", "write @ as %40"),
        ("main=postgresql://u:hunter2@127.0.0.1:port/x", "no URL of a database"),
        ("main=oracle://u:hunter2@127.0.0.1/x", "no URL of a database"),
        ("main=sqlite://", "sqlite:// names no database"),
        ("other=mysql://u:hunter2@127.0.0.1:1/x", r"names no such database \(it names main\)"),
    ],
)
def test_what_cannot_be_used_is_one_line_without_the_password(given: str, said: str, tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=said) as error:
        load(tmp_path, {"databases": [given]})
    assert "hunter2" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_what_answers_and_is_no_database_is_said(scheme: str, tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(bytes(8))
                while connection.recv(1 << 16):
                    pass

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        url = f"{scheme}://u:hunter2@127.0.0.1:{listener.getsockname()[1]}/x"
        with pytest.raises(ConfigError, match=r"cannot be opened: what answers there is no such database$"):
            load(tmp_path, {"databases": [f"main={url}"]})
        thread.join(10)


@pytest.mark.parametrize("given", ["main", "main=oracle://u@127.0.0.1/x"])
def test_who_names_no_database_is_told_every_kind(given: str, tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError) as error:
        load(tmp_path, {"databases": [given]})
    assert all(kind in str(error.value) for kind in ("sqlite:///", "postgresql://", "mysql://"))


@pytest.mark.parametrize(
    ("kind", "lock"),
    [("postgresql", "LOCK TABLE ps_ips IN ACCESS EXCLUSIVE MODE"), ("mariadb", "LOCK TABLES ps_ips WRITE")],
)
# PyMySQL leaves its file on a socket that timed out to the garbage collector
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_a_locked_table_is_one_line_too(kind: str, lock: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_server, "SILENT_SECONDS", 1)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    try:
        with server(kind) as running:
            database = running.database()
            running.run(["CREATE TABLE ps_ips (id varchar(40), endpoint varchar(40))", "BEGIN", lock], database)
            with pytest.raises(ConfigError, match=r"database main .*, table ps_ips: .*timed out"):
                load(tmp_path, {"databases": [f"main={running.url(database)}"]})
    except NoServerError as error:
        pytest.skip(str(error))
    gc.collect()

"""Whom a watch tells of a cause: a web server, a command; none of them holds it up."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.watch.process import Process
from tests.watch.traffic import BAD, bad, call, captured


@pytest.fixture
def server() -> Iterator[tuple[str, list[Any], list[int]]]:
    """An HTTP server: where it is, what it got, and the statuses that it answers first."""
    got: list[Any] = []
    answers: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, self.headers["Content-Type"], json.loads(body)))
            self.send_response(answers.pop(0) if answers else 204)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/hook", got, answers
        running.shutdown()


def test_a_webhook_gets_each_cause_and_is_tried_again(etc: Path, server: tuple[str, list[Any], list[int]]) -> None:
    url, got, answers = server
    answers.append(503)
    with Process("-", "-c", etc, "--webhook", url) as watch:
        watch.stdin.write(bad(0, "one"))
        watch.stdin.close()
        assert watch.status() == 1
    assert [path for path, _, _ in got] == ["/hook", "/hook"]
    assert (got[0][1], got[0][2]["sources"], got[0][2]["change"]) == ("application/json", [BAD], "new")


@pytest.mark.parametrize("answer", [302, 404])
def test_a_webhook_that_refuses_is_said(etc: Path, server: tuple[str, list[Any], list[int]], answer: int) -> None:
    url, got, answers = server
    answers.append(answer)
    with Process("-", "-c", etc, "--webhook", url) as watch:
        watch.stdin.write(bad(0, "one"))
        watch.stdin.close()
        watch.status()
        assert f"--webhook: it answered {answer}" in watch.said
    assert len(got) == 1


def test_a_webhook_that_never_answers_holds_nothing_up(etc: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        now = time.time() - 1_760_000_000
        with Process("-", "-c", etc, "--webhook", url) as watch:
            watch.stdin.write(bad(now, "one"))
            watch.stdin.flush()
            watch.line()
            other = captured([*call(now + 3, "198.51.100.9", "two", "401 Unauthorized")])
            watch.stdin.write(other[24:])
            watch.stdin.flush()
            assert "198.51.100.9" in watch.line(30)
            assert not [said for said in watch.said if "--webhook" in said]  # it has not given up yet
            watch.end()


def test_a_command_gets_the_cause_without_a_shell(etc: Path, tmp_path: Path) -> None:
    script = tmp_path / "tell.py"
    script.write_text("import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + '|'.join(sys.argv[2:]) + '\\n')\n")
    to = tmp_path / "told"
    command = f"{sys.executable} {script} {to} '$(id) a' ';b'"
    with Process("-", "-c", etc, "--exec", command) as watch:
        watch.stdin.write(bad(0, "one"))
        watch.stdin.close()
        watch.status()
    cause, end = json.JSONDecoder().raw_decode(to.read_text())
    assert (cause["sources"], to.read_text()[end:]) == ([BAD], "$(id) a|;b\n")


def test_a_command_that_does_not_end_is_ended_with_the_watch(etc: Path, tmp_path: Path) -> None:
    script, place = tmp_path / "wait.sh", tmp_path / "number"
    script.write_text(f"sleep 300 & echo $! > {place}; wait\n")
    with Process("-", "-c", etc, "--exec", f"sh {script}") as watch:
        watch.stdin.write(bad(0, "one"))
        watch.stdin.close()
        assert watch.status() == 1
        assert any("did not end in time" in line for line in watch.said)
    stat = Path(f"/proc/{place.read_text().strip()}/stat")
    assert not stat.exists() or ") Z " in stat.read_text()

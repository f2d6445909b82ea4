"""`pjsipdiag serve`: plain files, to this machine and under its own name only."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from pjsipdiag.cli import main
from pjsipdiag.page.serve import server


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "policy.txt").write_text("default-src 'none'")
    (folder / "index.html").write_text("the page")
    (folder / "worker.mjs").write_text("")
    (folder / "x.wasm").write_text("")
    (folder / "inner").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret.txt")
    (folder / "large").write_bytes(bytes(5_000_000))
    with server(folder, 0) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield listening.server_port
        listening.shutdown()


def asked(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, str, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Host": f"{host}:{port}"})
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), answer.headers


def test_files_with_the_policy_and_their_types(port: int) -> None:
    status, text, headers = asked(port, "/")
    assert (status, text, headers["Content-Security-Policy"]) == (200, "the page", "default-src 'none'")
    assert asked(port, "/worker.mjs")[2]["Content-Type"] == "text/javascript"
    assert asked(port, "/x.wasm")[2]["Content-Type"] == "application/wasm"


@pytest.mark.parametrize(
    "path", ["/inner/", "/../secret.txt", "/..%2fsecret.txt", "//etc/passwd", "/none", "/link", "/%00"]
)
def test_nothing_else(port: int, path: str) -> None:
    status, text, _ = asked(port, path)
    assert (status, "secret" in text, "root:" in text) == (404, False, False)


@pytest.mark.parametrize("host", ["example.com", "127.0.0.1.example.com", ""])
def test_a_name_of_a_stranger_is_refused(port: int, host: str) -> None:
    assert asked(port, "/", host)[0] == 421


def test_nothing_of_a_request_is_repeated(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"<b>odd / HTTP/1.1\r\n\r\n")
        answer = connection.makefile("rb").read()
    assert b" 501 " in answer
    assert b"odd" not in answer


def test_a_browser_that_goes_away_is_no_fault(port: int, capfd: pytest.CaptureFixture[str]) -> None:
    at_once = struct.pack("ii", 1, 0)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        connection.sendall(f"GET /large HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        assert connection.recv(100)
    assert asked(port, "/")[0] == 200
    assert capfd.readouterr().err == ""


def test_without_a_page_it_says_how_to_build_it(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["serve", str(tmp_path)])
    assert (result.exit_code, "make page" in result.stderr) == (2, True)

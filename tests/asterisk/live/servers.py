"""Real sockets that answer as a recorded Asterisk did: its manager interface and ARI."""

from __future__ import annotations

import atexit
import base64
import gzip
import hashlib
import json
import shlex
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

FIXTURES = Path(__file__).parents[3] / "fixtures" / "live"
USER, SECRET = "diag", "a secret of the manager"


def recorded(name: str) -> dict[str, Any]:
    """`ami`: what the manager interface answered to an action and its fields; `ari`: status and text by path."""
    found = json.loads(gzip.decompress((FIXTURES / f"{name}.json.gz").read_bytes()))
    assert isinstance(found, dict)
    return found


def told(name: str) -> dict[str, str]:
    """What `asterisk -rx` of that release answered to each question."""
    found = json.loads((FIXTURES / f"{name}.json").read_text())["answers"]
    assert isinstance(found, dict)
    return found


def program(answers: Mapping[str, str], path: Path) -> str:
    """Makes a program at `path` that stands for `asterisk -rx`: a shell starts for each question, which is quick."""
    cases = "".join(f"{shlex.quote(question)}) printf %s {shlex.quote(text)};;\n" for question, text in answers.items())
    unknown = """printf "No such command '%s' (type 'core show help' for others)\\n" "$1\""""
    path.write_text(f'case "$1" in\n{cases}*) {unknown};;\nesac\n')
    return shlex.join(["sh", str(path)])


@cache
def command(name: str) -> str:
    """The same for what that release answered, as long as the tests run."""
    folder = TemporaryDirectory()
    atexit.register(folder.cleanup)
    return program(told(name), Path(folder.name) / "asterisk")


def with_command(name: str) -> dict[str, str]:
    """What a user with the privilege `command` gets: the recorded output of the command line interface."""
    found = {"ListCommands": "Response: Success\r\nCommand: Execute Asterisk CLI Command.  (Priv: command,all)"}
    for question, text in told(name).items():
        lines = "".join(f"\r\nOutput: {line}" for line in text.split("\n"))
        found[f"Command Command={question}"] = f"Response: Success\r\nMessage: Command output follows{lines}"
    return found


@contextmanager
def manager(answers: dict[str, str], asked: list[str] | None = None) -> Iterator[str]:
    """An address for --live, behind which the manager interface gives these answers."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"Asterisk Call Manager/11.0.0\r\n")
            challenge, inside = "552521038", False
            while fields := self._message():
                number, action = fields.pop("ActionID"), fields.pop("Action")
                if action == "Challenge":
                    answer = f"Response: Success\r\nChallenge: {challenge}"
                elif action == "Login":
                    key = hashlib.md5((challenge + SECRET).encode()).hexdigest()
                    inside = fields.get("Key") == key and fields.get("Username") == USER
                    refused = "Response: Error\r\nMessage: Authentication failed"
                    answer = "Response: Success\r\nMessage: Authentication accepted" if inside else refused
                else:
                    assert inside
                    question = " ".join([action, *(f"{name}={value}" for name, value in fields.items())])
                    if asked is not None:
                        asked.append(question)
                    refused = "Response: Error\r\nMessage: Permission denied"
                    answer = answers.get(question, refused)
                self.wfile.write(b"Event: FullyBooted\r\nStatus: Fully Booted\r\n\r\n")
                for message in answer.split("\r\n\r\n"):
                    first, _, rest = message.partition("\r\n")
                    lines = [first, f"ActionID: {number}", rest, "", ""]
                    self.wfile.write("\r\n".join(lines).encode())

        def _message(self) -> dict[str, str]:
            lines = []
            while line := self.rfile.readline().strip():
                lines.append(line.decode().partition(": "))
            return {name: value for name, _, value in lines}

    with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"ami://{USER}@127.0.0.1:{port}"


@contextmanager
def rest(answers: dict[str, tuple[int, str]]) -> Iterator[str]:
    """An address for --live, behind which ARI gives these answers."""
    login = "Basic " + base64.b64encode(f"{USER}:{SECRET}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, text = answers.get(self.path.removeprefix("/ari"), (404, '{"message": "not found"}'))
            if self.headers["Authorization"] != login:
                status, text = 401, '{"message": "Authentication required"}'
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"http://{USER}@127.0.0.1:{port}/ari"


@contextmanager
def saying(data: bytes, *, stay: bool) -> Iterator[int]:
    """A port whose server says this and closes, or keeps silent."""
    done = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(data)
            if stay:
                done.wait(5)

    with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as port:
        yield port
        done.set()


@contextmanager
def _serving(server: socketserver.TCPServer) -> Iterator[int]:
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()

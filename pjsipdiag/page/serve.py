"""The page on the loopback address: plain files, for whoever sits at this machine."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pjsipdiag.errors import PjsipdiagError, visible

ADDRESS = "127.0.0.1"
OWN_HOSTS = ("127.0.0.1", "localhost")
"""Hosts under which it may be asked: a name of a stranger that leads here is none."""
POLICY = "policy.txt"
"""The file that holds the content security policy."""


class FolderPages(SimpleHTTPRequestHandler):
    """Gives the files of one folder, and no list of them."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm",
    }  # fmt: skip
    timeout = 60.0
    """Seconds that a connection may say nothing."""

    def __init__(self, *given: object, policy: str, **named: object) -> None:
        self._policy = policy
        super().__init__(*given, **named)  # type: ignore[arg-type]  # handed on as they came

    def send_head(self):  # type: ignore[no-untyped-def]  # noqa: ANN201, RUF100  (as the base has it)
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        if host not in OWN_HOSTS:
            self.send_error(421)
            return None
        if not self._is_of_folder():
            self.send_error(404)
            return None
        return super().send_head()

    def _is_of_folder(self) -> bool:
        """Whether the path names something in the folder, wherever links lead."""
        try:
            return Path(self.translate_path(self.path)).resolve().is_relative_to(Path(self.directory).resolve())
        except (OSError, ValueError, RuntimeError):
            return False

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """The usual words for `code`: nothing that a request says is repeated."""
        super().send_error(code)

    def list_directory(self, path: object) -> None:  # noqa: ARG002
        self.send_error(404)

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", self._policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: who asks is who sits here."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Nothing: a browser that goes away while it is answered is no fault."""


def server(folder: Path, port: int) -> ThreadingHTTPServer:
    """The server, which listens already; port 0 takes a free one.

    :raises PjsipdiagError: there is no page in the folder, or the port is taken.
    """
    try:
        policy = (folder / POLICY).read_text(encoding="utf-8")
    except OSError:
        raise PjsipdiagError(
            f"there is no page in {visible(str(folder))}: 'make page' in a checkout builds it"
        ) from None
    try:
        return _Server((ADDRESS, port), partial(FolderPages, directory=str(folder), policy=policy))
    except OSError as error:
        raise PjsipdiagError(f"port {port}: {error.strerror}: --port names another") from None

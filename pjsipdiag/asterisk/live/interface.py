"""Where a running Asterisk listens: ami://USER@HOST:PORT or http(s)://USER@HOST:PORT/ari, and the secret for it.

The secret comes from the environment or a file: on the command line everybody could see it.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import field
from urllib.parse import unquote, urlsplit

from pjsipdiag.asterisk.live.snapshot import LiveError
from pjsipdiag.dataclass import dataclass
from pjsipdiag.errors import NO_HOST
from pjsipdiag.inputs import read_whole

ANSWER_SECONDS = 10.0
"""A question that takes longer ends with one line."""
LONGEST_ANSWER = 64 << 20
"""Bytes of an answer: no Asterisk has more to say."""
SECRET = "PJSIPDIAG_SECRET"
"""The variable that holds the secret; with _FILE behind it, the one that names a file that does."""
DEFAULT_PORTS = {"ami": 5038, "http": 8088, "https": 8089}
"""Scheme -> the port where none is given, as manager.conf and http.conf have it."""


@dataclass(frozen=True, slots=True)
class LiveInterface:
    """One interface of a running Asterisk; the secret is in no text of it."""

    scheme: str
    host: str
    port: int
    path: str
    user: str
    secret: str = field(repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def parse(text: str) -> LiveInterface:
    """:raises LiveError: the text names no place, has a password, or no secret is at hand."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise LiveError(f"--live {text.partition('://')[0]}://...: {error}") from None
    if parts.password is not None:
        raise LiveError(f"--live takes no password, which others could see: {SECRET} holds it, or {SECRET}_FILE a file")
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or not parts.username:
        raise LiveError(
            "--live takes a command such as 'asterisk -rx', a file of --save-live, ami://USER@HOST:5038 or "
            f"http://USER@HOST:8088/ari, not {parts.scheme}://{parts.hostname or ''}"
        )
    path = "" if parts.scheme == "ami" else parts.path.rstrip("/") or "/ari"
    return LiveInterface(
        parts.scheme,
        parts.hostname,
        port or DEFAULT_PORTS[parts.scheme],
        path,
        unquote(parts.username),
        _secret(parts.scheme),
    )


def _secret(scheme: str) -> str:
    if SECRET in os.environ:
        return os.environ[SECRET]
    path = os.environ.get(f"{SECRET}_FILE")
    if not path:
        what = "secret= of the user in manager.conf" if scheme == "ami" else "password= of the user in ari.conf"
        raise LiveError(
            f"--live {scheme}://... needs the {what}: put it into {SECRET}, or a file's name into {SECRET}_FILE"
        )
    try:
        return read_whole(path).decode("utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, ValueError) as error:
        raise LiveError(f"{SECRET}_FILE: cannot read {path}: {getattr(error, 'strerror', error)}") from error


def connect(place: LiveInterface) -> socket.socket:
    """A connection, tried at each address of the host in turn.

    :raises LiveError: there is none within the time of a question.
    """
    end = time.monotonic() + ANSWER_SECONDS
    reason = "no answer"
    try:
        found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise LiveError(f"{place}: {error.strerror or error}") from error
    except UnicodeError:
        raise LiveError(f"{place}: {NO_HOST}") from None
    for at, (family, *_, address) in enumerate(found):
        left = (end - time.monotonic()) / (len(found) - at)
        opened = socket.socket(family, socket.SOCK_STREAM)
        opened.settimeout(max(left, 0.1))
        try:
            opened.connect(address)
            return opened
        except OSError as error:
            opened.close()
            reason = error.strerror or f"no answer within {ANSWER_SECONDS:.0f} s"
    raise LiveError(f"cannot reach {place}: {reason}")

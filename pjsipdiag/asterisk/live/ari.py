"""LiveAnswers from ARI (res_ari_asterisk.c, res_ari_endpoints.c): the fields of single objects by name, as JSON.

It lists endpoints and modules; the names of all other objects have to be known, from the files or by guess (an identify
is often called as its endpoint, or as the wizard calls it).
"""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from urllib.parse import quote

from pjsipdiag.asterisk.live import questions
from pjsipdiag.asterisk.live.interface import ANSWER_SECONDS, LONGEST_ANSWER, LiveInterface, connect
from pjsipdiag.asterisk.live.snapshot import Item, LiveAnswers, LiveError, WantedNames, item
from pjsipdiag.errors import LONGEST_REASON

_HELD = "not told by ARI, which `asterisk -rx` does: "
_UNTOLD = ("identifiers", "identify", "transport", "registration", "named_acl", "auth")
_NAMED = ("identify", "transport", "registration", "global")
"""Types that are asked for by name."""


class Ari:
    """Asks one interface; only GET, which changes nothing."""

    def __init__(self, place: LiveInterface) -> None:
        self.place = place
        self._login = base64.b64encode(f"{place.user}:{place.secret}".encode()).decode()
        self._connection: http.client.HTTPConnection | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def get(self, path: str) -> object:
        """The JSON value at a path, None where there is none.

        :raises LiveError: no answer came in time, or it is a refusal.
        """
        what = f"{self.place}{path}"
        late = threading.Event()
        try:
            connection = self._connection or self._connected()
            opened = connection.sock
            assert opened is not None

            def end() -> None:
                late.set()
                with suppress(OSError):
                    socket.socket.shutdown(opened, socket.SHUT_RDWR)  # below TLS, which would wait for the other side

            timer = threading.Timer(ANSWER_SECONDS, end)
            timer.start()
            try:
                connection.request("GET", self.place.path + path, headers={"Authorization": f"Basic {self._login}"})
                response = connection.getresponse()
                status, text = response.status, response.read(LONGEST_ANSWER)
                if response.length or late.is_set():
                    raise ConnectionError("the answer is cut off")
            finally:
                timer.cancel()
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = (
                f"no answer within {ANSWER_SECONDS:.0f} s"
                if late.is_set()
                else f"{type(error).__name__} {error}".split("\n")[0].strip()[:LONGEST_REASON]
            )
            raise LiveError(f"{what}: {reason}") from error
        if response.will_close:
            self.close()
        if status in (401, 403):
            raise LiveError(f"{what}: {self.place.user} is refused ({status}): the user and password are in ari.conf")
        if status in (404, 500):  # 500: an object without readable fields
            return None
        if status != 200:
            raise LiveError(f"{what}: answered {status}")
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise LiveError(f"{what}: no JSON, so no ARI") from error

    def _connected(self) -> http.client.HTTPConnection:
        host, port = self.place.host, self.place.port
        connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
        self._connection = connection
        connection.sock = connect(self.place)
        if self.place.scheme == "https":
            connection.sock = ssl.create_default_context().wrap_socket(connection.sock, server_hostname=host)
        connection.auto_open = 0
        return connection


def ask_ari(ari: Ari, wanted: WantedNames) -> LiveAnswers:
    """Everything that ARI tells.

    :raises LiveError: it is no ARI, or does not answer.
    """
    info = _keys(ari.get("/asterisk/info"))
    version = _text(_keys(info.get("system")), "version")
    if not version:
        raise LiveError(f"{ari.place} is no ARI of Asterisk: /asterisk/info names no release")
    running = tuple(
        _text(one, "name").removesuffix(".so")
        for one in _rows(ari.get("/asterisk/modules"))
        if _text(one, "status") == "Running"
    )
    items: list[Item] = []
    if "res_pjsip" in running:
        names = [_text(one, "resource") for one in _rows(ari.get("/endpoints/PJSIP"))]
        items += _endpoints(ari, names)
        items += _ask_named(ari, wanted, names)
    untold = [*_UNTOLD] if any(item.type == "global" for item in items) else [*_UNTOLD, "global"]
    unknown = _HELD + ", ".join(questions.GAPS[kind] for kind in untold)
    return LiveAnswers(str(ari.place), version, None, running, tuple(items), (unknown,), tuple(untold))


def _endpoints(ari: Ari, names: Iterable[str]) -> Iterator[Item]:
    for name in filter(None, names):
        rows = list(_fields(ari, "endpoint", name))
        if rows:
            yield item("endpoint", name, rows)
            yield item("endpoint_acl", name, rows)


def _ask_named(ari: Ari, wanted: WantedNames, endpoints: list[str]) -> Iterator[Item]:
    names = {kind: [*wanted.names.get(kind, ())] for kind in _NAMED}
    names["identify"] += [guess for name in endpoints for guess in (name, f"{name}-identify")]
    names["global"].append("global")
    for kind, wished in names.items():
        asked = list(dict.fromkeys(filter(None, wished)))
        for name in asked:
            rows = list(_fields(ari, kind, name))
            if rows:
                yield item(kind, name, rows)
        yield Item("asked", "asked", tuple((kind, name) for name in asked))
    for host in questions.hosts_to_ask(wanted):
        rows = list(_fields(ari, "domain_alias", host))
        yield Item("alias_asked", host)
        if rows:
            yield Item("domain_alias", host, tuple(row for row in rows if row[0] == "domain"))


def _fields(ari: Ari, kind: str, name: str) -> Iterator[tuple[str, str]]:
    for row in _rows(ari.get(f"/asterisk/config/dynamic/res_pjsip/{kind}/{quote(name, safe='')}")):
        yield _text(row, "attribute"), _text(row, "value")


def _keys(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _rows(value: object) -> list[dict[str, object]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _text(row: dict[str, object], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str):
        return ""
    # Half a character, which JSON can name and no byte can be, is what such a byte is elsewhere.
    return value.replace("\r", " ").replace("\n", " ").encode("utf-8", "replace").decode("utf-8")

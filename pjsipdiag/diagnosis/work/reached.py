"""Where the PBX went with requests of its own, and was answered: which address it found for a name in its files.

The law: nobody makes the PBX send its request for a name elsewhere than where it resolves that name. So the address
that answers such a request is the name's. What a request is for is where PJSIP sends it: its URI and its first Route,
or their `maddr` (`pjsip_get_dest_info`, `pjsip_process_route_set`, pjsip/sip_util.c); a strict route changes their
places, so both count. Requests inside of dialogs go where the other side said, and tell nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import NamedTuple
from urllib.parse import unquote

from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.diagnosis.calls.heads import call_id, has_tag, value_of
from pjsipdiag.diagnosis.situation import Asked
from pjsipdiag.sip import decode, parse_uri

METHODS = (b"INVITE ", b"REGISTER ", b"OPTIONS ")
MOST_WAITING = 100_000
"""Requests whose answers are waited for."""


class _Sent(NamedTuple):
    server: bytes
    asked: Asked


class Reached:
    """`found` are the requests that were answered, by the packed address that answered them."""

    def __init__(self, pbx: Collection[bytes], servers: Collection[bytes]) -> None:
        """`servers` are the packed addresses that may be asked for."""
        self._pbx, self._servers = pbx, servers
        self._waiting: dict[int, _Sent] = {}
        self.found: dict[bytes, dict[Asked, None]] = defaultdict(dict)

    def note(self, datagram: Datagram) -> None:
        """Keeps what the PBX asks, until it is answered from there."""
        payload, source, destination = datagram.payload, datagram.source[:-2], datagram.destination[:-2]
        if payload.startswith(b"SIP/2.0 "):
            if destination in self._pbx and source in self._servers and datagram.direction != "out":
                sent = self._waiting.pop(_transaction(source, payload), None)
                if sent:
                    self.found[sent.server][sent.asked] = None
        elif source in self._pbx and destination in self._servers and payload.startswith(METHODS):
            if datagram.direction == "in" or destination in self._pbx or has_tag(value_of(payload, b"to")):
                return
            asked = Asked(decode(payload[: payload.find(b" ")]), hosts(payload))
            if all(asked.hosts) and asked not in self.found[destination] and len(self._waiting) < MOST_WAITING:
                self._waiting[_transaction(destination, payload)] = _Sent(destination, asked)


def _transaction(server: bytes, payload: bytes) -> int:
    return hash((server, call_id(payload), *value_of(payload, b"cseq").split()))


def hosts(payload: bytes) -> tuple[str, ...]:
    """The hosts by which PJSIP finds where to send a request, that of its first Route last; one may be empty."""
    found: list[str] = []
    for text in (payload.partition(b"\n")[0].split(b" ")[1], value_of(payload, b"route")):
        uri = parse_uri(decode(text))
        if uri is not None:
            elsewhere = [unquote(value).lower() for name, value in uri.parameters if unquote(name).lower() == "maddr"]
            found += elsewhere or [uri.host]
        elif text or not found:
            found.append("")
    return tuple(found)

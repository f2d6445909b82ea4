"""The addresses at which requests of the PBX itself were answered: so it resolved the names in its files.

The law: nobody makes the PBX send its request for a name elsewhere than where it resolves that name. So the address
that answers such a request is the name's. What a request is for is where PJSIP sends it: its URI and its first Route,
or their `maddr` (`pjsip_get_dest_info`, `pjsip_process_route_set`, pjsip/sip_util.c); a strict route changes their
places, so both count. Requests inside of dialogs go where the other side said, and tell nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from urllib.parse import unquote

from pjsipdiag.capture.datagram import TOLD, Datagram
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.diagnosis.calls.heads import call_id, has_tag, value_of
from pjsipdiag.diagnosis.situation import AnsweredRequest
from pjsipdiag.digest import wide_digest
from pjsipdiag.sip import decode, parse_uri

ASKED_METHODS = (b"INVITE ", b"REGISTER ", b"OPTIONS ")
MOST_UNANSWERED = 100_000
"""Requests whose answers are waited for."""
LATEST_ANSWER = 64_000_000_000
"""Nanoseconds into a capture in which requests are answered that stand in the one before it."""


class _Sent(NamedTuple):
    server: bytes
    asked: AnsweredRequest


class RequestNote(NamedTuple):
    """A request that the PBX sent, or, without one, an answer that came."""

    transaction: bytes
    sent: _Sent | None


class ReachedServers:
    """`found` are the requests that were answered, by the packed address that answered them."""

    def __init__(self, pbx: Collection[bytes], servers: Collection[bytes], mirrors: Collection[str]) -> None:
        """`servers` are the packed addresses that may be asked for, `mirrors` carriers whose word is taken."""
        self._pbx, self._servers, self._mirrors = pbx, servers, mirrors
        self._waiting: dict[bytes, _Sent] = {}
        self.found: dict[bytes, dict[AnsweredRequest, None]] = defaultdict(dict)

    def take(self, note: RequestNote) -> bool:
        """Keeps what the PBX asks until it is answered from there; whether that says something new."""
        transaction, sent = note
        if sent is None:
            answered = self._waiting.pop(transaction, None)
            if answered:
                self.found[answered.server][answered.asked] = None
            return answered is not None
        is_new = sent.asked not in self.found[sent.server] and len(self._waiting) < MOST_UNANSWERED
        if is_new:
            self._waiting[transaction] = sent
        return is_new

    def read(self, datagram: Datagram) -> RequestNote | None:
        """The note that a message makes, if it makes one."""
        payload, source, destination = datagram.payload, datagram.source[:-2], datagram.destination[:-2]
        direction = datagram.direction
        if direction.startswith(TOLD) and direction.removeprefix(TOLD) not in self._mirrors:
            return None
        if payload.startswith(b"SIP/2.0 "):
            if destination in self._pbx and source in self._servers and direction != "out":
                return RequestNote(_transaction(source, payload), None)
        elif source in self._pbx and destination in self._servers and payload.startswith(ASKED_METHODS):
            # A log that leaves out the address of the PBX says that it sent a request, unless that is in doubt.
            own = direction == "out" or (direction != "in" and any(source))
            if not own or destination in self._pbx or has_tag(value_of(payload, b"to")):
                return None
            asked = AnsweredRequest(decode(payload[: payload.find(b" ")]), hosts(payload))
            if all(asked.hosts):
                return RequestNote(_transaction(destination, payload), _Sent(destination, asked))
        return None


def notes(
    pbx: Collection[bytes], servers: Collection[bytes], mirrors: Collection[str], datagrams: Iterator[Datagram]
) -> Iterator[RequestNote]:
    """Yields the notes of one capture: the same again is left out, as far as it shows."""
    here, end = ReachedServers(pbx, servers, mirrors), None
    for datagram in datagrams:
        end = end or datagram.time + LATEST_ANSWER
        note = here.read(datagram)
        if note and (here.take(note) or (note.sent is None and datagram.time < end)):
            yield note


def _transaction(server: bytes, payload: bytes) -> bytes:
    return wide_digest(server, call_id(payload), b" ".join(value_of(payload, b"cseq").split()))


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

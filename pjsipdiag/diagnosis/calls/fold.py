"""SIP messages folded into transactions as they stream: what a million packets teach, in a few bytes each.

The law: a transaction is (Call-ID, CSeq number, branch of the top Via), whatever addresses carry it, so that an answer
finds its INVITE in another part of the capture or behind a NAT. Everything kept is a set, a minimum or a count that two
folds can be merged by, in any split, with the same result (`merge.py`). The head of a transaction's first request goes
to the spool; what it means is asked only at the end, when the PBX, its release and its configuration are known. What
most messages add is added by a compiled part (`_fold.c`) where it was built, with the same result.
"""

from __future__ import annotations

import marshal
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from typing import Any, TypeVar

from pjsipdiag.asterisk.forms.forms import Forms
from pjsipdiag.asterisk.forms.grammar import Fields
from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.diagnosis.calls.heads import agent_of, branch_of, fields_of, has_credentials, realm_of, value_of
from pjsipdiag.diagnosis.calls.kinds import WITH_CREDENTIALS, Kind, count_kind, kind_of
from pjsipdiag.diagnosis.calls.rows import (
    ANSWER,
    CHALLENGES,
    CREDENTIALS,
    DIGEST,
    DIRECTIONS,
    MOST_ANSWERS,
    ROW,
    SIX,
    TIME,
    TRANSPORTS,
    TRUNCATED,
    UNKNOWN,
    Cluster,
    Key,
    Repeated,
    add_answer,
    add_cluster,
)
from pjsipdiag.diagnosis.calls.spool import Spool
from pjsipdiag.extensions import is_used

try:
    from pjsipdiag.diagnosis.calls import _fold
except ImportError:
    following = None
else:
    following = _fold.following if is_used(_fold) else None

LONGEST_TRANSACTION = 32_000_000_000
"""Nanoseconds (timer B, RFC 3261 17.1.1.2) in which alike requests that were cut before their Call-ID are one."""
MOST_NAMES, LONGEST_NAME = 100_000, 256
"""Distinct senders, and called users, that are kept; further and longer ones have the number UNKNOWN, and the request
is read again."""
MOST_AGENTS, LONGEST_AGENT = 100_000, 256
"""User-Agents that are told apart; a further one counts as none."""
IN_DIALOG = frozenset((b"ACK", b"BYE", b"CANCEL", b"PRACK", b"UPDATE", b"INFO"))
"""Methods that belong to a call and say nothing of their own about a source."""
MOST_REGISTRATIONS = 1000
WITH_DELAY, MOST_DELAYS = 503, 10_000
MOST_GREETINGS, LONGEST_GREETING = 2000, 2048
MOST_PEERS = 100_000
MOST_VIEWS = 16
"""Address pairs between which one transaction is seen, on several interfaces or through proxies; what more say the same
are taken for transactions of their own."""
MOST_PAIRS = 10_000
LIMITS = (MOST_PEERS, MOST_PAIRS, MOST_NAMES, LONGEST_NAME, MOST_ANSWERS)

INVITES = (b" INVITE\r", b" INVITE")
Name = TypeVar("Name", Fields, bytes)
Read = tuple[int, int, Fields]
"""What `Forms.read` says of a request."""
MESSAGES, RESPONSES, REQUESTS, END = range(4)
"""Counts while messages are folded; END is the latest time."""
KEPT = (
    *("rows", "senders", "called", "user_agents", "index", "answers", "realms", "others", "agents"),
    *("requesters", "answerers", "strays", "pairs", "received", "local"),
    *("answering", "_asked", "_is_asterisk", "_known_realms"),
)
"""The attributes of a Fold that its compiled part uses, in the order of its `Kept`."""
PLAIN = ("senders", "called", "answers", "realms", "others", "agents", "requesters", "pairs")
"""The attributes of a Fold that are large and hold only numbers and bytes: `marshal` packs them in half the time."""


@dataclass(slots=True)
class Fold:
    """What one part of one capture holds. `rows` are transactions in the order of their first requests."""

    spool: Spool = field(default_factory=Spool)
    rows: bytearray = field(default_factory=bytearray)
    forms: Forms = field(default_factory=Forms)
    senders: dict[Fields, int] = field(default_factory=dict)
    """(user, host, digest user, realm) of requests with a form -> number of the sender."""
    called: dict[bytes, int] = field(default_factory=dict)
    """User of the request URI of requests with a form -> number."""
    user_agents: dict[bytes, int] = field(default_factory=lambda: {b"": 0})
    """User-Agent of a request, empty without one -> number."""
    index: dict[Key, int] = field(default_factory=dict)
    clusters: dict[Key, list[Cluster]] = field(default_factory=dict)
    """Of transactions with more than one request: the times of its packets."""
    views: dict[Key, list[bytes]] = field(default_factory=dict)
    """Of transactions seen between several address pairs: rows beyond the first, one for each pair."""
    answers: dict[Key, bytes] = field(default_factory=dict)
    realms: dict[Key, bytes] = field(default_factory=dict)
    delays: dict[Key, bytes] = field(default_factory=dict)
    """Retry-After of 503 answers."""
    others: dict[Kind, Repeated] = field(default_factory=dict)
    """Requests outside of calls, and answers to them, by their kind."""
    seen: dict[Kind, list[Datagram]] = field(default_factory=dict)
    """The first of each kind that differ in their senders, at most MOST_SEEN of MOST_KINDS kinds."""
    agents: dict[tuple[bytes, bytes], int] = field(default_factory=dict)
    """(packed IP, Asterisk header of its answers) -> the first time it was seen."""
    requesters: dict[tuple[bytes, bytes], int] = field(default_factory=dict)
    """Likewise for requests."""
    answerers: dict[bytes, int] = field(default_factory=dict)
    """Packed IP -> transactions in which it was the first to answer, with an Asterisk header."""
    strays: dict[Key, bytes] = field(default_factory=dict)
    """The same of transactions whose request is in no row here: perhaps another part has it, and an earlier answer."""
    pairs: dict[tuple[bytes, bytes], int] = field(default_factory=dict)
    """Transactions by (packed source IP, packed destination IP), views counted apart; at most MOST_PAIRS."""
    received: dict[bytes, int] = field(default_factory=dict)
    """The same by packed destination IP alone, at most MOST_PAIRS."""
    local: dict[bytes, int] = field(default_factory=dict)
    """Packed IP -> transactions for which the capture says that this machine has it."""
    registrations: dict[bytes, Datagram] = field(default_factory=dict)
    greetings: dict[bytes, bytes] = field(default_factory=dict)
    """Packed sources of answers -> the first one."""
    answering: set[bytes] = field(default_factory=set)
    """Packed sources of answers, whose first was looked at; at most MOST_PEERS."""
    _asked: set[bytes] = field(default_factory=set)
    """Packed sources whose first request was looked at."""
    _is_asterisk: _Asterisk = field(default_factory=lambda: _Asterisk())  # noqa: PLW0108 (defined below)
    _known_realms: dict[bytes, bytes] = field(default_factory=dict)
    messages: int = 0
    requests: int = 0
    responses: int = 0
    reinvites: int = 0
    end: int = 0

    def feed(self, datagrams: Iterable[Datagram]) -> None:
        """Folds `datagrams` in."""
        answered = self.answering
        counts = array("q", (self.messages, self.responses, self.requests, self.end))
        for datagram, read in self._to_fold(datagrams, counts):
            time, _, _, source, _, payload, _, _ = datagram
            counts[MESSAGES] += 1
            if time > counts[END]:  # noqa: PLR1730 (max() costs five times as much here)
                counts[END] = time
            if payload[:1] in (b"\r", b"\n"):
                payload = payload.lstrip(b"\r\n")
            if payload.startswith(b"SIP/2.0 "):
                counts[RESPONSES] += 1
                if source not in answered and source[:-2] != datagram.destination[:-2]:  # or somebody uses its address
                    self._answers_as(source, time, payload)
                    if len(self.greetings) < MOST_GREETINGS:
                        self.greetings.setdefault(source, payload[:LONGEST_GREETING])
                    if len(answered) < MOST_PEERS:
                        answered.add(source)
                at = payload.find(b"\nCSeq: ")
                sequence = payload[at + 7 : payload.find(b"\n", at + 7)] if at >= 0 else value_of(payload, b"cseq")
                if sequence.endswith(INVITES):
                    self._answer(time, source, payload, sequence[: sequence.find(b" ")])
                else:
                    self._reply(datagram, payload, sequence)
                continue
            method = payload[: payload.find(b" ")]
            if method == b"INVITE":
                counts[REQUESTS] += 1
                self._request(datagram, payload, read or self.forms.read(payload))
            elif method not in IN_DIALOG:
                self._other(datagram, payload, method)
        self.messages, self.responses, self.requests, self.end = counts

    def _to_fold(self, datagrams: Iterable[Datagram], counts: array[int]) -> Iterable[tuple[Datagram, Read | None]]:
        """The messages that are folded here, with what `Forms.read` has said of them; the compiled part, if there is
        one, folds and counts the others."""
        if following is None:
            return zip(datagrams, repeat(None))
        own = [getattr(self, name) for name in KEPT]
        kept = (*own, TRANSPORTS, self.forms.read, self.forms.known, self.spool.append, LIMITS)
        return iter(partial(following, iter(datagrams), kept, counts), None)

    def _request(self, datagram: Datagram, payload: bytes, read: Read) -> None:
        time, frame, transport, source, destination, _, direction, truncated = datagram
        end, flags, form, fields = self._fields(payload, read)
        id_, number, branch, to_tag, tag, uri, called, agent, *names = fields
        if to_tag:
            self.reinvites += 1
            return
        if source not in self._asked:
            self._asks_as(source, time, agent)
        key = hash((id_, number, branch) if id_ else (time // LONGEST_TRANSACTION, source, payload[:end]))
        source_ip = source[:-2]
        between = (source_ip, destination[:-2])
        digest = hash(between) & 0xFFFFFFFF
        known = self.index.get(key)
        if known is not None and len(self.views.get(key, ())) >= MOST_VIEWS:
            key = hash((key, between))
            known = self.index.get(key)
        if known is not None and self._seen_before(key, known, time, digest):
            return
        pairs = self.pairs
        count = pairs.get(between)
        if count or len(pairs) < MOST_PAIRS:
            pairs[between] = (count or 0) + 1
        received, to = self.received, between[1]
        if to in received or len(received) < MOST_PAIRS:
            received[to] = received.get(to, 0) + 1
        if direction and known is None:
            here = between[direction == "in"]
            self.local[here] = self.local.get(here, 0) + 1
        sender, place = 0, UNKNOWN
        if form:
            sender, place = _number(self.senders, tuple(names)), _number(self.called, called or b"")
        flags |= DIRECTIONS[direction] | (TRUNCATED if truncated else 0) | (SIX if len(source_ip) == 16 else 0)
        row = ROW.pack(
            time,
            self.spool.append(payload[:end]),
            frame & 0xFFFFFFFF,
            end,
            digest,
            TRANSPORTS.get(transport, 0),
            flags,
            source,
            destination,
            hash((id_, tag, source_ip, uri)) if id_ else key,
            form,
            sender,
            place,
            self.user_agents.get(agent) or self._user_agent(agent),
        )
        if known is None:
            self.index[key] = len(self.index)
            self.rows += row
        else:
            self.views.setdefault(key, []).append(row)

    def _fields(self, payload: bytes, read: Read) -> tuple[int, int, int, Fields]:
        """Where the head of a request ends, what its flags say of that and of credentials, its form and its fields."""
        form, end, fields = read
        known = self.forms.known[form]
        if known:
            return end, CREDENTIALS if known.credentials else 0, form, fields
        flags, end = 0, payload.find(b"\r\n\r\n") + 4
        if end < 4:
            end = payload.find(b"\n\n") + 2
            if end < 2:
                end, flags = len(payload), TRUNCATED
        if has_credentials(payload, 0, end):
            flags |= CREDENTIALS
        return end, flags, 0, fields_of(payload[:end])

    def _user_agent(self, agent: bytes) -> int:
        """The number of a User-Agent that is perhaps new."""
        agent = agent[:LONGEST_AGENT].rstrip()
        if agent in self.user_agents or len(self.user_agents) < MOST_AGENTS:
            return self.user_agents.setdefault(agent, len(self.user_agents))
        return 0

    def _seen_before(self, key: Key, number: int, time: int, digest: int) -> bool:
        """Counts a further packet of a transaction; whether it was seen between the same addresses before."""
        old = ROW.unpack_from(self.rows, number * ROW.size)
        add_cluster(self.clusters.setdefault(key, [[old[TIME], old[TIME]]]), time, time)
        return old[DIGEST] == digest or any(ROW.unpack(row)[DIGEST] == digest for row in self.views.get(key, ()))

    def _answers_as(self, source: bytes, time: int, payload: bytes) -> bool:
        """Whether an answer has an Asterisk header, which is kept."""
        at = payload.find(b"\nServer: ")
        agent = payload[at + 9 : payload.find(b"\r", at)] if at >= 0 else agent_of(payload)
        if not self._is_asterisk[agent]:
            return False
        pair = (source[:-2], agent)
        if self.agents.setdefault(pair, time) > time:
            self.agents[pair] = time
        return True

    def _asks_as(self, source: bytes, time: int, agent: bytes) -> None:
        """Keeps the User-Agent of the first request of a source when it is Asterisk's."""
        if len(self._asked) < MOST_PEERS:
            self._asked.add(source)
        if self._is_asterisk[agent]:
            pair = (source[:-2], agent)
            self.requesters[pair] = min(time, self.requesters.get(pair, time))

    def _answer(self, time: int, source: bytes, payload: bytes, number: bytes) -> None:
        code = payload[8:11]
        if not code.isdigit():
            return
        at = payload.find(b"\nCall-ID: ") + 10
        id_ = payload[at : payload.find(b"\n", at)].strip() if at >= 10 else value_of(payload, b"call-id")
        key = hash((id_, number, branch_of(payload)))
        status = int(code)
        old = self.answers.get(key)
        if old is not None:
            self.answers[key] = add_answer(old, status, time)
        else:
            self.answers[key] = ANSWER.pack(status, time)
        if old is None and self._answers_as(source, time, payload):
            if key in self.index:
                self.answerers[source[:-2]] = self.answerers.get(source[:-2], 0) + 1
            else:
                self.strays[key] = source[:-2]
        if status == WITH_DELAY and len(self.delays) < MOST_DELAYS and (delay := value_of(payload, b"retry-after")):
            self.delays.setdefault(key, delay)
        if status in CHALLENGES and key not in self.realms:
            self.realms[key] = self._known_realms.setdefault(realm := realm_of(payload), realm)

    def _other(self, datagram: Datagram, payload: bytes, method: bytes) -> None:
        time, _, _, source, destination, _, _, _ = datagram
        what = method + WITH_CREDENTIALS if has_credentials(payload) else method
        count_kind(self.others, self.seen, kind_of(source, destination, what), datagram)
        if source not in self._asked:
            self._asks_as(source, time, agent_of(payload))
        if method == b"REGISTER" and len(self.registrations) < MOST_REGISTRATIONS:
            token = payload.find(b";line=")
            if token >= 0 or self._is_asterisk[agent_of(payload)]:
                ends = source[:-2] + destination[:-2]
                line = payload[token : token + 40] if token >= 0 else b""
                name = b"\0".join((ends, payload[: payload.find(b"\r")], value_of(payload, b"to"), line))
                self.registrations.setdefault(name, datagram)

    def _reply(self, datagram: Datagram, payload: bytes, sequence: bytes) -> None:
        method, code = sequence.rstrip(b"\r").rpartition(b" ")[2], payload[8:11]
        if method and method not in IN_DIALOG and code.isdigit():
            kind = kind_of(datagram.destination, datagram.source, method + b" " + code)
            count_kind(self.others, self.seen, kind, datagram)

    @property
    def keys(self) -> array[int]:
        """The key of each row, in order."""
        return array("q", self.index)

    def __getstate__(self) -> dict[str, object]:
        """What another process needs: all but the spool's content, which it shares, and what only feeding needs."""
        self.spool.flush()
        state = {name: getattr(self, name) for name in self.__slots__ if not name.startswith("_")}
        plain = marshal.dumps([state.pop(name) for name in PLAIN])
        return {**state, "index": self.keys, "forms": self.forms.known, "plain": plain}

    def __setstate__(self, state: dict[str, Any]) -> None:
        plain = zip(PLAIN, marshal.loads(state.pop("plain")), strict=True)  # (from a process forked here)
        for name, value in (*state.items(), *plain):
            setattr(self, name, value)
        self.index = dict(zip(state["index"], range(len(state["index"])), strict=True))
        self.forms = Forms(state["forms"])
        self._asked, self._is_asterisk, self._known_realms = set(), _Asterisk(), {}


def _number(known: dict[Name, int], name: Name) -> int:
    """The number of a name, which is new perhaps; UNKNOWN where it is not kept."""
    number = known.get(name)
    if number is None:
        length = len(name) if isinstance(name, bytes) else sum(len(part) for part in name if part)
        if len(known) >= MOST_NAMES or length > LONGEST_NAME:
            return UNKNOWN
        number = known[name] = len(known)
    return number


class _Asterisk(dict[bytes, bool]):
    """Whether a Server or User-Agent value is Asterisk's (FreePBX and others keep its name or the FPBX form)."""

    def __missing__(self, value: bytes) -> bool:
        known = b"Asterisk" in value or b"FPBX" in value
        if len(self) < 10_000:
            self[value] = known
        return known

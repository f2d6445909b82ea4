"""SIP messages folded into transactions as they stream: what a million packets teach, in a few bytes each.

The law: a transaction is (Call-ID, CSeq number, branch of the top Via), whatever addresses carry it, so that an answer
finds its INVITE in another part of the capture or behind a NAT. Everything kept is a set, a minimum or a count that two
folds can be merged by, in any split, with the same result (`merge.py`). The head of a transaction's first request goes
to the spool; what it means is asked only at the end, when the PBX, its release and its configuration are known.
"""

from __future__ import annotations

import re
import struct
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.diagnosis.spool import Spool

ROW = struct.Struct("<qQIIIBB")
"""A transaction: time, spool offset, frame, spool length, digest of the address pair, transport, flags."""
ANSWER = struct.Struct("<Hq")
"""An answer: status, time when that status was first seen."""
MOST_ANSWERS = 8
"""Different statuses kept of one transaction, the earliest ones: a real one has three."""
SAME_PACKET = 50_000_000
"""Nanoseconds within which equal requests are one packet seen on several interfaces (T1 is 500 ms, RFC 3261 17.1.1)."""
LONGEST_TRANSACTION = 32_000_000_000
"""Nanoseconds (timer B, RFC 3261 17.1.1.2) in which alike requests that were cut before their Call-ID are one."""
MOST_CLUSTERS = 64
"""Retransmissions counted of one transaction: timer B allows 11 in practice; a flood of one packet counts as these."""
TRANSPORTS = {name: code for code, name in enumerate(("UDP", "TCP", "TLS", "WS", "WSS"))}
DIRECTIONS = {name: code for code, name in enumerate(("", "in", "out"))}
SIZES = [bytes((size,)) for size in range(256)]
CHALLENGES = (401, 407)
TRUNCATED = 4
IN_DIALOG = frozenset((b"ACK", b"BYE", b"CANCEL", b"PRACK", b"UPDATE", b"INFO"))
"""Methods that belong to a call and say nothing of their own about a source."""
MOST_REGISTRATIONS = 1000
MOST_PEERS = 100_000
TELLING = 256
"""Bytes by which two requests of a source are told apart: the Via with its branch is among them."""
MOST_PAIRS = 10_000
MOST_METHODS = 100_000
"""Pairs of source and method that are counted; beyond, requests that are not INVITEs are only counted as messages."""

Key = int
Cluster = list[int]
"""[first, last] time of requests so close that they are one packet."""


@dataclass(slots=True)
class Repeated:
    """Requests of one source and method: how many, and the start and time of the last and of the first."""

    count: int
    last: bytes
    time: int
    first: bytes
    first_time: int


@dataclass(slots=True)
class Fold:
    """What one part of one capture holds. `rows` are transactions in the order of their first requests."""

    spool: Spool = field(default_factory=Spool)
    methods: tuple[bytes, ...] = (b"INVITE",)
    rows: bytearray = field(default_factory=bytearray)
    index: dict[Key, int] = field(default_factory=dict)
    clusters: dict[Key, list[Cluster]] = field(default_factory=dict)
    """Of transactions with more than one request: the times of its packets."""
    views: dict[Key, list[bytes]] = field(default_factory=dict)
    """Of transactions seen between several address pairs: rows beyond the first, one for each pair."""
    answers: dict[Key, bytes] = field(default_factory=dict)
    realms: dict[Key, bytes] = field(default_factory=dict)
    others: dict[tuple[bytes, bytes], Repeated] = field(default_factory=dict)
    """Requests outside `methods` by (packed source IP, method)."""
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
    local: dict[bytes, int] = field(default_factory=dict)
    """Packed IP -> transactions for which the capture says that this machine has it."""
    registrations: dict[bytes, Datagram] = field(default_factory=dict)
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
    start: int = 0
    end: int = 0

    def feed(self, datagrams: Iterable[Datagram]) -> None:
        """Folds `datagrams` in."""
        tracked = frozenset(self.methods)
        endings = tuple(b" " + method + end for method in self.methods for end in (b"\r", b""))
        answered, end = self.answering, self.end
        messages = responses = 0
        for datagram in datagrams:
            time, _, _, source, _, payload, _, _ = datagram
            messages += 1
            if time > end:  # noqa: PLR1730 (max() costs five times as much here)
                end = time
            if payload[0] in b"\r\n":
                payload = payload.lstrip(b"\r\n")
            method = payload[: payload.find(b" ")]
            if method == b"SIP/2.0":
                responses += 1
                if source not in answered:
                    self._answers_as(source, time, payload)
                    if len(answered) < MOST_PEERS:
                        answered.add(source)
                at = payload.find(b"\nCSeq: ")
                sequence = payload[at + 7 : payload.find(b"\n", at + 7)] if at >= 0 else value_of(payload, b"cseq")
                if sequence.endswith(endings):
                    self._answer(time, source, payload, sequence[: sequence.find(b" ")])
            elif method in tracked:
                self._request(datagram, payload)
            elif method not in IN_DIALOG:
                self._other(datagram, payload, method)
        self.messages += messages
        self.responses += responses
        self.end = end

    def _request(self, datagram: Datagram, payload: bytes) -> None:
        time, frame, transport, source, destination, _, direction, truncated = datagram
        self.requests += 1
        end = payload.find(b"\r\n\r\n") + 4
        if end < 4:
            end = payload.find(b"\n\n") + 2
        head = payload[:end] if end >= 4 else payload
        at = head.find(b"\nTo: ")
        to = head[at : head.find(b"\n", at + 5)] if at >= 0 else value_of(head, b"to")
        if b"tag" in to and has_tag(to):
            self.reinvites += 1
            return
        if source not in self._asked:
            self._asks_as(source, time, head)
        at = head.find(b"\nCSeq: ")
        sequence = head[at + 7 : at + 20] if at >= 0 else value_of(head, b"cseq")
        name = call_id(head)
        cut = time // LONGEST_TRANSACTION, source, head
        key = hash((name, sequence[: sequence.find(b" ")], branch(head)) if name else cut)
        between = (source[:-2], destination[:-2])
        digest = crc32(between[1], crc32(between[0]))
        number = self.index.get(key)
        if number is not None and self._seen_before(key, number, time, digest):
            return
        if between in self.pairs or len(self.pairs) < MOST_PAIRS:
            self.pairs[between] = self.pairs.get(between, 0) + 1
        if direction and number is None:
            here = between[direction == "in"]
            self.local[here] = self.local.get(here, 0) + 1
        flags = DIRECTIONS[direction] | (TRUNCATED if truncated or end < 4 else 0)
        record = SIZES[len(source)] + source + destination + head
        code = TRANSPORTS.get(transport, 0)
        row = ROW.pack(time, self.spool.append(record), frame & 0xFFFFFFFF, len(record), digest, code, flags)
        if number is None:
            self.index[key] = len(self.index)
            self.rows += row
        else:
            self.views.setdefault(key, []).append(row)

    def _seen_before(self, key: Key, number: int, time: int, digest: int) -> bool:
        """Counts a further packet of a transaction; whether it was seen between the same addresses before."""
        old = ROW.unpack_from(self.rows, number * ROW.size)
        add_cluster(self.clusters.setdefault(key, [[old[0], old[0]]]), time, time)
        return old[4] == digest or any(ROW.unpack(row)[4] == digest for row in self.views.get(key, ()))

    def _answers_as(self, source: bytes, time: int, payload: bytes) -> bool:
        """Whether an answer has an Asterisk header, which is kept."""
        at = payload.find(b"\nServer: ")
        agent = payload[at + 9 : payload.find(b"\r", at)] if at >= 0 else agent_of(payload)
        if not self._is_asterisk[agent]:
            return False
        pair = (source[:-2], agent)
        self.agents[pair] = min(time, self.agents.get(pair, time))
        return True

    def _asks_as(self, source: bytes, time: int, payload: bytes) -> None:
        """Keeps the Asterisk header of the first request of a source."""
        if len(self._asked) < MOST_PEERS:
            self._asked.add(source)
        if self._is_asterisk[agent := agent_of(payload)]:
            pair = (source[:-2], agent)
            self.requesters[pair] = min(time, self.requesters.get(pair, time))

    def _answer(self, time: int, source: bytes, payload: bytes, number: bytes) -> None:
        code = payload[8:11]
        if not code.isdigit():
            return
        key = hash((call_id(payload), number, branch(payload)))
        status = int(code)
        old = self.answers.get(key, b"")
        new = add_answer(old, status, time)
        if new is old:
            return
        self.answers[key] = new
        if not old and self._answers_as(source, time, payload):
            if key in self.index:
                self.answerers[source[:-2]] = self.answerers.get(source[:-2], 0) + 1
            else:
                self.strays[key] = source[:-2]
        if status in CHALLENGES and key not in self.realms:
            self.realms[key] = self._known_realms.setdefault(realm := realm_of(payload), realm)

    def _other(self, datagram: Datagram, payload: bytes, method: bytes) -> None:
        pair = (datagram.source[:-2], method)
        time = datagram.time
        telling = payload[:TELLING]
        known = self.others.get(pair)
        if known is None:
            if len(self.others) < MOST_METHODS:
                self.others[pair] = Repeated(1, telling, time, telling, time)
        else:
            if time - known.time > SAME_PACKET or telling != known.last:
                known.count += 1
            known.last, known.time = telling, time
        if datagram.source not in self._asked:
            self._asks_as(datagram.source, time, payload)
        if method == b"REGISTER" and len(self.registrations) < MOST_REGISTRATIONS:
            token = payload.find(b";line=")
            if token >= 0 or self._is_asterisk[agent_of(payload)]:
                ends = datagram.source[:-2] + datagram.destination[:-2]
                line = payload[token : token + 40] if token >= 0 else b""
                name = b"\0".join((ends, payload[: payload.find(b"\r")], value_of(payload, b"to"), line))
                self.registrations.setdefault(name, datagram)

    @property
    def keys(self) -> array[int]:
        """The key of each row, in order."""
        return array("q", self.index)

    def __getstate__(self) -> dict[str, object]:
        """What another process needs: all but the spool's content, which it shares, and what only feeding needs."""
        self.spool.flush()
        state = {name: getattr(self, name) for name in self.__slots__ if not name.startswith("_")}
        return {**state, "index": self.keys}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self.index = dict(zip(state["index"], range(len(state["index"])), strict=True))
        self._asked, self._is_asterisk, self._known_realms = set(), _Asterisk(), {}


class _Asterisk(dict[bytes, bool]):
    """Whether a Server or User-Agent value is Asterisk's (FreePBX and others keep its name or the FPBX form)."""

    def __missing__(self, value: bytes) -> bool:
        known = b"Asterisk" in value or b"FPBX" in value
        if len(self) < 10_000:
            self[value] = known
        return known


def add_answer(old: bytes, status: int, time: int) -> bytes:
    """`old` answers with one more; the same object when it teaches nothing new."""
    new = ANSWER.pack(status, time)
    if not old:
        return new
    last = ANSWER.unpack(old[-ANSWER.size :])
    if len(old) == ANSWER.size and last[1] <= time and last[0] != status:
        return old + new
    times = dict(ANSWER.iter_unpack(old))
    if times.get(status, time + 1) <= time:
        return old
    times[status] = time
    kept = sorted((first, known) for known, first in times.items())[:MOST_ANSWERS]
    return b"".join(ANSWER.pack(known, first) for first, known in kept)


def add_cluster(clusters: list[Cluster], first: int, last: int) -> None:
    """Adds the times [first, last] to `clusters` (disjoint, in order), joining what is closer than SAME_PACKET."""
    end = clusters[-1]
    if first < end[0]:
        spans = sorted((*clusters, [first, last]))
        clusters[:] = [spans[0]]
        for span in spans[1:]:
            add_cluster(clusters, *span)
    elif first - end[1] < SAME_PACKET or len(clusters) == MOST_CLUSTERS:
        end[1] = max(end[1], last)
    else:
        clusters.append([first, last])


_BRANCH = re.compile(rb"branch=([^;,\s]*)").search
COMPACT = {b"call-id": b"i", b"from": b"f", b"to": b"t", b"via": b"v"}

_USUAL = {name.lower(): b"\n" + name + b": " for name in (b"From", b"To", b"CSeq", b"Call-ID", b"User-Agent")}


def value_of(head: bytes, name: bytes) -> bytes:
    """The first value of the header `name` (lower case), compact form too, folded lines joined; empty without one."""
    usual = _USUAL.get(name)
    if usual and (at := head.find(usual)) >= 0:
        end = head.find(b"\n", at + 1)
        if end >= 0 and head[end + 1 : end + 2] not in (b" ", b"\t"):
            return head[at + len(usual) : end].strip()
    short = COMPACT.get(name)
    lines = head.split(b"\n")
    for number, line in enumerate(lines[1:], 1):
        if line in (b"\r", b""):
            break
        spelt, colon, value = line.partition(b":")
        spelt = spelt.strip().lower()
        if colon and spelt in (name, short):
            for more in lines[number + 1 :]:
                if more[:1] not in (b" ", b"\t"):
                    break
                value = value.rstrip() + b" " + more.strip()
            return value.strip()
    return b""


def call_id(head: bytes) -> bytes:
    at = head.find(b"\nCall-ID: ")
    return head[at + 10 : head.find(b"\n", at + 10)].strip() if at >= 0 else value_of(head, b"call-id")


def branch(head: bytes) -> bytes:
    """The branch of the top Via; empty without one."""
    found = _BRANCH(head)
    return found[1] if found else b""


def agent_of(head: bytes) -> bytes:
    """The User-Agent value as it is usually spelt; empty otherwise."""
    at = head.find(b"\nUser-Agent: ")
    return head[at + 13 : head.find(b"\r", at)] if at >= 0 else b""


def has_tag(to: bytes) -> bool:
    """Whether a To value has a tag: the request is inside a dialog."""
    parameters = to.rpartition(b">")[2] if b">" in to else to.partition(b";")[2]
    return any(part.strip().lower().startswith((b"tag=", b"tag =")) for part in parameters.split(b";"))


def realm_of(head: bytes) -> bytes:
    at = head.find(b'realm="')
    return head[at + 7 : head.find(b'"', at + 7)] if at >= 0 else b""

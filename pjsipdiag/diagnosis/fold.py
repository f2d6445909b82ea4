"""SIP messages folded into transactions as they stream: what a million packets teach, in a few bytes each.

The law: a transaction is (Call-ID, CSeq number, branch of the top Via), whatever addresses carry it, so that an answer
finds its INVITE in another part of the capture or behind a NAT. Everything kept is a set, a minimum or a count that two
folds can be merged by, in any split, with the same result (`merge.py`). The head of a transaction's first request goes
to the spool; what it means is asked only at the end, when the PBX, its release and its configuration are known.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
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
MOST_CLUSTERS = 64
"""Retransmissions counted of one transaction: timer B allows 11 in practice; a flood of one packet counts as these."""
TRANSPORTS = ("UDP", "TCP", "TLS", "WS", "WSS")
DIRECTIONS = ("", "in", "out")
TRUNCATED = 4
IN_DIALOG = frozenset((b"ACK", b"BYE", b"CANCEL", b"PRACK", b"UPDATE", b"INFO"))
"""Methods that belong to a call and say nothing of their own about a source."""
MOST_REGISTRATIONS = 1000
MOST_PAIRS = 10_000
MOST_METHODS = 100_000
"""Pairs of source and method that are counted; beyond, requests that are not INVITEs are only counted as messages."""

Key = int
Cluster = list[int]
"""[first, last] time of requests so close that they are one packet."""


@dataclass(slots=True)
class Repeated:
    """Requests of one source and method: how many, and the digest and time of the last and of the first."""

    count: int
    digest: int
    time: int
    first_digest: int
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
    """Answers with an Asterisk header by (packed source IP, header value)."""
    requesters: dict[tuple[bytes, bytes], int] = field(default_factory=dict)
    """Requests with an Asterisk header, likewise."""
    answerers: dict[bytes, int] = field(default_factory=dict)
    """Packed IP -> transactions in which it was the first to answer, with an Asterisk header."""
    pairs: dict[tuple[bytes, bytes], int] = field(default_factory=dict)
    """Transactions by (packed source IP, packed destination IP), views counted apart; at most MOST_PAIRS."""
    local: dict[bytes, int] = field(default_factory=dict)
    """Packed IP -> transactions for which the capture says that this machine has it."""
    registrations: dict[bytes, Datagram] = field(default_factory=dict)
    messages: int = 0
    requests: int = 0
    responses: int = 0
    reinvites: int = 0
    start: int = 0
    end: int = 0

    def feed(self, datagrams: Iterable[Datagram]) -> None:
        """Folds `datagrams` in."""
        names = {method: (b" " + method + b"\r", b" " + method) for method in self.methods}
        tracked = frozenset(names)
        endings = tuple(end for pair in names.values() for end in pair)
        agents, is_asterisk = self.agents, _Asterisk()
        for datagram in datagrams:
            time, _, _, source, _, payload, _, _ = datagram
            self.messages += 1
            self.end = max(self.end, time)
            if payload[:1] in (b"\r", b"\n"):
                payload = payload.lstrip(b"\r\n")
            if payload.startswith(b"SIP/2.0 "):
                self.responses += 1
                at = payload.find(b"\nServer: ")
                agent = payload[at + 9 : payload.find(b"\n", at + 9)] if at >= 0 else other_agent(payload)
                asterisk = is_asterisk[agent]
                if asterisk:
                    pair = (source[:-2], agent)
                    agents[pair] = agents.get(pair, 0) + 1
                at = payload.find(b"\nCSeq: ")
                sequence = payload[at + 7 : payload.find(b"\n", at + 7)] if at >= 0 else value_of(payload, b"cseq")
                if sequence.endswith(endings):
                    self._answer(time, source, payload, sequence.split(None, 1)[0], asterisk)
                continue
            method = payload.partition(b" ")[0]
            if method in tracked:
                self._request(datagram, payload, is_asterisk)
            elif method not in IN_DIALOG:
                self._other(time, source, payload, method)
                if method == b"REGISTER":
                    self._register(datagram, payload, is_asterisk)

    def _request(self, datagram: Datagram, payload: bytes, is_asterisk: _Asterisk) -> None:
        time, frame, transport, source, destination, _, direction, truncated = datagram
        self.requests += 1
        end = payload.find(b"\r\n\r\n")
        if end >= 0:
            head = payload[: end + 4]
        else:
            end = payload.find(b"\n\n")
            head = payload[: end + 2] if end >= 0 else payload
        if _has_to_tag(head):
            self.reinvites += 1
            return
        at = head.find(b"\nUser-Agent: ")
        agent = head[at + 13 : head.find(b"\n", at + 13)] if at >= 0 else b""
        if is_asterisk[agent]:
            pair = (source[:-2], agent)
            self.requesters[pair] = self.requesters.get(pair, 0) + 1
        sequence = value_of(head, b"cseq").split(None, 1)
        key = hash((call_id(head), sequence[0] if sequence else b"", branch(head)))
        digest = crc32(destination[:-2], crc32(source[:-2]))
        number = self.index.get(key)
        if number is not None:
            old = ROW.unpack_from(self.rows, number * ROW.size)
            add_cluster(self.clusters.setdefault(key, [[old[0], old[0]]]), time, time)
            seen = [old[4]] + [ROW.unpack(row)[4] for row in self.views.get(key, ())]
            if digest in seen:
                return
        between = (source[:-2], destination[:-2])
        if between in self.pairs or len(self.pairs) < MOST_PAIRS:
            self.pairs[between] = self.pairs.get(between, 0) + 1
        if direction and number is None:
            here = between[direction == "in"]
            self.local[here] = self.local.get(here, 0) + 1
        flags = DIRECTIONS.index(direction) | (TRUNCATED if truncated or end < 0 else 0)
        code = TRANSPORTS.index(transport) if transport in TRANSPORTS else 0
        record = bytes((len(source),)) + source + destination + head
        row = ROW.pack(time, self.spool.append(record), frame & 0xFFFFFFFF, len(record), digest, code, flags)
        if number is None:
            self.index[key] = len(self.index)
            self.rows += row
        else:
            self.views.setdefault(key, []).append(row)

    def _answer(self, time: int, source: bytes, payload: bytes, number: bytes, asterisk: bool) -> None:
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
        if asterisk and not old:
            self.answerers[source[:-2]] = self.answerers.get(source[:-2], 0) + 1
        if status in (401, 407) and key not in self.realms:
            self.realms[key] = _realm(payload)

    def _other(self, time: int, source: bytes, payload: bytes, method: bytes) -> None:
        digest = crc32(payload)
        pair = (source[:-2], method)
        known = self.others.get(pair)
        if known is None:
            if len(self.others) < MOST_METHODS:
                self.others[pair] = Repeated(1, digest, time, digest, time)
            return
        if digest != known.digest or time - known.time > SAME_PACKET:
            known.count += 1
        known.digest, known.time = digest, time

    def _register(self, datagram: Datagram, payload: bytes, is_asterisk: _Asterisk) -> None:
        agent = value_of(payload, b"user-agent")
        asterisk = is_asterisk[agent]
        if asterisk:
            pair = (datagram.source[:-2], agent)
            self.requesters[pair] = self.requesters.get(pair, 0) + 1
        token = payload.find(b";line=")
        if (asterisk or token >= 0) and len(self.registrations) < MOST_REGISTRATIONS:
            line = payload[token : token + 40] if token >= 0 else b""
            to = value_of(payload, b"to")
            name = b"\0".join((datagram.source[:-2], datagram.destination[:-2], payload.split(b"\r", 1)[0], to, line))
            self.registrations.setdefault(name, datagram)

    @property
    def keys(self) -> array[int]:
        """The key of each row, in order."""
        return array("q", self.index)


class _Asterisk(dict[bytes, bool]):
    """Whether a Server or User-Agent value is Asterisk's (FreePBX and others keep its name or the FPBX form)."""

    def __missing__(self, value: bytes) -> bool:
        known = b"Asterisk" in value or b"FPBX" in value
        if len(self) < 10_000:
            self[value] = known
        return known


def add_answer(old: bytes, status: int, time: int) -> bytes:
    """`old` answers with one more; the same object when it teaches nothing new."""
    for known, first in ANSWER.iter_unpack(old):
        if known == status and first <= time:
            return old
    if not old:
        return ANSWER.pack(status, time)
    times: dict[int, int] = {}
    for known, first in (*ANSWER.iter_unpack(old), (status, time)):
        times[known] = min(first, times.get(known, first))
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


COMPACT = {b"call-id": b"i", b"from": b"f", b"to": b"t", b"via": b"v"}


def value_of(head: bytes, name: bytes) -> bytes:
    """The first value of the header `name` (lower case), compact form too, folded lines joined; empty without one."""
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
    at = head.find(b"branch=")
    if at < 0:
        return b""
    end = head.find(b"\n", at)
    return head[at + 7 : end if end >= 0 else len(head)].split(b";", 1)[0].split(b",", 1)[0].strip()


def other_agent(head: bytes) -> bytes:
    """The User-Agent of an answer without `Server`, or whichever of both is there in another spelling."""
    at = head.find(b"\nUser-Agent: ")
    if at >= 0:
        return head[at + 13 : head.find(b"\n", at + 13)]
    return b""


def _has_to_tag(head: bytes) -> bool:
    at = head.find(b"\nTo: ")
    to = head[at + 5 : head.find(b"\n", at + 5)] if at >= 0 else value_of(head, b"to")
    if b"tag" not in to:
        return False
    parameters = to.rpartition(b">")[2] if b">" in to else to.partition(b";")[2]
    return any(part.strip().lower().startswith((b"tag=", b"tag =")) for part in parameters.split(b";"))


def _realm(head: bytes) -> bytes:
    at = head.find(b'realm="')
    return head[at + 7 : head.find(b'"', at + 7)] if at >= 0 else b""

"""Folds of parts and files become one, in the order of the capture: where it was split does not matter."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from pjsipdiag.asterisk.forms.grammar import Fields
from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.diagnosis.calls.fold import MOST_REGISTRATIONS
from pjsipdiag.diagnosis.calls.folded import Folded
from pjsipdiag.diagnosis.calls.kinds import MOST_KINDS, Kind, first_seen
from pjsipdiag.diagnosis.calls.rows import (
    ANSWER,
    COUNT,
    DIGEST,
    DIRECTIONS,
    FIRST,
    FIRST_TIME,
    FLAGS,
    FRAME,
    LAST,
    LAST_TIME,
    ROW,
    SAME_PACKET,
    TIME,
    TRANSPORTS,
    TRUNCATED,
    Key,
    Repeated,
    Row,
    add_answer,
    add_cluster,
    ends,
)
from pjsipdiag.sip import Address, SipMessage

TRANSPORT_NAMES, _DIRECTIONS = tuple(TRANSPORTS), tuple(DIRECTIONS)


class CallRequest(NamedTuple):
    """The first request of a transaction between one pair of addresses, as the spool has it."""

    time: int
    frame: int
    capture: int
    transport: str
    source: bytes
    destination: bytes
    head: bytes
    direction: str
    truncated: bool

    def message(self) -> SipMessage:
        """The head as a message."""
        return SipMessage(
            self.head,
            self.transport,
            Address.unpack(self.source),
            Address.unpack(self.destination),
            self.time,
            self.frame,
            self.direction,
            self.truncated,
        )


@dataclass(slots=True)
class CapturePart:
    """One fold, the number of its capture and what its frames are counted from."""

    fold: Folded
    capture: int
    first_frame: int = 0
    told: bool = False
    """Whether it holds what carriers tell, which decides nothing where there is anything else."""


@dataclass(slots=True)
class Merged:
    """All parts: the dictionaries of `Fold`, for the whole."""

    parts: Sequence[CapturePart]
    keys: Sequence[array[int]]
    """The keys of the rows of each part."""
    senders: Sequence[Sequence[Fields]]
    called: Sequence[Sequence[bytes]]
    """The senders and the users of request URIs of each part by their numbers."""
    begun: dict[Key, int] = field(default_factory=dict)
    """Key -> number of the part that saw the transaction first, for those that several parts saw."""
    clusters: dict[Key, list[list[int]]] = field(default_factory=dict)
    views: dict[Key, list[tuple[int, bytes]]] = field(default_factory=dict)
    """Further views: (part, row)."""
    answers: dict[Key, bytes] = field(default_factory=dict)
    realms: dict[Key, bytes] = field(default_factory=dict)
    delays: dict[Key, bytes] = field(default_factory=dict)
    others: dict[Kind, Repeated] = field(default_factory=dict)
    seen: dict[Kind, list[Datagram]] = field(default_factory=dict)
    agents: dict[tuple[bytes, bytes], int] = field(default_factory=dict)
    requesters: dict[tuple[bytes, bytes], int] = field(default_factory=dict)
    answerers: dict[bytes, int] = field(default_factory=dict)
    pairs: Counter[tuple[bytes, bytes]] = field(default_factory=Counter)
    received: Counter[bytes] = field(default_factory=Counter)
    local: Counter[bytes] = field(default_factory=Counter)
    strays: dict[Key, bytes] = field(default_factory=dict)
    answering: set[bytes] = field(default_factory=set)
    greetings: dict[bytes, bytes] = field(default_factory=dict)
    registrations: dict[bytes, Datagram] = field(default_factory=dict)
    told_answerers: Counter[bytes] = field(default_factory=Counter)
    """The answerers that are only told."""
    tellers: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    responses: int = 0
    reinvites: int = 0
    end: int = 0

    def packets(self, key: Key) -> int:
        """How many requests of that transaction there were: itself and its retransmissions."""
        return len(self.clusters.get(key, (None,)))

    def statuses(self, key: Key) -> list[tuple[int, int]]:
        """(status, time) of its answers, in order."""
        return list(ANSWER.iter_unpack(self.answers.get(key, b"")))

    def transactions(self, number: int, rows: range) -> Iterator[tuple[int, Key, Sequence[tuple[int, Row]]]]:
        """The transactions that part `number` saw first: row, key, and (part, row) of each view as they were seen."""
        part = self.parts[number]
        begun, views = self.begun, self.views
        packed = memoryview(part.fold.rows)[rows.start * ROW.size : rows.stop * ROW.size]
        for at, key, row in zip(rows, self.keys[number][rows.start : rows.stop], ROW.iter_unpack(packed), strict=True):
            if begun and begun.get(key, number) != number:
                continue
            more = views.get(key)
            if more is None:
                yield at, key, ((number, row),)
            else:
                yield at, key, [(number, row), *((p, ROW.unpack(view)) for p, view in more)]

    def request(self, part: CapturePart, row: Row) -> CallRequest:
        time, offset, frame, length, _, transport, flags = row[:7]
        source, destination = ends(row)
        return CallRequest(
            time,
            part.first_frame + frame,
            part.capture,
            TRANSPORT_NAMES[transport],
            source,
            destination,
            part.fold.spool.read(offset, length),
            _DIRECTIONS[flags & 3],
            bool(flags & TRUNCATED),
        )


def merge(parts: Sequence[CapturePart]) -> Merged:
    """All of `parts`, which stand in the order of the capture."""
    parts = [*_with_told(parts)]
    folds = [part.fold for part in parts]
    whole = Merged(
        parts, [fold.keys for fold in folds], [[*fold.senders] for fold in folds], [[*fold.called] for fold in folds]
    )
    index: dict[Key, int] = {}
    heard = not any(part.fold.messages for part in parts if not part.told)
    for number, part in enumerate(parts):
        fold = part.fold
        _add_transactions(whole, number, fold, index, heard)
        for kind, repeated in fold.others.items():
            _add_repeated(whole.others, kind, repeated)
        for kind, messages in fold.seen.items():
            before = whole.seen.get(kind, [])
            if before or len(whole.seen) < MOST_KINDS:
                whole.seen[kind] = first_seen(
                    [*before, *(one._replace(frame=one.frame + part.first_frame) for one in messages)]
                )
        whole.delays |= {key: delay for key, delay in fold.delays.items() if key not in whole.delays}
        whole.tellers.update(fold.tellers)
        if heard or not part.told:
            _add_hosts(whole, fold)
        else:
            whole.told_answerers.update(fold.answerers)
        whole.messages += fold.messages
        whole.responses += fold.responses
        whole.reinvites += fold.reinvites
        whole.end = max(whole.end, fold.end)
    for part in parts:
        part.fold.index.clear()
    for ip in whole.strays.values():
        whole.answerers[ip] = whole.answerers.get(ip, 0) + 1
    return whole


def _with_told(parts: Sequence[CapturePart]) -> Iterator[CapturePart]:
    """Each with what carriers tell in it as a part of its own."""
    for part in parts:
        yield part
        if part.fold.told:
            yield replace(part, fold=part.fold.told, told=True)


def _add_hosts(whole: Merged, fold: Folded) -> None:
    """What it shows of hosts: who answers, asks, calls whom, and where the capture was made."""
    for times, more in ((whole.agents, fold.agents), (whole.requesters, fold.requesters)):
        for pair, time in more.items():
            times[pair] = min(time, times.get(pair, time))
    whole.pairs.update(fold.pairs)
    whole.received.update(fold.received)
    whole.answering |= fold.answering
    whole.greetings = {**fold.greetings, **whole.greetings}
    whole.local.update(fold.local)
    for ip, count in fold.answerers.items():
        whole.answerers[ip] = whole.answerers.get(ip, 0) + count
    for name, datagram in fold.registrations.items():
        if len(whole.registrations) < MOST_REGISTRATIONS:
            whole.registrations.setdefault(name, datagram)


def _add_transactions(whole: Merged, number: int, fold: Folded, index: dict[Key, int], heard: bool) -> None:
    """`index` says which part saw a transaction first; after the last part nobody needs it. `heard`: whether what
    carriers tell counts."""
    seen = index.keys() & fold.index.keys()
    for key in seen:
        whole.begun.setdefault(key, index[key])
        _add_seen(whole, number, fold, key, heard)
    if fold is not whole.parts[-1].fold:
        index.update(dict.fromkeys(fold.index.keys() - seen if seen else fold.index, number))
    for key, clusters in fold.clusters.items():
        if key not in seen:
            whole.clusters[key] = clusters
    for key, rows in fold.views.items():
        if key not in seen:
            whole.views[key] = [(number, row) for row in rows]
    both = {key: whole.answers[key] for key in whole.answers.keys() & fold.answers.keys()}
    strays = {key: ip for key, ip in fold.strays.items() if key not in both}
    if heard or not whole.parts[number].told:
        whole.strays.update(strays)
    else:
        whole.told_answerers.update(strays.values())
    whole.answers.update(fold.answers)
    for key, before in both.items():
        known = before
        for status, time in ANSWER.iter_unpack(fold.answers[key]):
            known = add_answer(known, status, time)
        whole.answers[key] = known
    for key, realm in fold.realms.items():
        whole.realms.setdefault(key, realm)


def _add_seen(whole: Merged, number: int, fold: Folded, key: Key, heard: bool) -> None:
    """A transaction that another part has begun: its packets and its views are added to it.

    In the order of the capture: what a part handed back comes after what it gave, and may have been seen before that.
    """
    before = whole.begun[key]
    counted = heard or not (whole.parts[before].told or whole.parts[number].told)
    first = whole.parts[before].fold
    old = ROW.unpack_from(first.rows, first.index[key] * ROW.size)
    row = fold.rows[fold.index[key] * ROW.size :][: ROW.size]
    clusters = whole.clusters.setdefault(key, [[old[TIME], old[TIME]]])
    time = ROW.unpack(row)[TIME]
    for cluster in fold.clusters.get(key, [[time, time]]):
        add_cluster(clusters, *cluster)
    views = whole.views.get(key, [])
    known = [(before, bytes(first.rows[first.index[key] * ROW.size :][: ROW.size])), *views]
    more = [(number, view) for view in (bytes(row), *fold.views.get(key, ()))]
    ordered = sorted([*known, *more], key=lambda view: _place(whole, *view))
    kept: dict[int, tuple[int, bytes]] = {}
    for view in ordered:
        seen = ROW.unpack(view[1])
        if kept.setdefault(seen[DIGEST], view) is not view and counted:
            source, destination = ends(seen)
            whole.pairs[source[:-2], destination[:-2]] -= 1
            whole.received[destination[:-2]] -= 1
    whole.begun[key] = ordered[0][0]
    if len(kept) > 1:
        whole.views[key] = list(kept.values())[1:]
    second = ROW.unpack((known if ordered[0] is more[0] else more)[0][1])
    direction = _DIRECTIONS[second[FLAGS] & 3]
    if direction and counted:
        whole.local[ends(second)[direction == "in"][:-2]] -= 1


def _place(whole: Merged, number: int, row: bytes) -> tuple[int, int]:
    """Where a request stands: its capture and its record there."""
    part = whole.parts[number]
    return part.capture, part.first_frame + ROW.unpack(row)[FRAME]


def _add_repeated(others: dict[Kind, Repeated], kind: Kind, after: Repeated) -> None:
    before = others.get(kind)
    if before is None:
        others[kind] = after
        return
    # what a part handed back is told after the others, and may be from before them
    again = after[FIRST] == before[LAST] and abs(after[FIRST_TIME] - before[LAST_TIME]) <= SAME_PACKET
    before[COUNT] += after[COUNT] - again
    before[LAST], before[LAST_TIME] = after[LAST], after[LAST_TIME]

"""A fold, and how it travels to another process or machine; several of them merged.

Everything kept is a set, a minimum or a count that two folds can be merged by, in any split, with the same result
(`merge.py`), and every key is the same wherever it was made (`digest.py`).
"""

from __future__ import annotations

import marshal
from array import array
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import field, fields
from typing import Any

from pjsipdiag.asterisk.forms.expressions import Fields
from pjsipdiag.asterisk.forms.head_forms import Forms
from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.dataclass import NamedTuple, dataclass
from pjsipdiag.diagnosis.calls.heads import IsAsterisk, tagged
from pjsipdiag.diagnosis.calls.outside.kinds import Kind
from pjsipdiag.diagnosis.calls.rows import (
    ANSWER,
    DIRECTIONS,
    ROW,
    TRANSPORTS,
    TRUNCATED,
    Cluster,
    Key,
    Repeated,
    Row,
    ends,
)
from pjsipdiag.diagnosis.calls.spool import Spool
from pjsipdiag.sip import Address, SipMessage

MARSHALLED = ("senders", "called", "answers", "realms", "others", "agents", "requesters", "pairs")
"""The attributes of a fold that are large and hold only numbers and bytes: `marshal` packs them in half the time."""

MOST_AGENTS, LONGEST_AGENT = 100_000, 256
"""User-Agents that are told apart; a further one counts as none."""
MOST_TELLERS, MOST_TAGS = 100, 100_000_000


@dataclass(slots=True)
class FoldTables:
    """The tables that one fold has, and several merged ones as well: what is seen of transactions and of hosts.

    Times are nanoseconds since 1970, addresses packed (`Address.pack`), texts as on the wire; `end` is the latest time.
    """

    answers: dict[Key, bytes] = field(default_factory=dict)
    realms: dict[Key, bytes] = field(default_factory=dict)
    delays: dict[Key, bytes] = field(default_factory=dict)
    """Retry-After of 503 answers."""
    repeats: dict[Key, list[Cluster]] = field(default_factory=dict)
    """Of transactions whose final answer was sent again: the times of its packets."""
    others: dict[Kind, Repeated] = field(default_factory=dict)
    """Requests outside of calls, and answers to them, by their kind."""
    seen: dict[Kind, list[Datagram]] = field(default_factory=dict)
    """The first of each kind that differ in their senders, at most MOST_SEEN of MOST_KINDS kinds."""
    agents: dict[tuple[bytes, bytes], int] = field(default_factory=dict)
    """(packed IP, Asterisk header of its answers) -> the first time it was seen."""
    requesters: dict[tuple[bytes, bytes], int] = field(default_factory=dict)
    """(packed IP, Asterisk header of its requests) -> the first time it was seen."""
    answerers: dict[bytes, int] = field(default_factory=dict)
    """Packed IP -> transactions in which it was the first to answer, with an Asterisk header."""
    strays: dict[Key, bytes] = field(default_factory=dict)
    """Transaction -> the packed IP that first answered it as Asterisk, where its request is in no row here: perhaps
    another part has it, and an earlier answer."""
    registrations: dict[bytes, Datagram] = field(default_factory=dict)
    greetings: dict[bytes, bytes] = field(default_factory=dict)
    """Packed sources of answers -> the first one."""
    tags: bytearray = field(default_factory=bytearray)
    """TAGGED of ACKs, final answers and INVITEs over connections, in their order; at most MOST_TAGS bytes."""
    answering: set[bytes] = field(default_factory=set)
    """Packed sources of answers, whose first was looked at; at most MOST_PEERS."""
    messages: int = 0
    responses: int = 0
    reinvites: int = 0
    end: int = 0


@dataclass(slots=True)
class FoldContent(FoldTables):
    """The content of one part of one capture. `rows` are transactions in the order of their first requests."""

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
    pairs: dict[tuple[bytes, bytes], int] = field(default_factory=dict)
    """Transactions by (packed source IP, packed destination IP), views counted apart; at most MOST_PAIRS."""
    received: dict[bytes, int] = field(default_factory=dict)
    """Transactions by packed destination IP, views counted apart; at most MOST_PAIRS."""
    local: dict[bytes, int] = field(default_factory=dict)
    """Packed IP -> transactions for which the capture says that this machine has it."""
    _asked: set[bytes] = field(default_factory=set)
    """Packed sources whose first request was looked at."""
    _is_asterisk: IsAsterisk = field(default_factory=IsAsterisk)
    _known_realms: dict[bytes, bytes] = field(default_factory=dict)
    told: FoldContent | None = None
    """The messages of carriers whose word is not taken: a fold of its own, heard only where nothing else is."""
    tellers: dict[str, int] = field(default_factory=dict)
    """Carrier whose word is not taken -> the messages that it told."""
    _untold: list[Datagram] = field(default_factory=list)
    """Messages of such carriers that are still to be folded."""
    _mirrors: Collection[str] = ()
    """Carriers whose word is taken."""
    requests: int = 0

    @property
    def counts(self) -> tuple[int, int]:
        """Its messages and its INVITEs, those that carriers tell among them."""
        told = self.told
        return self.messages + (told.messages if told else 0), self.requests + (told.requests if told else 0)

    @property
    def keys(self) -> array[int]:
        """The key of each row, in order."""
        return array("q", self.index)

    @property
    def lacks_tags(self) -> bool:
        """Whether no further ones are kept."""
        return len(self.tags) >= MOST_TAGS

    def keep_tag(self, datagram: Datagram, payload: bytes, what: int) -> None:
        """Keeps what a message may show of who receives what is sent to him."""
        if not self.lacks_tags:
            self.tags += tagged(datagram, payload, what)

    def count_teller(self, carrier: str) -> None:
        """One more message that a carrier tells whose word is not taken."""
        if carrier in self.tellers or len(self.tellers) < MOST_TELLERS:
            self.tellers[carrier] = self.tellers.get(carrier, 0) + 1

    def number_of_agent(self, agent: bytes) -> int:
        """The number of a User-Agent that is perhaps new."""
        agent = agent[:LONGEST_AGENT].rstrip()
        if agent in self.user_agents or len(self.user_agents) < MOST_AGENTS:
            return self.user_agents.setdefault(agent, len(self.user_agents))
        return 0

    def adopt(self, spool: Spool) -> None:
        """Takes a spool that another process filled."""
        self.spool = spool
        if self.told:
            self.told.spool = spool

    def __getstate__(self) -> dict[str, object]:
        """All but what only feeding needs. `marshal` and `pickle` ask for the same Python on both sides."""
        state = {name: getattr(self, name) for name in _TRAVEL}
        plain = marshal.dumps([state.pop(name) for name in MARSHALLED])
        return {**state, "index": self.keys, "forms": self.forms.known, "plain": plain}

    def __setstate__(self, state: dict[str, Any]) -> None:
        plain = zip(MARSHALLED, marshal.loads(state.pop("plain")), strict=True)
        for name, value in (*state.items(), *plain):
            setattr(self, name, value)
        self.others = {kind: array("q", counted) for kind, counted in self.others.items()}
        self.index = dict(zip(state["index"], range(len(state["index"])), strict=True))
        self.forms = Forms(state["forms"])
        self._asked, self._is_asterisk, self._known_realms = set(), IsAsterisk(), {}
        self._untold, self._mirrors = [], ()


_TRAVEL = tuple(one.name for one in fields(FoldContent) if not one.name.startswith("_"))

TRANSPORT_NAMES, DIRECTION_NAMES = tuple(TRANSPORTS), tuple(DIRECTIONS)


class CallRequest(NamedTuple):
    """The first request of a transaction between one pair of addresses (packed), as the spool has it.

    `time` in nanoseconds since 1970, `frame` from 1 on in the capture number `capture`.
    """

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

    fold: FoldContent
    capture: int
    first_frame: int = 0
    is_told: bool = False
    """Whether it holds what carriers tell, which decides nothing where there is anything else."""


@dataclass(slots=True)
class MergedFolds(FoldTables):
    """Some parts, or all: the tables of their folds, for the whole."""

    parts: list[CapturePart] = field(default_factory=list)
    keys: list[array[int]] = field(default_factory=list)
    """The keys of the rows of each part."""
    senders: list[list[Fields]] = field(default_factory=list)
    called: list[list[bytes]] = field(default_factory=list)
    """The senders and the users of request URIs of each part by their numbers."""
    begun: dict[Key, int] = field(default_factory=dict)
    """Key -> number of the part that saw the transaction first, for those that several parts saw."""
    clusters: dict[Key, list[list[int]]] = field(default_factory=dict)
    views: dict[Key, list[tuple[int, bytes]]] = field(default_factory=dict)
    """Further views: (part, row)."""
    pairs: Counter[tuple[bytes, bytes]] = field(default_factory=Counter)
    received: Counter[bytes] = field(default_factory=Counter)
    local: Counter[bytes] = field(default_factory=Counter)
    told_answerers: Counter[bytes] = field(default_factory=Counter)
    """The answerers that are only told."""
    told_strays: dict[Key, bytes] = field(default_factory=dict)
    tellers: Counter[str] = field(default_factory=Counter)
    lacks_tags: bool = False
    """Whether a part held more of them than it keeps."""

    def packets(self, key: Key) -> int:
        """How many requests of that transaction there were: itself and its retransmissions."""
        return len(self.clusters.get(key, (None,)))

    def statuses(self, key: Key) -> list[tuple[int, int]]:
        """(status, time) of its answers, in order."""
        return list(ANSWER.iter_unpack(self.answers.get(key, b"")))

    def transactions(self, number: int, rows: range) -> Iterator[tuple[int, Key, Sequence[tuple[int, Row]]]]:
        """The transactions that part `number` saw first: row, key, and (part, row) of each view as they were seen."""
        part = self.parts[number]
        packed = memoryview(part.fold.rows)[rows.start * ROW.size : rows.stop * ROW.size]
        for at, key, row in zip(rows, self.keys[number][rows.start : rows.stop], ROW.iter_unpack(packed), strict=True):
            views = self.views_of(number, key, row)
            if views:
                yield at, key, views

    def views_of(self, number: int, key: Key, row: Row) -> Sequence[tuple[int, Row]]:
        """(part, row) of each view of a transaction as they were seen; none where another part than `number` saw it
        first."""
        if self.begun and self.begun.get(key, number) != number:
            return ()
        more = self.views.get(key)
        return ((number, row),) if more is None else [(number, row), *((p, ROW.unpack(view)) for p, view in more)]

    def row_of(self, part: int, row: int, view: int, key: Key) -> tuple[int, Row]:
        """The part and the row of one view of a transaction; the first is the row of that number in that part."""
        if view:
            part, packed = self.views[key][view - 1]
            return part, ROW.unpack(packed)
        return part, ROW.unpack_from(self.parts[part].fold.rows, row * ROW.size)

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
            DIRECTION_NAMES[flags & 3],
            bool(flags & TRUNCATED),
        )

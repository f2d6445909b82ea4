"""What a fold holds, and how it travels to another process or machine.

Everything kept is a set, a minimum or a count that two folds can be merged by, in any split, with the same result
(`merge.py`), and every key is the same wherever it was made (`digest.py`).
"""

from __future__ import annotations

import marshal
from array import array
from collections.abc import Collection
from dataclasses import dataclass, field, fields
from typing import Any

from pjsipdiag.asterisk.forms.forms import Forms
from pjsipdiag.asterisk.forms.grammar import Fields
from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.diagnosis.calls.heads import IsAsterisk
from pjsipdiag.diagnosis.calls.kinds import Kind
from pjsipdiag.diagnosis.calls.rows import Cluster, Key, Repeated
from pjsipdiag.diagnosis.calls.spool import Spool

PLAIN = ("senders", "called", "answers", "realms", "others", "agents", "requesters", "pairs")
"""The attributes of a fold that are large and hold only numbers and bytes: `marshal` packs them in half the time."""


@dataclass(slots=True)
class Folded:
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
    _is_asterisk: IsAsterisk = field(default_factory=IsAsterisk)
    _known_realms: dict[bytes, bytes] = field(default_factory=dict)
    told: Folded | None = None
    """What carriers tell whose word is not taken: a fold of its own, so that it is heard only where nothing else is."""
    tellers: dict[str, int] = field(default_factory=dict)
    """How many messages each of them told."""
    _mirrors: Collection[str] = ()
    """Carriers whose word is taken."""
    messages: int = 0
    requests: int = 0
    responses: int = 0
    reinvites: int = 0
    end: int = 0

    @property
    def counts(self) -> tuple[int, int]:
        """Its messages and its INVITEs, those that carriers tell among them."""
        told = self.told
        return self.messages + (told.messages if told else 0), self.requests + (told.requests if told else 0)

    @property
    def keys(self) -> array[int]:
        """The key of each row, in order."""
        return array("q", self.index)

    def adopt(self, spool: Spool) -> None:
        """Takes a spool that another process filled."""
        self.spool = spool
        if self.told:
            self.told.spool = spool

    def __getstate__(self) -> dict[str, object]:
        """All but what only feeding needs. `marshal` and `pickle` ask for the same Python on both sides."""
        state = {name: getattr(self, name) for name in _TRAVEL}
        plain = marshal.dumps([state.pop(name) for name in PLAIN])
        return {**state, "index": self.keys, "forms": self.forms.known, "plain": plain}

    def __setstate__(self, state: dict[str, Any]) -> None:
        plain = zip(PLAIN, marshal.loads(state.pop("plain")), strict=True)
        for name, value in (*state.items(), *plain):
            setattr(self, name, value)
        self.index = dict(zip(state["index"], range(len(state["index"])), strict=True))
        self.forms = Forms(state["forms"])
        self._asked, self._is_asterisk, self._known_realms, self._mirrors = set(), IsAsterisk(), {}, ()


_TRAVEL = tuple(one.name for one in fields(Folded) if not one.name.startswith("_"))

"""Judges each transaction: received, sent or passing by, which call it belongs to, and its verdict.

One part of a capture is judged on its own, so that processes can share the work; `Judged` is small and can be sent.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import field
from itertools import pairwise, starmap
from operator import itemgetter, lt
from typing import TypeVar

from pjsipdiag.asterisk.forms.grammar import Fields
from pjsipdiag.asterisk.forms.header_syntax import read_sender
from pjsipdiag.asterisk.replay.alike import SenderNames
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.asterisk.verdict import Verdict
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.calls.arrival import Arrival
from pjsipdiag.diagnosis.calls.folded import TRANSPORT_NAMES, CapturePart, Merged
from pjsipdiag.diagnosis.calls.heads import call_id, value_of
from pjsipdiag.diagnosis.calls.rows import (
    CHALLENGES,
    CREDENTIALS,
    FORM,
    FRAME,
    LENGTH,
    OFFSET,
    SENDER,
    T1_GIVES_UP,
    TRANSPORT,
    TRANSPORTS,
    UNKNOWN,
    Row,
    ends,
    outcome_of,
)
from pjsipdiag.diagnosis.calls.selection import Selection

Name = TypeVar("Name")
NUMBERED = ("verdict", "agent", "source")
"""Columns of positions in tables."""
UNSEEN = -1
"""No number of a content."""
UDP = TRANSPORTS["UDP"]
BATCH = 4096
"""Transactions that are added to the columns at once."""


@dataclass(slots=True)
class Judged:
    """Received transactions, a column for each thing known, in the order of their parts.

    `verdict`, `agent` and `source` are positions in the tables.
    """

    part: array[int] = field(default_factory=lambda: array("I"))
    """The part that saw it first."""
    time: array[int] = field(default_factory=lambda: array("q"))
    frame: array[int] = field(default_factory=lambda: array("Q"))
    key: array[int] = field(default_factory=lambda: array("q"))
    call: array[int] = field(default_factory=lambda: array("q"))
    """Digest of Call-ID, From tag, source IP and request URI: the same in every transaction of a call."""
    view: array[int] = field(default_factory=lambda: array("I"))
    """Which of the transaction's views the PBX received."""
    row: array[int] = field(default_factory=lambda: array("I"))
    credentials: array[int] = field(default_factory=lambda: array("B"))
    transport: array[int] = field(default_factory=lambda: array("B"))
    """Position in TRANSPORTS."""
    port: array[int] = field(default_factory=lambda: array("H"))
    verdict: array[int] = field(default_factory=lambda: array("I"))
    agent: array[int] = field(default_factory=lambda: array("I"))
    source: array[int] = field(default_factory=lambda: array("I"))
    verdicts: list[Verdict] = field(default_factory=list)
    agents: list[bytes] = field(default_factory=list)
    sources: list[bytes] = field(default_factory=list)
    outbound: set[int] = field(default_factory=set)
    """Digests of the calls that the PBX sent."""
    sent: dict[tuple[bytes, int], int] = field(default_factory=dict)
    """How its calls were answered (0: not at all), by packed IP address that they went to and their digest."""
    passing: int = 0
    """Transactions between other hosts."""

    def add(self, transactions: Sequence[tuple[int, ...]]) -> None:
        """Adds transactions, each a tuple of what COLUMNS names."""
        for name, values in zip(COLUMNS, zip(*transactions, strict=True), strict=False):
            getattr(self, name).extend(values)


COLUMNS = ("part", "time", "frame", "key", "call", "view", "row", "credentials", "transport", "port", *NUMBERED)


def judge(
    merged: Merged,
    slices: Sequence[tuple[int, range]],
    *,
    pbx: Collection[bytes],
    arrival: Arrival,
    replay: Replay,
    wanted: Selection,
) -> Judged:
    """Judges the wanted transactions in `slices` (part, rows); `pbx` are the packed IP addresses of the PBX."""
    judged = Judged()
    batch: list[tuple[int, ...]] = []
    verdicts: dict[int, int] = {}
    alike: dict[object, int] = {}  # content, origin, transport and destination -> verdict
    tables = _Tables(merged, replay)
    origin = replay.alike.origin
    agents, sources = dict[bytes, int](), dict[bytes, int]()
    every = not wanted.sources and not wanted.call_ids
    for number, rows in slices:
        for at, key, views in merged.transactions(number, rows):
            which = 0 if len(views) == 1 else _received(merged, views, pbx)
            seen_in, row = views[which]
            time, _, frame, _, _, code, flags, _, _, call, _, _, _, agent = row
            source, destination = ends(row)
            if destination[:-2] not in pbx:
                if any(ends(view)[0][:-2] in pbx for _, view in views):
                    judged.outbound.add(call)
                    answers = merged.answers.get(key)
                    if answers or merged.end - time >= T1_GIVES_UP:
                        _count_sent(judged, answers, call, destination[:-2])
                else:
                    judged.passing += 1
                continue
            ip = source[:-2]
            if not every and not _is_wanted(wanted, merged, seen_in, row, ip):
                continue
            table = tables[seen_in]
            content = table.content(row)
            like = None if content is None else (content, origin(source), code, destination)
            found = alike.get(like)
            if found is None:
                verdict = table.verdict(row, content, source, arrival.at(TRANSPORT_NAMES[code], destination))
                found = verdicts.setdefault(id(verdict), len(judged.verdicts))
                if found == len(judged.verdicts):
                    judged.verdicts.append(verdict)
                if like is not None and not replay.asks_source(verdict):
                    alike[like] = found
            batch.append((
                number, time, table.first_frame + frame, key, call, which, at, flags & CREDENTIALS, code,
                source[-2] << 8 | source[-1], found, agents.setdefault(table.agents[agent], len(agents)),
                sources.setdefault(ip, len(sources)),
            ))  # fmt: skip
            if len(batch) == BATCH:
                judged.add(batch)
                batch.clear()
    judged.add(batch)
    judged.agents, judged.sources = list(agents), list(sources)
    return judged


def _count_sent(judged: Judged, answers: bytes | None, call: int, destination: bytes) -> None:
    status = outcome_of(answers)[0] if answers else 0
    judged.sent[destination, call] = max(judged.sent.get((destination, call), 0), status, key=_weight)


def outcomes(judged: Iterable[Judged]) -> Counter[tuple[bytes, int]]:
    """How many calls of the PBX came to what, by packed IP address that they went to and status."""
    sent: dict[tuple[bytes, int], int] = {}
    for one in judged:
        sent |= {call: max(sent.get(call, 0), status, key=_weight) for call, status in one.sent.items()}
    return Counter((ip, status) for (ip, _), status in sent.items())


def _weight(status: int) -> tuple[bool, bool, int]:
    """The weight of a call's status: success, else an answer that is no challenge, as it is tried again behind one."""
    return 200 <= status < 300, status not in (0, *CHALLENGES), status


def _received(merged: Merged, views: Sequence[tuple[int, Row]], pbx: Collection[bytes]) -> int:
    """Which of several views the PBX received: the last on the way, as a NAT on the same machine comes before it. Where
    it received none, the first one.

    A stream tells some of its messages late, so they are not in the order of the capture.
    """

    def place(which: int) -> tuple[int, int]:
        number, row = views[which]
        return merged.parts[number].capture, merged.parts[number].first_frame + row[FRAME]

    latest_first = sorted(range(len(views)), key=place, reverse=True)
    return next((which for which in latest_first if ends(views[which][1])[1][:-2] in pbx), latest_first[-1])


def _is_wanted(wanted: Selection, merged: Merged, part: int, row: Row, ip: bytes) -> bool:
    if not wanted.has_source(ip):
        return False
    return not wanted.call_ids or wanted.has_call_id(call_id(merged.request(merged.parts[part], row).head))


class _Tables(dict[int, "_Numbers"]):
    """The table of each part, made when it is needed."""

    def __init__(self, merged: Merged, replay: Replay) -> None:
        super().__init__()
        self._merged, self._replay = merged, replay

    def __missing__(self, number: int) -> _Numbers:
        table = self[number] = _Numbers(self._merged.parts[number], self._merged.senders[number], self._replay)
        return table


class _Numbers:
    """The meanings of the numbers in the rows of one part, under the configuration of `replay`."""

    def __init__(self, part: CapturePart, senders: Sequence[Fields], replay: Replay) -> None:
        self.agents = list(part.fold.user_agents)
        self.first_frame = part.first_frame
        self._part = part
        self._replay = replay
        self._alike = replay.alike
        self._kinds = [self._alike.kind(form) for form in part.fold.forms.known]
        self._contents: dict[int, int | None] = {}
        self._senders = [SenderNames(*(name or b"" for name in names)) for names in senders]

    def verdict(self, row: Row, content: int | None, source: bytes, place: bytes) -> Verdict:
        """The verdict on the request in `row`, whose content is known, and which Asterisk received at `place`."""
        transport = TRANSPORT_NAMES[row[TRANSPORT]]
        if content is not None:
            key = content, self._alike.origin(source), transport, place
            return self._replay.verdict_like(key, lambda: self._head(row), source)
        return self._replay.verdict_of(self._head(row), transport, source, place)

    def content(self, row: Row) -> int | None:
        """The number of what the request in `row` says; None where that is its whole text."""
        form, sender = row[FORM], row[SENDER]
        kind = self._kinds[form]
        if kind is None or (row[TRANSPORT] != UDP and not kind.length):
            return None
        if sender == UNKNOWN:
            found = None if kind.credentials else read_sender(value_of(self._head(row), b"from"))
            return self._alike.content(kind, SenderNames(*found, b"", b"")) if found else None
        at = form << 32 | sender
        known = self._contents.get(at, UNSEEN)
        if known == UNSEEN:
            known = self._contents[at] = self._alike.content(kind, self._senders[sender])
        return known

    def _head(self, row: Row) -> bytes:
        return self._part.fold.spool.read(row[OFFSET], row[LENGTH])


def joined(judged: Sequence[Judged]) -> Judged:
    """All that was judged as one; the parts are used up, as both together would take much memory."""
    if len(judged) == 1:
        return judged[0]
    whole = Judged()
    verdicts: dict[Verdict, int] = {}
    agents: dict[bytes, int] = {}
    sources: dict[bytes, int] = {}
    for one in judged:
        for name in COLUMNS:
            if name not in NUMBERED:
                column = getattr(one, name)
                getattr(whole, name).extend(column)
                del column[:]
        whole.verdict.extend(_renumbered(one.verdict, one.verdicts, verdicts))
        whole.agent.extend(_renumbered(one.agent, one.agents, agents))
        whole.source.extend(_renumbered(one.source, one.sources, sources))
    whole.verdicts, whole.agents, whole.sources = list(verdicts), list(agents), list(sources)
    return whole


def _renumbered(column: array[int], values: Sequence[Name], numbers: dict[Name, int]) -> Iterator[int]:
    """A column of positions in `values` as numbers of `numbers`, to which new values are added."""
    return map([numbers.setdefault(value, len(numbers)) for value in values].__getitem__, column)


def rise(values: Iterable[object]) -> bool:
    """Whether each of them is larger than the one before it."""
    return all(starmap(lt, pairwise(values)))


def picked(columns: Sequence[array[int]], places: array[int] | None) -> Sequence[array[int]]:
    """The columns at these places only, None: all of them."""
    if places is None:
        return columns
    if len(places) < 2:  # an itemgetter of one place gives no tuple
        return [array(column.typecode, [column[at] for at in places]) for column in columns]
    pick = itemgetter(*places)
    return [array(column.typecode, pick(column)) for column in columns]


def in_order(names: list[Name], used: array[int]) -> tuple[list[Name], array[int]]:
    """`names` in the order in which `used`, positions in them, first has them, and what it is then."""
    first = dict.fromkeys(used)
    position = {old: new for new, old in enumerate(first)}
    return [names[old] for old in first], array("I", map(position.__getitem__, used))

"""Judges each transaction: received, sent or passing by, which call it belongs to, and its verdict.

One part of a capture is judged on its own, so that processes can share the work; `JudgedRows` is small and can be sent.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import field
from itertools import compress
from operator import getitem

from pjsipdiag.asterisk.forms.expressions import Fields
from pjsipdiag.asterisk.forms.header_syntax import read_sender
from pjsipdiag.asterisk.replay.alike import AlikeKeys, RequestKind
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.asterisk.verdict import Verdict
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.calls.fold_content import TRANSPORT_NAMES, CapturePart, MergedFolds
from pjsipdiag.diagnosis.calls.heads import call_id, value_of
from pjsipdiag.diagnosis.calls.pbx.received_at import Arrival
from pjsipdiag.diagnosis.calls.rows import (
    CALL,
    CHALLENGES,
    FORM,
    FRAME,
    LENGTH,
    OFFSET,
    ROW,
    SENDER,
    T1_GIVES_UP,
    TIME,
    TRANSPORT,
    TRANSPORTS,
    UNKNOWN,
    Key,
    Row,
    all_ends,
    column,
    ends,
    outcome_of,
)
from pjsipdiag.diagnosis.calls.selection import Selection

LEFT_OUT = -1
"""No number of a verdict."""
_LEFT_OUT = (LEFT_OUT, b"", b"")
UDP_CODE = TRANSPORTS["UDP"]
ROWS_AT_ONCE = 4096
"""Rows that are looked at at once."""


@dataclass(slots=True)
class JudgedRows:
    """The verdicts on some rows, in their order; `verdict`, `source` and `destination` are positions in the
    tables."""

    verdict: array[int] = field(default_factory=lambda: array("i"))
    """Of each row; LEFT_OUT for what the PBX did not receive, and what is not wanted."""
    view: dict[int, int] = field(default_factory=dict)
    """Which view of a row the PBX received, where that is not the first."""
    source: array[int] = field(default_factory=lambda: array("I"))
    """Of each that was received."""
    port: array[int] = field(default_factory=lambda: array("H"))
    destination: array[int] = field(default_factory=lambda: array("I"))
    verdicts: list[Verdict] = field(default_factory=list)
    sources: list[bytes] = field(default_factory=list)
    destinations: list[bytes] = field(default_factory=list)
    outbound: set[int] = field(default_factory=set)
    """Digests of the calls that the PBX sent."""
    sent: dict[tuple[bytes, int], int] = field(default_factory=dict)
    """How its calls were answered (0: not at all), by packed IP address that they went to and their digest."""
    passing: int = 0
    """Transactions between other hosts."""


def judge(
    merged: MergedFolds,
    slices: Sequence[tuple[int, range]],
    *,
    pbx: Collection[bytes],
    arrival: Arrival,
    replay: Replay,
    wanted: Selection,
) -> JudgedRows:
    """Judges the transactions in `slices` (part, rows); `pbx` are the packed IP addresses of the PBX."""
    judging = _Judging(merged, pbx, arrival, replay, wanted)
    for number, rows in slices:
        for batch in batches(rows):
            judging.add(number, batch)
    judging.judged.sources, judging.judged.destinations = list(judging.sources), list(judging.destinations)
    return judging.judged


class _Judging:
    """Rows are looked at in columns; one by one those that have no like before them, or that were seen several times.

    `_alike` has the number of the verdict by content, origin, transport and destination.
    """

    def __init__(
        self, merged: MergedFolds, pbx: Collection[bytes], arrival: Arrival, replay: Replay, wanted: Selection
    ) -> None:
        self._merged, self._pbx, self._arrival, self._replay, self._wanted = merged, pbx, arrival, replay, wanted
        self._every = not wanted.sources and not wanted.call_ids
        self.judged, self.sources, self.destinations = JudgedRows(), Numbering(), Numbering()
        self._alike: dict[tuple[object, ...], int] = {}
        self._verdicts: dict[int, int] = {}
        self._tables = _Tables(merged, replay)

    def add(self, number: int, rows: range) -> None:
        """Judges some rows of part `number`."""
        merged, judged, every = self._merged, self.judged, self._every and not self._arrival.proxied.call_ids
        packed = packed_rows(merged, number, rows)
        sources, destinations = all_ends(packed)
        contents, origins = self._tables[number].contents(packed), self._replay.alike.origins(sources)
        likes = zip(contents, origins, column(packed, TRANSPORT), destinations, strict=True)
        views, begun, keys = merged.views, merged.begun, merged.keys[number][rows.start : rows.stop]
        verdicts, known = list[int](), self._alike
        for at, (key, like) in enumerate(zip(keys, likes, strict=True)):
            verdict = known.get(like, LEFT_OUT)
            if verdict == LEFT_OUT or not every or key in views or key in begun:
                verdict, sources[at], destinations[at] = self._judge(number, rows[at], key, len(judged.verdict) + at)
            verdicts.append(verdict)
        judged.verdict.extend(verdicts)
        wanted = [verdict != LEFT_OUT for verdict in verdicts]
        received = list(compress(sources, wanted))
        judged.source.extend([self.sources[source[:-2]] for source in received])
        judged.port.extend([source[-2] << 8 | source[-1] for source in received])
        judged.destination.extend(map(self.destinations.__getitem__, compress(destinations, wanted)))

    def _judge(self, number: int, at: int, key: Key, place: int) -> tuple[int, bytes, bytes]:
        """Number of the verdict, packed source and destination of a transaction; LEFT_OUT for one that the PBX did not
        receive, or that is not wanted."""
        merged, judged, pbx = self._merged, self.judged, self._pbx
        # Calls that no identifier can tell apart share one verdict: `like` is all that a verdict can depend on.
        views = merged.views_of(number, key, ROW.unpack_from(merged.parts[number].fold.rows, at * ROW.size))
        if not views:
            return _LEFT_OUT
        which = 0 if len(views) == 1 else _received(merged, views, pbx)
        seen_in, row = views[which]
        call, code = row[CALL], row[TRANSPORT]
        source, destination = ends(row)
        if destination[:-2] not in pbx:
            if any(ends(view)[0][:-2] in pbx for _, view in views):
                judged.outbound.add(call)
                answers = merged.answers.get(key)
                if answers or merged.end - row[TIME] >= T1_GIVES_UP:
                    _count_sent(judged, answers, call, destination[:-2])
            else:
                judged.passing += 1
            return _LEFT_OUT
        if self._arrival.proxied.call_ids and self._is_proxied(seen_in, row, destination):
            return _LEFT_OUT
        if not self._every and not _is_wanted(self._wanted, merged, seen_in, row, source[:-2]):
            return _LEFT_OUT
        if which:
            judged.view[place] = which
        table = self._tables[seen_in]
        content = table.content(row)
        like = content, self._replay.alike.origin(source), code, destination
        found = self._alike.get(like)
        if found is None:
            verdict = table.verdict(row, content, source, self._arrival.at(TRANSPORT_NAMES[code], destination))
            found = self._verdicts.setdefault(id(verdict), len(judged.verdicts))
            if found == len(judged.verdicts):
                judged.verdicts.append(verdict)
            if content is not None and not self._replay.asks_source(verdict):
                self._alike[like] = found
        return found, source, destination

    def _is_proxied(self, part: int, row: Row, destination: bytes) -> bool:
        """Whether a proxy takes the request where no transport listens, and Asterisk gets it from there."""
        if self._arrival.at(TRANSPORT_NAMES[row[TRANSPORT]], destination) == destination:
            return False
        head = self._merged.request(self._merged.parts[part], row).head
        return call_id(head) in self._arrival.proxied.call_ids


def _count_sent(judged: JudgedRows, answers: bytes | None, call: int, destination: bytes) -> None:
    status = outcome_of(answers)[0] if answers else 0
    judged.sent[destination, call] = max(judged.sent.get((destination, call), 0), status, key=_weight)


def outcomes(judged: Iterable[JudgedRows]) -> Counter[tuple[bytes, int]]:
    """The calls of the PBX, counted by the packed IP address that they went to and the status that they ended with."""
    sent: dict[tuple[bytes, int], int] = {}
    for one in judged:
        sent |= {call: max(sent.get(call, 0), status, key=_weight) for call, status in one.sent.items()}
    return Counter((ip, status) for (ip, _), status in sent.items())


def _weight(status: int) -> tuple[bool, bool, int]:
    """The weight of a call's status: success, else an answer that is no challenge, as it is tried again behind one."""
    return 200 <= status < 300, status not in (0, *CHALLENGES), status


def _received(merged: MergedFolds, views: Sequence[tuple[int, Row]], pbx: Collection[bytes]) -> int:
    """Which of several views the PBX received: the last on the way, as a NAT on the same machine comes before it. Where
    it received none, the first one.

    A stream tells some of its messages late, so they are not in the order of the capture.
    """

    def place(which: int) -> tuple[int, int]:
        number, row = views[which]
        return merged.parts[number].capture, merged.parts[number].first_frame + row[FRAME]

    latest_first = sorted(range(len(views)), key=place, reverse=True)
    return next((which for which in latest_first if ends(views[which][1])[1][:-2] in pbx), latest_first[-1])


def _is_wanted(wanted: Selection, merged: MergedFolds, part: int, row: Row, ip: bytes) -> bool:
    if not wanted.has_source(ip):
        return False
    return not wanted.call_ids or wanted.has_call_id(call_id(merged.request(merged.parts[part], row).head))


class _Tables(dict[int, "_Numbers"]):
    """The table of each part, made when it is needed."""

    def __init__(self, merged: MergedFolds, replay: Replay) -> None:
        super().__init__()
        self._merged, self._replay = merged, replay

    def __missing__(self, number: int) -> _Numbers:
        table = self[number] = _Numbers(self._merged.parts[number], self._merged.senders[number], self._replay)
        return table


class _Numbers(dict[tuple[int, int], "_OfKind"]):
    """The meanings of the numbers in the rows of one part, under the configuration of `replay`: transport and number of
    a form -> what its senders come to."""

    def __init__(self, part: CapturePart, senders: Sequence[Fields], replay: Replay) -> None:
        super().__init__()
        self._part, self._replay = part, replay
        self._senders = senders

    def __missing__(self, sent: tuple[int, int]) -> _OfKind:
        code, form = sent
        kind = self._replay.alike.kind(self._part.fold.forms.known[form])
        known = _OfKind(
            kind if kind and (code == UDP_CODE or kind.has_length) else None, self._senders, self._replay.alike
        )
        return self.setdefault(sent, known)

    def contents(self, rows: memoryview) -> Iterator[int | None]:
        """The numbers of what requests say; None where that is the whole text, or has to be read (`content`)."""
        kinds = zip(column(rows, TRANSPORT), column(rows, FORM), strict=True)
        return map(getitem, map(self.__getitem__, kinds), column(rows, SENDER))

    def content(self, row: Row) -> int | None:
        """The number of what the request in `row` says; None where that is its whole text."""
        known = self[row[TRANSPORT], row[FORM]]
        if row[SENDER] != UNKNOWN or known.kind is None or known.kind.has_credentials:
            return known[row[SENDER]]
        found = read_sender(value_of(self._head(row), b"from"))
        return self._replay.alike.content(known.kind, (*found, b"", b"")) if found else None

    def verdict(self, row: Row, content: int | None, source: bytes, place: bytes) -> Verdict:
        """The verdict on the request in `row`, whose content is known, and which Asterisk received at `place`."""
        transport = TRANSPORT_NAMES[row[TRANSPORT]]
        if content is not None:
            key = content, self._replay.alike.origin(source), transport, place
            return self._replay.verdict_like(key, lambda: self._head(row), source)
        return self._replay.verdict_of(self._head(row), transport, source, place)

    def _head(self, row: Row) -> bytes:
        return self._part.fold.spool.read(row[OFFSET], row[LENGTH])


class _OfKind(dict[int, int | None]):
    """Number of a sender -> number of what its requests of one kind say; None where that does not tell it."""

    def __init__(self, kind: RequestKind | None, senders: Sequence[Fields], alike: AlikeKeys) -> None:
        super().__init__()
        self.kind, self._senders, self._alike = kind, senders, alike

    def __missing__(self, sender: int) -> int | None:
        if self.kind is None or sender == UNKNOWN:
            return None
        return self.setdefault(sender, self._alike.content(self.kind, self._senders[sender]))


class Numbering(dict[bytes, int]):
    """Numbers names in the order in which they come."""

    def __missing__(self, name: bytes) -> int:
        return self.setdefault(name, len(self))


def batches(rows: range) -> Iterator[range]:
    """`rows` in pieces that are looked at at once."""
    return (rows[at : at + ROWS_AT_ONCE] for at in range(0, len(rows), ROWS_AT_ONCE))


def packed_rows(merged: MergedFolds, number: int, rows: range) -> memoryview:
    """These rows of a part as they are kept."""
    return memoryview(merged.parts[number].fold.rows)[rows.start * ROW.size : rows.stop * ROW.size]

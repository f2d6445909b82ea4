"""The requests that the PBX received, in columns: joined from what several processes judged, and picked for calls."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from itertools import compress, pairwise, starmap
from operator import itemgetter, lt
from typing import Any, TypeVar

from pjsipdiag.asterisk.verdict import Verdict
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.calls.fold_content import MergedFolds
from pjsipdiag.diagnosis.calls.judge import LEFT_OUT, JudgedRows, Numbering, batches, packed_rows
from pjsipdiag.diagnosis.calls.rows import AGENT, CALL, FLAGS, FRAME, ROW, TIME, TRANSPORT, column

Name = TypeVar("Name")


@dataclass(slots=True)
class ReceivedRequests:
    """Received transactions, a column for each thing known, in the order of their parts. `verdict`, `agent`,
    `source` and `destination` are positions in the tables."""

    part: array[int] = field(default_factory=lambda: array("I"))
    """The part that saw it first."""
    row: array[int] = field(default_factory=lambda: array("I"))
    view: array[int] = field(default_factory=lambda: array("I"))
    """Which of the transaction's views the PBX received."""
    key: array[int] = field(default_factory=lambda: array("q"))
    time: array[int] = field(default_factory=lambda: array("q"))
    frame: array[int] = field(default_factory=lambda: array("Q"))
    call: array[int] = field(default_factory=lambda: array("q"))
    """Digest of Call-ID, From tag, source IP and request URI: the same in every transaction of a call."""
    flags: array[int] = field(default_factory=lambda: array("B"))
    transport: array[int] = field(default_factory=lambda: array("B"))
    """Position in TRANSPORTS."""
    agent: array[int] = field(default_factory=lambda: array("I"))
    verdict: array[int] = field(default_factory=lambda: array("i"))
    source: array[int] = field(default_factory=lambda: array("I"))
    port: array[int] = field(default_factory=lambda: array("H"))
    destination: array[int] = field(default_factory=lambda: array("I"))
    verdicts: list[Verdict] = field(default_factory=list)
    agents: list[bytes] = field(default_factory=list)
    sources: list[bytes] = field(default_factory=list)
    destinations: list[bytes] = field(default_factory=list)


def join_received(merged: MergedFolds, judged: Sequence[JudgedRows]) -> ReceivedRequests:
    """All that was received; what was judged is used up, as both together would take much memory."""
    whole, views = ReceivedRequests(), dict[int, int]()
    verdicts, agents, sources, destinations = dict[Verdict, int](), Numbering(), Numbering(), Numbering()
    verdict = array("i")
    for one in judged:
        views |= {len(verdict) + at: which for at, which in one.view.items()}
        numbers = [verdicts.setdefault(reached, len(verdicts)) for reached in one.verdicts]
        verdict.extend(map([*numbers, LEFT_OUT].__getitem__, one.verdict))
        for name, known in (("source", sources), ("destination", destinations)):
            numbers = list(map(known.__getitem__, getattr(one, f"{name}s")))
            getattr(whole, name).extend(map(numbers.__getitem__, getattr(one, name)))
        whole.port.extend(one.port)
        del one.verdict[:], one.source[:], one.port[:], one.destination[:]
    whole.verdicts, whole.sources, whole.destinations = list(verdicts), list(sources), list(destinations)
    del sources  # This table of a million sources takes as much memory as all columns.
    done = 0
    tables = [list(part.fold.user_agents) for part in merged.parts]
    for number, keys in enumerate(merged.keys):
        for rows in batches(range(len(keys))):
            following = done + len(rows)
            seen = {rows[at - done]: views[at] for at in range(done, following) if at in views} if views else {}
            columns = _columns(merged, number, rows, seen, tables)
            columns["verdict"] = verdict[done:following]
            wanted = [reached != LEFT_OUT for reached in columns["verdict"]]
            for name, values in columns.items():
                kept = values if all(wanted) else compress(values, wanted)
                getattr(whole, name).extend(map(agents.__getitem__, kept) if name == "agent" else kept)
            done = following
    whole.agents = list(agents)
    return whole


def _columns(
    merged: MergedFolds, number: int, rows: range, views: Mapping[int, int], tables: Sequence[Sequence[bytes]]
) -> dict[str, Any]:
    """The columns of some rows of a part; `agent` in words."""
    packed, keys = packed_rows(merged, number, rows), merged.keys[number][rows.start : rows.stop]
    found: dict[str, Any] = {
        "part": array("I", [number]) * len(rows),
        "row": array("I", rows),
        "view": array("I", bytes(4 * len(rows))),
        "key": keys,
        "time": column(packed, TIME),
        "frame": array("Q", map(merged.parts[number].first_frame.__add__, column(packed, FRAME))),
        "call": column(packed, CALL),
        "flags": column(packed, FLAGS),
        "transport": column(packed, TRANSPORT),
        "agent": list(map(tables[number].__getitem__, column(packed, AGENT))),
    }
    for at, which in views.items():
        place = at - rows.start
        row = ROW.unpack_from(packed, place * ROW.size)
        seen_in, row = merged.views_of(number, keys[place], row)[which]
        frame = merged.parts[seen_in].first_frame + row[FRAME]
        of_view = number, at, which, keys[place], row[TIME], frame, row[CALL], row[FLAGS], row[TRANSPORT]
        for values, value in zip(found.values(), (*of_view, tables[seen_in][row[AGENT]]), strict=True):
            values[place] = value
    return found


def differ(values: array[int]) -> bool:
    """Whether no number is there twice."""
    # One quarter after the other, as a set of a million numbers takes more memory than anything before it.
    quarters = ([number for number in values if number >> 62 == at] for at in (-2, -1, 0, 1))
    return all(len(set(quarter)) == len(quarter) for quarter in quarters)


def rise(values: Iterable[object]) -> bool:
    """Whether each of them is larger than the one before it."""
    return all(starmap(lt, pairwise(values)))


def pick(columns: Sequence[array[int]], places: array[int] | None) -> Sequence[array[int]]:
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

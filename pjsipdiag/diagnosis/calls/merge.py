"""Folds of parts and files become one, in the order of the capture: where it was split does not matter.

What some parts come to is merged with what the parts behind them come to in the same way as two parts are, so that
machines can share the work in a tree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.diagnosis.calls.fold import MOST_REGISTRATIONS
from pjsipdiag.diagnosis.calls.fold_content import DIRECTION_NAMES, CapturePart, FoldContent, MergedFolds
from pjsipdiag.diagnosis.calls.outside.kinds import MOST_KINDS, Kind, first_seen
from pjsipdiag.diagnosis.calls.rows import (
    ANSWER,
    COUNT,
    DIGEST,
    FINAL,
    FIRST,
    FIRST_TIME,
    FLAGS,
    FRAME,
    LAST,
    LAST_TIME,
    ROW,
    SAME_PACKET,
    TIME,
    Key,
    Repeated,
    add_answer,
    add_cluster,
    add_repeat,
    ends,
    first_of,
)


def merge(parts: Sequence[CapturePart]) -> MergedFolds:
    """All of `parts`, which stand in the order of the capture."""
    heard = not any(part.fold.messages for part in parts)
    return finish((merged for part in parts for merged in alone(part, heard)), heard)


def finish(merged: Iterable[MergedFolds], heard: bool) -> MergedFolds:
    """All that there is, in the order of the capture; it is used up, and cannot be merged any further."""
    whole = merge_more(merged, heard)
    for part in whole.parts:
        part.fold.index.clear()
    for ip in whole.strays.values():
        whole.answerers[ip] = whole.answerers.get(ip, 0) + 1
    whole.told_answerers.update(whole.told_strays.values())
    return whole


def merge_more(merged: Iterable[MergedFolds], heard: bool) -> MergedFolds:
    """Merges what stands one behind the other; it is used up. `heard`: whether what carriers tell counts."""
    following = iter(merged)
    whole = next(following, None) or MergedFolds()
    index: dict[Key, int] = {}
    """Which part saw a transaction first."""
    known = 0
    for more in following:
        for number in range(known, len(whole.parts)):
            keys = whole.parts[number].fold.index
            index.update(dict.fromkeys(keys.keys() - index.keys() if index else keys, number))
        known = len(whole.parts)
        _add(whole, more, index, heard)
    return whole


def alone(part: CapturePart, heard: bool) -> Iterator[MergedFolds]:
    """One part as MergedFolds, then what carriers tell in it as a part of its own; its fold is used up."""
    yield _of(part.fold, part, True)
    if part.fold.told:
        told = replace(part, fold=part.fold.told, is_told=True)
        yield _of(told.fold, told, heard)


def _of(fold: FoldContent, part: CapturePart, counts: bool) -> MergedFolds:
    """The MergedFolds of one fold; where it does not count, it says nothing of hosts."""
    merged = MergedFolds(
        parts=[part],
        keys=[fold.keys],
        senders=[[*fold.senders]],
        called=[[*fold.called]],
        clusters=fold.clusters,
        views={key: [(0, row) for row in rows] for key, rows in fold.views.items()},
        answers=fold.answers,
        realms=fold.realms,
        delays=fold.delays,
        repeats=fold.repeats,
        others=fold.others,
        seen={kind: first_seen(_moved(messages, part.first_frame)) for kind, messages in fold.seen.items()},
        tellers=Counter(fold.tellers),
        messages=fold.messages,
        responses=fold.responses,
        reinvites=fold.reinvites,
        end=fold.end,
        tags=bytearray() if part.is_told else fold.tags,
        lacks_tags=not part.is_told and fold.lacks_tags,
    )
    if not counts:
        merged.told_answerers, merged.told_strays = Counter(fold.answerers), fold.strays
        return merged
    for name in ("agents", "requesters", "answerers", "strays", "answering", "greetings", "registrations"):
        setattr(merged, name, getattr(fold, name))
    merged.pairs, merged.received, merged.local = Counter(fold.pairs), Counter(fold.received), Counter(fold.local)
    return merged


def _moved(messages: Sequence[Datagram], frames: int) -> Sequence[Datagram]:
    """Messages whose frames are counted from elsewhere."""
    if not frames:
        return messages
    return [tuple.__new__(type(one), (one.time, one.frame + frames, *one[2:])) for one in messages]


def _add(whole: MergedFolds, more: MergedFolds, index: Mapping[Key, int], heard: bool) -> None:
    """Adds what stands behind `whole`."""
    _add_transactions(whole, more, index, heard)
    for kind, repeated in more.others.items():
        _add_repeated(whole.others, kind, repeated)
    for kind, messages in more.seen.items():
        before = whole.seen.get(kind, [])
        if before or len(whole.seen) < MOST_KINDS:
            whole.seen[kind] = first_seen([*before, *messages])
    whole.delays |= {key: delay for key, delay in more.delays.items() if key not in whole.delays}
    add_hosts(whole, more)
    whole.told_answerers.update(more.told_answerers)
    whole.tellers.update(more.tellers)
    whole.messages += more.messages
    whole.responses += more.responses
    whole.reinvites += more.reinvites
    whole.end = max(whole.end, more.end)
    whole.tags += more.tags
    whole.lacks_tags |= more.lacks_tags


def add_hosts(whole: MergedFolds, more: MergedFolds) -> None:
    """Adds what it shows of hosts: who answers, asks, calls whom, and where the capture was made."""
    for times, others in ((whole.agents, more.agents), (whole.requesters, more.requesters)):
        for pair, time in others.items():
            times[pair] = min(time, times.get(pair, time))
    whole.pairs.update(more.pairs)
    whole.received.update(more.received)
    whole.local.update(more.local)
    whole.answering |= more.answering
    whole.greetings = {**more.greetings, **whole.greetings}
    for ip, count in more.answerers.items():
        whole.answerers[ip] = whole.answerers.get(ip, 0) + count
    for name, datagram in more.registrations.items():
        if len(whole.registrations) < MOST_REGISTRATIONS:
            whole.registrations.setdefault(name, datagram)


def _add_transactions(whole: MergedFolds, more: MergedFolds, index: Mapping[Key, int], heard: bool) -> None:
    """`index` says which part of `whole` saw a transaction first."""
    # Few transactions are in two parts: these are found by their keys at once, and all others are taken over in bulk.
    behind = len(whole.parts)
    first: dict[Key, int] = {}
    for number, part in enumerate(more.parts):
        seen = index.keys() & part.fold.index.keys()
        for key in seen:
            first.setdefault(key, number)
    for name in ("parts", "keys", "senders", "called"):
        getattr(whole, name).extend(getattr(more, name))
    for key, number in first.items():
        _add_seen(whole, more, key, index[key], behind, more.begun.get(key, number), heard)
    for key, number in more.begun.items():
        if key not in first:
            whole.begun[key] = number + behind
    for key, clusters in more.clusters.items():
        if key not in first:
            whole.clusters[key] = clusters
    for key, views in more.views.items():
        if key not in first:
            whole.views[key] = [(number + behind, row) for number, row in views]
    _add_answers(whole, more)


def _add_answers(whole: MergedFolds, more: MergedFolds) -> None:
    both = {key: whole.answers[key] for key in whole.answers.keys() & more.answers.keys()}
    for strays, others in ((whole.strays, more.strays), (whole.told_strays, more.told_strays)):
        strays.update((key, ip) for key, ip in others.items() if key not in both)
    whole.answers.update(more.answers)
    for key, clusters in more.repeats.items():
        add_repeat(whole.repeats, key, clusters[0][0], clusters)
    for key, before in both.items():
        known = before
        for status, time in ANSWER.iter_unpack(more.answers[key]):
            if status >= FINAL and (first := first_of(before, status)) is not None and abs(time - first) > SAME_PACKET:
                add_repeat(whole.repeats, key, first, [(time, time)])
            known = add_answer(known, status, time)
        whole.answers[key] = known
    for key, realm in more.realms.items():
        whole.realms.setdefault(key, realm)


def _add_seen(  # noqa: PLR0917  (where it was seen, on both sides)
    whole: MergedFolds, more: MergedFolds, key: Key, before: int, behind: int, number: int, heard: bool
) -> None:
    """A transaction that part `before` has begun: its packets and views in `more`, whose parts are those of `whole`
    from `behind` on, and where part `number` has begun it, are added to it.

    In the order of the capture: what a part handed back comes after what it gave, and may have been seen before that.
    """
    before = whole.begun.setdefault(key, before)
    old, row = _row(whole.parts[before].fold, key), _row(more.parts[number].fold, key)
    clusters = whole.clusters.setdefault(key, [[_time(old), _time(old)]])
    for cluster in more.clusters.get(key, [[_time(row), _time(row)]]):
        add_cluster(clusters, *cluster)
    known = [(before, old), *whole.views.get(key, [])]
    added = [(behind + part, view) for part, view in ((number, row), *more.views.get(key, ()))]
    ordered = sorted([*known, *added], key=lambda view: _place(whole, *view))
    kept: dict[int, tuple[int, bytes]] = {}
    for view in ordered:
        seen = ROW.unpack(view[1])
        first = kept.setdefault(seen[DIGEST], view)
        # Both parts counted this pair of addresses for one transaction: one of the counts is taken back.
        if first is not view and (heard or not _is_told(whole, first, view)):
            source, destination = ends(seen)
            whole.pairs[source[:-2], destination[:-2]] -= 1
            whole.received[destination[:-2]] -= 1
    whole.begun[key] = ordered[0][0]
    if len(kept) > 1:
        whole.views[key] = list(kept.values())[1:]
    second = ROW.unpack((known if ordered[0] is added[0] else added)[0][1])
    direction = DIRECTION_NAMES[second[FLAGS] & 3]
    if direction and (heard or not _is_told(whole, known[0], added[0])):
        whole.local[ends(second)[direction == "in"][:-2]] -= 1


def _is_told(whole: MergedFolds, *views: tuple[int, bytes]) -> bool:
    """Whether a carrier told one of them, so that it was not counted."""
    return any(whole.parts[number].is_told for number, _ in views)


def _row(fold: FoldContent, key: Key) -> bytes:
    return bytes(fold.rows[fold.index[key] * ROW.size :][: ROW.size])


def _time(row: bytes) -> int:
    time: int = ROW.unpack(row)[TIME]
    return time


def _place(whole: MergedFolds, number: int, row: bytes) -> tuple[int, int]:
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

"""Received transactions put together to calls: an INVITE, its retransmissions and its retries with credentials."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.diagnosis.calls.received_columns import ReceivedRequests, differ, rise
from pjsipdiag.diagnosis.calls.rows import CREDENTIALS

MOST_PROOFS = 10_000


class Assembly(NamedTuple):
    """Positions of the transactions that begin calls and of those that speak for them, in order of time (None: each of
    them, as they stand), and by the number of a call what it has beside."""

    begun: array[int] | None
    shown: array[int] | None
    retried: Sequence[int]
    """The calls that were tried again with credentials."""
    more: dict[int, list[int]]
    """Keys of the further transactions of a call."""
    times: dict[int, int]
    """The times at which these transactions began."""
    proofs: dict[int, tuple[int, int, int, int]]
    """Of a call that was tried again the place of its last request with credentials."""


def assemble(whole: ReceivedRequests, captures: Sequence[int]) -> Assembly:
    """Puts transactions together to calls; `captures` are the numbers of the captures of their parts."""
    # Where the capture is in order and no call was tried again, nothing is sorted and no array copied: that matters
    # with a million calls. Stable sorts by the last key first order by (time, capture, frame) without tuples.
    order: Sequence[int] = range(len(whole.time))
    places = zip(whole.time, map(captures.__getitem__, whole.part), whole.frame, strict=True)
    if rise(whole.time) or rise(places):
        if differ(whole.call):
            return Assembly(None, None, (), {}, {}, {})
    else:
        for place in (whole.frame.__getitem__, lambda at: captures[whole.part[at]], whole.time.__getitem__):
            order = sorted(order, key=place)
    keys, verdict = whole.key, whole.verdict
    firsts: dict[int, int] = {}
    of_call = list(map(firsts.setdefault, map(whole.call.__getitem__, order), order))
    unmatched = {at for at, reached in enumerate(whole.verdicts) if reached.outcome is Outcome.NO_MATCH}
    taken = {at for at, reached in enumerate(whole.verdicts) if reached.endpoint}
    begun = array("I", firsts.values())
    shown = begun[:]
    numbers = dict(zip(begun, range(len(begun)), strict=True))
    retried, more, times = list[int](), dict[int, list[int]](), dict[int, int]()
    proofs = dict[int, tuple[int, int, int, int]]()
    for at, first in zip(order, of_call, strict=True):
        if at == first:
            continue
        number = numbers[first]
        if keys[at] != keys[shown[number]]:
            other = at
            if whole.flags[at] & CREDENTIALS:
                retried.append(number)
                if len(proofs) < MOST_PROOFS or number in proofs:
                    proofs[number] = whole.part[at], whole.row[at], whole.view[at], keys[at]
            if verdict[at] in taken and verdict[shown[number]] in unmatched:
                # taken by its credentials, when the first request was not: it speaks for the call
                other, shown[number] = shown[number], at
            more.setdefault(number, []).append(keys[other])
            times[keys[at]] = whole.time[at]
    return Assembly(begun, shown, retried, more, times, proofs)

"""A transaction in a few bytes: its row, its answers, and the times of its packets; how each grows and is read."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any

ROW = struct.Struct("<qQIIIBB18s18sqHIII")
"""A transaction: time, spool offset, frame, spool length, digest of the address pair, transport, flags, packed source
and destination, digest of its call, number of its form, of its sender, of the user it calls and of its User-Agent."""
TIME, OFFSET, FRAME, LENGTH, DIGEST, TRANSPORT, FLAGS, SOURCE, DESTINATION, *_NUMBERS = range(14)
CALL, FORM, SENDER, CALLED, AGENT = _NUMBERS
"""Where ROW has them."""
BRIEF = struct.Struct("<29xB18x18s8xHII4x")
"""Of the same: flags, destination, and the numbers of form, sender and called user."""
ANSWER = struct.Struct(">Hq")
"""An answer: status, time when that status was first seen. Big-endian, so that packed times compare as numbers do."""
_TIME, _NEGATIVE = struct.Struct(">q"), b"\x80"
"""The time in an ANSWER; packed times below the second are from 1970 on, and only they compare as numbers do."""
CHALLENGES = (401, 407)
MOST_ANSWERS = 8
"""Different statuses kept of one transaction, the earliest ones: a real one has three."""
SAME_PACKET = 50_000_000
"""Nanoseconds within which equal requests are one packet seen on several interfaces (T1 is 500 ms, RFC 3261 17.1.1)."""
MOST_CLUSTERS = 64
"""Retransmissions counted of one transaction: timer B allows 11 in practice; a flood of one packet counts as these."""
TRANSPORTS = {name: code for code, name in enumerate(("UDP", "TCP", "TLS", "WS", "WSS"))}
DIRECTIONS = {name: code for code, name in enumerate(("", "in", "out"))}
TRUNCATED, CREDENTIALS, SIX = 4, 8, 16
"""Flags beside the direction: cut by the snap length, with an Authorization header, between IPv6 addresses."""
UNKNOWN = 0xFFFFFFFF
"""The number of a sender or a called user that is not kept."""
Key = int
Cluster = list[int]
"""[first, last] time of requests so close that they are one packet."""
Repeated = list[int]
"""Messages of one kind: how many, of the last and the first one the digest of its start and its time, and how many more
of them are looked at."""
COUNT, LAST, LAST_TIME, FIRST, FIRST_TIME, LOOKS = range(6)
"""Where a Repeated has them."""
Row = tuple[Any, ...]
"""A row unpacked, as ROW says."""


def ends(row: Row) -> tuple[bytes, bytes]:
    """The packed source and destination of a row."""
    source, destination = row[SOURCE], row[DESTINATION]
    return (source, destination) if row[FLAGS] & SIX else (source[:6], destination[:6])


def add_answer(old: bytes, status: int, time: int) -> bytes:
    """`old` answers with one more, in the order of their times, those of one time in the order of their statuses."""
    new = ANSWER.pack(status, time)
    if len(old) == ANSWER.size and old[:2] != new[:2] and old[2:] < new[2:]:
        return old + new
    times = dict(ANSWER.iter_unpack(old))
    if times.get(status, time + 1) <= time:
        return old
    times[status] = time
    kept = sorted((first, known) for known, first in times.items())[:MOST_ANSWERS]
    return b"".join(ANSWER.pack(known, first) for first, known in kept)


def both_answers(before: bytes, after: bytes) -> bytes:
    """The answers of two transactions in the order of their times."""
    if not before or not after:
        return before or after
    if before[-_TIME.size :] < after[ANSWER.size - _TIME.size : ANSWER.size] < _NEGATIVE:
        return before + after
    both = sorted((time, status) for status, time in ANSWER.iter_unpack(before + after))
    return b"".join([ANSWER.pack(status, time) for time, status in both])


def outcome_of(answers: bytes) -> tuple[int, bool, int]:
    """What answers in their order come to: the last final status, else the last one, whether there was a challenge, and
    when the last one came."""
    status, challenged = _outcome(answers[:: ANSWER.size] + answers[1 :: ANSWER.size])
    return status, challenged, _TIME.unpack(answers[-_TIME.size :])[0]


@lru_cache(maxsize=4096)
def _outcome(packed: bytes) -> tuple[int, bool]:
    """The same of the statuses alone: the high bytes of all, then the low ones."""
    half = len(packed) // 2
    statuses = [high << 8 | low for high, low in zip(packed[:half], packed[half:], strict=True)]
    final = [status for status in statuses if status >= 200]
    return (final or statuses)[-1], any(status in CHALLENGES for status in final)


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

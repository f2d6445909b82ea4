"""A transaction in a few bytes: its key, its row, its answers, and the times of its packets.

How each grows and is read, and what a call shows of its row and of its messages when somebody wants to see them. Keys
and digests are the same wherever a fold is made (`digest`).
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar, overload

from pjsipdiag.asterisk.forms.expressions import Fields
from pjsipdiag.digest import digest

Name = TypeVar("Name", Fields, bytes)
_FIELDS = ("q", "Q", "I", "I", "I", "B", "B", "18s", "18s", "q", "H", "I", "I", "I", "16s")
ROW = struct.Struct("<" + "".join(_FIELDS))
"""A transaction: time, spool offset, frame, spool length, digest of the address pair, transport, flags, packed source
and destination, digest of its call, number of its form, of its sender, of the user it calls and of its User-Agent, wide
digest of its source IP and its Call-ID."""
TIME, OFFSET, FRAME, LENGTH, DIGEST, TRANSPORT, FLAGS, SOURCE, DESTINATION, *_NUMBERS = range(14)
CALL, FORM, SENDER, CALLED, AGENT = _NUMBERS
"""Places of the fields in an unpacked ROW."""
_PLACES = [struct.calcsize("<" + "".join(_FIELDS[:at])) for at in range(len(_FIELDS))]
"""Bytes of a ROW before each field."""
_ENDS, _FOUR_ENDS = struct.Struct("<30x18s18s38x"), struct.Struct("<30x6s12x6s50x")
"""Source and destination of a row, and those between IPv4 addresses."""
IP_AND_PORT = 18
"""Bytes of an IPv6 address and its port."""
BRIEF = struct.Struct("<29xB44xHII4x16s")
"""Some fields of a ROW: flags, the numbers of form, sender and called user, and the wide digest."""
SHOWN_ROW = struct.Struct("<8xQ4xI4xBB18s18s38x")
"""Some fields of a ROW: offset, length, transport, flags, source, destination."""
ANSWER = struct.Struct(">Hq")
"""An answer: status, time when that status was first seen. Big-endian, so that packed times compare as numbers do."""
_TIME, _NEGATIVE = struct.Struct(">q"), b"\x80"
_FIRST_TIME, _LAST_TIME = slice(ANSWER.size - _TIME.size, ANSWER.size), slice(-_TIME.size, None)
"""The time in an ANSWER, and where several have the first and the last one. Packed times below _NEGATIVE are from 1970
on, and only they compare as numbers do."""
TAGGED = struct.Struct("<20sIHI")
"""A message that may show who receives what is sent to him: wide digest of the caller's address and of the Call-ID with
the sum of the CSeq number, sum of the To tag, what it is, and the sum of the PBX's address."""
TAGGED_CALL, OF_CALL = struct.Struct("<16s10sI"), struct.Struct("<IIH")
"""A TAGGED cut into its wide digest, what it says of the call, and the PBX (TAGGED_CALL); and what it says of the call:
the sum of the CSeq number, that of the tag, and what it is (OF_CALL)."""
ACKED, CONNECTED = 0, 1
"""The kind of a TAGGED message: an ACK, or an INVITE over a connection that shows its sender; else it is the status of
a final answer."""
CHALLENGES, RINGING, BUSY = (401, 407), (180, 181, 182, 183), (486, 487, 600)
NO_SUCH_CALL = 481
FINAL, MOST_FINAL = 200, 699
MOST_ANSWERS = 8
"""Different statuses kept of one transaction, the earliest ones: a real one has three."""
SAME_PACKET = 50_000_000
"""Nanoseconds within which equal requests are one packet seen on several interfaces (T1 is 500 ms, RFC 3261 17.1.1)."""
MOST_CLUSTERS = 64
"""Retransmissions counted of one transaction: timer B allows 11 in practice; a flood of one packet counts as these."""
MOST_REPEATED = 10_000
"""Transactions whose repeated answers are counted."""
TRANSPORTS = {name: code for code, name in enumerate(("UDP", "TCP", "TLS", "WS", "WSS"))}
DIRECTIONS = {name: code for code, name in enumerate(("", "in", "out"))}
TRUNCATED, CREDENTIALS, SIX = 4, 8, 16
"""Flags beside the direction: cut by the snap length, with an Authorization header, between IPv6 addresses."""
CHALLENGED, RETRIED, CARRIED, TRIED, UNRUNG, UNHEARD, LATE, DOUBTED = 1, 2, 4, 8, 16, 32, 64, 128
"""Flags of a call: challenged, tried again with credentials, had some at first, got a 100, got a 603 before it rang,
its final answer was sent again and again, its first answer came late, it has another answer beside a challenge."""
LATE_AFTER = 30_000_000_000
"""Nanoseconds after which an answer hardly finds anybody who waits for it (timer B of RFC 3261 ends at 32 s)."""
T1_GIVES_UP = 2_000_000_000
"""Nanoseconds that a capture must go on before silence means anything (four times T1, RFC 3261 section 17.1.1)."""
UNHEARD_FROM = 4
"""Times that a final answer is sent while no ACK comes (RFC 3261 section 13.3.1.4), from which on none came in time."""
LONGEST_TRANSACTION = 32_000_000_000
"""Nanoseconds (timer B, RFC 3261 17.1.1.2) in which alike requests that were cut before their Call-ID are one."""
MOST_NAMES, LONGEST_NAME = 100_000, 256
"""Distinct senders, and called users, that are kept; further and longer ones have the number UNKNOWN, and the request
is read again."""
UNKNOWN = 0xFFFFFFFF
"""The number of a sender or a called user that is not kept."""
Key = int
Cluster = list[int]
"""[first, last] time of requests so close that they are one packet."""
Repeated: TypeAlias = "array[int]"
"""Messages of one kind: how many, of the last and the first one the digest of its start and its time, and how many more
of them are looked at."""
COUNT, LAST, LAST_TIME, FIRST, FIRST_TIME, LOOKS = range(6)
"""Places of these in a Repeated."""
MessageStep = tuple[int, str, str]
"""Time in nanoseconds, who sends, what."""
Row = tuple[Any, ...]
"""A row unpacked, as ROW says."""


def transaction(call_id: bytes, number: bytes, branch: bytes | None) -> Key:
    """The key of a transaction, by its Call-ID, CSeq number and branch."""
    return digest(call_id, number, branch or b"")


def cut_off(time: int, source: bytes, head: bytes) -> Key:
    """The key of a request which was cut before its Call-ID."""
    return digest(b"", b"%d" % (time // LONGEST_TRANSACTION), source, head)


def view_of(key: Key, source: bytes, destination: bytes) -> Key:
    """The key of a transaction between two addresses alone."""
    return digest(b"", b"%d" % key, source, destination)


def call_of(call_id: bytes, tag: bytes | None, source: bytes, uri: bytes | None) -> int:
    """The digest that all transactions of a call have in common."""
    return digest(call_id, tag or b"", source, uri or b"")


def number_of(known: dict[Name, int], name: Name) -> int:
    """The number of a name, which is new perhaps; UNKNOWN where it is not kept."""
    number = known.get(name)
    if number is None:
        length = len(name) if isinstance(name, bytes) else sum(len(part) for part in name if part)
        if len(known) >= MOST_NAMES or length > LONGEST_NAME:
            return UNKNOWN
        number = known[name] = len(known)
    return number


def ends(row: Row) -> tuple[bytes, bytes]:
    """The packed source and destination of a row."""
    source, destination = row[SOURCE], row[DESTINATION]
    return (source, destination) if row[FLAGS] & SIX else (source[:6], destination[:6])


def column(rows: memoryview, field: int) -> array[int]:
    """A field of packed rows that is a number, of each of them."""
    code: Any = _FIELDS[field]
    found: array[int] = array(code)
    if rows:
        whole = rows[_PLACES[field] : len(rows) - ROW.size + _PLACES[field] + found.itemsize]
        found.frombytes(whole.cast(code)[:: ROW.size // found.itemsize].tobytes())
        if sys.byteorder == "big":
            found.byteswap()
    return found


def all_ends(rows: memoryview) -> tuple[list[bytes], list[bytes]]:
    """The packed sources and destinations of packed rows, each as `ends` gives them."""
    lengths = [IP_AND_PORT if flags & SIX else 6 for flags in column(rows, FLAGS)]
    shape = _ENDS if IP_AND_PORT in lengths else _FOUR_ENDS
    sources, destinations = map(list, zip(*shape.iter_unpack(rows), strict=True)) if rows else ([], [])
    if shape is _FOUR_ENDS:
        return sources, destinations
    cut = [[end[:length] for end, length in zip(some, lengths, strict=True)] for some in (sources, destinations)]
    return cut[0], cut[1]


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


def first_of(answers: bytes, status: int) -> int | None:
    """When that status was first seen; None if it was not."""
    return next((time for known, time in ANSWER.iter_unpack(answers) if known == status), None)


def add_repeat(repeats: dict[Key, list[Cluster]], key: Key, first: int, again: Iterable[Sequence[int]]) -> None:
    """A final answer that was seen `first` was sent again at these times."""
    if key in repeats or len(repeats) < MOST_REPEATED:
        clusters = repeats.setdefault(key, [[first, first]])
        for span in again:
            add_cluster(clusters, *span)


def all_answers(before: bytes, further: Iterable[bytes | None]) -> bytes:
    """The answers of several transactions in the order of their times; of one time, as in a log that has no times or
    whole seconds, a challenge comes first: the other request is what was sent after it."""
    # sorted once, as a call that is tried again and again has many
    mixed, latest = 0, before[_LAST_TIME]
    for after in filter(None, further):
        if before and not latest < after[_FIRST_TIME] < _NEGATIVE:
            mixed = len(before) + len(after)
        if (last := after[_LAST_TIME]) > latest:
            latest = last
        before += after
    if not mixed:
        return before
    both = sorted([(time, status not in CHALLENGES, status) for status, time in ANSWER.iter_unpack(before[:mixed])])
    return b"".join([ANSWER.pack(status, time) for time, _, status in both]) + before[mixed:]


def keep_given(answers: bytes, challenged: bool | None, *, proven: bool) -> bytes:
    """The answers to one transaction that one server can have given.

    A challenge ends its transaction (RFC 3261 17.2.1), and who sends credentials begins another. So of a challenge and
    an answer beside it somebody forged one, and the replay tells which (`challenged`, None where it does not know). A
    request with credentials (`proven`) that it challenges may have had the right ones.
    """
    if challenged is None or (challenged and proven):
        return answers
    if len(answers) <= ANSWER.size or not _outcome(_statuses(answers))[1] & DOUBTED:
        return answers
    both = ANSWER.iter_unpack(answers)
    return b"".join([ANSWER.pack(*answer) for answer in both if (answer[0] in CHALLENGES) is challenged])


def outcome_of(answers: bytes) -> tuple[int, int, int]:
    """The outcome of answers in their order: the last final status, else the last one, as of a call that was sent again
    after a challenge and still rings; flags of a call (CHALLENGED, TRIED, UNRUNG, DOUBTED), and when the last one
    came."""
    status, flags = _outcome(_statuses(answers))
    return status, flags, _TIME.unpack_from(answers, len(answers) - _TIME.size)[0]


def first_time(answers: bytes) -> int:
    """When the first of some answers came."""
    return _TIME.unpack_from(answers, ANSWER.size - _TIME.size)[0]  # type: ignore[no-any-return]  # one number


def _statuses(answers: bytes) -> bytes:
    """The statuses alone: the high bytes of all, then the low ones."""
    return answers[:2] if len(answers) == ANSWER.size else answers[:: ANSWER.size] + answers[1 :: ANSWER.size]


@lru_cache(maxsize=4096)
def _outcome(packed: bytes) -> tuple[int, int]:
    """Status and flags that these `_statuses` come to."""
    half = len(packed) // 2
    statuses = [high << 8 | low for high, low in zip(packed[:half], packed[half:], strict=True)]
    final = [status for status in statuses if status >= 200]
    waits = final and final[-1] in CHALLENGES and statuses[-1] < 200
    status = (statuses if waits else final or statuses)[-1]
    challenges = [status in CHALLENGES for status in final]
    flags = CHALLENGED if any(challenges) else 0
    flags |= DOUBTED if flags and (statuses[-1] < 200 or not all(challenges)) else 0
    flags |= TRIED if statuses[0] == 100 else 0
    return status, flags | (UNRUNG if status == 603 and not {*RINGING}.intersection(statuses) else 0)


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


class Steps(Sequence[MessageStep]):
    """The messages of one call, looked up when somebody wants to see them."""

    __slots__ = ("_ladder", "_number")

    def __init__(self, ladder: Callable[[int], tuple[MessageStep, ...]], number: int) -> None:
        self._ladder, self._number = ladder, number

    def _look_up(self) -> tuple[MessageStep, ...]:
        return self._ladder(self._number)

    def __len__(self) -> int:
        return len(self._look_up())

    @overload
    def __getitem__(self, at: int) -> MessageStep: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[MessageStep, ...]: ...
    def __getitem__(self, at: int | slice) -> MessageStep | tuple[MessageStep, ...]:
        return self._look_up()[at]

    def __iter__(self) -> Iterator[MessageStep]:
        return iter(self._look_up())

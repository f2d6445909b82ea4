"""A part of a capture, what it leaves to those that join the parts, and what each of both makes of fragments."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import field
from typing import TYPE_CHECKING
from zlib import crc32

from pjsipdiag.capture.formats.pcap import FileHeader
from pjsipdiag.capture.formats.pcapng import PcapngSection
from pjsipdiag.capture.packets.fragments import MAX_AGE, MAX_BYTES, MAX_PENDING, DatagramKey, Fragments, PendingDatagram
from pjsipdiag.dataclass import NamedTuple, dataclass

if TYPE_CHECKING:
    from pjsipdiag.capture.text.refusals import PartRefusals


WHOLE = -1


@dataclass(frozen=True, slots=True)
class FilePart:
    """Bytes `start` to `end` (WHOLE: all) of a capture, from a record on that `header` or `section` describes, or of a
    `log`: whether they are its beginning, and its end."""

    path: str
    start: int
    end: int
    header: FileHeader | None = None
    section: PcapngSection | None = None
    log: tuple[bool, bool] | None = None


class UnjoinableError(Exception):
    """The parts do not add up to what one process would read; those before number `part` do."""

    part = 0


class StatefulError(Exception):
    """Stops the dissection of a packet that has to be deferred."""


class DeferredPacket(NamedTuple):
    """A packet that means something only together with others: `time` in nanoseconds since 1970, `frame` from 1 on."""

    time: int
    frame: int
    link_type: int
    data: bytes


class OpenedConnection(NamedTuple):
    """From here on both flows of a TCP connection are the part's own: its SYN had `sequence` and came at `time`
    (nanoseconds since 1970)."""

    time: int
    flow: bytes
    sequence: int


@dataclass(slots=True)
class Handover:
    """All that a part could not resolve alone, for `join`: packets in the order of the capture, then its own TCP flows.

    `passed_over` are the ports of TCP flows of which something was passed over; where they were too many to note,
    `any_passed` says that it may have been any flow.
    """

    deferred: dict[int, DeferredPacket | OpenedConnection] = field(default_factory=dict)
    """The packets handed back, by rising numbers."""
    size: int = 0
    """Bytes of packets in `deferred`."""
    records: int = 0
    whole: array[int] = field(default_factory=lambda: array("q"))
    """The numbers of the keys of datagrams that the part put together from fragments."""
    most_pending: int = 0
    """The most datagrams that were waiting for fragments at one time."""
    most_held: int = 0
    """The most bytes of fragments that were held at one time."""
    passed_over: array[int] = field(default_factory=lambda: array("I"))
    any_passed: bool = False
    flows: bytes = b""
    """`UnfinishedState.flows`, packed, or none: who joins changes them, and perhaps has to begin anew."""
    ignored_flows: dict[bytes, int] = field(default_factory=dict)
    strays: set[bytes] = field(default_factory=set)
    cut: int | None = None
    """The byte of the file at which a record starts that is not whole."""
    from_start: bool = False
    """Whether what it lacks lies anywhere before it: then nothing of the file can be kept."""
    is_log: bool = False
    refusals: PartRefusals | None = None
    """The refusals that a part of a log tells beside SIP; `records` are then its lines."""
    reason: str = ""
    """Why the parts cannot be joined, if so."""


def number_of(key: DatagramKey) -> int:
    """A number that stands for the key of a datagram in fragments: 8 bytes for each of up to a million keys. Where two
    have the same one, the parts are not joined, and nothing is lost: a sum does."""
    addresses, protocol, identification = key
    return crc32(addresses) << 31 ^ identification << 8 ^ protocol


class OwnFragments(Fragments):
    """Puts together the datagrams of which all fragments lie in a part; any other is left to `join`, for good.

    A frame that is dissected makes one of them `waiting` for more, or `complete`, or neither.
    """

    def __init__(self, undecoded: Counter[str], rest: Handover) -> None:
        super().__init__(undecoded)
        self.waiting: DatagramKey | None = None
        self.complete: DatagramKey | None = None
        self.frames: dict[DatagramKey, list[int]] = {}
        """The numbers in `rest.deferred` of the frames of those that wait."""
        self._others: set[DatagramKey] = set()
        self._rest = rest

    def add(self, key: DatagramKey, time: int, offset: int, more: bool, piece: bytes) -> bytes | None:
        entry, rest = self.pending.get(key), self._rest
        full = entry is None and (len(self.pending) >= MAX_PENDING or self.held > MAX_BYTES)
        # Where the limits of Fragments could come into play, the answer depends on fragments before the part: all of
        # this key are left to `join`, also later ones, for they would be put together with those that are left.
        if full or self.complete is not None or (entry is not None and abs(time - entry.started) > MAX_AGE):
            self._leave(key)
        if key in self._others:
            raise StatefulError
        try:
            whole = super().add(key, time, offset, more, piece)
        except StatefulError:
            self._leave(key)
            raise
        rest.most_pending = max(rest.most_pending, len(self.pending))
        rest.most_held = max(rest.most_held, self.held)
        if whole is None:
            self.waiting = key
        else:
            self.complete = key
        return whole

    def together(self, key: DatagramKey, size: int) -> bool:
        rest = self._rest
        if key in self._others or not super().together(key, size):
            return False
        rest.most_pending = max(rest.most_pending, len(self.pending) + 1)
        rest.most_held = max(rest.most_held, self.held + size)
        rest.whole.append(number_of(key))
        return True

    def _spoil(self, _entry: PendingDatagram, _reason: str) -> None:
        raise StatefulError

    def _leave(self, key: DatagramKey) -> None:
        """Leaves a datagram, and what has its key later, to `join`."""
        entry = self.pending.pop(key, None)
        self.held -= entry.size if entry else 0
        self.frames.pop(key, None)
        self._others.add(key)


class FewFragments(Fragments):
    """The fragments that parts handed back, as long as none would be given up for those that they did not."""

    _pending = _held = 0
    _known = frozenset[int]()
    _last = -1

    def beside(self, rest: Handover) -> None:
        """Goes on to the part of `rest`: the fragments that are added from now on lie in it."""
        self._pending, self._held, self._known = rest.most_pending, rest.most_held, frozenset(rest.whole)
        self._check(0)
        if not self._known.isdisjoint(map(number_of, self.pending)):
            raise UnjoinableError("fragments of one datagram lie in several parts")

    def _check(self, size: int) -> None:
        """Raises UnjoinableError where bounds might be reached with `size` bytes more."""
        pending, held = len(self.pending) + self._pending, self.held + self._held + size
        if self._pending and (pending >= MAX_PENDING or held > MAX_BYTES):
            raise UnjoinableError("too many fragments")

    def add(self, key: DatagramKey, time: int, offset: int, more: bool, piece: bytes) -> bytes | None:
        self._check(len(piece))
        # a fragment inside of another datagram, which the part did not see
        if self.frame == self._last and number_of(key) in self._known:
            raise UnjoinableError("fragments of one datagram lie in several parts")
        self._last = self.frame
        return super().add(key, time, offset, more, piece)

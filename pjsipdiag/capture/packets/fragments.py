"""IP fragments: put together in any order; overlaps are refused, memory and time are bounded.

An exact repeat of a fragment is let pass. Anything else that overlaps spoils its datagram (RFC 5722 section 3 for IPv6;
for IPv4 no receiver agrees with another about it). Of a datagram whose rest never comes, its beginning is handed out: a
filter such as `udp port 5060` lets only the first fragment pass, which has the ports and the headers of the message.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import field

from pjsipdiag.capture.passed_over import WITHOUT_THE_REST
from pjsipdiag.dataclass import NamedTuple, dataclass

MAX_PENDING = 4096
MAX_BYTES = 32 << 20
MAX_AGE = 30_000_000_000
"""Nanoseconds: Linux's `net.ipv4.ipfrag_time`; afterwards an identification means another datagram."""


DatagramKey = tuple[bytes, int, int]
"""Both addresses, protocol, identification."""


@dataclass(slots=True)
class PendingDatagram:
    """The pieces of one datagram so far, by their offsets in bytes; `started` in nanoseconds since 1970.

    `total` is its length once the last one is there, else -1, `size` the bytes that are there.
    """

    started: int
    frame: int
    direction: str
    pieces: dict[int, bytes] = field(default_factory=dict)
    size: int = 0
    total: int = -1
    is_spoilt: bool = False


class IncompleteDatagram(NamedTuple):
    """The beginning of a datagram whose rest never came: when (nanoseconds since 1970) and in which frame its first
    packet was, and its bytes."""

    time: int
    frame: int
    direction: str
    key: DatagramKey
    data: bytes


@dataclass(slots=True)
class Fragments:
    """The datagrams of one capture that are not complete yet; what is given up is counted in `undecoded`.

    `frame` and `direction` are those of the packet that comes next, `held` counts the bytes of all. The caller clears
    `given_up` after reading it.
    """

    undecoded: Counter[str]
    pending: dict[DatagramKey, PendingDatagram] = field(default_factory=dict)
    held: int = 0
    frame: int = 0
    direction: str = ""
    given_up: list[IncompleteDatagram] = field(default_factory=list)

    def take_up(self, pending: dict[DatagramKey, PendingDatagram], frames: int) -> None:
        """Goes on with what the file before left; `frames` is what its frames are to be counted from."""
        for entry in pending.values():
            entry.frame += frames
        self.pending.update(pending)
        self.held += sum(entry.size for entry in pending.values())

    def add(self, key: DatagramKey, time: int, offset: int, more: bool, piece: bytes) -> bytes | None:
        """The whole payload once `piece` completes it."""
        entry, size = self.pending.get(key), len(piece)
        if entry is not None and abs(time - entry.started) > MAX_AGE:
            self._give_up(key)
            entry = None
        if entry is None:
            while self.pending and (len(self.pending) >= MAX_PENDING or self.held > MAX_BYTES):
                self._give_up(next(iter(self.pending)))
            entry = self.pending[key] = PendingDatagram(time, self.frame, self.direction)
        pieces, end = entry.pieces, offset + size
        # A repeat is no overlap: captures on several interfaces show each fragment twice.
        if entry.is_spoilt or pieces.get(offset) == piece:
            return None
        if (more and (size % 8 or not size)) or end > 65535:
            self._spoil(entry, "malformed IP fragment")
            return None
        if offset in pieces or (0 <= entry.total < end) or (not more and entry.total not in (-1, end)):
            self._spoil(entry, "overlapping IP fragments")
            return None
        pieces[offset] = piece
        entry.size += size
        self.held += size
        if not more:
            entry.total = end
        if entry.total < 0 or entry.size < entry.total:
            return None
        return self._whole(key, entry)

    def together(self, key: DatagramKey, _size: int) -> bool:
        """Whether a datagram of that size is whole when its fragments come one right behind the other; else they are
        to be added."""
        return key not in self.pending and len(self.pending) < MAX_PENDING and self.held <= MAX_BYTES

    def _whole(self, key: DatagramKey, entry: PendingDatagram) -> bytes | None:
        whole = _beginning(entry)
        if len(whole) != entry.total:
            self._spoil(entry, "overlapping IP fragments")
            return None
        self.held -= entry.size
        del self.pending[key]
        return whole

    def _spoil(self, entry: PendingDatagram, reason: str) -> None:
        """Later fragments of the same datagram must not start it anew, so the entry stays without its bytes."""
        self.held -= entry.size
        entry.is_spoilt, entry.size = True, 0
        entry.pieces.clear()
        self.undecoded[reason] += 1

    def _give_up(self, key: DatagramKey) -> None:
        entry = self.pending.pop(key)
        self.held -= entry.size
        if not entry.is_spoilt:
            self.undecoded[WITHOUT_THE_REST] += 1
            if 0 in entry.pieces:
                self.given_up.append(
                    IncompleteDatagram(entry.started, entry.frame, entry.direction, key, _beginning(entry))
                )

    def finish(self, start: int | None = None) -> None:
        """The file has ended: counts what never becomes whole, also in a file that goes on at `start` (nanoseconds)."""
        for key, entry in list(self.pending.items()):
            if start is None or start - entry.started > MAX_AGE:
                self._give_up(key)


def _beginning(entry: PendingDatagram) -> bytes:
    """The pieces up to the first gap."""
    parts, reached = [], 0
    for offset in sorted(entry.pieces):
        if offset != reached:
            break
        parts.append(entry.pieces[offset])
        reached += len(parts[-1])
    return b"".join(parts)

"""The dissectors of parts: one reads what a part tells by itself, another one what several hand back.

What needs more than its part is in its Handover, in the order of the capture.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.joining.part_handover import (
    DeferredPacket,
    FewFragments,
    Handover,
    OpenedConnection,
    OwnFragments,
    StatefulError,
    UnjoinableError,
    number_of,
)
from pjsipdiag.capture.packets.dissect import Dissector, UnfinishedState
from pjsipdiag.capture.packets.fragments import DatagramKey
from pjsipdiag.capture.packets.network_layer import NetworkLayer
from pjsipdiag.capture.streams.tcp_flow import ACK, SYN, port_pair, reverse

MOST_DEFERRED = 16 << 20
"""Bytes of packets that a part hands back."""
MOST_PASSED = 200_000
MOST_WHOLE = 1_000_000
"""Datagrams that a part puts together from fragments."""
OPENED_SIZE = 100
"""Bytes that stand for one OpenedConnection."""


class PartEndedError(Exception):
    """Ends the reading of a part that cannot be joined any more."""


class DeferringDissector(Dissector):
    """A dissector that knows nothing from before: what would need it is put into `rest`."""

    def __init__(self, tally: Tally, rest: Handover) -> None:
        self._pieces = OwnFragments(tally.undecoded, rest)
        super().__init__(tally, share=2, fragments=self._pieces)
        self.passed = set()
        self._reassembler.strays = set()
        self.follow, self.direct = self._feed, self._feed_own
        self._own: set[bytes] = set()
        """Flows of connections that were opened in the part; of those in `known` something was handed back."""
        self._rest = rest
        self._number = 0

    def trim(self) -> None:
        super().trim()
        if self.passed is not None and len(self.passed) > MOST_PASSED:
            self._rest.any_passed, self.passed = True, None
        if len(self._rest.whole) > MOST_WHOLE:
            self._give_up("too many fragments")

    def close(self) -> None:
        """The part ends: its own flows are handed back as they are."""
        import pickle

        reassembler, rest = self._reassembler, self._rest
        rest.flows, rest.ignored_flows = pickle.dumps(reassembler.flows), reassembler.ignored
        rest.records = self.tally.records
        rest.strays = reassembler.strays or set()
        rest.passed_over = array("I", self.passed or ())
        if reassembler.full:
            rest.reason = "too many TCP flows"

    def frame(
        self, time: int, frame: int, link_type: int, data: bytes, known: NetworkLayer | None = None
    ) -> Iterable[Datagram]:
        return self._keep(DeferredPacket(time, frame, link_type, data), super().frame, known)

    def piece(self, time: int, frame: int, link_type: int, data: bytes, *piece: Any) -> Iterable[Datagram]:
        return self._keep(DeferredPacket(time, frame, link_type, data), super().piece, *piece)

    def _keep(self, packet: DeferredPacket, read: Callable[..., Iterable[Datagram]], *known: Any) -> Iterable[Datagram]:
        """Reads a packet here, and hands it back as well if it needs others."""
        pieces = self._pieces
        pieces.waiting = pieces.complete = None
        try:
            found = read(*packet, *known)
        except StatefulError:
            self._defer(packet, len(packet.data))
            if pieces.complete is not None:
                pieces.frames.pop(pieces.complete, None)
            return ()
        # A fragment is handed back until its datagram is complete here: nobody knows yet whether the others lie in the
        # part.
        if pieces.waiting is not None:
            number = self._defer(packet, len(packet.data))
            pieces.frames.setdefault(pieces.waiting, []).append(number)
        elif pieces.complete is not None:
            self._withdraw(pieces.complete)
        return found

    def _withdraw(self, key: DatagramKey) -> None:
        """Takes back the frames of a datagram that is complete."""
        rest = self._rest
        for number in self._pieces.frames.pop(key, ()):
            packet = rest.deferred.pop(number)
            rest.size -= len(packet.data) if isinstance(packet, DeferredPacket) else 0
        rest.whole.append(number_of(key))

    def _defer(self, what: DeferredPacket | OpenedConnection, size: int) -> int:
        """Hands back `what`, under the number that is answered."""
        rest = self._rest
        rest.size += size
        if rest.size > MOST_DEFERRED:
            self._give_up("too many fragments or TCP segments")
        self._number += 1
        rest.deferred[self._number] = what
        return self._number

    def _give_up(self, reason: str) -> NoReturn:
        self._rest.reason = reason
        self._rest.deferred.clear()
        raise PartEndedError

    def _feed(self, time: int, frame: int, flow: bytes, sequence: int, flags: int, *rest: Any) -> Sequence[Datagram]:
        if flow not in self._own:
            # Only an opening SYN shows that nothing of the connection lies before the part. A SYN with ACK does not:
            # the request for it may have been the last record of the part before.
            if flags & (SYN | ACK) != SYN:
                self.known.add(flow)
                self.ports.add(port_pair(flow))
                raise StatefulError
            both = {flow, reverse(flow)}
            self._own |= both
            self.known -= both
            self._defer(OpenedConnection(time, flow, sequence), OPENED_SIZE)
        return self._reassembler.feed(time, frame, flow, sequence, flags, *rest)

    def _feed_own(self, *segment: Any) -> Sequence[Datagram] | None:
        try:
            return self._feed(*segment)
        except StatefulError:
            return None


class JoiningDissector(Dissector):
    """Reads what parts handed back, one part after the other."""

    def __init__(self, tally: Tally, before: UnfinishedState | None) -> None:
        self.few = FewFragments(tally.undecoded)
        super().__init__(tally, before, share=2, fragments=self.few)
        self.follow = self._feed
        self._own: set[bytes] = set()

    def take_over(self, connection: OpenedConnection) -> None:
        """Takes the flows of `connection` for the part's own from here on."""
        time, flow, sequence = connection
        reassembler = self._reassembler
        if reassembler.repeats(time, flow, sequence):
            state = reassembler.flows[flow]
            if state.sequence.next != state.sequence.begin or state.waiting_bytes or reverse(flow) in reassembler.flows:
                raise UnjoinableError("a TCP stream goes on from one part to the next")
            reassembler.note_unanswered(time, flow)
        self._own |= {flow, reverse(flow)}

    def part(self, rest: Handover, frames: int) -> None:
        """A part is done that began after `frames` frames: its own flows are taken, those before as former ones."""
        import pickle

        reassembler = self._reassembler
        flows = reassembler.flows
        # In one process a new SYN makes the flow's state the `former` of the new one, which late segments may still
        # reach. The part knew nothing of the former: it is hung below the part's own here, unless that would have
        # changed a message.
        before = {flow: known for flow in self._own if (known := flows.pop(flow, None))}
        reassembler.take_up(pickle.loads(rest.flows) if rest.flows else {}, rest.ignored_flows, frames)
        for flow, known in before.items():
            old, now = known if known.is_begun else known.former, flows.get(flow)
            if old is None:
                continue
            # of a flow before only the last connection is kept that was shown, and none before another such one
            given_up = [old.former] if now and old.former else []
            given_up += [old] if now and now.former else []
            if (
                flow in rest.strays
                or flow in rest.ignored_flows
                or (given_up and not old.shown)
                or any(one.waiting_bytes for one in given_up)
            ):
                raise UnjoinableError("a TCP stream goes on from one part to the next")
            if now is None:
                flows[flow] = old
                continue
            old.former = None
            now.former = now.former or old
        self._own.clear()
        if reassembler.full:
            raise UnjoinableError("too many TCP flows")

    def _feed(self, time: int, frame: int, flow: bytes, *segment: Any) -> Sequence[Datagram]:
        if flow in self._own:
            raise UnjoinableError("a TCP segment in IP fragments belongs to a connection outside them")
        return self._reassembler.feed(time, frame, flow, *segment)

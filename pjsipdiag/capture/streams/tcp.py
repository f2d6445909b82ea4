"""TCP segments -> streams -> SIP messages.

Only directed flows that start like SIP, WebSocket, HEP or TLS are followed; every other flow is put into `ignored` at
its first bytes. A connection that is older than the capture is followed from the first segment on that starts so, or
that holds SIP further on. Bytes that are missing from the capture are counted, and the stream goes on at the next
message. Memory is bounded for each flow and in total.

A flow goes on from one file to the next one when its last segment is no older than LONGEST_SILENCE where that file
starts; what then comes has to fit by its sequence numbers, as within a file. So files of other captures in the same
directory, of another day or another connection, do not touch it.

Anybody can send a SYN, a FIN, a RST or data under the addresses of a connection, but he does not know its sequence
numbers (RFC 5961). So nothing of the kind ends an unfinished message: the flow is kept as the `former` one beside what
seems to begin, and goes on with the segments that fit it. A flow is `shown` to be its sender's when he acknowledges
what the other side sent, whose first sequence number nobody guesses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pjsipdiag.capture.datagram import ConnectedDatagram, Datagram
from pjsipdiag.capture.signs import SignTimes
from pjsipdiag.capture.streams import hep, tls
from pjsipdiag.capture.streams.beginnings import BEGINNINGS, STREAMS, join_stream
from pjsipdiag.capture.streams.ended import ALERT, end_of
from pjsipdiag.capture.streams.flow_table import FlowTable
from pjsipdiag.capture.streams.sequence import Run, RunKind
from pjsipdiag.capture.streams.stream import MessageStream, Piece
from pjsipdiag.capture.streams.tcp_flow import ACK, RST, SYN, Flow, Stream, ends, reverse

LONGEST_SILENCE = 15 * 60 * 1_000_000_000
"""Nanoseconds: so long Linux repeats a segment that nobody acknowledges (`tcp_retries2`, RFC 1122 section 4.2.3.5)."""
Segment = tuple[int, int, bytes, int, int, bytes, int | None, str, int]
"""The arguments of `Reassembler.feed`."""
LOSSES = {RunKind.GAP: "TCP segment missing", RunKind.CUT: "TCP bytes cut by the snap length"}


class Reassembler(FlowTable):
    """All TCP flows of one capture."""

    def feed(  # noqa: PLR0917  # called for every segment: keyword arguments cost a tenth of it
        self,
        time: int,
        frame: int,
        flow: bytes,
        sequence: int,
        flags: int,
        payload: bytes,
        length: int | None = None,
        direction: str = "",
        acknowledges: int = 0,
    ) -> Sequence[Datagram]:
        """The messages that this segment completes.

        `flags` is the byte of TCP flags, `payload` the bytes that were captured, `length` how many there were on the
        wire when the snap length cut some off, `acknowledges` the acknowledgment number.
        """
        if flags & RST or payload.startswith(ALERT):
            sign = end_of(self.flows, flow, sequence, flags, payload, acknowledges)
            if sign is not None:
                self.tally.signs.add(sign._replace(direction=direction), SignTimes(1, time, time))
        state = self.flows.get(flow)
        if flags & SYN and not payload:
            return self._open(time, flow, sequence, flags, direction, acknowledges)
        if state is None or flags & SYN:
            segment = time, frame, flow, sequence, flags, payload, length, direction, acknowledges
            return self._begin(segment) if payload else ()
        if length is None:
            length = len(payload)
        if not length:
            return ()
        following = state.sequence
        usual = following.usual(sequence)
        if not usual and following.is_far(sequence):
            return self._elsewhere(
                state, (time, frame, flow, sequence, flags, payload, length, direction, acknowledges)
            )
        state.time, state.frame, state.acknowledges = time, frame, acknowledges
        if direction != state.direction:
            state.turn(direction)
        if usual and length == len(payload):
            following.next = sequence + length & 0xFFFFFFFF
            return self._deliver(flow, state, payload) if payload else ()
        return self._place(flow, state, sequence, payload, length)

    def _begin(self, segment: Segment) -> Sequence[Datagram]:
        """A SYN with data, or data of a flow that is not followed."""
        time, frame, flow, sequence, flags, payload, length, direction, acknowledges = segment
        if flags & SYN:
            left = self._open(time, flow, sequence, flags, direction, acknowledges)
            sequence, flags = sequence + 1 & 0xFFFFFFFF, flags & ~SYN
            return [*left, *self.feed(time, frame, flow, sequence, flags, payload, length, direction, acknowledges)]
        self.stray(flow)
        if flow in self.ignored:
            self.ignored[flow] = time
            return ()
        return self._join(segment)

    def finish(self, start: int | None = None) -> list[Datagram]:
        """The messages that are left at the end of a file: gaps are losses now, unfinished messages are cut.

        With `start`, the time at which the next file begins, flows stay that may go on there.
        """
        flows = self.flows.items()
        ended = {flow: state for flow, state in flows if start is None or start - state.time > LONGEST_SILENCE}
        # most have nothing to tell; who is shown to be who depends on whether the other side has ended before
        telling = {one for flow, state in ended.items() if state.has_rest for one in (flow, reverse(flow))}
        rest: list[Datagram] = []
        for flow in sorted(telling & ended.keys(), key=lambda flow: (ended[flow].frame, flow)):
            state = ended[flow]
            rest += [*(self._rest(flow, state.former) if state.former else ()), *self._rest(flow, state)]
        for flow in ended:
            self.flows.pop(flow, None)
        if start is not None:
            self.ignored = {flow: time for flow, time in self.ignored.items() if start - time <= LONGEST_SILENCE}
        return rest

    def _open(  # noqa: PLR0917  # as `feed`
        self, time: int, flow: bytes, sequence: int, flags: int, direction: str, acknowledges: int
    ) -> list[Datagram]:
        """A connection seems to start: one that had the same ports may still go on, as its own segments show."""
        if self.repeats(time, flow, sequence):
            if not flags & ACK:
                self.note_unanswered(time, flow)
            return []
        # An opening SYN starts both directions anew; a SYN with ACK answers one, whose flow was started by that.
        if self.ignored:
            for one in (flow,) if flags & ACK else (flow, reverse(flow)):
                self.ignored.pop(one, None)
        found = Flow(sequence + 1 & 0xFFFFFFFF, time, opened=True)
        if direction:
            found.turn(direction)
        found.acknowledges = acknowledges
        left = self._follow(flow, found)
        self.is_shown(flow, found)  # what it acknowledges may be given up later
        return left

    def _elsewhere(self, state: Flow, segment: Segment) -> Sequence[Datagram]:
        """A segment that is far from where its flow is: of the former connection, or of something that begins there."""
        time, _, flow, sequence, *_ = segment
        former = state.former
        # The segment fits the former connection: a SYN or data in between was forged, or is of another one with these
        # ports. Both are kept, and each takes the segments that fit it.
        if former is not None and not former.sequence.is_far(sequence):
            state.former, former.former = None, state
            self.flows[flow] = former
            return self.feed(*segment)
        if state.stream is not None and not state.lost:
            self.tally.undecoded[LOSSES[RunKind.GAP]] += 1
            state.lost = True
        self.stray(flow)
        found = Flow(sequence, time, opened=False)
        found.lost = True
        return [*self._follow(flow, found), *self.feed(*segment)]

    def _follow(self, flow: bytes, found: Flow) -> list[Datagram]:
        """Follows `found`; what is left of a flow that gives way to it is told."""
        old = self.put(flow, found)
        return [] if old is None else self._rest(flow, old)

    def _join(self, segment: Segment) -> Sequence[Datagram]:
        """A segment of a connection that is older than the capture (or was forgotten): is it of interest?"""
        time, _, flow, sequence, _, payload, *_ = segment
        stream: Stream | None = None
        if not any(starts(payload) for starts in BEGINNINGS):
            if self._find_tls(flow, payload, time) or b"SIP/2.0" not in payload:
                return ()
            self.tally.undecoded["TCP stream that begins inside a SIP message"] += 1
            stream = join_stream(payload, self.tally.undecoded)
        state = Flow(sequence, time, opened=False)
        state.stream = stream
        self._follow(flow, state)
        return self.feed(*segment)

    def _deliver(self, flow: bytes, state: Flow, payload: bytes) -> Sequence[Datagram]:
        """The next bytes of a flow, in order and without a gap."""
        stream = state.stream
        if stream is None:
            stream = state.stream = self._recognise(flow, state, payload)
            if stream is None:
                self._leave(flow, state, to_ignore=not state.lost)
                return ()
        before = stream.waiting_bytes
        pieces = stream.receive(payload)
        self.wait(stream.waiting_bytes - before)
        if stream.is_refused:
            self._leave(flow, state, to_ignore=True)
        return self._datagrams(flow, state, pieces) if pieces else ()

    def _leave(self, flow: bytes, state: Flow, to_ignore: bool) -> None:
        """A flow is of no interest; the one that had its ports before goes on."""
        if state.former is not None:
            self.waiting -= state.forget()
            self.flows[flow] = state.former
            return
        self.stray(flow)
        self.forget(flow)
        if to_ignore:
            self.ignore(flow, state.time)

    def _recognise(self, flow: bytes, state: Flow, payload: bytes) -> Stream | None:
        """The reader of a flow that starts with `payload`; None when it is nothing of ours."""
        for starts, make in STREAMS:
            if starts(payload):
                return make(self.tally.undecoded)
        if state.lost and b"SIP/2.0" in payload:
            return join_stream(payload, self.tally.undecoded)
        if state.former is None:
            self._find_tls(flow, payload, state.time)
        return None

    def _find_tls(self, flow: bytes, payload: bytes, time: int) -> bool:
        sender = tls.sender(payload, flow[-4:-2], flow[-2:])
        if sender is None:
            return False
        if reverse(flow) not in self.ignored:
            source, destination = ends(flow)
            client, server = (source, destination) if sender is tls.Side.CLIENT else (destination, source)
            tls.count_connection(self.tally.encrypted_connections, self.tally.undecoded, client[:-2], server)
        for one in (flow, reverse(flow)):
            known = self.flows.get(one)
            if known is None or known.stream is None:
                self.ignore(one, time)
        return True

    def _place(self, flow: bytes, state: Flow, sequence: int, payload: bytes, length: int) -> list[Datagram]:
        """A segment that is late, repeated, overlapping, ahead of a gap, or cut by the snap length."""
        before = state.sequence.waiting
        runs = list(state.sequence.place(state.time, sequence, payload, length))
        self.wait(state.sequence.waiting - before)
        return self._take(flow, state, runs) if runs else []

    def _take(self, flow: bytes, state: Flow, runs: Iterable[Run]) -> list[Datagram]:
        """The messages in bytes that are in order now."""
        found: list[Datagram] = []
        for what, data in runs:
            if self.flows.get(flow) is not state:
                break  # its bytes told that it is of no interest
            if what is RunKind.NEXT:
                found += self._deliver(flow, state, data)
            elif what is RunKind.EARLIER:
                earlier = MessageStream(self.tally.undecoded, joined=True)
                found += self._datagrams(flow, state, earlier.receive(data))
            else:
                state.lost = state.lost or what is RunKind.GAP
                if state.stream is not None:
                    self.tally.undecoded[LOSSES[what]] += 1
                    found += self._cut(flow, state)
        return found

    def _cut(self, flow: bytes, state: Flow) -> list[Datagram]:
        """The beginning of a message whose rest is missing, cut, if that can be read."""
        if state.stream is None:
            return []
        self.waiting -= state.stream.waiting_bytes
        return self._datagrams(flow, state, state.stream.lose())

    def _rest(self, flow: bytes, state: Flow) -> list[Datagram]:
        """Everything that can still be told of a flow that ends here; what is of an earlier file goes to `late`."""
        # `_take` stops where a flow is not the one that is followed: so this one stands in its place meanwhile.
        known, self.flows[flow] = self.flows.get(flow), state
        before = state.sequence.waiting
        runs = list(state.sequence.rest())
        self.waiting += state.sequence.waiting - before
        found = self._take(flow, state, runs)
        if state.stream is not None and state.stream.waiting_bytes:
            found += self._cut(flow, state)
        self.waiting -= state.forget()
        if known is None or known is state:
            self.flows.pop(flow, None)
        else:
            self.flows[flow] = known
        if state.frame > 0:
            return found
        self.late += found
        return []

    def _datagrams(self, flow: bytes, state: Flow, pieces: Sequence[Piece]) -> list[Datagram]:
        source, destination = ends(flow)
        transport = state.stream.transport if state.stream else "TCP"
        kind = ConnectedDatagram if self.is_shown(flow, state) else Datagram
        found = [
            kind(
                state.time,
                state.frame,
                transport,
                source,
                destination,
                piece.payload,
                state.direction,
                piece.truncated,
            )
            for piece in pieces
        ]
        if transport != hep.HepStream.transport:
            return found
        return [inner for datagram in found if (inner := hep.unwrap_noted(datagram, self.tally)) is not None]

"""TCP segments -> streams -> SIP messages.

Only directed flows that start like SIP, WebSocket, HEP or TLS are followed; every other flow is put into `ignored` at
its first bytes. A connection that is older than the capture is followed from the first segment on that starts so, or
that holds SIP further on. Bytes that are missing from the capture are counted, and the stream goes on at the next
message. Memory is bounded for each flow and in total.

A flow goes on from one file to the next one when its last segment is no older than LONGEST_SILENCE where that file
starts; what then comes has to fit by its sequence numbers, as within a file. So files of other captures in the same
directory, of another day or another connection, do not touch it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.streams import hep, tls, websocket
from pjsipdiag.capture.streams.ended import ALERT, RST, note_end
from pjsipdiag.capture.streams.flow import Flow, Stream, ends, port_pair, reverse
from pjsipdiag.capture.streams.sequence import Run, RunKind
from pjsipdiag.capture.streams.start import may_start_sip, starts_like_sip
from pjsipdiag.capture.streams.stream import MessageStream, Piece

SYN, ACK = 2, 16
LONGEST_SILENCE = 15 * 60 * 1_000_000_000
"""Nanoseconds: so long Linux repeats a segment that nobody acknowledges (`tcp_retries2`, RFC 1122 section 4.2.3.5)."""
REPEATED_SYN = 127 * 1_000_000_000
"""Nanoseconds within which the same SYN is a repeated one (Linux' `tcp_syn_retries`); later it opens anew."""
MOST_FLOWS = 50_000
MOST_IGNORED = 200_000
MOST_WAITING = 64 * 1024 * 1024
"""Bytes of unfinished messages and of segments ahead of a gap that all flows together may keep."""
Segment = tuple[int, int, bytes, int, int, bytes, int | None, str]
"""The arguments of `Reassembler.feed`."""
MISSING = {RunKind.GAP: "TCP segment missing", RunKind.CUT: "TCP bytes cut by the snap length"}


class Reassembler:
    """All TCP flows of one capture.

    A flow is known by its source IP, destination IP, source port and destination port, as they stand in a packet.
    """

    def __init__(self, tally: Tally, share: int = 1) -> None:
        """`share` says how many of them share the memory that there is."""
        self._tally = tally
        self._waiting = 0
        self._share = share
        self.flows: dict[bytes, Flow] = {}
        self.ports: set[int] = set()
        """Ports (`port_pair`) of all `flows`, and perhaps of others."""
        self.ignored: dict[bytes, int] = {}
        """Flows that are not SIP, and when they were last seen; one leaves when its ports are used again."""
        self.late: list[Datagram] = []
        """What was only told after the file that holds it: frame 0 is the last one of the file before."""
        self.full = False
        """Whether something was forgotten to bound memory."""

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
    ) -> Sequence[Datagram]:
        """The messages that this segment completes.

        `flags` is the byte of TCP flags, `payload` the bytes that were captured, `length` how many there were on the
        wire when the snap length cut some off.
        """
        if flags & RST or payload.startswith(ALERT):
            note_end(self._tally.signs, self.flows, time, flow, sequence, flags, payload)
        state = self.flows.get(flow)
        if state is None or flags & SYN:
            if flags & SYN:
                left = self.open(time, flow, sequence, flags)
                if not payload:
                    return left
                sequence = sequence + 1 & 0xFFFFFFFF
                return [*left, *self.feed(time, frame, flow, sequence, flags & ~SYN, payload, length, direction)]
            if not payload:
                return ()
            if flow in self.ignored:
                self.ignored[flow] = time
                return ()
            return self._join((time, frame, flow, sequence, flags, payload, length, direction))
        state.time, state.frame, state.direction = time, frame, direction
        if length is None:
            length = len(payload)
        following = state.sequence
        if following.usual(sequence) and length == len(payload):
            following.next = sequence + length & 0xFFFFFFFF
            return self._deliver(flow, state, payload) if payload else ()
        return self._place(flow, state, sequence, payload, length) if length else ()

    def finish(self, start: int | None = None) -> list[Datagram]:
        """What is left at the end of a file: gaps are losses now, unfinished messages are cut.

        With `start`, the time at which the next file begins, flows stay that may go on there.
        """
        rest: list[Datagram] = []
        for flow, state in sorted(self.flows.items(), key=lambda item: (item[1].frame, item[0])):
            if start is None or start - state.time > LONGEST_SILENCE:
                rest += self._close(flow, state)
                self._forget(flow)
        if start is not None:
            self.ignored = {flow: time for flow, time in self.ignored.items() if start - time <= LONGEST_SILENCE}
        return rest

    def take_up(self, flows: Mapping[bytes, Flow], ignored: Mapping[bytes, int], frames: int) -> None:
        """Goes on with what another reassembler left; `frames` is what its frames are to be counted from."""
        for state in flows.values():
            state.frame += frames
            if state.stream is not None:
                state.stream.undecoded = self._tally.undecoded
            self._waiting += state.waiting
        self.flows.update(flows)
        self.ports.update(map(port_pair, flows))
        self.ignored.update(ignored)

    def repeats(self, time: int, flow: bytes, sequence: int) -> bool:
        """Whether a SYN is the one that opened the flow."""
        state = self.flows.get(flow)
        return (
            state is not None
            and state.sequence.opened
            and state.sequence.begin == sequence + 1 & 0xFFFFFFFF
            and time - state.time <= REPEATED_SYN
        )

    def open(self, time: int, flow: bytes, sequence: int, flags: int) -> list[Datagram]:
        """A connection starts; what is left of one that had the same ports is told."""
        if self.repeats(time, flow, sequence):
            return []
        left: list[Datagram] = []
        for old in (flow,) if flags & ACK else (flow, reverse(flow)):
            self.ignored.pop(old, None)
            if old in self.flows:
                left += self._close(old, self.flows[old])
                self._forget(old)
        if len(self.flows) >= MOST_FLOWS // self._share:
            self._evict()
        self.ports.add(port_pair(flow))
        self.flows[flow] = Flow(flow, sequence + 1 & 0xFFFFFFFF, time, opened=True)
        return left

    def _join(self, segment: Segment) -> Sequence[Datagram]:
        """A segment of a connection that is older than the capture (or was forgotten): is it of interest?"""
        time, frame, flow, sequence, flags, payload, length, direction = segment
        stream: Stream | None = None
        if not any(starts(payload) for starts in BEGINNINGS):
            if self._find_tls(flow, payload, time) or b"SIP/2.0" not in payload:
                return ()
            self._tally.undecoded["TCP stream that begins inside a SIP message"] += 1
            stream = _joined(payload, self._tally.undecoded)
        if len(self.flows) >= MOST_FLOWS // self._share:
            self._evict()
        self.ports.add(port_pair(flow))
        state = self.flows[flow] = Flow(flow, sequence, time, opened=False)
        state.stream = stream
        return self.feed(time, frame, flow, sequence, flags, payload, length, direction)

    def _deliver(self, flow: bytes, state: Flow, payload: bytes) -> Sequence[Datagram]:
        """The next bytes of a flow, in order and without a gap."""
        stream = state.stream
        if stream is None:
            stream = state.stream = self._recognise(flow, state, payload)
            if stream is None:
                if not state.lost:
                    self._ignore(flow, state.time)
                self._forget(flow)
                return ()
        before = stream.waiting
        pieces = stream.receive(payload)
        self._waiting += stream.waiting - before
        if self._waiting > MOST_WAITING // self._share:
            self._evict()
        if stream.refused:
            self._ignore(flow, state.time)
        return self._datagrams(state, pieces) if pieces else ()

    def _recognise(self, flow: bytes, state: Flow, payload: bytes) -> Stream | None:
        """What reads a flow that starts with `payload`; None when it is nothing of ours."""
        for starts, make in STREAMS:
            if starts(payload):
                return make(self._tally.undecoded)
        if state.lost and b"SIP/2.0" in payload:
            return _joined(payload, self._tally.undecoded)
        self._find_tls(flow, payload, state.time)
        return None

    def _find_tls(self, flow: bytes, payload: bytes, time: int) -> bool:
        sender = tls.sender(payload, flow[-4:-2], flow[-2:])
        if sender is None:
            return False
        if reverse(flow) not in self.ignored:
            source, destination = ends(flow)
            client, server = (source, destination) if sender is tls.Side.CLIENT else (destination, source)
            tls.count_connection(self._tally.encrypted, self._tally.undecoded, client[:-2], server)
        self._ignore(flow, time)
        self._ignore(reverse(flow), time)
        return True

    def _place(self, flow: bytes, state: Flow, sequence: int, payload: bytes, length: int) -> list[Datagram]:
        """A segment that is late, repeated, overlapping, ahead of a gap, or cut by the snap length."""
        before = state.sequence.waiting
        runs = list(state.sequence.place(state.time, sequence, payload, length))
        self._waiting += state.sequence.waiting - before
        if self._waiting > MOST_WAITING // self._share:
            self._evict()
        return self._take(flow, state, runs)

    def _take(self, flow: bytes, state: Flow, runs: Iterable[Run]) -> list[Datagram]:
        """The messages in bytes that are in order now."""
        found: list[Datagram] = []
        for what, data in runs:
            if self.flows.get(flow) is not state:
                break  # its bytes told that it is of no interest
            if what is RunKind.NEXT:
                found += self._deliver(flow, state, data)
            elif what is RunKind.EARLIER:
                earlier = MessageStream(self._tally.undecoded, joined=True)
                found += self._datagrams(state, earlier.receive(data))
            else:
                state.lost = state.lost or what is RunKind.GAP
                if state.stream is not None:
                    self._tally.undecoded[MISSING[what]] += 1
                    found += self._cut(state)
        return found

    def _cut(self, state: Flow) -> list[Datagram]:
        """What can be told of a message whose rest is missing."""
        if state.stream is None:
            return []
        self._waiting -= state.stream.waiting
        return self._datagrams(state, state.stream.lose())

    def _close(self, flow: bytes, state: Flow) -> list[Datagram]:
        """Everything that can still be told of a flow that ends here; what is of an earlier file goes to `late`."""
        before = state.sequence.waiting
        runs = list(state.sequence.rest())
        self._waiting += state.sequence.waiting - before
        found = self._take(flow, state, runs)
        if state.stream is not None and state.stream.waiting:
            found += self._cut(state)
        if state.frame > 0:
            return found
        self.late += found
        return []

    def _forget(self, flow: bytes) -> int:
        """Drops a flow; says how many bytes of it were waiting."""
        state = self.flows.pop(flow, None)
        if state is None:
            return 0
        waiting = state.waiting
        self._waiting -= waiting
        state.sequence.forget()
        state.stream = None
        return waiting

    def _ignore(self, flow: bytes, time: int) -> None:
        self._forget(flow)
        if len(self.ignored) >= MOST_IGNORED // self._share:
            self.full = True
            for old in list(self.ignored)[: len(self.ignored) // 2]:
                del self.ignored[old]
        self.ignored[flow] = time

    def _evict(self) -> None:
        """Forgets the half of the flows that was silent for longest."""
        self.full = True
        oldest = sorted(self.flows, key=lambda flow: self.flows[flow].time)
        for flow in oldest[: (len(oldest) + 1) // 2]:
            if self._forget(flow):
                self._tally.undecoded["TCP flow given up to bound memory"] += 1

    def _datagrams(self, state: Flow, pieces: Sequence[Piece]) -> list[Datagram]:
        source, destination = state.ends
        transport = state.stream.transport if state.stream else "TCP"
        found = [
            Datagram(
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
        return [inner for datagram in found if (inner := hep.mirrored(datagram, self._tally)) is not None]


def _starts_sip(payload: bytes) -> bool:
    return starts_like_sip(payload[:64]) or may_start_sip(payload)


def _may_be_sip(payload: bytes) -> bool:
    return _starts_sip(payload) or not payload.strip(b"\r\n")


def _joined(payload: bytes, undecoded: Counter[str]) -> Stream:
    """What reads a flow whose first known segment, `payload`, holds SIP further on."""
    return hep.HepStream(undecoded, joined=True) if hep.MAGIC in payload else MessageStream(undecoded, joined=True)


BEGINNINGS = (_starts_sip, websocket.starts_frame, hep.looks_like)
"""How a segment looks that begins with a message, as nearly every one does in the middle of a connection."""

STREAMS: tuple[tuple[Callable[[bytes], bool], Callable[[Counter[str]], Stream]], ...] = (
    (websocket.starts_upgrade, websocket.WebSocketStream),
    (hep.looks_like, hep.HepStream),
    (_may_be_sip, MessageStream),
    (websocket.starts_frame, partial(websocket.WebSocketStream, upgraded=True)),
)
"""How the first bytes of a flow look -> what reads it."""

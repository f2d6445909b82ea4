"""Which TCP flows are followed: the ones that go on, the ones that had their ports before, and who is shown to be who.

Memory is bounded by the number of flows and by the bytes that wait in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.signs import Sign, SignKind, SignTimes
from pjsipdiag.capture.streams.tcp_flow import Flow, Flows, ends, port_pair, reverse

MOST_FLOWS = 50_000
MOST_IGNORED = 200_000
REPEATED_SYN = 127 * 1_000_000_000
"""Nanoseconds within which the same SYN is a repeated one (Linux' `tcp_syn_retries`); later it opens anew."""
SOONEST_REPEATED = 500_000_000
"""Nanoseconds; senders wait for a second or more before they repeat a SYN (RFC 6298 section 2)."""
MOST_WAITING = 64 * 1024 * 1024
"""Bytes of unfinished messages and of segments ahead of a gap that all flows together may keep."""


class FlowTable:
    """Flows by source IP, destination IP, source port and destination port, as they stand in a packet."""

    def __init__(self, tally: Tally, share: int = 1) -> None:
        """`share` says how many of them share the memory that there is."""
        self.tally = tally
        self.waiting, self.most_waiting = 0, MOST_WAITING // share
        self.share = share
        self.flows = Flows()
        self.ports: set[int] = set()
        """Ports (`port_pair`) of all `flows`, and perhaps of others."""
        self.ignored: dict[bytes, int] = {}
        """Flows that are not SIP, and when they were last seen; one leaves when its ports are used again."""
        self.late: list[Datagram] = []
        """Messages that were only told after the file that holds them: frame 0 is the last one of the file before."""
        self.strays: set[bytes] | None = None
        """Flows of which data was met where nothing before led to it, or that gave way before they were shown: an older
        connection may go on there."""
        self.full = False
        """Whether something was forgotten to bound memory."""

    def put(self, flow: bytes, found: Flow) -> Flow | None:
        """Follows `found`, and what was there as its former flow; of two of these the one that is shown stays.

        Gives the other one, whose rest is still to be told.
        """
        old, given_up = self.flows.get(flow), None
        if old is not None and not old.is_begun:
            old = old.former
        if old is not None:
            if self.strays is not None:
                shown = old.shown
                if not self.is_shown(flow, old):
                    self.strays.add(flow)  # one from before would be kept instead
                old.shown = shown
            if old.former is not None:
                given_up, old.former = old.former, None
                if self.is_shown(flow, given_up) and not self.is_shown(flow, old):
                    old, given_up = given_up, old
        elif len(self.flows) >= MOST_FLOWS // self.share:
            self.evict()
        found.former = old
        self.ports.add(port_pair(flow))
        self.flows[flow] = found
        return given_up

    def stray(self, flow: bytes) -> None:
        """Notes where data was met that nothing before led to, if somebody wants to know."""
        if self.strays is not None:
            self.strays.add(flow)

    def take_up(self, flows: Mapping[bytes, Flow], ignored: Mapping[bytes, int], frames: int) -> None:
        """Goes on with what another reassembler left; `frames` is what its frames are to be counted from."""
        for state in chain.from_iterable(map(Flow.both, flows.values())):
            state.frame += frames
            if state.stream is not None:
                state.stream.undecoded = self.tally.undecoded
            self.waiting += state.waiting_bytes
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

    def note_unanswered(self, time: int, flow: bytes) -> None:
        """Notes the sign in a SYN that is sent again, unless an answer to the first one is known.

        One that comes sooner is the same packet, as another interface shows it.
        """
        first = self.flows[flow]
        if time - first.time >= SOONEST_REPEATED and reverse(flow) not in self.flows:
            client, server = ends(flow)
            at = client[:-2] + b"\0\0", server
            sign = Sign(SignKind.UNANSWERED, 0, server[:-2], *at, "TCP", direction=first.direction)
            self.tally.signs.add(sign, SignTimes(1, time, time))

    def is_shown(self, flow: bytes, state: Flow) -> bool:
        """Whether the sender has shown that he receives what the other side sends (`Flow`)."""
        if not state.shown and not state.told:
            other = self.flows.get(reverse(flow))
            state.shown = other is not None and (
                state.is_answered_by(other) or (other.former is not None and state.is_answered_by(other.former))
            )
        return state.shown

    def wait(self, more: int) -> None:
        """Counts `more` bytes that wait now; fewer where it is negative."""
        self.waiting += more
        if self.waiting > self.most_waiting:
            self.evict()

    def forget(self, flow: bytes) -> int:
        """Drops a flow; says how many bytes of it were waiting."""
        state = self.flows.pop(flow, None)
        if state is None:
            return 0
        waiting = state.forget() + (state.former.forget() if state.former else 0)
        self.waiting -= waiting
        return waiting

    def ignore(self, flow: bytes, time: int) -> None:
        self.forget(flow)
        if len(self.ignored) >= MOST_IGNORED // self.share:
            self.full = True
            for old in list(self.ignored)[: len(self.ignored) // 2]:
                del self.ignored[old]
        self.ignored[flow] = time

    def evict(self) -> None:
        """Forgets the half of the flows that was silent for longest."""
        self.full = True
        oldest = sorted(self.flows, key=lambda flow: self.flows[flow].time)
        for flow in oldest[: (len(oldest) + 1) // 2]:
            if self.forget(flow):
                self.tally.undecoded["TCP flow given up to bound memory"] += 1

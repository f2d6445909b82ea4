"""One captured frame -> the SIP messages it completes.

The only place where link layer, IP, UDP, TCP and HEP meet, and the only one that keeps state between frames: fragments
and TCP streams, which also go on from one file of a capture to the next (`UnfinishedState`). No frame raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from pjsipdiag.capture.datagram import Datagram, Tally, carried_direction
from pjsipdiag.capture.packets import logger
from pjsipdiag.capture.packets.fragments import DatagramKey, Fragments, PendingDatagram
from pjsipdiag.capture.packets.icmp import error_about
from pjsipdiag.capture.packets.ip import MAX_DEPTH, MOST_MISSING, TCP, UDP, TcpSegment, unwrap
from pjsipdiag.capture.packets.link import network
from pjsipdiag.capture.packets.network_layer import NetworkLayer, UndecodableError
from pjsipdiag.capture.packets.tunnels import udp_tunnel
from pjsipdiag.capture.signs import SignTimes
from pjsipdiag.capture.streams import hep
from pjsipdiag.capture.streams.flow_table import FlowTable
from pjsipdiag.capture.streams.start import START
from pjsipdiag.capture.streams.tcp import Reassembler
from pjsipdiag.capture.streams.tcp_flow import RST, SYN, Flows, port_pair
from pjsipdiag.dataclass import NamedTuple

MOST_LATE = 16 << 20
"""Bytes of messages that are kept until the end of their file."""
MOST_KEPT_PORTS = 100_000
"""Ports of flows that are no more, which are kept until they are looked for."""
MAY_CARRY_SIP = re.compile(rb"[\t\n\r -~]{16}|[\t\n\r -~]{1,15}\Z|[\x15-\x17]\x03|[\x81\x82\x01\x02]|HEP3")
"""How a TCP segment of an unknown connection begins that may carry SIP: text, a TLS record, a WebSocket frame, HEP."""
PSH, VERSION = 8, b"SIP/2.0"
"""Of other segments those are looked through for VERSION that end what a sender handed over (RFC 9293 section 3.9.1.2):
so a connection that the capture meets inside a binary body is followed from its next message on, and bulk transfers
cost nothing."""

CANNOT_START_SIP = bytes(
    MAY_CARRY_SIP.match(bytes((byte,)) + (b"\x03" if byte in b"\x15\x16\x17" else b"")) is None for byte in range(256)
)
"""Whether a segment whose first byte is the index cannot begin as MAY_CARRY_SIP says."""


class UnfinishedState(NamedTuple):
    """The state that a file of `records` frames left for the next file of its capture."""

    fragments: dict[DatagramKey, PendingDatagram]
    flows: Flows
    ignored_flows: dict[bytes, int]
    records: int


class Dissector:
    """Takes the frames of one file in order; `tally` counts what cannot be decoded.

    `before` is what the file before left, and changes hands. `share`: see Reassembler. `fragments` puts them together
    if it is not to be done as usual.
    """

    def __init__(
        self, tally: Tally, before: UnfinishedState | None = None, share: int = 1, fragments: Fragments | None = None
    ) -> None:
        self.tally = tally
        self.fragments = fragments or Fragments(tally.undecoded)
        self._reassembler = Reassembler(tally, share)
        self.late = self._reassembler.late
        """Messages told after later ones of their file, or of earlier files; complete once the file is finished.

        Frame 0 is the last one of the file before, and so on backwards.
        """
        self._kept_late = 0
        if before is not None:
            self.fragments.take_up(before.fragments, -before.records)
            self._reassembler.take_up(before.flows, before.ignored_flows, -before.records)
        self.follow: Callable[..., Sequence[Datagram]] = self._reassembler.feed
        self.direct: Callable[..., Sequence[Datagram] | None] = self._reassembler.feed
        """Takes a segment as `follow` does, without the frame around it; answers None where the frame is wanted."""
        self.table: FlowTable = self._reassembler
        self.flows: Collection[bytes] = self._reassembler.flows
        """The directed TCP flows that are followed: every segment of them is wanted."""
        self.known: set[bytes] = set()
        """More TCP flows of which every segment is wanted: those that a part of a capture hands back."""
        self.ports = self._reassembler.ports
        """Ports of all these flows, and perhaps of others (`tcp.port_pair`)."""
        self.passed: set[int] | None = None
        """The ports of flows whose data was passed over; None where nobody asks."""

    def wants(self, flow: bytes) -> bool:
        """Whether every segment of a flow is wanted; notes that one is passed over if not."""
        if flow in self.flows or flow in self.known:
            return True
        if self.passed is not None:
            self.passed.add(port_pair(flow))
        return False

    def trim(self) -> None:
        """Empties sets that only grow; called now and then."""
        if len(self.ports) > MOST_KEPT_PORTS + 2 * (len(self.flows) + len(self.known)):
            self.ports.clear()
            self.ports.update(map(port_pair, (*self.flows, *self.known)))

    def frame(
        self, time: int, frame: int, link_type: int, data: bytes, known: NetworkLayer | None = None
    ) -> Iterable[Datagram]:
        """The messages that this frame completes, usually none or one; `known` is what `network` would say of it."""
        try:
            kind, offset, direction = known or network(link_type, data)
            self.fragments.frame, self.fragments.direction = frame, direction
            segment = unwrap(kind, data[offset:], time, self.fragments) if kind else None
        except UndecodableError as reason:
            self.tally.undecoded[str(reason)] += 1
            segment = None
        found = self._transport(time, frame, segment, direction) if segment else ()
        return [*self._incomplete(), *found] if self.fragments.given_up else found

    def piece(  # noqa: PLR0917  (called for every fragment)
        self,
        time: int,
        frame: int,
        _link_type: int,
        _data: bytes,
        direction: str,
        addresses: bytes,
        number: int,
        place: int,
        piece: bytes,
    ) -> Iterable[Datagram]:
        """The messages that a frame completes which holds this piece of a UDP packet, and nothing else around it, in
        IPv4. `addresses`, `number` and `place` (the fragment field) stand in its header."""
        self.fragments.frame, self.fragments.direction = frame, direction
        key = addresses, UDP, number
        whole = self.fragments.add(key, time, (place & 0x1FFF) * 8, bool(place & 0x2000), piece)
        found: Iterable[Datagram] = ()
        if whole is not None:
            half = len(addresses) // 2
            segment = TcpSegment(UDP, addresses[:half], addresses[half:], whole, 0, True)
            found = self._transport(time, frame, segment, direction)
        return [*self._incomplete(), *found] if self.fragments.given_up else found

    def _incomplete(self) -> Iterator[Datagram]:
        """The beginnings of datagrams whose rest was not captured: to `late`, as long as that is not too much."""
        given_up, self.fragments.given_up = self.fragments.given_up, []
        for time, frame, direction, (ends, protocol, _), data in given_up:
            half = len(ends) // 2
            if protocol != UDP or len(data) < 8:
                continue
            segment = TcpSegment(UDP, ends[:half], ends[half:], data, MOST_MISSING, True)
            for found in self._message(time, frame, segment, data[8:], direction, True) or ():
                self._kept_late += len(found.payload)
                if self._kept_late > MOST_LATE:
                    yield found
                else:
                    self.late.append(found)

    def finish(self, start: int | None = None) -> Iterable[Datagram]:
        """The messages that are complete only because the file ends, and do not go on in one that begins at `start`."""
        self.fragments.finish(start)
        return [*self._incomplete(), *self._reassembler.finish(start)]

    def take_unfinished(self) -> UnfinishedState:
        """The state that goes on in the next file, once this one is finished."""
        reassembler = self._reassembler
        return UnfinishedState(self.fragments.pending, reassembler.flows, reassembler.ignored, self.tally.records)

    def _transport(self, time: int, frame: int, segment: TcpSegment, direction: str) -> Iterable[Datagram]:
        """The messages that a transport packet completes, or one in a tunnel in it."""
        try:
            return self._innermost(time, frame, segment, direction)
        except UndecodableError as reason:
            self.tally.undecoded[str(reason)] += 1
            return ()

    def _innermost(self, time: int, frame: int, segment: TcpSegment | None, direction: str) -> Iterable[Datagram]:
        for _ in range(MAX_DEPTH):
            if segment is None:
                return ()
            if segment.carrier:
                direction = carried_direction(direction, segment.carrier)
            if segment.protocol == TCP:
                return self._tcp(time, frame, segment, direction)
            if segment.protocol != UDP:
                return self._icmp(time, segment, direction)
            payload, truncated = _udp_payload(segment)
            found = self._message(time, frame, segment, payload, direction, truncated)
            if found is not None:
                return found
            # SIP first, tunnels after it: a SIP telephone may well use the port of VXLAN, and a message in a tunnel
            # begins with the tunnel's header, which is no SIP.
            ports = int.from_bytes(segment.data[:2], "big"), int.from_bytes(segment.data[2:4], "big")
            tunnel = udp_tunnel(*ports, payload)
            if tunnel is None:
                return ()
            direction = carried_direction(direction, segment.source)
            segment = unwrap(*tunnel, time, self.fragments)
        raise UndecodableError("tunnels nested too deep")

    def _message(  # noqa: PLR0917  (as the fields of a datagram)
        self, time: int, frame: int, segment: TcpSegment, payload: bytes, direction: str, truncated: bool
    ) -> tuple[Datagram, ...] | None:
        """The message in a UDP payload; None when it starts like none."""
        source, destination = segment.source + segment.data[:2], segment.destination + segment.data[2:4]
        datagram = Datagram(time, frame, "UDP", source, destination, payload, direction, truncated)
        if START.match(payload):
            return (self._logged(datagram) if logger.is_logged(source, destination) else datagram,)
        if hep.looks_like(payload):
            inner = hep.unwrap_noted(datagram, self.tally)
            return () if inner is None else (inner,)
        return None

    def _tcp(self, time: int, frame: int, segment: TcpSegment, direction: str) -> Iterable[Datagram]:
        data = segment.data
        if len(data) < 20:
            raise UndecodableError("TCP header cut short")
        start = (data[12] >> 4) * 4
        if start < 20 or start > len(data) + segment.missing:
            raise UndecodableError("TCP header length")
        flow, flags, payload = segment.source + segment.destination + data[:4], data[13], data[start:]
        if not flags & (SYN | RST):
            if not payload:
                return ()
            speaks = MAY_CARRY_SIP.match(payload) or (flags & PSH and VERSION in payload)
            # Most TCP in a capture is no SIP. Following it would cost memory for each connection; so a flow is met at
            # the first segment that may begin a message, and from then on all its segments are wanted.
            if not (speaks or self.wants(flow)):
                return ()
        length = len(data) + segment.missing - start if segment.missing else None
        sequence, acknowledges = int.from_bytes(data[4:8], "big"), int.from_bytes(data[8:12], "big")
        return self.follow(time, frame, flow, sequence, flags, payload, length, direction, acknowledges)

    def _icmp(self, time: int, segment: TcpSegment, direction: str) -> Iterable[Datagram]:
        """Notes what an ICMP error says; it holds no message."""
        found = error_about(segment.protocol, segment.source, segment.data)
        if found is not None:
            sign, call_id = found
            self.tally.signs.add(
                sign._replace(direction=direction), SignTimes(1, time, time, (call_id,) if call_id else ())
            )
        return ()

    def _logged(self, datagram: Datagram) -> Datagram:
        self.tally.note(logger.LOGGER_NOTE)
        return logger.restore_transport(datagram)


def _udp_payload(segment: TcpSegment) -> tuple[bytes, bool]:
    """The payload as far as it was captured, and whether the snap length cut it."""
    data = segment.data
    if len(data) < 8:
        raise UndecodableError("UDP header cut short")
    length = int.from_bytes(data[4:6], "big") or len(data) + segment.missing
    if length < 8 or length > len(data) + segment.missing:
        raise UndecodableError("UDP length does not fit its packet")
    return data[8:length], length > len(data)

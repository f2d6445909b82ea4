"""One record that is not certainly media -> its SIP messages: at once where every header is plain, else dissected.

Layouts are learnt here as packets of new encapsulations are met; there are at most MAX_LAYOUTS of them, so that hostile
captures cannot make the list long.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable

from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.capture.fast import compiled
from pjsipdiag.capture.fast.layout import HEP_BYTES, PASSES, TRANSPORT_PROTOCOLS, Container, Layout, learn
from pjsipdiag.capture.packets.dissect import MAY_CARRY_SIP, PSH, VERSION, Dissector
from pjsipdiag.capture.packets.link import SLL_DIRECTIONS, network
from pjsipdiag.capture.packets.network_layer import IPV4, IPV6, NetworkLayer, UndecodableError
from pjsipdiag.capture.packets.tunnels import UDP_TUNNELS
from pjsipdiag.capture.streams.start import START
from pjsipdiag.capture.streams.tcp_flow import RST, SYN

MAX_LAYOUTS = 16
NO_PORT = b"\0\0"
"""The port of Asterisk's own side in its own captures, which do not tell it."""
_NUMBERS = struct.Struct(">II").unpack_from
"""The sequence and the acknowledgment number of a TCP header."""
TUNNEL_PORTS = frozenset(port.to_bytes(2, "big") for port in UDP_TUNNELS)


def _one_of(texts: Iterable[bytes]) -> bytes:
    """The pattern of one of `texts`, of which most bytes are none."""
    escaped = sorted(map(re.escape, texts))
    return rb"(?=[" + b"".join(re.escape(text[:1]) for text in texts) + rb"])(?:" + b"|".join(escaped) + rb")"


NOT_SIP = re.compile(
    (rb"(?!" + _one_of(TUNNEL_PORTS) + rb")..(?!" + _one_of(TUNNEL_PORTS) + rb").{6}")
    + (rb"(?![\r\n" + re.escape(bytes(sorted(HEP_BYTES))) + rb"]|" + START.pattern + rb")."),
    re.DOTALL,
)
"""A UDP packet that certainly holds neither SIP nor anything around it: no port of a tunnel, no start line, and not how
HEP and empty lines begin, which may hold SIP further on."""


class Sieve:
    """The records of one interface (or of one classic capture), which all have one link type.

    `plans` for the compiled loop are added to as layouts are learnt; `unit`: see `compiled.add_plan`.
    """

    def __init__(self, container: Container, link_type: int, dissector: Dissector, unit: int, plans: bytearray) -> None:
        self.container = container
        self.link_type = link_type
        self.layouts: list[Layout] = []
        self._dissector = dissector
        self._unit, self._plans = unit, plans
        self.direction_at = {113: container.header + 1, 276: container.header + 10}.get(link_type, 0)

    def look(self, buffer: bytearray, at: int, stop: int, time: int, frame: int) -> Iterable[Datagram]:
        """The messages of the record at `at`, whose layout is learnt now if it is new."""
        layouts = self.layouts
        for number, layout in enumerate(layouts):
            first, second, fragment, protocol = layout.unpack(buffer, at)
            if first != layout.first or second != layout.second:
                continue
            if not layout.plain and layout.outer(buffer, at) != layout.tags:
                continue
            if protocol in TRANSPORT_PROTOCOLS and not fragment & layout.mask:
                if number:  # the next one of another encapsulation is most likely of this one
                    layouts.insert(0, layouts.pop(number))
                return self.plain(layout, buffer, at, stop, time, frame)
            if at + layout.ports < stop:  # a fragment, say
                direction = SLL_DIRECTIONS.get(buffer[at + self.direction_at], "") if self.direction_at else ""
                known = NetworkLayer(IPV4 if layout.version == 4 else IPV6, layout.ip, direction)
                return self.dissect(buffer, at, stop, time, frame, known)
        learnt = self._learn(buffer, at, stop) if len(layouts) < MAX_LAYOUTS else None
        if learnt is None:
            return self.dissect(buffer, at, stop, time, frame)
        layouts.append(learnt)
        compiled.add_plan(self._plans, learnt, self.container, self._unit, (self.link_type, self.direction_at))
        return self.plain(learnt, buffer, at, stop, time, frame)

    def _learn(self, buffer: bytearray, at: int, stop: int) -> Layout | None:
        frame = bytes(buffer[at + self.container.header : min(stop, at + self.container.header + 128)])
        try:
            learnt = learn(self.link_type, frame, network(self.link_type, frame), self.container)
        except UndecodableError:
            return None
        return learnt if learnt is not None and learnt.fits(buffer, at) else None

    def plain(  # noqa: PLR0917  (called for every message: keyword arguments cost a tenth of it)
        self, layout: Layout, buffer: bytearray, at: int, stop: int, time: int, frame: int
    ) -> Iterable[Datagram]:
        """The messages of a record that `layout` fits."""
        ports = at + layout.ports
        if buffer[at + layout.protocol_at] == 6:
            return self._tcp(layout, buffer, at, stop, time, frame) if self.wants(buffer, at, stop, layout) else ()
        if ports + 8 < stop and (PASSES[buffer[ports + 8]] or NOT_SIP.match(buffer, ports, stop)):
            return ()  # as the compiled loop does: what a record is counted for does not depend on those before it
        room, source_ip, destination_ip, source_port, destination_port, length = layout.detail(buffer, at)
        end = ports + length
        if not 8 <= length <= room - layout.over or end > stop or NO_PORT in (source_port, destination_port):
            return self.dissect(buffer, at, stop, time, frame)
        payload = ports + 8
        if START.match(buffer, payload, end):
            source, destination = source_ip + source_port, destination_ip + destination_port
            direction = SLL_DIRECTIONS.get(buffer[at + self.direction_at], "") if self.direction_at else ""
            content = bytes(buffer[payload:end])
            return (tuple.__new__(Datagram, (time, frame, "UDP", source, destination, content, direction, False)),)
        if buffer[payload] in HEP_BYTES or destination_port in TUNNEL_PORTS or source_port in TUNNEL_PORTS:
            return self.dissect(buffer, at, stop, time, frame)
        return ()

    def _tcp(  # noqa: PLR0917  (as above)
        self, layout: Layout, buffer: bytearray, at: int, stop: int, time: int, frame: int
    ) -> Iterable[Datagram]:
        """The messages that a TCP segment completes."""
        ports = at + layout.ports
        end = ports + layout.detail(buffer, at)[0] - layout.over
        header = (buffer[ports + 12] >> 4) * 4
        if header < 20 or ports + header > end or end > stop:
            return self.dissect(buffer, at, stop, time, frame)
        flow = bytes(buffer[at + layout.addresses : ports + 4])
        sequence, acknowledges = _NUMBERS(buffer, ports + 4)
        direction = SLL_DIRECTIONS.get(buffer[at + self.direction_at], "") if self.direction_at else ""
        payload = bytes(buffer[ports + header : end])
        flags = buffer[ports + 13]
        found = self._dissector.direct(time, frame, flow, sequence, flags, payload, None, direction, acknowledges)
        return self.dissect(buffer, at, stop, time, frame) if found is None else found

    def wants(self, buffer: bytearray, at: int, stop: int, layout: Layout) -> bool:
        """Whether the TCP segment in this record may be of interest: what `Dissector` says of it."""
        ports = at + layout.ports
        flags, header = buffer[ports + 13], (buffer[ports + 12] >> 4) * 4
        if flags & (SYN | RST):
            return True
        length, payload = layout.detail(buffer, at)[0] - layout.over, ports + header
        if ports + 20 > stop or header < 20 or (length < header and length != -layout.over):
            return True  # cut short or damaged, which `dissect` counts
        end = min(stop, ports + length) if length > 0 else stop
        if payload >= end:
            return False
        if MAY_CARRY_SIP.match(buffer, payload, end) or (flags & PSH and buffer.find(VERSION, payload, end) >= 0):
            return True
        return self._dissector.wants(bytes(buffer[at + layout.addresses : ports + 4]))

    def dissect(  # noqa: PLR0917  (as `plain`)
        self, buffer: bytearray, at: int, stop: int, time: int, frame: int, known: NetworkLayer | None = None
    ) -> Iterable[Datagram]:
        """The messages of any record, by the long way; `known` is what `network` would say of it."""
        data = bytes(buffer[at + self.container.header : stop])
        return self._dissector.frame(time, frame, self.link_type, data, known)

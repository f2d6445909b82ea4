"""One record that is not certainly media -> its SIP messages: at once where every header is plain, else dissected.

Layouts are learnt here as packets of new encapsulations are met; there are at most MAX_LAYOUTS of them, so that hostile
captures cannot make the list long.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.capture.dissect import Dissector
from pjsipdiag.capture.ip import TUNNEL_PORTS
from pjsipdiag.capture.layout import Container, Layout, learn
from pjsipdiag.capture.link import SLL_DIRECTIONS, Undecodable, network
from pjsipdiag.capture.start import START

MAX_LAYOUTS = 16
SYN = 2
PRINTABLE = re.compile(rb"[\t\n\r\x20-\x7e]{1,16}")
TEXT_BYTES = bytes(range(0x20, 0x7F)) + b"\t\r\n"


class Sieve:
    """The records of one interface (or of one classic capture), which all have one link type."""

    def __init__(self, container: Container, link_type: int, dissector: Dissector) -> None:
        self.container = container
        self.link_type = link_type
        self.layouts: list[Layout] = []
        self._dissector = dissector
        self._streams = dissector.streams
        self._direction_at = {113: 1, 276: 10}.get(link_type)

    def layout_of(self, buffer: bytearray, at: int, stop: int) -> Layout | None:
        """The layout of the record at `at`, learnt now if it is new; None for what has to be dissected."""
        for layout in self.layouts:
            if layout.fits(buffer, at):
                return layout
        if len(self.layouts) == MAX_LAYOUTS:
            return None
        frame = bytes(buffer[at + self.container.header : min(stop, at + self.container.header + 128)])
        try:
            learnt = learn(self.link_type, frame, network(self.link_type, frame), self.container)
        except Undecodable:
            return None
        if learnt is None or not learnt.fits(buffer, at):
            return None
        self.layouts.append(learnt)
        return learnt

    def plain(self, layout: Layout, buffer: bytearray, at: int, stop: int, time: int, frame: int) -> Iterable[Datagram]:
        """The messages of a record that `layout` fits."""
        ip, ports = at + self.container.header + layout.ip, at + layout.ports
        if layout.version == 4:
            room, protocol = (buffer[ip + 2] << 8 | buffer[ip + 3]) - 20, buffer[ip + 9]
        else:
            room, protocol = buffer[ip + 4] << 8 | buffer[ip + 5], buffer[ip + 6]
        if protocol == 6:
            end = min(stop, ports + room) if room > 0 else stop
            return self.dissect(buffer, at, stop, time, frame) if self.wants(buffer, at, ports, end, layout) else ()
        length = buffer[ports + 4] << 8 | buffer[ports + 5]
        if not 8 <= length <= room or ports + length > stop:
            return self.dissect(buffer, at, stop, time, frame)
        payload = ports + 8
        if START.match(buffer, payload, ports + length):
            return (self._datagram(layout, buffer, at, payload, ports + length, time, frame),)
        if (
            buffer[payload] in (1, 2, 0x48)  # the three versions of HEP
            or (buffer[ports + 2] << 8 | buffer[ports + 3]) in TUNNEL_PORTS
        ):
            return self.dissect(buffer, at, stop, time, frame)
        return ()

    def wants(self, buffer: bytearray, at: int, ports: int, end: int, layout: Layout) -> bool:
        """Whether a TCP segment can matter: a new connection, one that is followed, text, TLS or a WebSocket frame."""
        if buffer[ports + 13] & SYN:
            return True
        payload = ports + (buffer[ports + 12] >> 4) * 4
        if payload < end:
            first = buffer[payload]
            if PRINTABLE.match(buffer, payload, end):
                if not buffer[payload : min(payload + 16, end)].translate(None, TEXT_BYTES):
                    return True
            elif (first in (0x16, 0x17) and buffer[payload + 1] == 3) or first in (0x81, 0x82):
                return True
        streams = self._streams
        return bool(streams) and bytes(buffer[at + layout.addresses : ports + 4]) in streams

    def _datagram(
        self, layout: Layout, buffer: bytearray, at: int, payload: int, end: int, time: int, frame: int
    ) -> Datagram:
        start = at + layout.addresses
        if layout.version == 4:
            head = bytes(buffer[start : start + 12])
            source, destination = head[:4] + head[8:10], head[4:8] + head[10:]
        else:
            head = bytes(buffer[start : start + 36])
            source, destination = head[:16] + head[32:34], head[16:32] + head[34:]
        direction = ""
        if self._direction_at is not None:
            direction = SLL_DIRECTIONS.get(buffer[at + self.container.header + self._direction_at], "")
        return Datagram(time, frame, "UDP", source, destination, bytes(buffer[payload:end]), direction)

    def dissect(self, buffer: bytearray, at: int, stop: int, time: int, frame: int) -> Iterable[Datagram]:
        """The messages of any record, by the long way."""
        data = bytes(buffer[at + self.container.header : stop])
        return self._dissector.frame(time, frame, self.link_type, data)

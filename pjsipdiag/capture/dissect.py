"""One captured frame -> the SIP messages it completes.

The only place where link layer, IP, UDP, TCP and HEP meet, and the only one that keeps state between frames: fragments,
TCP streams, and the packets just seen, so that a packet captured on several interfaces counts once. No frame raises.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.fragments import Fragments
from pjsipdiag.capture.ip import MAX_DEPTH, TUNNEL_PORTS, UDP, Segment, udp_tunnel, unwrap
from pjsipdiag.capture.link import Undecodable, network
from pjsipdiag.capture.start import START


class Dissector:
    """Takes the frames of one capture in order; `tally` counts what cannot be decoded."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.fragments = Fragments(tally.undecoded)
        self.streams: Container[bytes] = ()

    def frame(self, time: int, frame: int, link_type: int, data: bytes) -> Iterable[Datagram]:
        """The messages that this frame completes, usually none or one."""
        try:
            kind, offset, direction = network(link_type, data)
            return self._packet(time, frame, kind, data[offset:], direction) if kind else ()
        except Undecodable as reason:
            self.tally.undecoded[str(reason)] += 1
            return ()

    def finish(self) -> Iterable[Datagram]:
        """What is complete only because the capture ends."""
        self.fragments.finish()
        return ()

    def _packet(self, time: int, frame: int, kind: int, data: bytes, direction: str) -> Iterable[Datagram]:
        for _ in range(MAX_DEPTH):
            segment = unwrap(kind, data, time, self.fragments)
            if segment is None:
                return ()
            if segment.protocol != UDP:
                return ()
            payload, truncated = _udp_payload(segment)
            if START.match(payload):
                source, destination = segment.source + segment.data[:2], segment.destination + segment.data[2:4]
                return (Datagram(time, frame, "UDP", source, destination, payload, direction, truncated),)
            port = int.from_bytes(segment.data[2:4], "big")
            tunnel = udp_tunnel(port, payload) if port in TUNNEL_PORTS else None
            if tunnel is None:
                return ()
            kind, data = tunnel
        raise Undecodable("tunnels nested too deep")


def _udp_payload(segment: Segment) -> tuple[bytes, bool]:
    """The payload as far as it was captured, and whether the snap length cut it."""
    data = segment.data
    if len(data) < 8:
        raise Undecodable("UDP header cut short")
    length = int.from_bytes(data[4:6], "big") or len(data) + segment.missing
    if length < 8 or length > len(data) + segment.missing:
        raise Undecodable("UDP length does not fit its packet")
    return data[8:length], length > len(data)

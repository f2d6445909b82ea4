"""Captures that Asterisk writes itself with `pjsip set logger pcap` (res_pjsip_logger.c, pjsip_logger_write_to_pcap).

Ethernet, IP and UDP are made up around the decrypted message: the own side has no address, and whatever the transport
was, the packet is UDP. The transport is in the Via.
"""

from __future__ import annotations

from pjsipdiag.capture.datagram import TOLD, Datagram
from pjsipdiag.capture.streams.via import via_transport

LOGGER_NOTE = "written by Asterisk's own `pjsip set logger pcap`: decrypted, the transport is the one the top Via names"
_NOWHERE = frozenset({bytes(6), bytes(18)})


def is_logged(source: bytes, destination: bytes) -> bool:
    """Whether one side (packed IP and port) is the blank that Asterisk leaves for itself."""
    return (source in _NOWHERE) != (destination in _NOWHERE)


def restore_transport(datagram: Datagram) -> Datagram:
    """The datagram with its true transport, and its direction as seen from Asterisk; as it is inside of a carrier."""
    if datagram.direction.startswith(TOLD):
        return datagram
    return datagram._replace(
        transport=via_transport(datagram.payload, datagram.transport),
        direction="out" if datagram.source in _NOWHERE else "in",
    )

"""TLS on a TCP stream, recognised by its records (RFC 8446 section 5.1): who speaks to whom, never what.

The SIP inside is read through Wireshark when its secrets are at hand (`wireshark.py`).
"""

from __future__ import annotations

from collections import Counter
from enum import Enum

from pjsipdiag.sip import SIPS_PORT

HANDSHAKE, APPLICATION_DATA = 22, 23
_SIPS_PORT = SIPS_PORT.to_bytes(2, "big")
MOST_ENCRYPTED = 100_000


class Side(Enum):
    """Who sent a TLS record."""

    CLIENT = "client"
    SERVER = "server"


def sender(payload: bytes, source_port: bytes, destination_port: bytes) -> Side | None:
    """Who sent `payload`, when it starts with a TLS record that tells; None when it does not.

    A ClientHello or ServerHello tells by itself. Of a connection older than the capture only application data is seen:
    there the port of SIP over TLS (5061) tells which end is the server.
    """
    if len(payload) < 6 or payload[1] != 3:
        return None
    if payload[0] == HANDSHAKE and payload[5] in (1, 2):
        return Side.CLIENT if payload[5] == 1 else Side.SERVER
    if payload[0] == APPLICATION_DATA and payload[2] <= 4:
        if destination_port == _SIPS_PORT:
            return Side.CLIENT
        if source_port == _SIPS_PORT:
            return Side.SERVER
    return None


def count_connection(
    encrypted: Counter[tuple[bytes, bytes]], undecoded: Counter[str], client: bytes, server: bytes
) -> None:
    """Counts one more connection from `client` (packed IP, its port is of no interest) to `server` (packed IP and
    port)."""
    key = (client + b"\0\0", server)
    if key in encrypted or len(encrypted) < MOST_ENCRYPTED:
        encrypted[key] += 1
    else:
        undecoded["TLS connection beyond the number that is listed"] += 1

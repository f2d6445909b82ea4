"""A port of the loopback address at which a test's server can listen."""

from __future__ import annotations

import random
import socket

ABOVE, BELOW = 15_000, 32_000
"""Beneath those that the system takes for connections (from 32768 on Linux): no other process gets one by chance."""


def free_port() -> int:
    """One that is free for TCP and UDP.

    :raises OSError: none of a hundred is.
    """
    ports = random.SystemRandom().sample(range(ABOVE, BELOW), 100)
    found = next(filter(_is_free, ports), None)
    if found is None:
        raise OSError(f"no port of 127.0.0.1 from {ABOVE} to {BELOW} is free")
    return found


def _is_free(port: int) -> bool:
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True

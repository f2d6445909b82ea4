"""tcpdump as a child that captures: it needs rights that Python shall not have, and buffers in the kernel."""

from __future__ import annotations

import re
from collections.abc import Iterable

PORTS = (5060, 5061)
"""Where SIP is as a rule."""
BUFFER = 16384
"""KiB in the kernel."""
_DROPPED = re.compile(r"^(\d+) packets dropped by kernel", re.MULTILINE)


def arguments(ports: Iterable[int], interface: str = "any", seconds: float | None = None) -> list[str]:
    """The words that capture SIP to standard output, for ever or some seconds."""
    limit = ["timeout", "-s", "INT", f"{seconds:g}"] if seconds is not None else []
    told = ["-i", interface, "-n", "-U", "-s", "0", "-B", str(BUFFER), "-w", "-"]
    return [*limit, "tcpdump", *told, expression(ports)]


def expression(ports: Iterable[int]) -> str:
    """What to capture: also fragments, of which only the first one has ports."""
    named = (f"port {port}" for port in sorted({*PORTS, *ports}))
    return " or ".join((*named, "(ip[6:2] & 0x1fff != 0)", "ip6 proto 44"))


def dropped(said: str) -> int:
    """How many packets the kernel dropped, by what tcpdump says at its end."""
    found = _DROPPED.search(said)
    return int(found[1]) if found else 0

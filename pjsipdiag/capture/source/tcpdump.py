"""tcpdump as a child that captures: it needs rights that Python shall not have, and buffers in the kernel."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pjsipdiag.sip import SIP_PORTS

RECORD = "tcpdump -i any -s 0 -w call.pcap 'port 5060 or port 5061'"
"""The command that records calls, as it is advised."""
LIVE_BUFFER = 16384
"""KiB in the kernel."""
_DROPPED = re.compile(r"^(\d+) packets dropped by kernel", re.MULTILINE)


def arguments(ports: Iterable[int], interface: str = "any", seconds: float | None = None) -> list[str]:
    """The words that capture SIP to standard output, for ever or some seconds."""
    limit = ["timeout", "-s", "INT", f"{seconds:g}"] if seconds is not None else []
    return [*limit, *command(interface, expression(ports))]


def command(interface: str, wanted: str) -> list[str]:
    """The words alone: `wanted` is an expression of pcap-filter(7)."""
    return ["tcpdump", "-i", interface, "-n", "-U", "-s", "0", "-B", str(LIVE_BUFFER), "-w", "-", "--", wanted]


def expression(ports: Iterable[int]) -> str:
    """SIP on these ports, in the words of pcap-filter(7): also fragments, of which only the first one has ports."""
    named = (f"port {port}" for port in sorted({*SIP_PORTS, *ports}))
    return " or ".join((*named, "(ip[6:2] & 0x1fff != 0)", "ip6 proto 44"))


def count_dropped(said: str) -> int:
    """How many packets the kernel dropped, by what tcpdump says at its end."""
    found = _DROPPED.search(said)
    return int(found[1]) if found else 0

"""The table of `make bench`: which captures are made, what is timed on them against what, and what must hold."""

from __future__ import annotations

from math import inf
from typing import NamedTuple


class Capture(NamedTuple):
    """A capture to make: about `size` packets of a kind, or bytes of a log."""

    kind: str
    size: int
    ending: str = "pcap"
    link: str = "ethernet"
    six: bool = False


class Row(NamedTuple):
    """What of ours is timed against what (names of `runs.TOOLS`), and its goals: the ratio, seconds, MB and MB/s."""

    ours: str
    theirs: str
    ratio: float
    seconds: float = inf
    memory: float = inf
    speed: float = 0


MIXED = (Row("one", "filter", 1.0, seconds=1.0), Row("two", "filter", 1.0), Row("two", "one", 1.05))
# Captures for printing are Ethernet: with SLL2 tcpdump asks the system for the name of an interface at each packet
LOG = (Row("one", "grep", inf, speed=150), Row("two", "one", 1.05))
TABLE: dict[str, tuple[Capture, tuple[Row, ...]]] = {
    "mixed 1 GB": (
        Capture("mixed", 4_620_000),
        (Row("reader", "filter", 1.0), *MIXED, Row("plain", "filter", inf, seconds=5.0)),
    ),
    "mixed 1 GB, VLAN": (Capture("mixed", 4_540_000, link="vlan"), MIXED[:1]),
    "mixed 1 GB, IPv6": (Capture("mixed", 4_250_000, six=True), MIXED[:1]),
    "mixed 1 GB, raw IP": (Capture("mixed", 4_920_000, link="raw"), MIXED[:1]),
    "mixed 1 GB, pcapng, SLL2": (Capture("mixed", 4_230_000, "pcapng", "sll2"), MIXED[:1]),
    "mixed 1 GB, gzip": (
        Capture("mixed", 4_620_000, "pcap.gz"),
        (Row("one", "gunzip", 1.2), Row("two", "gunzip", 1.2), Row("two", "one", 1.05)),
    ),
    "varied 1.4 GB": (
        Capture("varied", 4_000_000),
        (Row("one", "filter", 3.0), Row("two", "filter", 1.6), Row("two", "one", 1.05)),
    ),
    "siponly, 1,000,000 messages": (
        Capture("siponly", 1_000_000),
        (
            *(Row("one", "print", 2.5), Row("two", "print", 1.5), Row("two", "one", 1.05)),
            *(Row("two", "sngrep", 1 / 6), Row("two", "tshark", 1 / 10)),
        ),
    ),
    "scan, 1,000,000 sources": (
        Capture("scan", 1_000_000),
        (Row("one", "print", 1.5, memory=400), Row("two", "print", 1.0, memory=400), Row("two", "one", 1.05)),
    ),
    "tcp, 300,000 segments": (
        Capture("tcp", 300_000),
        (Row("one", "print", 3.0), Row("two", "print", 2.0), Row("two", "one", 1.05)),
    ),
    "frag, 100,000 packets": (
        Capture("frag", 100_000),
        (Row("one", "print", 4.0), Row("two", "print", 3.0), Row("two", "one", 1.05)),
    ),
    "log 1 GB, one line in ten SIP": (Capture("tenth", 1_000_000_000, "log"), LOG),
    "log 1 GB, all SIP": (Capture("traces", 1_000_000_000, "log"), LOG[:1]),
    "log 1 GB, a prefix before each line": (Capture("prefixed", 1_000_000_000, "log"), LOG[:1]),
    "mixed 4 GB": (Capture("mixed", 18_500_000), MIXED[1:]),
}
BIG = {"mixed 4 GB"}

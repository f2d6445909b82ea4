"""Logs of Asterisk for benchmarks: traces of PJSIP's logger among the lines of other modules.

    python -m tests.bench.logs KIND FILE [--bytes N]

Every run with the same arguments writes the same bytes.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from tests.bench.captures import EPOCH
from tests.bench.peers import Peer


class Kind(NamedTuple):
    """A log: so many lines of other modules to a line of a trace, and what stands before every line."""

    others: int
    before: str = ""


KINDS = {"tenth": Kind(9), "traces": Kind(0), "prefixed": Kind(9, "{:%b %d %H:%M:%S} pbx asterisk[812]: ")}
LINES = (
    'pbx.c: Executing [s@from-trunk:{0}] Set("PJSIP/trunk{0}-{1:08x}", "CALLERID(name)={0}") in new stack',
    "app_dial.c: Called PJSIP/{0}/sip:{0}@203.0.113.{2}:5060",
    "bridge_channel.c: Channel PJSIP/trunk{2}-{1:08x} joined 'simple_bridge' basic-bridge <{1:032x}>",
    "res_rtp_asterisk.c: 0x{1:012x} -- Strict RTP learning after remote address set to: 203.0.113.{2}:{0}",
    'cdr.c: CDR for PJSIP/trunk{2}-{1:08x} ended with disposition "ANSWERED" after {2} s',
    "stasis.c: Topic 'channel:{1}.{2}': {0} subscribers",
)


def lines_of(message: bytes, inbound: bool, peer: Peer) -> list[str]:
    """What PJSIP's logger writes of a message (`res_pjsip_logger.c`, `pjsip_log_write_to_log`)."""
    kind = "response" if message.startswith(b"SIP/2.0") else "request"
    way = (
        f"Received SIP {kind} ({len(message)} bytes) from"
        if inbound
        else f"Transmitting SIP {kind} ({len(message)} bytes) to"
    )
    return [f"res_pjsip_logger.c: <--- {way} UDP:{peer.address} --->", *message.decode().split("\r\n"), ""]


def write(path: Path, kind: str, size: int) -> None:
    """Writes a log of about `size` bytes, one call after the other."""
    rnd = random.Random(1)
    peers = [Peer(rnd) for _ in range(2000)]
    others = [
        rnd.choice(LINES).format(rnd.randrange(1000, 9999), rnd.getrandbits(32), rnd.randrange(250)) for _ in range(999)
    ]
    written, now = 0, EPOCH // 1_000_000
    with path.open("w", buffering=1 << 20) as file:
        while written < size:
            now += 1
            for text in _blocks(rnd, KINDS[kind], rnd.choice(peers).dial(), others, datetime.fromtimestamp(now, UTC)):
                written += file.write(text)


def _blocks(rnd: random.Random, kind: Kind, peer: Peer, others: list[str], now: datetime) -> Iterator[str]:
    before = kind.before.format(now)
    head = f"{before}[{now:%Y-%m-%d %H:%M:%S}] VERBOSE[{rnd.randrange(1000, 9999)}] "
    for _, inbound, message, _ in peer.call(0):
        lines = lines_of(message, inbound, peer)
        yield f"{head}{f'{chr(10)}{before}'.join(lines)}\n"
        for _ in range(kind.others):
            at = rnd.randrange(len(others) - len(lines))
            yield "".join([f"{head}{line}\n" for line in others[at : at + len(lines)]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("file", type=Path)
    parser.add_argument("--bytes", type=int, default=100_000_000)
    given = parser.parse_args()
    write(given.file, given.kind, given.bytes)


if __name__ == "__main__":
    main()

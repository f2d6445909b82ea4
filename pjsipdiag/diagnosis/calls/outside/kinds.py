"""Requests outside of calls and their answers by kinds: how many there were, and the first ones to look at.

A kind is counted at the speed of memory (`_fold.c`); what may tell who is refused is looked at here.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence

from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.diagnosis.calls.heads import value_of
from pjsipdiag.diagnosis.calls.rows import COUNT, LAST, LAST_TIME, LOOKS, SAME_PACKET, Repeated

Kind = bytes
"""Alike messages outside of calls: how long the packed IPs of client and server are, these, and the method; `+` follows
it in requests with credentials, a blank and the status in answers."""
WITH_CREDENTIALS = b"+"
"""Follows the method of requests that have credentials."""
TELLING = 256
"""Bytes by which two messages of a kind are told apart: the Via with its branch is among them."""
_WORDS = struct.Struct(f"<{TELLING // 8}Q").unpack
MOST_METHODS = 100_000
"""Kinds that are counted; beyond, requests that are not INVITEs are only counted as messages."""
MOST_KINDS, MOST_OF_KIND, LONGEST_SEEN = 10_000, 4, 8192
"""Kinds of which messages are kept, how many of each, and bytes of each."""
MOST_LOOKS = 8
REFUSALS = (b" 3", b" 4", b" 5", b" 6")
REGISTRATIONS = (b"REGISTER", b"REGISTER+", b"REGISTER 200")


def count_kind(others: dict[Kind, Repeated], seen: dict[Kind, list[Datagram]], kind: Kind, datagram: Datagram) -> None:
    """Counts a message of that kind, and keeps the first ones."""
    payload, time = datagram.payload.lstrip(b"\r\n"), datagram.time
    said = telling(payload)
    known = others.get(kind)
    if known is None:
        if len(others) >= MOST_METHODS:
            return
        known = others[kind] = array("q", (1, said, time, said, time, looks(kind)))
    else:
        if said != known[LAST] or abs(time - known[LAST_TIME]) > SAME_PACKET:
            known[COUNT] += 1
        known[LAST], known[LAST_TIME] = said, time
    if known[LOOKS]:
        known[LOOKS] -= 1
        before = seen.get(kind)
        if before is None:
            if len(seen) < MOST_KINDS:
                seen[kind] = [datagram._replace(payload=payload[:LONGEST_SEEN])]
        elif len(before) < MOST_OF_KIND and not any(_sender(payload) in one.payload for one in before):
            before.append(datagram._replace(payload=payload[:LONGEST_SEEN]))


def telling(payload: bytes) -> int:
    """A sum over the first words of a message, by which it is told from others of its kind."""
    words: tuple[int, ...] = _WORDS(payload[:TELLING].ljust(TELLING, b"\0"))
    return sum(words) & 0x7FFF_FFFF_FFFF_FFFF


def looks(kind: Kind) -> int:
    """How many messages of a kind are looked at: more of those that tell who is refused, or registers."""
    if kind.endswith(REGISTRATIONS):
        return MOST_LOOKS
    if kind[-4:-2] not in REFUSALS:
        return 1
    return MOST_OF_KIND if kind[-3:] in (b"401", b"407") else MOST_LOOKS


def first_seen(messages: Sequence[Datagram]) -> list[Datagram]:
    """The first messages of each sender, in the order of their times."""
    if len(messages) < 2:
        return list(messages)
    found: dict[bytes, Datagram] = {}
    for message in sorted(messages, key=lambda one: one.time):
        found.setdefault(_sender(message.payload), message)
    return list(found.values())[:MOST_OF_KIND]


def _sender(payload: bytes) -> bytes:
    return value_of(payload, b"from").partition(b";tag=")[0]


def kind_of(client: bytes, server: bytes, what: bytes) -> Kind:
    """The kind of a message between these packed addresses."""
    ips = client[:-2] + server[:-2]
    return bytes((len(ips),)) + ips + what


def read_kind(kind: Kind) -> tuple[bytes, bytes, bytes]:
    """Packed IPs of client and server, and what it is. Both are of one family, or the first is the shorter."""
    size = kind[0]
    first = 4 if size in (8, 20) else 16
    return kind[1 : 1 + first], kind[1 + first : 1 + size], kind[1 + size :]

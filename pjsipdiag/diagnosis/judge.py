"""What each transaction comes to: received, sent or passing by, which call it belongs to, and its verdict.

One part of a capture is judged on its own, so that processes can share the work; `Judged` is small and can be sent.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from pjsipdiag.asterisk.verdict import Verdict
from pjsipdiag.diagnosis.arrival import Arrival
from pjsipdiag.diagnosis.fold import TRANSPORTS, Key, call_id, value_of
from pjsipdiag.diagnosis.merge import Merged, Request
from pjsipdiag.diagnosis.selection import Selection

Replayed = Callable[[bytes, str, bytes, bytes], Verdict]
"""(payload, transport, packed source, packed destination) -> what Asterisk does with it."""


@dataclass(slots=True)
class Judged:
    """The received transactions of one part, a column for each thing known, in the order of the part.

    `verdict`, `agent` and `source` are positions in the tables of the same part.
    """

    part: int = 0
    time: array[int] = field(default_factory=lambda: array("q"))
    frame: array[int] = field(default_factory=lambda: array("Q"))
    key: array[int] = field(default_factory=lambda: array("q"))
    call: array[int] = field(default_factory=lambda: array("q"))
    """Digest of Call-ID, From tag, source IP and request URI: the same in every transaction of a call."""
    view: array[int] = field(default_factory=lambda: array("B"))
    """Which of the transaction's views the PBX received."""
    row: array[int] = field(default_factory=lambda: array("I"))
    credentials: array[int] = field(default_factory=lambda: array("B"))
    transport: array[int] = field(default_factory=lambda: array("B"))
    """Position in TRANSPORTS."""
    port: array[int] = field(default_factory=lambda: array("H"))
    verdict: array[int] = field(default_factory=lambda: array("I"))
    agent: array[int] = field(default_factory=lambda: array("I"))
    source: array[int] = field(default_factory=lambda: array("I"))
    verdicts: list[Verdict] = field(default_factory=list)
    agents: list[bytes] = field(default_factory=list)
    sources: list[bytes] = field(default_factory=list)
    outbound: set[int] = field(default_factory=set)
    """Digests of the calls that the PBX sent."""
    passing: int = 0
    """Transactions between other hosts."""


def judge(
    merged: Merged,
    number: int,
    rows: range,
    *,
    pbx: Collection[bytes],
    arrival: Arrival,
    replay: Replayed,
    wanted: Selection,
) -> Judged:
    """Judges the wanted transactions in `rows` of part `number`; `pbx` are the packed IP addresses of the PBX."""
    judged = Judged(number)
    filtered = wanted.sources or wanted.call_ids
    verdicts: dict[int, int] = {}
    agents: dict[bytes, int] = {}
    sources: dict[bytes, int] = {}
    for at, key, views in merged.requests(number, rows):
        which = _received(views, pbx)
        if which < 0:
            if any(view.source[:-2] in pbx for view in views):
                judged.outbound.add(_call(views[0], key))
            else:
                judged.passing += 1
            continue
        request = views[which]
        if filtered and not (wanted.has_source(request.source[:-2]) and wanted.has_call_id(call_id(request.head))):
            continue
        place = arrival.at(request.transport, request.destination)
        verdict = replay(request.head, request.transport, request.source, place)
        found = verdicts.get(id(verdict))
        if found is None:
            found = verdicts[id(verdict)] = len(judged.verdicts)
            judged.verdicts.append(verdict)
        judged.time.append(request.time)
        judged.frame.append(request.frame)
        judged.key.append(key)
        judged.call.append(_call(request, key))
        judged.view.append(which)
        judged.row.append(at)
        judged.credentials.append(b"uthorization:" in request.head)
        judged.transport.append(TRANSPORTS[request.transport])
        judged.port.append(int.from_bytes(request.source[-2:], "big"))
        judged.verdict.append(found)
        judged.agent.append(agents.setdefault(_agent(request.head), len(agents)))
        judged.source.append(sources.setdefault(request.source[:-2], len(sources)))
    judged.agents, judged.sources = list(agents), list(sources)
    return judged


def _received(views: list[Request], pbx: Collection[bytes]) -> int:
    """The view that the PBX itself received: the last on the way, as a NAT on the same machine comes before it."""
    at = len(views) - 1
    while at >= 0 and views[at].destination[:-2] not in pbx:
        at -= 1
    return at


def _call(request: Request, key: Key) -> Key:
    """The call of a request, of which `key` is the transaction: one of its own without a Call-ID."""
    head = request.head
    sender = value_of(head, b"from")
    tag = sender.rpartition(b"tag=")[2].partition(b";")[0]
    name = value_of(head, b"call-id")
    return hash((name, tag, request.source[:-2], head.split(b" ", 2)[1])) if name else key


def _agent(head: bytes) -> bytes:
    at = head.find(b"\nUser-Agent: ")
    return head[at + 13 : head.find(b"\n", at + 13)].rstrip() if at >= 0 else value_of(head, b"user-agent")

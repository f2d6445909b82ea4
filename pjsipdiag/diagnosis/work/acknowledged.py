"""Which calls their sender has shown to be his: he acknowledged the PBX's answer with the tag that only it told him.

The law: whoever forges a source address does not see what is sent there. So an ACK with the To tag of the answer to its
INVITE (RFC 3261 section 17.1.1.3) shows that the address receives what is sent to it; a request alone shows nothing.
So does a TCP connection on which the sender acknowledges the PBX's sequence numbers. An answer is the PBX's own where
it leaves it, and where all final answers to that request have one tag.
Folding keeps neither ACKs nor tags, as hardly any question needs them: the captures are read again for the first one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from pjsipdiag.capture.again import read_again
from pjsipdiag.capture.datagram import TOLD, Connected, Datagram, Tally
from pjsipdiag.diagnosis.calls.calls import Calls
from pjsipdiag.diagnosis.calls.heads import call_id, tag_of, value_of
from pjsipdiag.diagnosis.evidence.addresses import show_ip
from pjsipdiag.diagnosis.model import CallRow
from pjsipdiag.diagnosis.situation import Asked, CallGroup, Shown
from pjsipdiag.diagnosis.work.reached import Reached
from pjsipdiag.sip import Address

FINAL = tuple(b"SIP/2.0 %d" % digit for digit in range(2, 7))
"""How a final answer begins."""
MOST_CALLS = 1000
"""Calls of one source that are told one by one."""
Regroup = Callable[[Sequence[int]], CallGroup]
"""The numbers of calls of one group -> the group of these alone."""


class Told(NamedTuple):
    """The final answers that the PBX gave to one INVITE: digests of its call and of the tag that they have (0 for
    several tags), and the last status."""

    call: int
    tag: int
    status: int


class Ends(NamedTuple):
    """Packed addresses: the PBX's, the sources that may be asked for, the servers to which the PBX sent requests."""

    pbx: Collection[bytes]
    sources: Collection[bytes]
    servers: Collection[bytes]


class Acknowledged:
    """The calls of some sources that were acknowledged, by source address; none where captures cannot be read again
    (standard input)."""

    def __init__(
        self,
        calls: Calls,
        captures: Sequence[Tally],
        ends: Ends,
        mirrors: Collection[str] = (),
    ) -> None:
        """`mirrors` are carriers whose word is taken."""
        self._mirrors, self._ends = mirrors, ends
        self._calls, self._captures = calls, captures
        self._known: dict[str, tuple[CallRow, ...]] = {}
        self._groups: dict[tuple[int, int, int], Shown | None] = {}

    def __call__(self, source: str) -> tuple[CallRow, ...]:
        """Those of a source address."""
        if source not in self._known:
            place = self._places.get(source)
            numbers = islice(self._acknowledged(self._calls.of_source(place)), MOST_CALLS) if place is not None else ()
            self._known[source] = tuple(
                self._calls[number]._replace(observed_status=self._status(number) or None) for number in numbers
            )
        return self._known[source]

    def has_sent(self, source: str, call_ids: Collection[str]) -> bool:
        """See `Situation.has_sent`."""
        place, wanted = self._places.get(source), {one.encode("utf-8", "surrogateescape") for one in call_ids}
        if place is None or not wanted:
            return False
        return any(call_id(self._calls.request(number).head) in wanted for number in self._calls.of_source(place))

    def reached(self, ip: str) -> tuple[Asked, ...]:
        """See `Situation.reached`."""
        known = Address(ip).pack()[:-2]
        return tuple(self._again[1].get(known, ())) if known in self._ends.servers else ()

    def shown(self, group: CallGroup, regroup: Regroup) -> Shown | None:
        """See `Situation.shown`."""
        calls, first = self._calls, group.first_call
        if group.method != "INVITE":
            return None
        key = calls.source[first], calls.transport[first], calls.verdict[first]
        if key not in self._groups:
            self._groups[key] = self._shown_of(group, regroup)
        return self._groups[key]

    def _shown_of(self, group: CallGroup, regroup: Regroup) -> Shown | None:
        numbers = [*self._calls.alike(group.first_call)]
        own = [*self._acknowledged(numbers)]
        kept = own or [number for number in numbers if self._status(number)]
        if not kept:
            return None
        statuses = Counter(map(self._status, kept))
        if len(kept) < len(numbers) or statuses != group.statuses:
            group = replace(regroup(kept), statuses=dict(sorted(statuses.items())))
        return Shown(group, bool(own))

    def _acknowledged(self, numbers: Sequence[int] | Iterator[int]) -> Iterator[int]:
        return (number for number in numbers if self._again[0].get(self._call(number), (False, 0))[0])

    def _status(self, number: int) -> int:
        """What the PBX answered in the end, 0 where that is not known."""
        return self._again[0].get(self._call(number), (False, 0))[1]

    def _call(self, number: int) -> int:
        calls = self._calls
        return hash((calls.sources[calls.source[number]], call_id(calls.request(number).head)))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {show_ip(ip): place for place, ip in enumerate(self._calls.sources)}

    @cached_property
    def _again(self) -> tuple[dict[int, tuple[bool, int]], Mapping[bytes, Collection[Asked]]]:
        """Digest of source and Call-ID -> whether its sender has shown himself, and the status of the answer to that
        (of the last one, if none did); and what was `reached`."""
        told: dict[int, Told] = {}
        returned, connected = set[int](), set[int]()
        reached = Reached(self._ends.pbx, self._ends.servers)
        for tally in self._captures:
            for datagram in read_again(tally):
                direction = datagram.direction
                if not direction.startswith(TOLD) or direction.removeprefix(TOLD) in self._mirrors:
                    self._note(datagram, told, returned, connected)
                    if self._ends.servers:
                        reached.note(datagram)
        found = dict.fromkeys(connected, (True, 0))
        for key, answer in told.items():
            if answer.tag or answer.call in connected:
                known = (hash((key, answer.tag)) in returned or answer.call in connected, answer.status)
                if known[0] >= found.get(answer.call, (False, 0))[0]:
                    found[answer.call] = known
        return found, reached.found

    def _note(self, datagram: Datagram, told: dict[int, Told], returned: set[int], connected: set[int]) -> None:
        """Keeps the tag of a final answer that the PBX gave, and that of an ACK that it got."""
        _, _, _, source, destination, payload, direction, _ = datagram
        start = payload[:4]
        if start == b"SIP/":
            caller, pbx, against, method = destination[:-2], source[:-2], "in", b"INVITE"
            if not payload.startswith(FINAL) or not payload[8:11].isdigit():
                return
        elif start in (b"ACK ", b"INVI"):
            caller, pbx, against, method = source[:-2], destination[:-2], "out", b"ACK"
        else:
            return
        ends = self._ends
        if caller not in ends.sources or pbx not in ends.pbx or caller in ends.pbx or direction == against:
            return
        if start == b"INVI":
            if isinstance(datagram, Connected) and payload.startswith(b"INVITE "):
                connected.add(hash((caller, call_id(payload))))
            return
        number, _, name = value_of(payload, b"cseq").partition(b" ")
        if name.strip() != method:
            return
        tag = tag_of(value_of(payload, b"to"))
        call = hash((caller, call_id(payload)))
        key, digest = hash((call, number)), hash(tag) or 1
        if start == b"SIP/":
            known = told.get(key)
            told[key] = Told(call, digest if known is None or known.tag == digest else 0, int(payload[8:11]))
        elif tag:  # an answer without a tag is one, but nobody can show that he got it
            returned.add(hash((key, digest)))

"""Which calls their sender has shown to be his: he acknowledged the PBX's answer with the tag that only it told him.

The law: whoever forges a source address does not see what is sent there. So an ACK with the To tag of the answer to its
INVITE (RFC 3261 section 17.1.1.3) shows that the address receives what is sent to it; a request alone shows nothing.
So does a TCP connection on which the sender acknowledges the PBX's sequence numbers. An answer is the PBX's own where
it leaves it, and where all final answers to that request have one tag.
Folding keeps digests of both, in the order in which they came (`heads.tagged`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from itertools import islice
from zlib import crc32

from pjsipdiag.capture.datagram import Tally
from pjsipdiag.capture.reread import look_again
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.diagnosis.calls.calls import Calls
from pjsipdiag.diagnosis.calls.heads import call_id
from pjsipdiag.diagnosis.calls.rows import ACKED, CONNECTED, OF_CALL, TAGGED_CALL
from pjsipdiag.diagnosis.situation import AnsweredRequest, CallGroup, ProvenGroup
from pjsipdiag.diagnosis.traffic import CallRow
from pjsipdiag.diagnosis.work.rereading.reached import ReachedServers, notes
from pjsipdiag.sip import Address

MOST_CALLS_TOLD = 1000
"""Calls of one source that are told one by one."""
SEVERAL = 0
"""In place of the sum of a tag, which is never 0: the final answers to one INVITE have several tags."""
Regroup = Callable[[Sequence[int]], CallGroup]
"""The numbers of calls of one group -> the group of these alone."""


class EndAddresses(NamedTuple):
    """Packed addresses: the PBX's, the sources that may be asked for, the servers to which the PBX sent requests."""

    pbx: Collection[bytes]
    sources: Collection[bytes]
    servers: Collection[bytes]


class AcknowledgedCalls:
    """The calls of some sources that were acknowledged, by source address."""

    def __init__(
        self,
        calls: Calls,
        tags: bytearray,
        captures: Sequence[Tally],
        ends: EndAddresses,
        mirrors: Collection[str] = (),
    ) -> None:
        """`tags` are TAGGED of the captures; `mirrors` are carriers whose word is taken."""
        self._tags = tags
        self._mirrors, self._ends = mirrors, ends
        self._calls, self._captures = calls, captures
        self._known: dict[str, tuple[CallRow, ...]] = {}
        self._groups: dict[tuple[int, int, int], ProvenGroup | None] = {}

    def __call__(self, source: str) -> tuple[CallRow, ...]:
        """The calls of a source address that it has shown to be its own."""
        if source not in self._known:
            wanted = Address(source).pack()[:-2] in self._ends.sources
            known = self._known_of(self._of_source(source)) if wanted else ()
            own = ((number, status) for number, is_own, status in known if is_own)
            self._known[source] = tuple(
                self._calls[number]._replace(observed_status=status or None)
                for number, status in islice(own, MOST_CALLS_TOLD)
            )
        return self._known[source]

    def find_sent(self, source: str, call_ids: Collection[str]) -> Collection[str]:
        """See `Situation.find_sent`."""
        wanted = {one.encode("utf-8", "surrogateescape"): one for one in call_ids}
        found = set[str]()
        for number in self._of_source(source) if wanted else ():
            sent = wanted.get(call_id(self._calls.head(number)))
            if sent is not None:
                found.add(sent)
                if len(found) == len(wanted):
                    break
        return found

    def requests_to(self, ip: str) -> tuple[AnsweredRequest, ...]:
        """See `Situation.requests_to`."""
        known = Address(ip).pack()[:-2] if self._ends.servers else b""
        return tuple(self._reached.get(known, ())) if known in self._ends.servers else ()

    def find_shown(self, group: CallGroup, regroup: Regroup) -> ProvenGroup | None:
        """See `Situation.find_shown`."""
        calls, first = self._calls, group.first_call
        if group.method != "INVITE":
            return None
        key = calls.source[first], calls.transport[first], calls.verdict[first]
        if key not in self._groups:
            self._groups[key] = self._shown_of(group, regroup)
        return self._groups[key]

    def _shown_of(self, group: CallGroup, regroup: Regroup) -> ProvenGroup | None:
        known = [*self._known_of(self._calls.alike(group.first_call))]
        own = {number: status for number, is_own, status in known if is_own}
        kept = own or {number: status for number, _, status in known if status}
        if not kept:
            return None
        statuses = Counter(kept.values())
        if len(kept) < len(known) or statuses != group.statuses:
            group = replace(regroup([*kept]), statuses=dict(sorted(statuses.items())))
        return ProvenGroup(group, bool(own))

    def _known_of(self, numbers: Iterable[int]) -> Iterator[tuple[int, bool, int]]:
        """Calls of one source, each with whether its sender acknowledged it, and the status that the PBX answered in
        the end, 0 where that is not known."""
        calls, numbers = self._calls, [*numbers]
        source = calls.sources[calls.source[numbers[0]]] if numbers else b""
        if source not in self._ends.sources or source in self._ends.pbx:
            yield from ((number, False, 0) for number in numbers)
            return
        for number, *_, known_by in calls.row_facts(numbers):
            yield number, *_shown_by(self._shown.get(known_by, ()))

    def _of_source(self, source: str) -> Iterable[int]:
        """The numbers of the calls of a source address."""
        ip = Address(source).pack()[:-2]
        place = (self._places if ip in self._ends.sources else self._others).get(ip)
        return () if place is None else self._calls.of_source(place)

    @cached_property
    def _places(self) -> Mapping[bytes, int]:
        wanted = self._ends.sources
        return {ip: place for place, ip in enumerate(self._calls.sources) if ip in wanted}

    @cached_property
    def _others(self) -> Mapping[bytes, int]:
        """The places of all sources: a million in a scan, and seldom asked for."""
        return {ip: place for place, ip in enumerate(self._calls.sources)}

    @cached_property
    def _shown(self) -> Mapping[bytes, Sequence[bytes]]:
        """Digest of source and Call-ID -> what messages of that call say, in their order, each an OF_CALL."""
        found = defaultdict[bytes, list[bytes]](list)
        own = {*map(crc32, self._ends.pbx)}
        for call, said, pbx in TAGGED_CALL.iter_unpack(self._tags):
            if pbx in own:
                found[call].append(said)
        return found

    @cached_property
    def _reached(self) -> Mapping[bytes, Collection[AnsweredRequest]]:
        """The requests of the PBX to these servers, read again in the captures: few are asked for."""
        ends = frozenset(self._ends.pbx), frozenset(self._ends.servers), frozenset(self._mirrors)
        reached = ReachedServers(*ends)
        for note in look_again(self._captures, partial(notes, *ends)):
            reached.take(note)
        return reached.found


def _shown_by(said: Sequence[bytes]) -> tuple[bool, int]:
    """Whether the sender of a call has shown himself in what its messages say, and the status of the answer to that (of
    the last one, if none did)."""
    if len(said) == 1:  # as mostly: one answer, whose ACK has nothing to show, or none
        *_, what = OF_CALL.unpack(said[0])
        return what == CONNECTED, what if what > CONNECTED else 0
    tags, statuses = dict[int, int](), dict[int, int]()
    returned, connected = set[tuple[int, int]](), False
    for request, tag, what in OF_CALL.iter_unpack(b"".join(said)):
        if what > CONNECTED:
            statuses[request] = what
            if tags.setdefault(request, tag) != tag:
                tags[request] = SEVERAL
        elif what == ACKED:
            returned.add((request, tag))
        else:
            connected = True
    found = connected, 0
    for request, tag in tags.items():
        # Final answers with several tags (a fork, a forger) do not tell which of them an ACK is for.
        if tag != SEVERAL or connected:
            shown = connected or (request, tag) in returned
            if shown >= found[0]:
                found = shown, statuses[request]
    return found

"""Received transactions become calls: an INVITE, its retransmissions, its retry with credentials, and its answers.

A call is a row of numbers until somebody asks for it: a scan has a million. `Calls` is the sequence of all of them in
the order of time; `sources.py` has the same by source address.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import overload

from pjsipdiag.asterisk.forms.expressions import Fields
from pjsipdiag.asterisk.secrets import hide_secrets
from pjsipdiag.asterisk.verdict import Outcome, Verdict
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.diagnosis.calls.assembly import assemble
from pjsipdiag.diagnosis.calls.fold_content import TRANSPORT_NAMES, MergedFolds
from pjsipdiag.diagnosis.calls.heads import shown_values
from pjsipdiag.diagnosis.calls.judge import JudgedRows, outcomes
from pjsipdiag.diagnosis.calls.pbx.received_at import Arrival
from pjsipdiag.diagnosis.calls.received_columns import in_order, join_received, pick
from pjsipdiag.diagnosis.calls.rows import (
    ANSWER,
    BRIEF,
    CARRIED,
    CHALLENGES,
    CREDENTIALS,
    LATE,
    LATE_AFTER,
    LENGTH,
    OFFSET,
    RETRIED,
    ROW,
    SHOWN_ROW,
    SIX,
    UNHEARD,
    UNHEARD_FROM,
    UNKNOWN,
    Steps,
    all_answers,
    first_time,
    keep_given,
    outcome_of,
)
from pjsipdiag.diagnosis.evidence.readable_addresses import ShownIps, show_address, show_socket
from pjsipdiag.diagnosis.traffic import CallRow
from pjsipdiag.sip import SipMessage, decode

_CARRIED = bytes(CARRIED if flags & CREDENTIALS else 0 for flags in range(256))
"""Flags of a row -> flags of the call that it begins."""
END = 0xFFFFFFFF
"""No further call of the same source."""
MOST_AGENTS_NAMED = 8
MOST_TRACED = 200
"""Calls up to which each has a trace with its own values; beyond, alike calls share one that leaves them out."""


class CallEnds(NamedTuple):
    """The outcome of some calls, a column for each thing known."""

    requests: array[int]
    """Packets."""
    status: array[int]
    flags: array[int]
    answered: array[int]
    """The time of the last answer; 0 where there was none."""


Share = Callable[[Callable[[range], CallEnds], int, int], Sequence[CallEnds]]
"""Work on numbers, how many these are and how many transactions -> the results for pieces of them, in their order."""


class Calls(Sequence[CallRow]):
    """Every inbound call, built when it is asked for. Columns hold what rules and summaries need of each."""

    def __init__(
        self,
        merged: MergedFolds,
        judged: Sequence[JudgedRows],
        captures: Sequence[str],
        arrival: Arrival,
        explain: Callable[[SipMessage], Verdict],
        *,
        share: Share,
    ) -> None:
        self._merged, self._arrival, self._explain = merged, arrival, explain
        self.passing = sum(one.passing for one in judged)
        """Transactions between other hosts than the PBX."""
        self.outbound = set[int]().union(*(one.outbound for one in judged))
        """Digests of the calls that the PBX sent."""
        self.sent = outcomes(judged)
        """Calls of the PBX by packed IP address that they went to and what they came to."""
        self._captures = captures
        whole = join_received(merged, judged)
        self.verdicts, self.sources, self.destinations = whole.verdicts, whole.sources, whole.destinations
        self.agents = [decode(agent) for agent in whole.agents]
        begun, shown, retried, self._more, self._times, self._proofs = assemble(
            whole, [part.capture for part in merged.parts]
        )
        first = whole.flags, whole.time, whole.frame, whole.transport, whole.port, whole.agent, whole.source
        flags, self.time, self.frame, self.transport, self.port, self.agent, self.source = pick(first, begun)
        if begun is not None:
            self.sources, self.source = in_order(self.sources, self.source)
            self.agents, self.agent = in_order(self.agents, self.agent)
        speaking = whole.part, whole.row, whole.view, whole.key, whole.verdict, whole.destination
        self._part, self._row, self._view, self._key, self.verdict, self.destination = pick(speaking, shown)
        self.flags = array("B", flags.tobytes().translate(_CARRIED))
        for number in retried:
            self.flags[number] |= RETRIED
        self._distinct_realms = len(set(merged.realms.values()))
        self._count_packets_and_final_status(share)
        self._chain()

    def _count_packets_and_final_status(self, share: Share) -> None:
        """Counts the packets of each call and finds the answer that ended it."""
        whole, *others = share(self._ends, len(self.time), len(self.time) + len(self._times))
        for ends in others:
            for column, further in zip(whole, ends, strict=True):
                column.extend(further)
        self.requests, self.status, self.flags, self.answered = whole

    def _ends(self, numbers: range) -> CallEnds:
        # Most calls have one transaction and one packet: of each only what its tables have is looked at.
        answers, clusters, repeats = self._merged.answers, self._merged.clusters, self._merged.repeats
        span, more = slice(numbers.start, numbers.stop), self._more
        requests, statuses = (array("H", [number]) * len(numbers) for number in (1, 0))
        answered, flags = array("q", [0]) * len(numbers), self.flags[span]
        found = CallEnds(requests, statuses, flags, answered)
        if not answers and not clusters and not more:
            return found
        keys, times, verdict = (memoryview(column)[span] for column in (self._key, self.time, self.verdict))
        challenged = [None if one.outcome is Outcome.UNKNOWN else one.status in CHALLENGES for one in self.verdicts]
        for at, (number, key) in enumerate(zip(numbers, keys, strict=True)):
            packed = answers.get(key, b"")
            if len(packed) > ANSWER.size:
                packed = keep_given(packed, challenged[verdict[at]], proven=bool(flags[at] & CARRIED))
            further = more.get(number)
            if further:
                packets = sum(map(self._merged.packets, (key, *further))) if clusters else 1 + len(further)
                requests[at] = min(packets, 0xFFFF)
                theirs, doubted = map(answers.get, further), challenged[verdict[at]] is False
                sure = (keep_given(some or b"", False, proven=True) for some in theirs) if doubted else theirs
                packed = all_answers(packed, sure)
            elif key in clusters:
                requests[at] = self._merged.packets(key)
            if not packed:
                continue
            status, seen, last = outcome_of(packed)
            if further and status in CHALLENGES and flags[at] & RETRIED:
                # the challenge was answered: silence about that answer is what the call came to
                latest = max((key, *further), key=lambda one: self._times.get(one, 0))
                if latest not in answers and self._proofs.get(number, (latest,))[-1] == latest:
                    status = 0
            late = last - times[at] > LATE_AFTER and first_time(packed) - times[at] > LATE_AFTER
            seen |= LATE if late else 0
            if repeats and any(len(repeats.get(one, ())) >= UNHEARD_FROM for one in (key, *(further or ()))):
                seen |= UNHEARD
            statuses[at], answered[at] = status, last
            flags[at] |= seen
        return found

    def _chain(self) -> None:
        """Links the calls of each source."""
        self.first = array("I", [END]) * len(self.sources)
        self.following = array("I", [END]) * len(self.time)
        for number in range(len(self.time) - 1, -1, -1):
            source = self.source[number]
            self.following[number] = self.first[source]
            self.first[source] = number

    def of_source(self, source: int) -> Iterator[int]:
        """The numbers of the calls of source `source`, in order."""
        number = self.first[source]
        while number != END:
            yield number
            number = self.following[number]

    def alike(self, first: int) -> Iterator[int]:
        """The numbers of the calls of its source that have its transport and its verdict."""
        kind = self.transport[first], self.verdict[first]
        return (at for at in self.of_source(self.source[first]) if (self.transport[at], self.verdict[at]) == kind)

    @property
    def proxy_places(self) -> tuple[bytes, ...]:
        """The packed addresses of the PBX at which a proxy on its machine takes calls first."""
        return self._arrival.proxied.places

    def unmatched_sources(self) -> ShownIps:
        """The addresses of those calls, each once."""
        unmatched = self._unmatched()
        found, seen = array("I"), bytearray(len(self.sources))
        for source, verdict in zip(self.source, self.verdict, strict=True):
            if verdict in unmatched and not seen[source]:
                seen[source] = 1
                found.append(source)
        return ShownIps(self.sources, found)

    def _unmatched(self) -> set[int]:
        return {at for at, verdict in enumerate(self.verdicts) if verdict.outcome is Outcome.NO_MATCH}

    def keys(self, number: int) -> list[int]:
        """The transactions of a call."""
        return [self._key[number], *self._more.get(number, ())]

    def answers(self, number: int) -> list[tuple[int, int]]:
        """(time, status) of every answer of a call, in order."""
        return sorted((time, status) for key in self.keys(number) for status, time in self._merged.statuses(key))

    def realms(self, numbers: Iterable[int]) -> list[str]:
        """The realms of the challenges that calls got, each once."""
        realms, found = self._merged.realms, dict[bytes, None]()
        for number in numbers:
            if len(found) == self._distinct_realms:
                break
            for key in self.keys(number):
                if key in realms:
                    found[realms[key]] = None
        return list(map(decode, found))

    def delays(self, numbers: Iterable[int]) -> list[str]:
        """The Retry-After values of the 503 answers that calls got, each once."""
        delays = self._merged.delays
        keys = (key for number in numbers for key in self.keys(number)) if delays else ()
        found = (delays[key] for key in keys if key in delays)
        return list(map(decode, dict.fromkeys(found)))

    def row_facts(self, numbers: Sequence[int]) -> Iterator[tuple[int, int, bytes, Fields, bytes]]:
        """The facts in these requests' rows: number, flags, if known its URI's user and sender, and what it is known by
        to whoever answers or acknowledges."""
        merged, packed = self._merged, [part.fold.rows for part in self._merged.parts]
        places = (map(column.__getitem__, numbers) for column in (self._part, self._row, self._view))
        for number, begun, row, view in zip(numbers, *places, strict=True):
            part, seen = merged.views[self._key[number]][view - 1] if view else (begun, packed[begun])
            flags, form, sender, called, known_by = BRIEF.unpack_from(seen, 0 if view else row * ROW.size)
            if form and UNKNOWN not in (sender, called):
                yield number, flags, merged.called[part][called], merged.senders[part][sender], known_by
            else:
                yield number, flags, b"", (), known_by

    def head(self, number: int) -> bytes:
        """The head of the request that speaks for a call."""
        part, row = self._merged.row_of(self._part[number], self._row[number], self._view[number], self._key[number])
        return self._merged.parts[part].fold.spool.read(row[OFFSET], row[LENGTH])

    def proofs(self, numbers: Iterable[int]) -> list[SipMessage]:
        """Requests with credentials of these calls: the last of each that was tried again, or its first."""
        found = []
        for number in numbers:
            if number in self._proofs:
                found.append(self._message(*self._proofs[number]))
            elif self.flags[number] & CARRIED:
                found.append(self.message(number))
        return found

    def message(self, number: int) -> SipMessage:
        """The head of that request, as Asterisk received it."""
        return self._message(self._part[number], self._row[number], self._view[number], self._key[number])

    def _message(self, *place: int) -> SipMessage:
        part, row = self._merged.row_of(*place)
        request = self._merged.request(self._merged.parts[part], row)
        return request._replace(destination=self._arrival.at(request.transport, request.destination)).message()

    def __len__(self) -> int:
        return len(self.time)

    @overload
    def __getitem__(self, number: int) -> CallRow: ...
    @overload
    def __getitem__(self, number: slice) -> list[CallRow]: ...
    def __getitem__(self, number: int | slice) -> CallRow | list[CallRow]:
        if isinstance(number, slice):
            return list(self._rows(number))
        return next(self._rows(slice(at := range(len(self))[number], at + 1)))

    def __iter__(self) -> Iterator[CallRow]:
        return self._rows(slice(None))

    def _rows(self, wanted: slice) -> Iterator[CallRow]:
        merged, few, ladder = self._merged, len(self.time) <= MOST_TRACED, self.ladder
        agents, verdicts, new = self.agents, self.verdicts, tuple.__new__  # without CallRow's own slow way
        parts = [(part.fold.rows, part.fold.spool.read, self._captures[part.capture]) for part in merged.parts]
        places = self._part, self._row, self._view, self._key
        facts = self.time, self.verdict, self.status, self.requests, self.agent, self.frame
        columns = range(len(self))[wanted], *(memoryview(column)[wanted] for column in (*places, *facts))
        for number, begun, at, view, key, time, verdict, status, requests, agent, frame in zip(*columns, strict=True):
            seen_in, row = merged.views[key][view - 1] if view else (begun, b"")
            packed, read, capture = parts[seen_in]
            shown = SHOWN_ROW.unpack(row) if view else SHOWN_ROW.unpack_from(packed, at * ROW.size)
            offset, length, transport, flags, source, destination = shown
            if not flags & SIX:
                source, destination = source[:6], destination[:6]
            uri, sender, name = shown_values(read(offset, length))
            values = (
                name,
                time,
                show_socket(source),
                TRANSPORT_NAMES[transport],
                hide_secrets(sender),
                hide_secrets(uri),
                self._explain(self.message(number)) if few else verdicts[verdict],
                status or None,
                show_address(destination),
                requests,
                agents[agent],
                capture,
                frame,
                Steps(ladder, number),
            )
            yield new(CallRow, values)

    def ladder(self, number: int) -> tuple[tuple[int, str, str], ...]:
        """(time, ">" from the caller or "<" to it, first line) of the messages of a call, in order."""
        first_line = hide_secrets(decode(self.head(number).partition(b"\n")[0].rstrip()))
        begun, known = self.time[number], self._merged.clusters
        sent = [at for key in self.keys(number) for at, _ in known.get(key) or [[self._times.get(key, begun), 0]]]
        answers = [(time, "<", f"SIP/2.0 {status}") for time, status in self.answers(number)]
        return tuple(sorted([*((time, ">", first_line) for time in sent), *answers], key=itemgetter(0)))

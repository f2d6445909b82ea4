"""Received transactions become calls: an INVITE, its retransmissions, its retry with credentials, and its answers.

A call is a row of numbers until somebody asks for it: a scan has a million. `Calls` is the sequence of all of them in
the order of time, `SourceRows` the same by source address.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from operator import lt
from typing import TypeVar, overload

from pjsipdiag.asterisk.verdict import Outcome, Verdict
from pjsipdiag.diagnosis.arrival import Arrival
from pjsipdiag.diagnosis.fold import call_id, value_of
from pjsipdiag.diagnosis.judge import Judged
from pjsipdiag.diagnosis.merge import Merged, Request
from pjsipdiag.diagnosis.model import CallRow, SourceRow
from pjsipdiag.sip import Address, SipMessage, decode

Name = TypeVar("Name")
END = 0xFFFFFFFF
"""No further call of the same source."""
CHALLENGED, RETRIED = 1, 2
MOST_AGENTS = 8
FEW = 200
"""Calls up to which each has a trace with its own values; beyond, alike calls share one that leaves them out."""


class Calls(Sequence[CallRow]):
    """Every inbound call, built when it is asked for. Columns hold what rules and summaries need of each."""

    def __init__(
        self,
        merged: Merged,
        judged: Sequence[Judged],
        captures: Sequence[str],
        arrival: Arrival,
        explain: Callable[[SipMessage], Verdict],
    ) -> None:
        self._merged = merged
        self._arrival = arrival
        self._explain = explain
        self.passing = sum(one.passing for one in judged)
        """Transactions between other hosts than the PBX."""
        self.outbound = set[int]().union(*(one.outbound for one in judged))
        """Digests of the calls that the PBX sent."""
        self._captures = captures
        self.verdicts: list[Verdict] = []
        self.agents: list[str] = []
        self.sources: list[bytes] = []
        self._part = array("H")
        self._row = array("I")
        self._view = array("B")
        self._key = array("q")
        self.time = array("q")
        self._frame = array("Q")
        self.transport = array("B")
        self.port = array("H")
        self.verdict = array("I")
        self.agent = array("I")
        self.source = array("I")
        self.requests = array("H")
        self.status = array("H")
        self.flags = array("B")
        self._more: dict[int, list[int]] = {}
        """Keys of the further transactions of a call."""
        self._assemble(judged)
        self._chain()

    def _assemble(self, judged: Sequence[Judged]) -> None:
        whole = _concatenated(judged, self)
        time = whole.time
        order: Sequence[int] = range(len(time))
        if not all(map(lt, time, islice(time, 1, None))):
            captures = [part.capture for part in self._merged.parts]
            order = sorted(order, key=lambda at: (time[at], captures[whole.parts[at]], whole.frame[at]))
        numbers: dict[int, int] = {}
        answers, clusters = self._merged.answers, self._merged.clusters
        for at in order:
            key = whole.key[at]
            number = numbers.setdefault(whole.call[at], len(numbers))
            if number == len(self.time):
                self._append(whole, at)
            elif key != self._key[number]:
                self._more.setdefault(number, []).append(key)
                if whole.credentials[at]:
                    self.flags[number] |= RETRIED
                self._prefer(number, whole, at)
            if key in answers or key in clusters or number in self._more:
                self._weigh(number)
        if not isinstance(order, range):
            self.sources, self.source = _in_order(self.sources, self.source)
            self.agents, self.agent = _in_order(self.agents, self.agent)

    def _append(self, whole: _Whole, at: int) -> None:
        self._part.append(whole.parts[at])
        self._row.append(whole.row[at])
        self._view.append(whole.view[at])
        self._key.append(whole.key[at])
        self.time.append(whole.time[at])
        self._frame.append(whole.frame[at])
        self.transport.append(whole.transport[at])
        self.port.append(whole.port[at])
        self.verdict.append(whole.verdict[at])
        self.agent.append(whole.agent[at])
        self.source.append(whole.source[at])
        self.requests.append(1)
        self.status.append(0)
        self.flags.append(0)

    def _prefer(self, number: int, whole: _Whole, at: int) -> None:
        """A retry that an identifier takes by its credentials speaks for the call when the first request was not."""
        before, after = self.verdicts[self.verdict[number]], self.verdicts[whole.verdict[at]]
        if before.outcome is Outcome.NO_MATCH and after.endpoint:
            self._more[number][-1], self._key[number] = self._key[number], whole.key[at]
            self._part[number], self._row[number] = whole.parts[at], whole.row[at]
            self._view[number], self.verdict[number] = whole.view[at], whole.verdict[at]

    def _weigh(self, number: int) -> None:
        """Counts the packets of a call and finds the answer that ended it."""
        keys = self.keys(number)
        self.requests[number] = min(sum(map(self._merged.packets, keys)), 0xFFFF)
        answers = sorted((time, status) for key in keys for status, time in self._merged.statuses(key))
        finals = [status for _, status in answers if status >= 200]
        self.status[number] = finals[-1] if finals else answers[-1][1] if answers else 0
        if 401 in finals or 407 in finals:
            self.flags[number] |= CHALLENGED

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

    def failed_calls(self) -> int:
        """How many calls failed, or got no answer, that no identifier takes."""
        unmatched = self._unmatched()
        ends = zip(self.verdict, self.status, strict=True)
        return sum(1 for verdict, status in ends if verdict in unmatched and not 100 <= status < 400)

    def unmatched_sources(self) -> Iterator[str]:
        """The addresses of those calls, each once."""
        unmatched = self._unmatched()
        found = (source for source, verdict in zip(self.source, self.verdict, strict=True) if verdict in unmatched)
        return (show_ip(self.sources[source]) for source in dict.fromkeys(found))

    def _unmatched(self) -> set[int]:
        return {at for at, verdict in enumerate(self.verdicts) if verdict.outcome is Outcome.NO_MATCH}

    def keys(self, number: int) -> list[int]:
        """The transactions of a call."""
        return [self._key[number], *self._more.get(number, ())]

    def answers(self, number: int) -> list[tuple[int, int]]:
        """(time, status) of every answer of a call, in order."""
        return sorted((time, status) for key in self.keys(number) for status, time in self._merged.statuses(key))

    def realms(self, number: int) -> list[str]:
        """The realms of the challenges that a call got."""
        found = [self._merged.realms.get(key) for key in self.keys(number)]
        return [decode(realm) for realm in found if realm is not None]

    def request(self, number: int) -> Request:
        """The request that speaks for a call."""
        return self._merged.view(self._part[number], self._row[number], self._key[number], self._view[number])

    def message(self, number: int) -> SipMessage:
        """The head of that request, as Asterisk received it."""
        return self._message(self.request(number))

    def _message(self, request: Request) -> SipMessage:
        place = self._arrival.at(request.transport, request.destination)
        return message_of(request._replace(destination=place))

    def __len__(self) -> int:
        return len(self.time)

    @overload
    def __getitem__(self, number: int) -> CallRow: ...
    @overload
    def __getitem__(self, number: slice) -> list[CallRow]: ...
    def __getitem__(self, number: int | slice) -> CallRow | list[CallRow]:
        if isinstance(number, slice):
            return [self[at] for at in range(*number.indices(len(self)))]
        if number < 0:
            number += len(self)
        request = self.request(number)
        head = request.head
        first_line = decode(head[: head.find(b"\n")].rstrip())
        explained = self._explain(self._message(request)) if len(self) <= FEW else None
        return CallRow(
            call_id=decode(call_id(head)),
            time=self.time[number],
            source=show_address(request.source),
            transport=request.transport,
            from_=decode(value_of(head, b"from")),
            request_uri=first_line.partition(" ")[2].rpartition(" ")[0],
            verdict=explained or self.verdicts[self.verdict[number]],
            observed_status=self.status[number] or None,
            destination=show_address(request.destination),
            requests=self.requests[number],
            user_agent=self.agents[self.agent[number]],
            capture=self._captures[request.capture],
            frame=self._frame[number],
            messages=self._ladder(number, first_line),
        )

    def _ladder(self, number: int, first_line: str) -> tuple[tuple[int, str, str], ...]:
        answers = self.answers(number)
        if number not in self._more and self.requests[number] == 1:
            return ((self.time[number], ">", first_line), *((time, "<", f"SIP/2.0 {code}") for time, code in answers))
        sent = [
            (first, ">", first_line) for key in self.keys(number) for first, _ in self._merged.clusters.get(key, ())
        ] or [(self.time[number], ">", first_line)]
        return tuple(sorted([*sent, *((time, "<", f"SIP/2.0 {status}") for time, status in answers)]))


class _Whole(Judged):
    """All parts in one, with the number of the part that each transaction is from."""

    __slots__ = ("parts",)

    parts: array[int]


def _concatenated(judged: Sequence[Judged], calls: Calls) -> _Whole:
    whole = _Whole()
    whole.parts = array("H")
    verdicts: dict[Verdict, int] = {}
    agents: dict[bytes, int] = {}
    sources: dict[bytes, int] = {}
    for one in judged:
        whole.parts.extend(array("H", [one.part]) * len(one.time))
        for name in ("time", "frame", "key", "call", "view", "row", "credentials", "transport", "port"):
            getattr(whole, name).extend(getattr(one, name))
        verdict = [verdicts.setdefault(verdict, len(verdicts)) for verdict in one.verdicts]
        agent = [agents.setdefault(agent, len(agents)) for agent in one.agents]
        source = [sources.setdefault(source, len(sources)) for source in one.sources]
        whole.verdict.extend(map(verdict.__getitem__, one.verdict))
        whole.agent.extend(map(agent.__getitem__, one.agent))
        whole.source.extend(map(source.__getitem__, one.source))
    calls.verdicts = list(verdicts)
    calls.agents = [decode(agent) for agent in agents]
    calls.sources = list(sources)
    return whole


def _in_order(names: list[Name], used: array[int]) -> tuple[list[Name], array[int]]:
    """`names` in the order in which `used`, positions in them, first has them, and what it is then."""
    first = dict.fromkeys(used)
    position = {old: new for new, old in enumerate(first)}
    return [names[old] for old in first], array("I", map(position.__getitem__, used))


def message_of(request: Request) -> SipMessage:
    return SipMessage(
        request.head,
        request.transport,
        Address.unpack(request.source),
        Address.unpack(request.destination),
        request.time,
        request.frame,
        request.direction,
        request.truncated,
    )


def classed(verdict: Verdict) -> str:
    """In a word: matched, unmatched or unknown."""
    if verdict.outcome is Outcome.UNKNOWN:
        return "unknown"
    return "matched" if verdict.endpoint else "unmatched"


class SourceRows(Sequence[SourceRow]):
    """Every source address, in the order of its first call; then those that only sent other requests."""

    def __init__(self, calls: Calls, others: Mapping[str, Mapping[str, int]]) -> None:
        self._calls = calls
        self._others = others
        called = {show_ip(ip) for ip in calls.sources if others}
        self._quiet = [ip for ip in others if ip not in called]

    def __len__(self) -> int:
        return len(self._calls.sources) + len(self._quiet)

    @overload
    def __getitem__(self, number: int) -> SourceRow: ...
    @overload
    def __getitem__(self, number: slice) -> list[SourceRow]: ...
    def __getitem__(self, number: int | slice) -> SourceRow | list[SourceRow]:
        if isinstance(number, slice):
            return [self[at] for at in range(*number.indices(len(self)))]
        if number < 0:
            number += len(self)
        calls = self._calls
        if number >= len(calls.sources):
            ip = self._quiet[number - len(calls.sources)]
            return SourceRow(ip, 0, 0, "unknown", other_methods=self._others[ip])
        numbers = list(calls.of_source(number))
        verdicts = [calls.verdicts[at] for at in dict.fromkeys(calls.verdict[at] for at in numbers)]
        classes = {classed(verdict) for verdict in verdicts}
        matched = [verdict for verdict in verdicts if verdict.endpoint]
        agents = dict.fromkeys(calls.agents[calls.agent[at]] for at in numbers)
        observed = Counter(str(calls.status[at]) for at in numbers if calls.status[at] >= 200)
        ip = show_ip(calls.sources[number])
        return SourceRow(
            address=ip,
            requests=sum(calls.requests[at] for at in numbers),
            calls=len(numbers),
            verdict=classes.pop() if len(classes) == 1 else "mixed",
            identifier=", ".join(dict.fromkeys(verdict.identifier for verdict in matched)),
            identify=", ".join(dict.fromkeys(verdict.identify for verdict in matched if verdict.identify)),
            endpoint=", ".join(dict.fromkeys(verdict.endpoint for verdict in matched)),
            observed=dict(sorted(observed.items())),
            user_agents=tuple(agent for agent in agents if agent)[:MOST_AGENTS],
            other_methods=self._others.get(ip, {}),
            first_time=calls.time[numbers[0]],
            last_time=calls.time[numbers[-1]],
        )


def show_ip(packed: bytes) -> str:
    """The text of a packed IP address."""
    return ".".join(map(str, packed)) if len(packed) == 4 else Address.unpack(packed + b"\0\0").ip


def show_address(packed: bytes) -> str:
    """The same of a packed transport address: IP and port, as `Address` prints it."""
    if len(packed) == 6 and (packed[4] or packed[5]):
        return f"{packed[0]}.{packed[1]}.{packed[2]}.{packed[3]}:{packed[4] << 8 | packed[5]}"
    return str(Address.unpack(packed))

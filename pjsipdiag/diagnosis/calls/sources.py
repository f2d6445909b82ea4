"""The calls by their source addresses: a row for each, made when it is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from operator import itemgetter
from typing import overload

from pjsipdiag.asterisk.verdict import Outcome, Verdict
from pjsipdiag.diagnosis.calls.calls import END, MOST_AGENTS_NAMED, MOST_TRACED, Calls
from pjsipdiag.diagnosis.evidence.readable_addresses import ip_of, show_ip
from pjsipdiag.diagnosis.traffic import NO_COUNTS, CallRow, SourceRow


def class_of(verdict: Verdict) -> str:
    """In a word: matched, unmatched or unknown."""
    if verdict.outcome is Outcome.UNKNOWN:
        return "unknown"
    return "matched" if verdict.endpoint else "unmatched"


def outlines(calls: Sequence[CallRow]) -> Iterator[tuple[int, str, Verdict, int | None, CallRow | None]]:
    """Time, address of the source, verdict and answer of each call, and its row unless that is still to be built: where
    calls are columns, no head is read."""
    if not isinstance(calls, Calls) or len(calls) <= MOST_TRACED:
        return ((call.time, ip_of(call.source), call.verdict, call.observed_status, call) for call in calls)
    addresses = map(list(map(show_ip, calls.sources)).__getitem__, calls.source)
    verdicts = map(calls.verdicts.__getitem__, calls.verdict)
    return zip(calls.time, addresses, verdicts, (status or None for status in calls.status), repeat(None))


class SourceRows(Sequence[SourceRow]):
    """Every source address, in the order of its first call; then those that only sent other requests."""

    def __init__(self, calls: Calls, others: Mapping[str, Mapping[str, int]]) -> None:
        self._calls = calls
        self._others = others
        called = {show_ip(ip) for ip in calls.sources} if others else set[str]()
        self._quiet = [ip for ip in others if ip not in called]
        self._agents = [(agent,) if agent else () for agent in calls.agents]
        self._verdicts = [
            (class_of(verdict), verdict.identifier, verdict.identify, verdict.endpoint) for verdict in calls.verdicts
        ]

    def __len__(self) -> int:
        return len(self._calls.sources) + len(self._quiet)

    @overload
    def __getitem__(self, number: int) -> SourceRow: ...
    @overload
    def __getitem__(self, number: slice) -> list[SourceRow]: ...
    def __getitem__(self, number: int | slice) -> SourceRow | list[SourceRow]:
        if isinstance(number, slice):
            return list(self._rows(range(*number.indices(len(self)))))
        return next(self._rows((range(len(self))[number],)))

    def __iter__(self) -> Iterator[SourceRow]:
        return self._rows(range(len(self)))

    def _rows(self, numbers: Iterable[int]) -> Iterator[SourceRow]:
        calls, agents, verdicts, others = self._calls, self._agents, self._verdicts, self._others
        called, firsts, following = len(calls.sources), calls.first, calls.following
        for number in numbers:
            if number >= called:
                ip = self._quiet[number - called]
                yield SourceRow(ip, 0, 0, "unknown", other_methods=others[ip])
                continue
            first, ip = firsts[number], show_ip(calls.sources[number])
            if following[first] != END:
                yield self._summary(ip, list(calls.of_source(number)), others.get(ip, NO_COUNTS))
                continue
            status, time = calls.status[first], calls.time[first]
            yield SourceRow(
                ip,
                calls.requests[first],
                1,
                *verdicts[calls.verdict[first]],
                {str(status): 1} if status >= 200 else NO_COUNTS,
                agents[calls.agent[first]],
                others.get(ip, NO_COUNTS),
                time,
                time,
            )

    def _summary(self, ip: str, numbers: Sequence[int], others: Mapping[str, int]) -> SourceRow:
        calls = self._calls
        of_these = itemgetter(*numbers)  # (there are two at least)
        verdicts = [calls.verdicts[at] for at in dict.fromkeys(of_these(calls.verdict))]
        classes = {class_of(verdict) for verdict in verdicts}
        matched = [verdict for verdict in verdicts if verdict.endpoint]
        agents = [calls.agents[at] for at in dict.fromkeys(of_these(calls.agent))]
        observed = {str(status): count for status, count in Counter(of_these(calls.status)).items() if status >= 200}
        return SourceRow(
            address=ip,
            requests=sum(of_these(calls.requests)),
            calls=len(numbers),
            verdict=classes.pop() if len(classes) == 1 else "mixed",
            identifier=", ".join(dict.fromkeys(verdict.identifier for verdict in matched)),
            identify=", ".join(dict.fromkeys(verdict.identify for verdict in matched if verdict.identify)),
            endpoint=", ".join(dict.fromkeys(verdict.endpoint for verdict in matched)),
            observed=dict(sorted(observed.items())),
            user_agents=tuple(agent for agent in agents if agent)[:MOST_AGENTS_NAMED],
            other_methods=others,
            first_time=calls.time[numbers[0]],
            last_time=calls.time[numbers[-1]],
        )

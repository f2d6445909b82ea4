"""One walk over all calls, for every picture at once: a million calls are looked at a single time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import field

from pjsipdiag.asterisk.verdict import Verdict
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.calls.sources import class_of, outlines
from pjsipdiag.diagnosis.rules.refusals.otherwise import OF_PEOPLE
from pjsipdiag.diagnosis.traffic import CallRow

BINS = 120
"""Steps of the time line."""
MOST_CALLS_KEPT = 500
"""Calls of one source that are kept for a closer look."""

KINDS_OF_CALLS = ("unmatched", "mixed", "unknown", "failed", "refused", "matched")
"""Verdicts as a page has them, the ones that need a person first: an attack that nothing matches is refused, as it
should be, and who is matched may fail all the same."""

Path = tuple[str, str, str, str, str]
"""(identifier, identify, endpoint, answer, verdict) of a call."""


@dataclass(slots=True)
class SourceTally:
    """The counts of one source's calls. `bins` counts calls by (step of the time line, verdict)."""

    kept_calls: list[CallRow] = field(default_factory=list)
    """Its first calls, and the first of each further path."""
    good: CallRow | None = None
    """The first one that came through."""
    bins: Counter[tuple[int, str]] = field(default_factory=Counter)
    paths: Counter[Path] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class CallsTally:
    """All calls: by source address, with the times (nanoseconds) between which they came.

    `rest` counts the calls of the `rest_sources` sources that are not looked at one by one.
    """

    sources: dict[str, SourceTally]
    start: int
    end: int
    rest: Counter[Path] = field(default_factory=Counter)
    rest_sources: int = 0


def came_through(call: CallRow) -> bool:
    """Whether it was answered as its caller wished."""
    return is_success(call.observed_status)


def is_success(status: int | None) -> bool:
    return status is not None and 200 <= status < 300


def has_failed(call: CallRow) -> bool:
    """Whether it got no answer, or one that no person gives."""
    return is_failure(call.observed_status)


def is_failure(status: int | None) -> bool:
    return not status or (status >= 300 and status not in OF_PEOPLE)


def tally(
    calls: Sequence[CallRow],
    start: int,
    end: int,
    addresses: Container[str] | None = None,
    attackers: Container[str] = (),
) -> CallsTally:
    """Counts calls that came between `start` and `end` (others fall on the nearest step).

    Sources that are not among `addresses` are only counted together: a scan has a million of them.
    """
    rest: Counter[Path] = Counter()
    others: set[str] = set()
    step = max(1, (end - start) // BINS + 1)
    sources: dict[str, SourceTally] = {}
    known: dict[int, tuple[Verdict, str, Path]] = {}
    # By identity: a million calls share a few verdict objects, and hashing a trace costs much more than the rest.
    for number, (time, address, verdict, status, row) in enumerate(outlines(calls)):
        entry = known.get(id(verdict))
        if entry is None:
            kind = class_of(verdict)
            entry = (verdict, kind, (verdict.identifier, verdict.identify, verdict.endpoint, "", kind))
            known[id(verdict)] = entry
        _, kind, path = entry
        if kind == "unmatched" and address in attackers:
            kind = "refused"
        elif kind == "matched" and is_failure(status):
            kind = "failed"
        whole_path = (*path[:3], str(status or "none"), kind)
        if addresses is not None and address not in addresses:
            rest[whole_path] += 1
            others.add(address)
            continue
        source = sources.get(address)
        if source is None:
            source = sources[address] = SourceTally()
        if len(source.kept_calls) < MOST_CALLS_KEPT or (
            whole_path not in source.paths and len(source.kept_calls) < 2 * MOST_CALLS_KEPT
        ):
            source.kept_calls.append(row or calls[number])
        if source.good is None and is_success(status):
            source.good = row or calls[number]
        at = min(max((time - start) // step, 0), BINS - 1)
        source.bins[at, kind] += 1
        source.paths[whole_path] += 1
    return CallsTally(sources, start, end, rest, len(others))

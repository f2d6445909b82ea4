"""The calls that a page shows, with all that was said in them: within bounds, those of each source and of each kind.

The captures are read once more for their messages, which `Report.transcripts` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.model import Report
from pjsipdiag.diagnosis.traffic import CallRow, SourceRow, SpokenMessage, Transcripts
from pjsipdiag.report import wording
from pjsipdiag.report.drawing.contrast import Contrast, contrast
from pjsipdiag.report.drawing.ladder import Ladder, ladder
from pjsipdiag.report.drawing.tally import CallsTally, SourceTally, came_through, has_failed

MOST_SOURCES_SHOWN = 50
"""Sources whose calls are shown."""
MOST_CALLS_SHOWN = 500
"""Calls that are shown, of all sources."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A call: who calls whom, how it was answered and how that looks, what becomes of it by the files."""

    number: int
    call: CallRow
    caller: str
    called: str
    answer: str
    kind: str
    outcome: str
    ladder: Ladder


@dataclass(frozen=True, slots=True)
class SourceTalks:
    """Calls of one source; `left` are those that are not shown, `contrast` sets one of them beside a good one, `first`
    is the number of the one to look at first."""

    number: int
    source: SourceRow
    talks: tuple[Conversation, ...]
    left: int
    contrast: Contrast | None
    first: int


def talk(number: int, call: CallRow, spoken: Sequence[SpokenMessage] = ()) -> Conversation:
    """The conversation that shows one call."""
    answer = str(call.observed_status or "no answer")
    kind = "good" if came_through(call) else "bad" if has_failed(call) else "going"
    outcome = wording.outcome(call.verdict)
    return Conversation(
        number,
        call,
        wording.user(call.from_),
        wording.user(call.request_uri),
        answer,
        kind,
        outcome,
        ladder(call, spoken),
    )


def conversations(report: Report, sources: Sequence[SourceRow], counted: CallsTally) -> list[SourceTalks]:
    """The calls of the first `sources`, those that need a person first."""
    shown = [source for source in sources if source.address in counted.sources][:MOST_SOURCES_SHOWN]
    # All transcripts are asked for at once: each question reads the captures again from their beginning.
    share = MOST_CALLS_SHOWN // max(1, len(shown))
    chosen = {source.address: _choose(counted.sources[source.address], share) for source in shown}
    pairs = dict(_pairs(report, shown, counted))
    beside = [call for pair in pairs.values() for call in pair]
    wanted = [call for calls in chosen.values() for call in calls] + beside
    told: Transcripts = report.transcripts(wanted) if report.transcripts and wanted else {}
    found, number = [], 0
    for at, source in enumerate(shown, 1):
        talks = tuple(
            talk(number + place, call, _said(told, call)) for place, call in enumerate(chosen[source.address], 1)
        )
        number += len(talks)
        pair = pairs.get(source.address)
        compared = contrast(*pair, *(_said(told, call) for call in pair)) if pair else None
        first = next((one.number for one in talks if one.kind == "bad"), talks[0].number)
        found.append(SourceTalks(at, source, talks, source.calls - len(talks), compared, first))
    return found


def _said(told: Transcripts, call: CallRow) -> tuple[SpokenMessage, ...]:
    return told.get((call.call_id, call.source), ())


def _choose(source: SourceTally, share: int) -> list[CallRow]:
    """The first call of each kind, then the first ones, in the order of time."""
    if len(source.kept_calls) <= share:
        return source.kept_calls
    kinds: dict[tuple[object, ...], int] = {}
    for at, call in enumerate(source.kept_calls):
        kinds.setdefault((call.observed_status, id(call.verdict)), at)
    places = [*list(kinds.values())[:share], *range(len(source.kept_calls))]
    return [source.kept_calls[at] for at in sorted(list(dict.fromkeys(places))[:share])]


def _pairs(
    report: Report, sources: Sequence[SourceRow], counted: CallsTally
) -> Iterator[tuple[str, tuple[CallRow, CallRow]]]:
    """For each source whose calls failed: one of them, and one of the same provider that came through."""
    good = _good_ones(counted)
    for source in sources:
        mine = counted.sources[source.address]
        bad = next(filter(has_failed, mine.kept_calls), None)
        if bad is None:
            continue
        meant = [bad.verdict.endpoint, *_endpoints(report, source.address)]
        other = mine.good or next((good[name] for name in meant if name in good), None)
        if other is not None:
            yield source.address, (bad, other)


def _good_ones(counted: CallsTally) -> Mapping[str, CallRow]:
    """A call that came through, of each endpoint."""
    found: dict[str, CallRow] = {}
    for source in counted.sources.values():
        if source.good is not None and source.good.verdict.endpoint:
            found.setdefault(source.good.verdict.endpoint, source.good)
    return found


def _endpoints(report: Report, address: str) -> Iterator[str]:
    """The endpoints to which repairs give an address."""
    for one in (*report.suggestions, *report.unconfirmed):
        if address in one.addresses:
            yield from (one.endpoint, *one.candidates)

"""The time line: a row for each source, a bar for each step in which calls came, coloured by verdict."""

from __future__ import annotations

from collections.abc import Sequence

from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.traffic import SourceRow
from pjsipdiag.report import wording
from pjsipdiag.report.drawing.tally import BINS, KINDS_OF_CALLS, CallsTally

HEIGHT = 24
TICKS = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """One verdict within one step: `x` in steps, `y` and `height` in units of the row."""

    x: int
    y: float
    height: float
    verdict: str
    title: str


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """The bars of one source."""

    address: str
    verdict: str
    calls: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The rows of the time line, `width` steps wide, each row `height` units high."""

    rows: tuple[TimelineRow, ...]
    ticks: tuple[str, ...]
    """Times at equal distances, first and last included."""
    width: int = BINS
    height: int = HEIGHT
    left: int = 0
    """Sources that are not shown."""
    verdicts: tuple[str, ...] = ()
    """The verdicts that occur."""


def timeline(sources: Sequence[SourceRow], counted: CallsTally, most: int) -> Timeline:
    """The first `most` of `sources` that have calls."""
    with_calls = [source for source in sources if source.address in counted.sources]
    shown = with_calls[:most]
    rows = tuple(_row(source, counted) for source in shown)
    span = counted.end - counted.start
    ticks = tuple(dict.fromkeys(_clock(counted.start + span * at // TICKS, span) for at in range(TICKS + 1)))
    verdicts = tuple(kind for kind in KINDS_OF_CALLS if any(bar.verdict == kind for row in rows for bar in row.bars))
    return Timeline(rows, ticks, left=len(with_calls) - len(shown) + counted.rest_sources, verdicts=verdicts)


def _row(source: SourceRow, counted: CallsTally) -> TimelineRow:
    bins = counted.sources[source.address].bins
    by_step: dict[int, dict[str, int]] = {}
    for (at, verdict), calls in bins.items():
        by_step.setdefault(at, {})[verdict] = calls
    most = max(sum(step.values()) for step in by_step.values())
    span = counted.end - counted.start
    bars: list[Bar] = []
    for at, step in sorted(by_step.items()):
        top = float(HEIGHT)
        clock = _clock(counted.start + span * at // BINS, span)
        for verdict in KINDS_OF_CALLS:
            if calls := step.get(verdict, 0):
                height = HEIGHT * (0.45 + 0.55 * calls / most) * calls / sum(step.values())
                top -= height
                title = f"{clock}: {wording.plural(calls, 'call')} {verdict}"
                bars.append(Bar(at, round(top, 2), round(height, 2), verdict, title))
    return TimelineRow(source.address, source.verdict, source.calls, tuple(bars))


def _clock(time: int, span: int) -> str:
    """The time of day (UTC), with the date for captures over days and milliseconds for short ones."""
    moment = wording.moment(time)
    if span >= 86_400_000_000_000:
        return f"{moment[5:10]} {moment[11:16]}"
    return moment[11:23] if span < 10_000_000_000 else moment[11:19]

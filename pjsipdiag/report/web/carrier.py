"""The page for a carrier: his calls with their messages, and nothing of our configuration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pjsipdiag.diagnosis.evidence.readable_addresses import ip_of
from pjsipdiag.diagnosis.traffic import CallRow, Transcripts
from pjsipdiag.report import wording
from pjsipdiag.report.drawing.tally import came_through
from pjsipdiag.report.web import html
from pjsipdiag.report.web.conversations import talk

MOST_ADDRESSES = 5
"""Addresses that the headline names."""


def page(calls: Sequence[CallRow], told: Transcripts) -> str:
    """The page on these calls; those of which something is `told` are shown with their messages."""
    answers = Counter(str(call.observed_status or "") for call in calls)
    shown = [(call, spoken) for call in calls if (spoken := told.get((call.call_id, call.source)))]
    return (
        html.environment()
        .get_template("carrier.html")
        .render(
            headline=headline(calls),
            mood="good" if all(map(came_through, calls)) else "bad",
            span=wording.span(calls[0].time, calls[-1].time),
            answers=wording.counts(answers),
            calls=calls[: html.MOST_ROWS],
            left_out=max(0, len(calls) - html.MOST_ROWS),
            talks=[talk(number, *one) for number, one in enumerate(shown, 1)],
            wording=wording,
            **html.frame(),
        )
    )


def headline(calls: Sequence[CallRow]) -> str:
    """How many calls of whom, and how many of them came through."""
    sources = sorted({ip_of(call.source) for call in calls})
    named = wording.few(sources, MOST_ADDRESSES)
    good = sum(map(came_through, calls))
    return f"{wording.plural(len(calls), 'call')} from {named}: {f'{good:,}' if good else 'none'} came through."

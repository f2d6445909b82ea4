"""Captures that are read a second time where they are: by the workers that can open them, not by this machine.

What is looked for goes to them; what was found comes back, capture by capture and in their order, as one process finds
it. Where no worker is left this machine looks itself: it may have the captures, too, and says which it has not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from pjsipdiag.capture import reread
from pjsipdiag.capture.datagram import Datagram, Found, Look, Tally
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.work.executor import RESTARTS, Executor, Item, Result, Work
from pjsipdiag.diagnosis.work.jobs import LostError
from pjsipdiag.diagnosis.work.tasks import FILES_TOGETHER, TOGETHER
from pjsipdiag.errors import PjsipdiagError

MOST_RESULTS = 64
"""Tasks whose results workers keep at the same time."""
MOST_FOUND = 64 << 20
"""Bytes of what is found in one capture, about: a worker stays small."""
BYTES_OF_FINDING = 100
"""Bytes of one thing that was found, beside its message."""

Sightings = list[tuple[list[Any], str]]
"""The findings in each capture, and why it was not looked into, or empty."""


class Holders:
    """Holds the captures: the workers of an executor, or those of another one in its place."""

    def __init__(self, executor: Executor) -> None:
        self._executor: Executor | None = executor
        self._process = os.getpid()
        self.why_lost = dict[str, str]()

    def look(self, captures: Sequence[Tally], look: Look[Found]) -> Iterator[Found]:
        """Yields the findings of `look` in these captures."""
        groups = [*_together(captures)]
        for at in range(0, len(groups), MOST_RESULTS):
            some = groups[at : at + MOST_RESULTS]
            for group, seen in zip(some, self._asked(CaptureLook(look), some), strict=True):
                for tally, (found, lost) in zip(group, seen, strict=True):
                    if lost:
                        self.why_lost[tally.name] = lost
                    yield from found

    def find_changed(self, captures: Sequence[Tally]) -> Sequence[Tally]:
        """See `reread.find_changed`."""
        batches = [
            [_bare(tally) for tally in captures[at : at + FILES_TOGETHER]]
            for at in range(0, len(captures), FILES_TOGETHER)
        ]
        changed = {one.file for found in self._asked(CaptureComparison(), batches) for one in found}
        return [tally for tally in captures if tally.file in changed]

    def _asked(self, work: Work[Item, Result], items: Sequence[Item]) -> list[Result]:
        if self._executor and os.getpid() != self._process:  # what was forked needs a way to the workers of its own
            self._change(self._executor)
        for _ in range(RESTARTS):
            if self._executor is None:
                break
            try:
                return [*self._executor.submit(work, items).results()]
            except LostError:
                self._change(self._executor)
        return [work(item) for item in items]

    def _change(self, executor: Executor) -> None:
        self._executor, self._process = None, os.getpid()
        with suppress(PjsipdiagError):
            self._executor = executor.another()


@dataclass(frozen=True, slots=True)
class CaptureLook:
    """Looks into some captures, where they are."""

    look: Look[Any]

    def __call__(self, captures: Sequence[Tally]) -> Sightings:
        return [self._found(tally) for tally in captures]

    def result_when_lost(self, captures: Sequence[Tally], _reason: str) -> Sightings:
        """Nothing found, and the reason why nobody could look."""
        return [([], "the workers that read it again were ended")] * len(captures)

    def _found(self, tally: Tally) -> tuple[list[Any], str]:
        found, room = list[Any](), MOST_FOUND
        for one in reread.look_again([tally], self.look):
            room -= BYTES_OF_FINDING + (len(one.payload) if isinstance(one, Datagram) else 0)
            if room < 0:
                return [], "too much of it matters for a second reading"
            found.append(one)
        return found, ""


class CaptureComparison:
    """Says which captures are no longer those that were read."""

    def __call__(self, captures: Sequence[Tally]) -> list[Tally]:
        return reread.find_changed(captures)

    def result_when_lost(self, captures: Sequence[Tally], _reason: str) -> list[Tally]:
        """All captures: whether they have changed nobody knows."""
        return [*captures]


def _together(captures: Sequence[Tally]) -> Iterator[list[Tally]]:
    """Neighbours that one worker looks into: small ones are not worth a message each."""
    group, size = list[Tally](), 0
    for tally in captures:
        group.append(_bare(tally))
        size += tally.stamp.size if tally.stamp else 0
        if size >= TOGETHER or len(group) >= FILES_TOGETHER:
            yield group
            group, size = [], 0
    if group:
        yield group


def _bare(tally: Tally) -> Tally:
    """The part of it that a second reading needs."""
    return Tally(tally.file, stamp=tally.stamp, any_ratio=tally.any_ratio)

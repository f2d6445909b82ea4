"""A capture read a second time: only while it is the file that was read the first time, and where that was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from pjsipdiag.capture import read
from pjsipdiag.capture.datagram import Datagram, Found, Look, Tally
from pjsipdiag.capture.source.location import stamp
from pjsipdiag.errors import CaptureError


def look_again(captures: Sequence[Tally], look: Look[Found]) -> Iterator[Found]:
    """Yields the findings of `look` in each of these captures; in none that may have changed since it was counted."""
    holder = next((tally.holder for tally in captures if tally.holder), None)
    if holder is not None:
        yield from holder.look(captures, look)
        return
    for tally in captures:
        yield from look(_messages(tally))


def find_changed(captures: Iterable[Tally]) -> list[Tally]:
    """The captures that are no longer the files that were read, or are not here; never what can be read only once."""
    return [tally for tally in captures if tally.stamp is not None and not _is_same(tally)]


def note_missing(captures: Sequence[Tally]) -> Iterator[str]:
    """The notes of a report on captures that were not read a second time."""
    holder = next((tally.holder for tally in captures if tally.holder), None)
    for tally in holder.find_changed(captures) if holder else find_changed(captures):
        yield f"{tally.name} is not the file any more that was read: {_LEFT_OUT}"
    for name, reason in holder.why_lost.items() if holder else ():
        yield f"{name}: {reason}: {_LEFT_OUT}"


_LEFT_OUT = "what a second reading shows (what was offered, which calls were tried again) is left out"


def _messages(tally: Tally) -> Iterator[Datagram]:
    """The messages at hand, else those of the file."""
    yield from tally.kept
    if tally.stamp is not None and _is_same(tally):
        with suppress(CaptureError):
            yield from read(tally.file, Tally(tally.file, is_second_reading=True, any_ratio=tally.any_ratio))


def _is_same(tally: Tally) -> bool:
    """Whichever machine asks: a storage that several share is another device on each."""
    found = stamp(tally.file)
    return found is not None and tally.stamp is not None and found[1:] == tally.stamp[1:]

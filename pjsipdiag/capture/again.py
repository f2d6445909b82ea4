"""A capture read a second time: only while it is the file that was read the first time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from pjsipdiag.capture import read
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.source.place import stamp
from pjsipdiag.errors import CaptureError


def changed(tally: Tally) -> bool:
    """Whether a file is no longer the one that was read, or is not here; never of what can be read only once."""
    return tally.stamp is not None and tally.stamp != stamp(tally.file)


def read_again(tally: Tally) -> Iterator[Datagram]:
    """The messages of a capture that was counted in `tally`: those at hand, or none where it may have changed since."""
    yield from tally.kept
    if tally.stamp is not None and not changed(tally):
        with suppress(CaptureError):
            yield from read(tally.file, Tally(tally.file, again=True, any_ratio=tally.any_ratio))

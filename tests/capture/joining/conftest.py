"""Captures that several processes share, and what one process says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pjsipdiag.capture import Datagram, Handover, Tally, UnjoinableError, join, read, read_on, read_part, split
from pjsipdiag.capture.joining import parts


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "SMALLEST", 20_000)


def together(path: Path, jobs: int, joined: list[bool] | None = None) -> tuple[list[Datagram], Tally]:
    """What `jobs` processes find, one after the other here. With `joined` the rest is read where parts cannot be
    joined, and whether all could is added to it."""
    pieces_of_it = split(path, jobs)
    assert len(pieces_of_it) == jobs
    tallies, rests = [Tally(str(path)) for _ in pieces_of_it], [Handover() for _ in pieces_of_it]
    told = [list(read_part(*one)) for one in zip(pieces_of_it, tallies, rests, strict=True)]
    count = jobs
    while count:
        found, whole = list[Datagram](), Tally(str(path))
        for messages, tally in zip(told[:count], tallies, strict=False):
            found += [datagram._replace(frame=datagram.frame + whole.records) for datagram in messages]
            whole.merge(tally)
        try:
            dissector, told_late = join(rests[:count], whole)
        except UnjoinableError as reason:
            if joined is None:
                raise
            count = reason.part
            continue
        if joined is not None:
            joined.append(count == jobs)
        if count < jobs:
            dissector, more = read_on(pieces_of_it[count], whole, dissector)
            told_late += more
        found += [*told_late, *dissector.finish(), *dissector.late]
        return sorted(found, key=lambda datagram: datagram.frame), whole
    return alone(path)


def alone(path: Path) -> tuple[list[Datagram], Tally]:
    tally = Tally(str(path))
    return sorted(read(path, tally), key=lambda datagram: datagram.frame), tally

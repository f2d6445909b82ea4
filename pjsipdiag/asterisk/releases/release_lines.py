"""The lines of Asterisk's releases from 16 on, read from the tags of its repository: the table to add a release to.

A new line behaves as the newest release of the line before it until a row of features.py or options.json says
otherwise; a new release of a line as the newest before it.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from pjsipdiag.dataclass import dataclass
from pjsipdiag.digits import read_number


@dataclass(frozen=True, slots=True)
class ReleaseLine:
    """A line of releases: `releases` are their names, oldest first, between blanks. `cut_from` is the release that a
    certified line was cut from; another line comes after the newest of the line before it. `long_term`: supported for
    years, so that it stands for its time where few releases are tried."""

    name: str
    releases: str
    cut_from: str = ""
    long_term: bool = False


def _certified_line(name: str, count: int) -> ReleaseLine:
    return ReleaseLine(
        f"certified-{name}", " ".join(f"certified-{name}-cert{n}" for n in range(1, count + 1)), f"{name}.0"
    )


RELEASE_LINES: tuple[ReleaseLine, ...] = (
    ReleaseLine(
        "16",
        "16.0.0 16.0.1 16.1.0 16.1.1 16.2.0 16.2.1 16.3.0 16.4.0 16.4.1 16.5.0 16.5.1 16.6.0 16.6.1 16.6.2 16.7.0 "
        "16.8.0 16.9.0 16.10.0 16.11.0 16.11.1 16.12.0 16.13.0 16.14.0 16.14.1 16.15.0 16.15.1 16.16.0 16.16.1 "
        "16.16.2 16.17.0 16.18.0 16.19.0 16.19.1 16.20.0 16.21.0 16.21.1 16.22.0 16.23.0 16.24.0 16.24.1 16.25.0 "
        "16.25.1 16.25.2 16.25.3 16.26.0 16.26.1 16.27.0 16.28.0 16.29.0 16.29.1 16.30.0 16.30.1",
        long_term=True,
    ),
    ReleaseLine(
        "17",
        "17.0.0 17.0.1 17.1.0 17.2.0 17.3.0 17.4.0 17.5.0 17.5.1 17.6.0 17.7.0 17.8.0 17.8.1 17.9.0 17.9.1 17.9.2 "
        "17.9.3 17.9.4",
    ),
    ReleaseLine(
        "18",
        "18.0.0 18.0.1 18.1.0 18.1.1 18.2.0 18.2.1 18.2.2 18.3.0 18.4.0 18.5.0 18.5.1 18.6.0 18.7.0 18.7.1 18.8.0 "
        "18.9.0 18.10.0 18.10.1 18.11.0 18.11.1 18.11.2 18.11.3 18.12.0 18.12.1 18.13.0 18.14.0 18.15.0 18.15.1 "
        "18.16.0 18.17.0 18.17.1 18.18.0 18.18.1 18.19.0 18.20.0 18.20.1 18.20.2 18.21.0 18.22.0 18.23.0 18.23.1 "
        "18.24.0 18.24.1 18.24.2 18.24.3 18.25.0 18.26.0 18.26.1 18.26.2 18.26.3 18.26.4",
        long_term=True,
    ),
    ReleaseLine(
        "19",
        "19.0.0 19.1.0 19.2.0 19.2.1 19.3.0 19.3.1 19.3.2 19.3.3 19.4.0 19.4.1 19.5.0 19.6.0 19.7.0 19.7.1 19.8.0 "
        "19.8.1",
    ),
    ReleaseLine(
        "20",
        "20.0.0 20.0.1 20.1.0 20.2.0 20.2.1 20.3.0 20.3.1 20.4.0 20.5.0 20.5.1 20.5.2 20.6.0 20.7.0 20.8.0 20.8.1 "
        "20.9.0 20.9.1 20.9.2 20.9.3 20.10.0 20.11.0 20.11.1 20.12.0 20.13.0 20.14.0 20.14.1 20.15.0 20.15.1 "
        "20.15.2 20.16.0 20.17.0 20.18.0 20.18.1 20.18.2 20.19.0 20.20.0 20.20.1",
        long_term=True,
    ),
    ReleaseLine(
        "21",
        "21.0.0 21.0.1 21.0.2 21.1.0 21.2.0 21.3.0 21.3.1 21.4.0 21.4.1 21.4.2 21.4.3 21.5.0 21.6.0 21.6.1 21.7.0 "
        "21.8.0 21.9.0 21.9.1 21.10.0 21.10.1 21.10.2 21.11.0 21.12.0 21.12.1 21.12.2 21.12.3",
    ),
    ReleaseLine(
        "22",
        "22.0.0 22.1.0 22.1.1 22.2.0 22.3.0 22.4.0 22.4.1 22.5.0 22.5.1 22.5.2 22.6.0 22.7.0 22.8.0 22.8.1 22.8.2 "
        "22.9.0 22.10.0 22.10.1",
        long_term=True,
    ),
    ReleaseLine(
        "23",
        "23.0.0 23.1.0 23.2.0 23.2.1 23.2.2 23.3.0 23.4.0 23.4.1",
    ),
    _certified_line("16.3", 1),
    _certified_line("16.8", 14),
    _certified_line("18.9", 18),
    _certified_line("20.7", 11),
    _certified_line("22.8", 4),
)
"""Oldest first, the certified ones behind."""

RELEASES: dict[str, tuple[str, ...]] = {line.name: tuple(line.releases.split()) for line in RELEASE_LINES}
"""Line of releases -> its releases, oldest first."""

BRANCHES = tuple(line.name for line in RELEASE_LINES if not line.cut_from)
"""The lines that are major versions, oldest first."""

NEWEST = RELEASES[BRANCHES[-1]][-1]
"""The newest release that is known."""

REPRESENTATIVES = tuple(
    RELEASES[line.name][-1] for line in RELEASE_LINES if line.long_term or line.name == BRANCHES[-1]
)
"""The newest of each long-term line and the newest of all: what is tried where the release is not known."""


@cache
def predecessor(line: str) -> str:
    """The release that a line behaves as where nothing is said of it; empty for the oldest line."""
    row = next(row for row in RELEASE_LINES if row.name == line)
    if row.cut_from:
        return row.cut_from
    place = BRANCHES.index(line)
    return RELEASES[BRANCHES[place - 1]][-1] if place else ""


@cache
def line_of(version: str) -> str:
    """The line of a release that is in the table."""
    return next(line for line, versions in RELEASES.items() if version in versions)


@lru_cache(maxsize=1000)
def number_of(version: str) -> tuple[int, ...]:
    """The numbers in the name of a release, which order it in its line."""
    return tuple(read_number(part) for part in re.findall(r"\d+", version))

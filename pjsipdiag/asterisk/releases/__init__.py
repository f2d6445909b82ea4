"""Which Asterisk releases there are, and what they differ in.

    release_lines    the table of releases; NEWEST; what a line behaves as by default
    features         the one Span, and the table of what changed when (options.json uses the same Span)
    faults           known faults of Asterisk, and what lacks them
    release          one release: its features, its identifiers
    naming           "22", "20.7-cert5", "Asterisk PBX 22.10.1" -> release; unknown ones -> the nearest

A new release is one word in `release_lines.RELEASE_LINES`, a new line one row there: each behaves as the newest before
it in every respect, until a row of `features.FEATURES` or an option's span names it. Imports go upwards in this list.
Everything of `asterisk` may ask this package; it asks nobody.
"""

from pjsipdiag.asterisk.releases.features import FEATURES, Span, around
from pjsipdiag.asterisk.releases.naming import age, complete, has, instead, is_newer, nearest, release
from pjsipdiag.asterisk.releases.release import MODULES, Release, releases
from pjsipdiag.asterisk.releases.release_lines import BRANCHES, NEWEST, RELEASES, REPRESENTATIVES

__all__ = [
    "BRANCHES",
    "FEATURES",
    "MODULES",
    "NEWEST",
    "RELEASES",
    "REPRESENTATIVES",
    "Release",
    "Span",
    "age",
    "around",
    "complete",
    "has",
    "instead",
    "is_newer",
    "nearest",
    "release",
    "releases",
]

"""Names of releases as people and captures write them."""

from __future__ import annotations

import re
from functools import cache

from pjsipdiag.asterisk.releases.features import FeatureName
from pjsipdiag.asterisk.releases.release import Release, releases
from pjsipdiag.asterisk.releases.release_lines import BRANCHES, RELEASES, number_of
from pjsipdiag.digits import read_number
from pjsipdiag.errors import PjsipdiagError

_TEXT = re.compile(
    r"""\s*(?:asterisk\s*(?:pbx)?\s*[-/]?\s*)?
        (?:(?P<certified>certified)[-/]?\s*)?
        (?P<number>\d+(?:\.\d+){0,2})
        (?:[-~]?cert(?P<cert>\d+))?\s*""",
    re.VERBOSE | re.IGNORECASE,
)

_BUILT = re.compile(r"(?:GIT|SVN)-(?:(?P<branch>\d+)\b)?", re.IGNORECASE)
"""A build from a repository: `GIT-22-6a2f9d1`, `GIT-master-6a2f9d1M`."""


def release(version: str) -> Release:
    """The release that a text names: "22", "22.10", "22.10.1", "certified-20.7", "certified/18.9-cert17", "20.7-cert5".

    A name without patch level or certified number is the newest of those. One that is not in the table (older, newer,
    a build from a repository, a distribution's) stands for the nearest one: `instead` says so.

    :raises PjsipdiagError: the text names no release.
    """
    found = nearest(version)
    if found is None:
        raise PjsipdiagError(f"{version!r} names no Asterisk release: known are {known_names()}")
    return found


def instead(version: str) -> str:
    """Which release is replayed for the one that a text names, and why; empty where it is the named one."""
    found = _find(version)
    return "" if found else f"{version}{age(version)}; {release(version)} is the nearest that is known"


@cache
def has(version: str, feature: FeatureName) -> bool:
    """Whether the release of that name has a feature.

    :raises PjsipdiagError: no such release.
    """
    return release(version).has(feature)


def nearest(version: str) -> Release | None:
    """The known release nearest to a named one: itself, else the newest of its line that is not newer,
    else the oldest of it. Of an unknown branch, the nearest branch counts.
    None when the name has no number."""
    if (exact := _find(version)) is not None:
        return exact
    built = _BUILT.match(version)
    if built:
        return releases()[RELEASES.get(built["branch"] or "", RELEASES[BRANCHES[-1]])[-1]]
    matched = _TEXT.match(version)
    if matched is None:
        return None
    number = number_of(matched["number"])
    if matched["certified"] or matched["cert"]:
        line = "certified-" + ".".join(str(part) for part in number[:2])
        number += (read_number(matched["cert"] or "0"),)
    else:
        line = str(number[0])
    candidates = [known for known in releases().values() if known.line == line]
    candidates = candidates or _neighbours(number[0])
    older = [known for known in candidates if known.number <= number]
    return older[-1] if older else next(iter(candidates), None)


def is_newer(version: str) -> bool:
    """Whether a text names a release that may have what no known one has: it is not known itself, and comes after the
    newest of its line, or was built from a repository."""
    known = nearest(version)
    if known is None or _find(version) is not None:
        return False
    matched = _TEXT.match(version)
    return matched is None or (number_of(matched["number"]), read_number(matched["cert"] or "0")) > (
        number_of(RELEASES[known.line][-1])[: 2 if matched["cert"] else 3],
        number_of(RELEASES[known.line][-1])[-1] if matched["cert"] else 0,
    )


def _neighbours(branch: int) -> list[Release]:
    """The releases of the nearest branch that is known."""
    line = min(BRANCHES, key=lambda line: (abs(int(line) - branch), line))
    return [known for known in releases().values() if known.line == line]


def age(version: str) -> str:
    """How a release that is not known stands to those that are, as the end of a sentence."""
    if _BUILT.match(version):
        return ", a build from a repository"
    branches = [int(line) for line in BRANCHES]
    branch = number_of(version)[0] if number_of(version) else branches[0]
    if branch < min(branches):
        return f", older than {min(branches)}, the oldest that is known"
    if branch > max(branches):
        return ", newer than all that are known"
    known = nearest(version)
    if known is None or not is_newer(version):
        return ", a release that is not known"
    return f", newer than {RELEASES[known.line][-1]}, the newest {known.line} that is known"


def known_names() -> str:
    """The names that are known, for people."""
    certified = [line for line in RELEASES if line not in BRANCHES]
    return f"{BRANCHES[0]} to {BRANCHES[-1]} (as 22 or 22.10.1), {', '.join(certified)} (as 20.7-cert5)"


def complete(start: str) -> tuple[str, ...]:
    """The names that begin so: lines as 22, and their releases once a dot or a hyphen is typed."""
    every = [name for names in RELEASES.values() for name in names] if set(".-") & set(start) else list(RELEASES)
    return tuple(name for name in every if name.startswith(start))


@cache
def _find(version: str) -> Release | None:
    matched = _TEXT.fullmatch(version)
    if matched is None:
        return None
    number, cert = matched["number"], matched["cert"]
    if cert is not None:
        return releases().get(f"certified-{number}-cert{read_number(cert)}")
    if matched["certified"]:
        line = RELEASES.get(f"certified-{number}")
        return releases()[line[-1]] if line else None
    known = [release for name, release in releases().items() if name == number or name.startswith(f"{number}.")]
    return known[-1] if known else None

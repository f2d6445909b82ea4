"""The identifies that Asterisk's log, at `core set debug 3`, says it held a source against."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pjsipdiag.diagnosis.evidence.readable_addresses import address_of
from pjsipdiag.diagnosis.situation import CallGroup, Situation
from pjsipdiag.sip import Address

MOST_ASKED_OF = 8
"""Groups of a finding for which the log is asked."""


def sources_tried(situation: Situation) -> list[str]:
    """The sources that the log says identifies were held against."""
    keys = [key.partition(":") for key in situation.log_lines]
    return list(dict.fromkeys(address_of(place).ip for which, _, place in keys if which in {"matched", "tried"}))


def tried_identifies(situation: Situation, groups: Sequence[CallGroup]) -> list[str]:
    """The sentences about these sources, that on the identify which matched first."""
    places = {str(Address(group.source, port)) for group in groups[:MOST_ASKED_OF] for port in group.ports}
    keys = [f"{which}:{place}" for which in ("matched", "tried") for place in sorted(places)]
    return list(dict.fromkeys(line for key in keys for line in situation.log_lines.get(key, ())))


def identifies_of_log(situation: Situation, groups: Sequence[CallGroup]) -> Iterator[str]:
    """Identifies that only Asterisk's log has: the files are not those that ran."""
    known = {identify.name for identify in situation.config.identifies}
    for line in tried_identifies(situation, groups):
        name = line.rpartition("identify '")[2].removesuffix("'")
        if name not in known:
            yield f"Asterisk's log: {line}; the files have no identify of that name that loads: it ran others"

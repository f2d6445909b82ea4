"""Calls that a proxy on the machine of the PBX took first, and passed on to Asterisk at another port.

The law: what it passes on keeps its Call-ID, which nobody else knows. So only calls that are seen twice count as passed
on; whoever forges the address of the PBX hides none of others.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.replay.arrival import find_listening
from pjsipdiag.diagnosis.calls.fold_content import TRANSPORT_NAMES, MergedFolds
from pjsipdiag.diagnosis.calls.heads import call_id
from pjsipdiag.diagnosis.calls.rows import TRANSPORT, ends
from pjsipdiag.sip import Address

MOST_PASSED_ON = 100_000
"""Calls of the PBX to itself that are looked at."""
_PROTOCOLS = ("UDP", "TCP", "TLS")


def places_before(merged: MergedFolds, pbx: Collection[bytes], config: Config) -> list[bytes]:
    """The packed addresses of the PBX that answer and on which no transport of the files listens."""
    places = [place for place in sorted(merged.answering) if place[:-2] in pbx] if config.transports else []
    return [place for place in places if not any(_listens(protocol, place, config) for protocol in _PROTOCOLS)]


def passed_on(merged: MergedFolds, pbx: Collection[bytes], config: Config) -> frozenset[bytes]:
    """The Call-IDs of the calls that the PBX sends to itself where Asterisk listens, if it answers elsewhere too."""
    calls_itself = any(source in pbx and to in pbx for source, to in merged.pairs)
    if not calls_itself or not places_before(merged, pbx, config):
        return frozenset()
    views = (
        view
        for number, keys in enumerate(merged.keys)
        for _, _, views in merged.transactions(number, range(len(keys)))
        for view in views
    )
    found = (
        merged.request(merged.parts[number], row)
        for number, row in views
        if all(end[:-2] in pbx for end in ends(row)) and _listens(TRANSPORT_NAMES[row[TRANSPORT]], ends(row)[1], config)
    )
    return frozenset(call_id(request.head) for request in islice(found, MOST_PASSED_ON))


def _listens(transport: str, place: bytes, config: Config) -> bool:
    return bool(find_listening(transport, Address.unpack(place), config))

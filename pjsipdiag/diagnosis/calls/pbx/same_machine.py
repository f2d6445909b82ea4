"""Calls that a proxy on the machine of the PBX took first, and passed on to Asterisk at another port.

The law: what it passes on keeps its Call-ID, which nobody else knows. So only calls that are seen twice count as passed
on; whoever forges the address of the PBX hides none of others.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.replay.arrival import find_listening
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.diagnosis.calls.fold_content import TRANSPORT_NAMES, MergedFolds
from pjsipdiag.diagnosis.calls.heads import call_id
from pjsipdiag.diagnosis.calls.rows import TRANSPORT, ends
from pjsipdiag.sip import Address

MOST_PROXIED = 100_000
"""Calls of the PBX to itself that are looked at."""
_PROTOCOLS = ("UDP", "TCP", "TLS")


class ProxiedCalls(NamedTuple):
    """Calls that the PBX sends to itself where Asterisk listens, and the packed addresses where a proxy took them."""

    call_ids: frozenset[bytes] = frozenset()
    places: tuple[bytes, ...] = ()


def find_proxied(merged: MergedFolds, pbx: Collection[bytes], config: Config) -> ProxiedCalls:
    """The calls that a proxy passed on; none where every address of the PBX that answers is one of Asterisk's."""
    calls_itself = config.transports and any(source in pbx and to in pbx for source, to in merged.pairs)
    answering = [place for place in sorted(merged.answering) if place[:-2] in pbx] if calls_itself else []
    places = [place for place in answering if not any(_listens(protocol, place, config) for protocol in _PROTOCOLS)]
    if not places:
        return ProxiedCalls()
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
    call_ids = frozenset(call_id(request.head) for request in islice(found, MOST_PROXIED))
    return ProxiedCalls(call_ids, tuple(places)) if call_ids else ProxiedCalls()


def _listens(transport: str, place: bytes, config: Config) -> bool:
    return bool(find_listening(transport, Address.unpack(place), config))

"""Which Asterisk the PBX runs: the releases that it names in what it sends."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial

from pjsipdiag.asterisk.releases import nearest
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.reread import look_again
from pjsipdiag.diagnosis.calls.fold_content import MergedFolds
from pjsipdiag.diagnosis.calls.heads import PRODUCT, agent_of, server_of
from pjsipdiag.diagnosis.calls.rows import DIRECTIONS

_RELEASE = re.compile(rb"(?:certified[/-])?\d+\.\d+(?:\.\d+)*(?:-(?:cert|rc|beta)\d+){0,2}")
_BUILT = re.compile(rb"(?:GIT|SVN)-[\w.-]{1,64}", re.ASCII)
_FREEPBX = re.compile(rb"FPBX[^(]*\(([^)]*)\)")
"""A FreePBX whose name has more behind the release, which PRODUCT does not take."""


def releases_seen(merged: MergedFolds, addresses: Collection[bytes]) -> list[str]:
    """The Asterisk versions in the headers of the PBX (of anybody where none is known), the latest one first."""
    found: dict[str, int] = {}
    for (ip, agent), time in (*merged.agents.items(), *merged.requesters.items()):
        version = version_of(agent) if ip in addresses or not addresses else ""
        if version:
            found[version] = max(time, found.get(version, time))
    return sorted(found, key=lambda version: (found[version], version), reverse=True)


def name_of(merged: MergedFolds, addresses: Collection[bytes]) -> str:
    """The name by which the PBX calls itself where it answers, whatever that is."""
    names = (server_of(head) for place, head in sorted(merged.greetings.items()) if place[:-2] in addresses)
    return next(filter(None, names), b"").decode("utf-8", "replace")[:80]


def release_sent(captures: Sequence[Tally], addresses: Collection[bytes]) -> str:
    """The version that the PBX names most often in what it sends to others, and that does not come in from outside.

    The captures are read again: whoever sends under its address can name any version.
    """
    found: Counter[str] = Counter()
    for version, count in look_again(captures, partial(_versions, frozenset(addresses))):
        found[version] += count
    return max(found, key=lambda version: (found[version], version)) if found else ""


def _versions(addresses: Collection[bytes], datagrams: Iterator[Datagram]) -> Iterable[tuple[str, int]]:
    found: Counter[str] = Counter()
    for datagram in datagrams:
        direction, to_itself = datagram.direction, datagram.destination[:-2] in addresses
        comes_in = direction not in DIRECTIONS or direction == "in" or to_itself
        if datagram.source[:-2] in addresses and not comes_in:
            found[version_of(server_of(datagram.payload) or agent_of(datagram.payload))] += 1
    del found[""]
    return found.items()


def version_of(agent: bytes) -> str:
    """The Asterisk version in a Server or User-Agent value: `Asterisk PBX 22.10.1+dfsg`, `FPBX-16.0.40(18.9-cert1)`."""
    product = _FREEPBX.search(agent) or PRODUCT.fullmatch(agent.strip())
    rest = product[1] if product else agent.partition(b"Asterisk")[2]
    if not rest:
        return ""
    found = _RELEASE.search(rest) or _BUILT.search(rest)
    version = found[0].decode() if found else ""
    return version if version and nearest(version) else ""

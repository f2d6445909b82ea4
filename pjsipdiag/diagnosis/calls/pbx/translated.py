"""Requests that a capture shows on one side of an address translation only, and their answers on the other.

The law: an answer has the Call-ID, CSeq and branch of its request, and goes to where the PBX saw that come from. A
router that records what comes in, or what goes out, sees each packet once: so an answer from another address than the
one that was called tells the PBX's address on the other side, and its destination tells the source there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from types import MappingProxyType

from pjsipdiag.capture.datagram import TOLD, Datagram, Tally
from pjsipdiag.capture.reread import look_again
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.diagnosis.calls.fold_content import MergedFolds
from pjsipdiag.diagnosis.calls.heads import branch_of, call_id, value_of
from pjsipdiag.diagnosis.calls.pbx.inference import PbxAddresses
from pjsipdiag.diagnosis.evidence.readable_addresses import is_private, show_address, show_ip

MOST_PAIRED = 2000
"""Answers that are held against their requests."""
MOST_ASKED, MOST_LOOKED_AT = 100_000, 300_000
"""Requests whose answers are waited for, and messages of a capture that are read again."""


class Translated(NamedTuple):
    """Packed addresses as the two sides have them: places (with ports) that are called, with those that answer; and
    sources as they call, with where they are answered."""

    places: Mapping[bytes, bytes] = MappingProxyType({})
    sources: Mapping[bytes, bytes] = MappingProxyType({})

    def replaced_sources(self) -> Mapping[str, str]:
        """Sources as they call -> as the PBX has them, where the answers, not the calls, are of its own side."""
        sides = [(is_private(show_ip(one[:-2])), is_private(show_ip(two[:-2]))) for one, two in self.places.items()]
        own_side = bool(sides) and all(side == (False, True) for side in sides)
        return {show_ip(one): show_ip(two) for one, two in self.sources.items()} if own_side else {}

    def sentences(self) -> Iterator[str]:
        """Says what the capture shows of either side."""
        for place, answerer in self.places.items():
            sides = is_private(show_ip(place[:-2])), is_private(show_ip(answerer[:-2]))
            why = "an address translation stands in between, and the capture shows each packet on one side of it"
            if sides[0] == sides[1]:
                why = f"either {why}, or the PBX answers from another of its addresses, which callers may not take"
            yield f"{show_address(place)} is called, and {show_address(answerer)} answers: {why}"


def find_translated(captures: Sequence[Tally], merged: MergedFolds) -> Translated:
    """The translations that answers tell. The captures are read again only where somebody is called who never
    answers, while somebody answers who is never called."""
    answering = {place[:-2] for place in merged.answering}
    called = frozenset(ip for ip in merged.received if ip not in answering and any(ip))
    if not called or answering <= merged.received.keys():
        return Translated()
    places, sources = dict[bytes, bytes](), dict[bytes, bytes]()
    for asked, answer, goes_out in islice(look_again(captures, partial(_paired, called)), MOST_PAIRED):
        (source, place), (answerer, back) = asked, answer
        is_sure = goes_out or is_private(show_ip(place[:-2])) != is_private(show_ip(answerer[:-2]))
        # Who sends the PBX an answer to his own request, or one from where he called, is no PBX; nor is any other host
        # that answers a request to a third one.
        if not is_sure or back == place or answerer[:-2] in {source[:-2], place[:-2]} or not any(answerer[:-2]):
            continue
        places.setdefault(place, answerer)
        if back[:-2] != source[:-2]:
            sources.setdefault(source[:-2], back[:-2])
    return Translated(places, sources)


_Way = tuple[bytes, bytes]
"""Packed source and destination."""


def _paired(called: Collection[bytes], datagrams: Iterator[Datagram]) -> Iterator[tuple[_Way, _Way, bool]]:
    """The ways of requests to those who never answer, and of their first answers; whether the recording machine sent
    these."""
    waiting: dict[tuple[bytes, bytes, bytes], _Way] = {}
    for datagram in islice(datagrams, MOST_LOOKED_AT):
        payload, way = datagram.payload, (datagram.source, datagram.destination)
        if datagram.direction.startswith(TOLD):
            continue  # anybody can write a HEP packet
        is_answer = payload.startswith(b"SIP/2.0 ")
        if not is_answer and (not payload.startswith(b"INVITE ") or len(waiting) >= MOST_ASKED):
            continue
        name = call_id(payload), b" ".join(value_of(payload, b"cseq").split()), branch_of(payload)
        if is_answer:
            asked = waiting.pop(name, None)
            if asked is not None:
                yield asked, way, datagram.direction == "out"
        elif way[1][:-2] in called:
            waiting.setdefault(name, way)
        else:
            waiting.pop(name, None)  # it is seen on the other side, too


def with_other_side(pbx: PbxAddresses, translated: Translated) -> PbxAddresses:
    """The PBX with its addresses on both sides."""
    own = dict.fromkeys(pbx.addresses)
    sides = [(place[:-2], answerer[:-2]) for place, answerer in translated.places.items()]
    more = [ip for side in sides if not own.keys().isdisjoint(side) for ip in side if ip not in own]
    if not more:
        return pbx
    reason = f"{pbx.reason}, and calls to one of its addresses are answered from another"
    return PbxAddresses(tuple(dict.fromkeys((*own, *more))), reason)

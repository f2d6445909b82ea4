"""Answers to calls whose requests the captures do not hold: of a capture that shows one direction only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.reread import look_again
from pjsipdiag.diagnosis.calls.heads import call_id, value_of
from pjsipdiag.diagnosis.situation import LoneAnswer

MOST_ANSWERED_CALLS = 100_000
"""Calls whose answers are told apart."""


def lone_answers(captures: Sequence[Tally], pbx: Collection[bytes]) -> tuple[LoneAnswer, ...]:
    """The final answers of the PBX to INVITEs by who got them, and by status, each with the first of them."""
    found: dict[tuple[bytes, int], LoneAnswer] = {}
    for datagram in look_again(captures, partial(_final_answers, frozenset(pbx))):
        answer = datagram.message()
        key = datagram.destination[:-2], answer.status
        before = found.get(key)
        found[key] = LoneAnswer(before.first if before else answer, before.calls + 1 if before else 1)
    return tuple(found[key] for key in sorted(found))


def _final_answers(pbx: Collection[bytes], datagrams: Iterator[Datagram]) -> Iterable[Datagram]:
    seen: set[tuple[bytes, bytes]] = set()
    for datagram in datagrams:
        payload = datagram.payload
        if not payload.startswith(b"SIP/2.0 ") or payload[8:9] in b"1" or datagram.source[:-2] not in pbx:
            continue
        number, _, method = value_of(payload, b"cseq").partition(b" ")
        name = call_id(payload), number
        if method.strip() == b"INVITE" and name not in seen and len(seen) < MOST_ANSWERED_CALLS:
            seen.add(name)
            yield datagram

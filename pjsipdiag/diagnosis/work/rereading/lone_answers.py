"""Answers to calls whose requests the captures do not hold: they show one direction only, or lost some packets."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.reread import look_again
from pjsipdiag.diagnosis.calls.fold_content import MergedFolds
from pjsipdiag.diagnosis.calls.heads import branch_of, call_id, has_tag, value_of
from pjsipdiag.diagnosis.calls.rows import NO_SUCH_CALL, Key, first_of, transaction
from pjsipdiag.diagnosis.situation import LoneAnswer

MOST_ANSWERED_CALLS = 100_000
"""Calls whose answers are told apart."""


def lone_answers(
    captures: Sequence[Tally], merged: MergedFolds, pbx: Collection[bytes], *, has_calls: bool
) -> tuple[LoneAnswer, ...]:
    """The final answers of the PBX to INVITEs by who got them, and by status, each with the first of them.

    Beside calls only challenges without their INVITE, and re-INVITEs of calls that the PBX does not know: other answers
    to re-INVITEs say nothing. Asterisk answers a To tag that it does not know with 481, whoever sends it
    (mod_ua_on_rx_request, pjsip/sip_ua_layer.c), so a challenge is of a call that it knows.
    """
    keys = _challenged_unseen(merged, pbx) | _unknown(merged) if has_calls else None
    if has_calls and not keys:
        return ()
    found: dict[tuple[bytes, int, bool], LoneAnswer] = {}
    for datagram, is_again in look_again(captures, partial(_final_answers, frozenset(pbx), keys)):
        answer = datagram.message()
        key = datagram.destination[:-2], answer.status, is_again
        before = found.get(key)
        found[key] = LoneAnswer(before.first if before else answer, before.calls + 1 if before else 1, is_again)
    return tuple(found[key] for key in sorted(found))


def _challenged_unseen(merged: MergedFolds, pbx: Collection[bytes]) -> frozenset[Key]:
    """The challenged INVITEs that are in no row. Where the PBX calls itself Asterisk, few answers are looked at."""
    named = not merged.answerers.keys().isdisjoint(pbx)
    found = merged.strays.keys() & merged.realms.keys() if named else {*merged.realms}
    for keys in merged.keys if found else ():
        found.difference_update(keys)
    return frozenset(found)


def _unknown(merged: MergedFolds) -> frozenset[Key]:
    """The INVITEs that are in no row, as re-INVITEs are, and whose call is not known."""
    return frozenset(key for key in merged.strays if first_of(merged.answers[key], NO_SUCH_CALL) is not None)


def _final_answers(
    pbx: Collection[bytes], keys: Collection[Key] | None, datagrams: Iterator[Datagram]
) -> Iterable[tuple[Datagram, bool]]:
    seen: set[tuple[bytes, bytes]] = set()
    asked: set[tuple[bytes, bytes]] = set()
    for datagram in datagrams:
        payload = datagram.payload
        if payload.startswith(b"INVITE ") and len(asked) < MOST_ANSWERED_CALLS and has_tag(value_of(payload, b"to")):
            asked.add((call_id(payload), value_of(payload, b"cseq").partition(b" ")[0]))
        if not payload.startswith(b"SIP/2.0 ") or payload[8:9] in b"1" or datagram.source[:-2] not in pbx:
            continue
        number, _, method = value_of(payload, b"cseq").partition(b" ")
        name = call_id(payload), number
        if keys is not None and transaction(*name, branch_of(payload)) not in keys:
            continue
        if name in asked and int(payload[8:11]) != NO_SUCH_CALL:
            continue
        if method.strip() == b"INVITE" and name not in seen and len(seen) < MOST_ANSWERED_CALLS:
            seen.add(name)
            yield datagram, name in asked

"""Reads the captures a second time for few calls: ACKs of their answers, and challenges that others answer.

Folding keeps neither ACKs nor nonces, as hardly any call needs them: the captures are read again for those that do,
when somebody asks. Nothing is known where they cannot be read again (standard input).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property, partial

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.reread import look_again
from pjsipdiag.diagnosis.calls.calls import Calls
from pjsipdiag.diagnosis.calls.heads import call_id, value_of
from pjsipdiag.diagnosis.calls.rows import CHALLENGES, UNHEARD
from pjsipdiag.diagnosis.situation import CallGroup, UnheardAnswers
from pjsipdiag.sip import decode

MOST_CALLS, MOST_ALL = 1000, 20_000
"""Calls of a group, and of all, that are looked for."""
MOST_NONCES = 100_000
_NONCES = re.compile(rb'[ ,]nonce="([^"]*)"')
_CHALLENGE = re.compile(rb"SIP/2\.0 (?:401|407)[ \r]")

_ACK, _CARRIED, _CONTACT, _NONCE = range(4)


class SecondReading:
    """Answers for groups of `calls` from the captures that `captures` counted."""

    def __init__(self, calls: Calls, captures: Sequence[Tally], groups: Sequence[CallGroup]) -> None:
        self._calls, self._captures, self._groups = calls, captures, groups
        self._acks: Counter[bytes] = Counter()
        self._contacts: dict[bytes, bytes] = {}
        self._nonces: dict[bytes, bytes] = {}
        """Call-ID -> the nonce of its last challenge."""
        self._carried: set[bytes] = set()
        """Nonces that came in an INVITE."""
        self._refused: set[tuple[bytes, bytes]] = set()
        """(Call-ID, nonce) of these: a challenge that repeats the nonce refuses what came with it."""

    def unheard(self, group: CallGroup) -> UnheardAnswers:
        """Whether ACKs came for calls whose final answer was sent again and again."""
        count = sum(group.unheard.values())
        ids = [one for one in self._ids_of(group, UNHEARD) if one in self._wanted]
        if not ids or not self._is_read:
            return UnheardAnswers(count)
        contacts = dict.fromkeys(self._contacts[one] for one in ids if one in self._contacts)
        acknowledged = sum(self._acks[one] > 0 for one in ids)
        return UnheardAnswers(count, count if acknowledged == len(ids) else acknowledged, tuple(map(decode, contacts)))

    def taken_up(self, group: CallGroup) -> int | None:
        """How many of its challenged calls are tried again under another Call-ID, which their nonce shows; None where
        nobody can tell."""
        ids = [one for one in self._ids_of(group, 0) if one in self._wanted]
        if not ids or not self._is_read or len(self._refused) >= MOST_NONCES:
            return None
        pairs = ((one, self._nonces.get(one, b"")) for one in ids)
        found = sum(pair[1] in self._carried and pair not in self._refused for pair in pairs)
        most = sum(group.statuses.get(status, 0) for status in CHALLENGES)
        return found if len(ids) < MOST_CALLS else found * most // len(ids)

    def _ids_of(self, group: CallGroup, flag: int) -> list[bytes]:
        """The Call-IDs of its calls with this flag; without one, of those that a challenge ended."""
        calls, found = self._calls, list[bytes]()
        for number in calls.alike(group.first_call):
            if calls.flags[number] & flag or (not flag and calls.status[number] in CHALLENGES):
                found.append(call_id(calls.head(number)))
                if len(found) == MOST_CALLS:
                    break
        return found

    @cached_property
    def _is_read(self) -> bool:
        """Reads the captures, once; False where they cannot be read."""
        for kind, id_, value in look_again(self._captures, partial(_said, self._wanted)):
            if kind == _ACK:
                self._acks[id_] += 1
            elif kind == _CARRIED and len(self._refused) < MOST_NONCES:
                self._carried.add(value)
                self._refused.add((id_, value))
            elif kind == _CONTACT:
                self._contacts.setdefault(id_, value)
            elif kind == _NONCE:
                self._nonces[id_] = value
        return all(tally.kept or tally.stamp is not None for tally in self._captures)

    @cached_property
    def _wanted(self) -> frozenset[bytes]:
        """The Call-IDs that are looked for: of those beyond MOST_ALL nothing is known."""
        return frozenset(self._choose())

    def _choose(self) -> Iterator[bytes]:
        carrying = {one.verdict.endpoint for one in self._groups if one.carried}
        room = MOST_ALL
        for group in self._groups:
            ids = self._ids_of(group, UNHEARD) if group.unheard else []
            if group.verdict.endpoint in carrying:
                ids += self._ids_of(group, 0)
            yield from ids[:room]
            room -= len(ids[:room])


def _said(wanted: frozenset[bytes], datagrams: Iterator[Datagram]) -> Iterator[tuple[int, bytes, bytes]]:
    """(kind, Call-ID, value) of what one capture tells of the calls that are looked for."""
    # Nonces are kept for all calls, not only those that are looked for: the retry has a Call-ID of its own.
    carried = set[tuple[bytes, bytes]]()
    for datagram in datagrams:
        payload = datagram.payload.lstrip(b"\r\n")
        if payload.startswith(b"ACK "):
            if (id_ := call_id(payload)) in wanted:
                yield _ACK, id_, b""
        elif payload.startswith(b"INVITE "):
            nonces = _NONCES.findall(payload)
            id_ = call_id(payload) if nonces else b""
            for nonce in nonces if len(carried) < MOST_NONCES else ():
                mine = (id_ if id_ in wanted else b"", nonce)
                if mine not in carried:
                    carried.add(mine)
                    yield _CARRIED, *mine
        elif payload.startswith(b"SIP/2.0 2") and (id_ := call_id(payload)) in wanted:
            yield _CONTACT, id_, value_of(payload, b"contact")
        elif _CHALLENGE.match(payload) and (id_ := call_id(payload)) in wanted and (found := _NONCES.search(payload)):
            yield _NONCE, id_, found[1]

"""Transcripts of some calls: their whole messages, read again, and what the network says of them.

Folding keeps the heads of requests only. Memory is bounded however much the captures hold: each call has an equal share
of MOST_TEXT. Nothing is known where captures cannot be read again (standard input).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import field
from functools import partial

from pjsipdiag.asterisk.secrets import HIDDEN, hide_secrets
from pjsipdiag.capture.datagram import TOLD, Datagram, Tally
from pjsipdiag.capture.reread import look_again
from pjsipdiag.capture.signs import Sign, SignKind, Signs, SignTimes
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.calls.heads import call_id
from pjsipdiag.diagnosis.calls.rows import LONGEST_TRANSACTION, SAME_PACKET
from pjsipdiag.diagnosis.evidence.readable_addresses import show_address, show_ip
from pjsipdiag.diagnosis.rules.cause import counted
from pjsipdiag.diagnosis.rules.wire import meanings
from pjsipdiag.diagnosis.traffic import CallRow, SpokenMessage, Transcripts
from pjsipdiag.sip import Address, decode

MOST_TEXT = 4 << 20
"""Text of all calls."""
MOST_MESSAGES, LONGEST_LINE = 200, 1000
"""Messages of one call, and characters of a first line."""
_SPACE = r"(?:[ \t]|\r?\n[ \t])"
"""Also where a header goes on in the next line (LWS, RFC 3261 section 25.1)."""
_SECRETS = (
    rf'(?i)(\b(?:response|rspauth){_SPACE}*={_SPACE}*)("[^"]*"?|[^\s,]+)',
    rf"(?im)^((?:proxy-)?authorization[ \t]*:{_SPACE}*(?!digest\b)\S+{_SPACE}+)(\S.*(?:\n[ \t].*)*)",
    r"(?i)(\binline:)([^|\s]+)",
    r"(?im)^(a=ice-pwd:|a=key-mgmt:|k=)(.*)$",
)
"""Proofs of a password, which who has time can guess it from, and keys of media."""


@dataclass(slots=True)
class _Heard:
    """One call while it is read; `room` is what is left of its bytes."""

    call: CallRow
    room: int
    spoken: list[SpokenMessage] = field(default_factory=list)
    last: dict[tuple[bytes, bytes, int], int] = field(default_factory=dict)
    """The time at which each packet was seen last: several interfaces may show it."""
    further: int = 0
    """Packets beyond MOST_MESSAGES."""

    def add(self, datagram: Datagram, claim: str = "") -> None:
        if len(self.spoken) >= MOST_MESSAGES:
            self.further += 1
            return
        time, _, _, source, destination, payload, *_ = datagram
        packet = source, destination, hash(payload)
        again = abs(time - self.last.get(packet, -SAME_PACKET)) < SAME_PACKET
        self.last[packet] = time
        if again:
            return
        payload = payload.lstrip(b"\r\n")
        text = _text(payload) if len(payload) <= self.room else ""
        self.room -= len(payload) if text else 0
        line = hide_secrets(decode(payload.partition(b"\n")[0].rstrip()))[:LONGEST_LINE]
        self.spoken.append(SpokenMessage(time, show_address(source), show_address(destination), line + claim, text))

    def tell(self) -> list[SpokenMessage]:
        """The messages; the last one says how many packets are left out behind it."""
        if not self.further:
            return self.spoken
        *before, last = self.spoken
        return [*before, last._replace(line=f"{last.line} ({counted(self.further, 'further packet')} left out)")]


def transcripts(
    captures: Sequence[Tally], signs: Signs, mirrors: Collection[str], calls: Sequence[CallRow]
) -> Transcripts:
    """The messages of each of `calls` in the order of time, by Call-ID and source. What carriers tell is
    called a claim, but for those of `mirrors`."""
    wanted: dict[bytes, dict[bytes, _Heard]] = {}
    heard: dict[tuple[str, str], _Heard] = {}
    for call in calls:
        key = call.call_id, call.source
        if key not in heard:
            heard[key] = one = _Heard(call, MOST_TEXT // len(calls))
            id_ = call.call_id.encode("utf-8", "surrogateescape")
            wanted.setdefault(id_, {})[_packed(call.source)] = one
    for datagram in look_again(captures if wanted else (), partial(_of_calls, frozenset(wanted))):
        _note(datagram, wanted[call_id(datagram.payload)], mirrors)
    told = {key: [*one.tell(), *_signs_of(one, signs)] for key, one in heard.items()}
    return {key: tuple(sorted(spoken, key=lambda one: one.time)) for key, spoken in told.items()}


def _of_calls(call_ids: frozenset[bytes], datagrams: Iterator[Datagram]) -> Iterator[Datagram]:
    return (datagram for datagram in datagrams if call_id(datagram.payload) in call_ids)


def _note(datagram: Datagram, alike: dict[bytes, _Heard], mirrors: Collection[str]) -> None:
    """A message belongs to the call of the source that it is from or for; where only one call has the Call-ID, to that
    one: its later messages may go another way."""
    one = alike.get(datagram.source[:-2]) or alike.get(datagram.destination[:-2])
    if one is None and len(alike) == 1:
        (one,) = alike.values()
    if one is not None:
        carrier = datagram.direction.removeprefix(TOLD) if datagram.direction.startswith(TOLD) else ""
        one.add(datagram, f" (a claim of {carrier})" if carrier and carrier not in mirrors else "")


def _packed(place: str) -> bytes:
    host = place[1:].partition("]")[0] if place.startswith("[") else place.partition(":")[0]
    return Address(host).pack()[:-2]


def _text(payload: bytes) -> str:
    text = hide_secrets(decode(payload))
    for secret in _SECRETS:
        text = re.sub(secret, rf"\1{HIDDEN}", text)
    return text


def _signs_of(heard: _Heard, signs: Signs) -> Iterator[SpokenMessage]:
    """The signs about packets between both ends of a call while it lasts, or about its Call-ID."""
    call = heard.call
    ends = {_packed(call.source), _packed(call.destination)} if call.destination else set()
    end = max((spoken.time for spoken in heard.spoken), default=call.time) + LONGEST_TRANSACTION
    told = set[str]()  # an error that several interfaces show is one
    for sign, times in signs.items():
        if {sign.source[:-2], sign.destination[:-2]} != ends or sign.transport not in ("", call.transport):
            continue
        if times.call_ids and call.call_id not in times.call_ids and times.count <= len(times.call_ids):
            continue
        seen = next((time for time in (times.first, times.last) if call.time <= time <= end), None)
        words = f"{_words(sign, times)}, says {show_ip(sign.teller)}"
        if seen is not None and words not in told:
            told.add(words)
            yield SpokenMessage(seen, show_address(sign.source), show_address(sign.destination), words, is_sign=True)


def _words(sign: Sign, times: SignTimes) -> str:
    often = f" (x{times.count})" if times.count > 1 else ""
    if sign.kind is SignKind.ICMP:
        meaning = meanings.icmp(sign.code, 6 if len(sign.teller) == 16 else 4).name
        return f"ICMP {meaning}{f' for {sign.about}' if sign.about else ''}{often}"
    of_tcp = meanings.OF_TCP.get(sign.kind)
    return f"{f'TCP {of_tcp.name}' if of_tcp else f'TLS alert {meanings.alert(sign.code).name}'}{often}"

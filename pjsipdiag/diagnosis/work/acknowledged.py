"""Which calls their sender has shown to be his: he acknowledged the PBX's answer with the tag that only it told him.

The law: whoever forges a source address does not see what is sent there. So an ACK with the To tag of the answer to its
INVITE (RFC 3261 section 17.1.1.3) shows that the address receives what is sent to it; a request alone shows nothing.
Folding keeps neither ACKs nor tags, as hardly any question needs them: the captures are read again for the first one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

from pjsipdiag.capture import Tally, read
from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.diagnosis.calls.calls import Calls
from pjsipdiag.diagnosis.calls.heads import call_id, tag_of, value_of
from pjsipdiag.diagnosis.evidence.addresses import show_ip
from pjsipdiag.diagnosis.model import CallRow
from pjsipdiag.errors import CaptureError

MOST_CALLS = 1000
"""Calls of one source that are looked at."""
Tags = dict[tuple[bytes, bytes, bytes], set[bytes]]
"""Packed IP address of the caller, Call-ID and CSeq number -> To tags."""


class Acknowledged:
    """The calls that were acknowledged, by source; none where captures cannot be read again (standard input)."""

    def __init__(self, calls: Calls, captures: Sequence[str], pbx: Collection[bytes]) -> None:
        self._calls, self._captures, self._pbx = calls, captures, pbx
        self._known: dict[str, tuple[CallRow, ...]] = {}
        self._statuses: dict[tuple[bytes, bytes, bytes], int] = defaultdict(int)

    def __call__(self, source: str) -> tuple[CallRow, ...]:
        """Those of a source address."""
        if source not in self._known:
            self._known[source] = tuple(self._rows(source))
        return self._known[source]

    def _rows(self, source: str) -> list[CallRow]:
        place = self._places.get(source)
        if place is None:
            return []
        ip = self._calls.sources[place]
        heads = ((number, self._calls.request(number).head) for number in self._calls.of_source(place))
        return [
            self._calls[number]._replace(observed_status=self._shown[ip, call_id(head)])
            for number, head in islice(heads, MOST_CALLS)
            if (ip, call_id(head)) in self._shown
        ]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {show_ip(ip): place for place, ip in enumerate(self._calls.sources)}

    @cached_property
    def _shown(self) -> dict[tuple[bytes, bytes], int]:
        """(packed IP address, Call-ID) of the calls whose one tag came back -> the status that came with it."""
        told: Tags = defaultdict(set)
        returned: Tags = defaultdict(set)
        for capture in filter(_can_be_read_again, self._captures):
            try:
                for datagram in read(capture, Tally(capture)):
                    self._note(datagram, told, returned)
            except CaptureError:
                continue
        kept = sorted(key for key, tags in returned.items() if len(told.get(key, ())) == 1 and told[key] <= tags)
        return {(ip, name): self._statuses[ip, name, number] for ip, name, number in kept}

    def _note(self, datagram: Datagram, told: Tags, returned: Tags) -> None:
        """Keeps the tag of a final answer that the PBX gave, and that of an ACK that it got."""
        payload = datagram.payload
        if payload.startswith(b"ACK "):
            known, caller, pbx, against = returned, datagram.source[:-2], datagram.destination[:-2], "out"
        elif payload.startswith(b"SIP/2.0 ") and payload[8:9] != b"1":
            known, caller, pbx, against = told, datagram.destination[:-2], datagram.source[:-2], "in"
        else:
            return
        if pbx not in self._pbx or caller in self._pbx or datagram.direction == against:
            return
        number, _, method = value_of(payload, b"cseq").partition(b" ")
        tag = tag_of(value_of(payload, b"to"))
        if tag and method.strip() in (b"INVITE", b"ACK"):
            key = caller, call_id(payload), number
            known[key].add(tag)
            if known is told and payload[8:11].isdigit():
                self._statuses[key] = int(payload[8:11])


def _can_be_read_again(capture: str) -> bool:
    return Path(capture).is_file()

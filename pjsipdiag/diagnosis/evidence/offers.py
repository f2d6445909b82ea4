"""The SDP of a refused INVITE, read again from the capture, as folding keeps only the heads of messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.reread import look_again
from pjsipdiag.diagnosis.evidence.readable_addresses import ip_of
from pjsipdiag.diagnosis.evidence.sdp import Offer, parse_offer
from pjsipdiag.diagnosis.evidence.sdp_faults import find_fault
from pjsipdiag.diagnosis.situation import CallGroup
from pjsipdiag.diagnosis.traffic import CallRow
from pjsipdiag.sip import SipMessage, decode

LAST_RECORD = 300_000
"""Records into a capture from which on it is not read a second time."""
MOST_SEARCHED = 500
"""Calls behind the first of a group that are looked through for one that was refused."""
TELLS_OF_IT = 64
"""Records behind the INVITE's own after which it will not come any more."""


def offer_of(calls: Sequence[CallRow], captures: Sequence[Tally], group: CallGroup, statuses: Sequence[int]) -> Offer:
    """The offer of the first call of the group that ended with one of `statuses`."""
    last = min(len(calls), group.first_call + MOST_SEARCHED)
    rows = (calls[number] for number in range(group.first_call, last))
    alike = (row for row in rows if ip_of(row.source) == group.source)
    row = next((row for row in alike if row.observed_status in statuses), None)
    tally = next((tally for tally in captures if row and tally.name == row.capture), None)
    message = _message(row, tally) if row and tally and 0 < row.frame <= LAST_RECORD else None
    return replace(parse_offer(decode(message.raw)), fault=find_fault(message)) if message else Offer()


def _message(row: CallRow, tally: Tally) -> SipMessage | None:
    """The INVITE of a call; None where its capture cannot be read again."""
    wanted = row.call_id.encode("utf-8", "surrogateescape")
    return next(look_again([tally], partial(_messages, row.frame, wanted)), None)


def _messages(frame: int, call_id: bytes, datagrams: Iterator[Datagram]) -> Iterator[SipMessage]:
    for datagram in datagrams:
        if datagram.frame == frame and call_id in datagram.payload:
            yield datagram.message()
            return
        if datagram.frame > frame + TELLS_OF_IT:
            return

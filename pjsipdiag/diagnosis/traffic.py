"""What a report says of the traffic itself: its captures, calls, sources and requests, as they were seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from pjsipdiag.asterisk.verdict import Verdict

NO_COUNTS: Mapping[str, int] = MappingProxyType({})


READ = frozenset(
    {
        "HEP without SIP",
        "TCP bytes between HEP packets",
        "TCP bytes between SIP messages",
        "WebSocket message that is not SIP",
    }
)
"""Reasons for which something was passed over because it was read, and is no SIP."""


@dataclass(frozen=True, slots=True)
class CaptureSummary:
    """One capture as it was read: `undecoded` counts what was passed over by reason, `truncated` how far it went,
    `changed` the messages of a log that were changed beyond repair."""

    file: str
    records: int
    sip_messages: int
    invites: int
    undecoded: Mapping[str, int] = field(default_factory=dict)
    truncated: str | None = None
    notes: tuple[str, ...] = ()
    changed: int = 0

    @property
    def unread(self) -> dict[str, int]:
        """What may hold SIP and could not be read, by reason."""
        return {reason: count for reason, count in sorted(self.undecoded.items()) if reason not in READ}


class CallRow(NamedTuple):
    """One inbound call: an INVITE outside a dialog, its retransmissions and its retry with credentials.

    `time` is in nanoseconds since the epoch, `source` is "ip:port" as `Address` prints it, `observed_status` the final
    (else the last provisional) status that the capture shows, None without any answer.
    """

    call_id: str
    time: int
    source: str
    transport: str
    from_: str
    request_uri: str
    verdict: Verdict
    observed_status: int | None = None
    destination: str = ""
    requests: int = 1
    user_agent: str = ""
    capture: str = ""
    frame: int = 0
    messages: Sequence[tuple[int, str, str]] = ()
    """(time, ">" from the caller or "<" to it, first line) in order, for the ladder."""


class Spoken(NamedTuple):
    """A message of a call: `text` is all of it, without secrets, empty where there is no room for it.

    With `is_sign` it is what the network says of such a message, in words.
    """

    time: int
    source: str
    destination: str
    line: str
    text: str = ""
    is_sign: bool = False


Transcripts = Mapping[tuple[str, str], tuple[Spoken, ...]]
"""What was said in calls, by Call-ID and source ("ip:port")."""


class SourceRow(NamedTuple):
    """One source address: `verdict` is matched, unmatched, mixed or unknown; `observed` counts final answers by code.

    `identifier`, `identify` and `endpoint` are those of its matched calls (joined by ", " when there are several).
    `other_methods` counts requests that are not INVITEs: they explain, they do not alarm.
    """

    address: str
    requests: int
    calls: int
    verdict: str
    identifier: str = ""
    identify: str = ""
    endpoint: str = ""
    observed: Mapping[str, int] = NO_COUNTS
    user_agents: tuple[str, ...] = ()
    other_methods: Mapping[str, int] = NO_COUNTS
    first_time: int = 0
    last_time: int = 0


@dataclass(frozen=True, slots=True)
class RequestRow:
    """Requests of one method outside of calls from one host to another: `credentialed` of them had credentials,
    `observed` counts their answers by code."""

    method: str
    source: str
    destination: str
    requests: int
    credentialed: int
    observed: Mapping[str, int]
    verdict: Verdict | None

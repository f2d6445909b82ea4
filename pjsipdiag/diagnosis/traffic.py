"""The traffic of a report: its captures, calls, sources and requests, as they were seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from types import MappingProxyType

from pjsipdiag.asterisk.verdict import Verdict
from pjsipdiag.capture.passed_over import READ_NO_SIP
from pjsipdiag.dataclass import NamedTuple, dataclass

NO_COUNTS: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class CaptureSummary:
    """One capture as it was read: `records` of its format (of a log: messages), `sip_messages` and `invites` among
    them.

    `undecoded` counts what was passed over by reason, `truncated` says how far it went (a sentence with the byte),
    `changed` counts the messages of a log that were changed beyond repair.
    """

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
        """The number of records that may hold SIP and could not be read, by reason."""
        return {reason: count for reason, count in sorted(self.undecoded.items()) if reason not in READ_NO_SIP}


class CallRow(NamedTuple):
    """One inbound call: an INVITE outside a dialog, its retransmissions and its retry with credentials.

    `time` is in nanoseconds since 1970 (UTC), `source` and `destination` are "ip:port" as `Address` prints it,
    `observed_status` is the final (else the last provisional) status that the capture shows, None without any answer.
    `requests` counts its INVITE packets, `frame` those of `capture` from 1 on; `from_` is the whole header value.
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
    """(nanoseconds since 1970, ">" from the caller or "<" to it, first line) in order, for the ladder."""


class SpokenMessage(NamedTuple):
    """A message of a call: `text` is all of it, without secrets, empty where there is no room for it.

    `time` is in nanoseconds since 1970, `source` and `destination` are "ip:port". With `is_sign` the line is not SIP
    but a sentence about what the network says of such a message (ICMP, a reset).
    """

    time: int
    source: str
    destination: str
    line: str
    text: str = ""
    is_sign: bool = False


Transcripts = Mapping[tuple[str, str], tuple[SpokenMessage, ...]]
"""The messages of calls, by Call-ID and source ("ip:port")."""


class SourceRow(NamedTuple):
    """One source address: `verdict` is matched, unmatched, mixed or unknown; `observed` counts final answers by code.

    `identifier`, `identify` and `endpoint` are those of its matched calls (joined by ", " when there are several).
    `requests` counts INVITE packets, `calls` calls. `other_methods` counts requests that are not INVITEs by method:
    they explain, they do not alarm. `address` is an IP as text, `first_time` and `last_time` are nanoseconds since
    1970.
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
    """Requests of one method outside of calls from one host to another, both as text without a port.

    `credentialed` of them had credentials, `observed` counts their answers by code.
    """

    method: str
    source: str
    destination: str
    requests: int
    credentialed: int
    observed: Mapping[str, int]
    verdict: Verdict | None

"""What the rules look at: the capture folded into groups of alike calls, beside the configuration and its replay."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.verdict import Verdict
from pjsipdiag.diagnosis.model import CallRow, CaptureSummary
from pjsipdiag.sip import Address, SipMessage


@dataclass(frozen=True, slots=True)
class CallGroup:
    """Inbound calls of one source address over one transport with one verdict.

    `statuses` counts calls by their final (else last provisional) status, 0 for calls without any answer.
    `challenged` calls got a 401 or 407, `retried` of them came again with credentials. `ports` are the source ports,
    `destinations` "ip:port", `numbers` the users of the request URI and `callers` those of From: each distinct and at
    most 32; `distinct_numbers` and `distinct_callers` count them all (up to 1,000). `sample` reads the head of the
    first INVITE.
    """

    source: str
    transport: str
    verdict: Verdict
    calls: int
    requests: int
    statuses: Mapping[int, int]
    challenged: int
    retried: int
    ports: tuple[int, ...]
    destinations: tuple[str, ...]
    numbers: tuple[str, ...]
    callers: tuple[str, ...]
    distinct_numbers: int
    distinct_callers: int
    user_agents: tuple[str, ...]
    first_time: int
    last_time: int
    first_call: int
    """Index of its first call in `Situation.calls`."""
    read_sample: Callable[[], SipMessage]

    @property
    def sample(self) -> SipMessage:
        return self.read_sample()


@dataclass(frozen=True)
class Situation:
    """Everything a rule may look at.

    `replay` answers what Asterisk would do with any request under `config`; `replay_with` the same under a changed
    configuration directory given as {file: text} (what-if and proof of suggestions). `other_methods` counts requests
    that are not INVITEs by source address and method; `own_registrations` are REGISTERs the PBX sent. `encrypted`
    lists TLS and WSS connections as (client, server, count). `said` are lines of Asterisk's log by Call-ID.
    """

    config: Config
    replay: Callable[[SipMessage], Verdict]
    groups: Sequence[CallGroup]
    calls: Sequence[CallRow]
    pbx: tuple[str, ...] = ()
    other_methods: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    own_registrations: tuple[SipMessage, ...] = ()
    encrypted: tuple[tuple[Address, Address, int], ...] = ()
    said: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    captures: tuple[CaptureSummary, ...] = ()
    outbound_calls: int = 0
    version_assumed: bool = False
    capture_version: str = ""
    """The Asterisk version that the capture shows, or empty."""

"""The view that rules have: the capture folded into groups of alike calls, beside the configuration and its replay."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.verdict import Verdict
from pjsipdiag.capture.datagram import LoggedRefusal
from pjsipdiag.capture.signs import Signs
from pjsipdiag.dataclass import NamedTuple, dataclass
from pjsipdiag.diagnosis.evidence.sdp import Offer
from pjsipdiag.diagnosis.traffic import CallRow, CaptureSummary, SourceRow
from pjsipdiag.sip import Address, SipMessage


@dataclass(frozen=True, slots=True)
class Variant:
    """Alike calls inside a group: `calls` of them came from source port `port`, `read` gives the head of one INVITE.

    Calls are alike when the configuration cannot tell them apart: same source port and destination, and the same
    values wherever a verdict could look (From user when it names a section, headers that a match_header names, ...).
    """

    calls: int
    port: int
    read: Callable[[], SipMessage]


class Names(NamedTuple):
    """The users of request URIs and of From that a group of calls has, and those of request URIs of calls that a 4xx,
    5xx or 6xx ended, and no person, each with that status: distinct and at most 32."""

    numbers: tuple[str, ...] = ()
    callers: tuple[str, ...] = ()
    refused: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class CallGroup:
    """Inbound calls of one source address over one transport with one verdict; compared by identity.

    `source` is an IP address as text, `requests` counts INVITE packets; times are nanoseconds since 1970.
    `statuses` counts calls by their final (else last provisional) status, 0 for calls without any answer and for those
    whose credentials got none.
    `challenged` calls got a 401 or 407, `retried` of them came again with credentials. `ports` are the source ports,
    `destinations` "ip:port", each distinct and at most 32. `sample` reads the head of the first INVITE.
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
    user_agents: tuple[str, ...]
    first_time: int
    last_time: int
    first_call: int
    """Index of its first call in `Situation.calls`."""
    read_sample: Callable[[], SipMessage]
    read_names: Callable[[], Names] = Names
    read_variants: Callable[[], tuple[Variant, ...]] = tuple
    """Finds one for each kind of its calls that the configuration could tell apart, and samples where these are few."""
    read_proofs: Callable[[], Sequence[SipMessage]] = tuple
    """Reads some of its requests that had credentials."""
    read_proofs_in_vain: Callable[[], Sequence[SipMessage]] = tuple
    """Reads some of those that got no answer."""
    read_ids: Callable[[Collection[int]], Sequence[str]] = lambda _statuses: ()
    """Reads Call-IDs: those of calls that ended with one of some statuses, without them of those that failed."""
    realms: tuple[str, ...] = ()
    delays: tuple[str, ...] = ()
    """The values of Retry-After (seconds, as they were sent) in its 503 answers."""
    first_silent: int = 0
    """When the first and the last of its calls came that got no answer, or the challenge that such a call answered; and
    when its last answer went."""
    last_silent: int = 0
    last_answer: int = 0
    resent: int = 0
    """INVITE packets of the calls of status 0 that repeat another: neither the first, nor the answer to a challenge."""
    challenged_in_vain: int = 0
    """Calls whose credentials, after a challenge, got no answer: they are among those of status 0."""
    late: int = 0
    """Calls whose first answer came so late that nobody waits for it."""
    tried: Mapping[int, int] = field(default_factory=dict)
    """Calls that got a 100 first, by their status."""
    carried: int = 0
    """Calls that came with credentials at once: after a challenge of another Call-ID, or with an old nonce."""
    unrung: int = 0
    """Calls that ended with 603 though nobody was rung."""
    unheard: Mapping[int, int] = field(default_factory=dict)
    """Calls whose final answer the PBX sent again and again, as it does until the ACK comes, by their status."""
    method: str = "INVITE"

    @property
    def credentialed(self) -> int:
        """How many of its calls came with credentials, whatever ties them to a challenge."""
        return self.retried + self.carried

    @property
    def sample(self) -> SipMessage:
        return self.read_sample()

    @property
    def numbers(self) -> tuple[str, ...]:
        return self.read_names().numbers

    @property
    def callers(self) -> tuple[str, ...]:
        return self.read_names().callers

    @property
    def refused_numbers(self) -> tuple[tuple[str, int], ...]:
        return self.read_names().refused

    @property
    def variants(self) -> tuple[Variant, ...]:
        return self.read_variants()


class ProvenGroup(NamedTuple):
    """A group with nothing but the calls that its source acknowledged (`is_own`), or, without any, those that the PBX
    is seen to answer; its statuses are those that the PBX gave."""

    group: CallGroup
    is_own: bool


class UnheardAnswers(NamedTuple):
    """Calls whose final answer the PBX sent again and again; for how many of them an ACK is in the capture (None: not
    known), and the Contacts of its 200s, to which ACKs go."""

    calls: int
    acknowledged: int | None = None
    contacts: tuple[str, ...] = ()


class LoneAnswer(NamedTuple):
    """The first of some calls' alike final answers, whose INVITEs the captures do not hold; or that of re-INVITEs that
    they do hold (`is_again`), of calls that the PBX does not know."""

    first: SipMessage
    calls: int
    is_again: bool


class AnsweredRequest(NamedTuple):
    """A request of the PBX that was answered: its method, and the hosts by which PJSIP found where to send it."""

    method: str
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Exchange:
    """Requests of one method outside of calls from one host to another, and their answers; compared by identity.

    `client` and `server` are IP addresses as text; times are nanoseconds since 1970. `proven` of the `requests` had
    credentials. `statuses` counts answers by status, provisional ones too. `samples` are
    the first requests of some senders, without and with credentials, `answers` the first answers of each status, and
    `spans` the times of the first and the last of them.
    `verdict` is what Asterisk does with the first request; None for requests that the PBX sent.
    """

    method: str
    client: str
    server: str
    requests: int
    proven: int
    statuses: Mapping[int, int]
    samples: tuple[SipMessage, ...]
    answers: Mapping[int, tuple[SipMessage, ...]]
    first_time: int
    last_time: int
    verdict: Verdict | None = None
    group: CallGroup | None = None
    """These requests as a group of calls, for functions that ask whom a source may belong to."""
    last_request: int = 0
    last_answer: int = 0
    spans: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def successes(self) -> int:
        return sum(count for status, count in self.statuses.items() if 200 <= status < 300)

    @property
    def is_silent(self) -> bool:
        """Whether it was asked and never answered."""
        return self.requests > 0 and not self.statuses

    @property
    def unanswered(self) -> int:
        """Requests beyond its answers; below 0 where the capture lacks requests."""
        return self.requests - sum(self.statuses.values())

    @property
    def refusals(self) -> Mapping[int, int]:
        """Answers by status that refuse: a challenge does where nobody answers it, or where credentials fail mostly."""
        found = {status: count for status, count in self.statuses.items() if status >= 300}
        others = sum(count for status, count in found.items() if status not in (401, 407))
        failed = self.proven - self.successes - others
        met = (failed <= self.successes or failed <= 0) if self.proven else self.successes > 0
        return {status: count for status, count in found.items() if not (met and status in (401, 407))}


@dataclass(frozen=True, slots=True)
class Crowd:
    """Sources beyond those that `Situation.groups` lists one by one: no identifier takes any of them, and their
    networks are far from every `match=` (a scan has a million). `sources` and `calls` count, `examples` are some of the
    addresses as text; times are nanoseconds since 1970."""

    sources: int
    calls: int
    statuses: Mapping[int, int]
    user_agents: tuple[str, ...]
    first_time: int
    last_time: int
    examples: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Situation:
    """Everything a rule may look at; compared by identity, so that what follows from it can be remembered.

    `replay` answers what Asterisk would do with any request under `config`; `reload` reads the same directory again
    with changed files ({file: text}) or as another release ("" for the same); None without a directory (what-if and
    proof of suggestions). `end` is the time of the capture's last SIP message in nanoseconds, `responses` how many
    answers it holds, `crowd` the sources that are not listed in `groups`. `other_methods` counts requests that are not
    INVITEs by source address and method. `encrypted_connections` lists
    TLS and WSS connections as (client, server, count). `log_lines` are lines of Asterisk's log by Call-ID. `offer`
    reads what the first call of a group that ended with one of some statuses offered, `acknowledged_calls` gives the
    calls of a source address that it has shown to be its own, `find_shown` a group without what may be somebody else's,
    `requests_to` what the PBX asked at an address outside of dialogs and was answered.
    """

    config: Config
    replay: Callable[[SipMessage], Verdict]
    groups: Sequence[CallGroup]
    calls: Sequence[CallRow]
    sources: Sequence[SourceRow] = ()
    pbx: tuple[str, ...] = ()
    other_methods: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    exchanges: tuple[Exchange, ...] = ()
    """Requests outside of calls that the PBX received."""
    own_exchanges: tuple[Exchange, ...] = ()
    """Requests outside of calls that the PBX sent."""
    unknown_calls: Sequence[tuple[str, str, int]] = ()
    """(address, method, how many) of requests inside of calls that the PBX answered 481."""
    encrypted_connections: tuple[tuple[Address, Address, int], ...] = ()
    log_lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    logged_refusals: tuple[LoggedRefusal, ...] = ()
    """Refusals that a log tells of requests whose SIP it has not."""
    unread_messages: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Messages of a text that cannot be judged, by (what was done to them, detail)."""
    captures: tuple[CaptureSummary, ...] = ()
    are_texts: bool = False
    """Whether all of them are logs or other texts."""
    outbound_calls: int = 0
    outbound: tuple[tuple[str, int, int], ...] = ()
    """(address, status, count) of the answers to the PBX's own calls, 0 for none at all."""
    version_assumed: bool = False
    capture_version: str = ""
    """The Asterisk version that the capture shows, or empty."""
    reload: Callable[[Mapping[str, str], str], Config] | None = None
    offer: Callable[[CallGroup, Sequence[int]], Offer] = lambda _group, _statuses: Offer()
    acknowledged_calls: Callable[[str], Sequence[CallRow]] = lambda _source: ()
    find_shown: Callable[[CallGroup], ProvenGroup | None] = lambda _group: None
    unheard: Callable[[CallGroup], UnheardAnswers] = lambda group: UnheardAnswers(sum(group.unheard.values()))
    """Reads again, for the calls of a group that count as unheard, whether ACKs came."""
    taken_up: Callable[[CallGroup], int | None] = lambda _group: None
    """How many calls of a group that a challenge ended go on under another Call-ID; None where nobody can tell."""
    signs: Signs = field(default_factory=Signs)
    """ICMP errors, resets and alerts: the network's word beside SIP."""
    mirrors: Collection[str] = ()
    """Carriers whose word is taken."""
    replaced_sources: Mapping[str, str] = field(default_factory=dict)
    """Sources as the capture has them -> as Asterisk has them, where something replaces them on the way."""
    find_sent: Callable[[str, Collection[str]], Collection[str]] = lambda _source, _call_ids: ()
    """(source, Call-IDs) -> of these Call-IDs those with which the source called."""
    requests_to: Callable[[str], Sequence[AnsweredRequest]] = lambda _ip: ()
    lone_answers: Callable[[], Sequence[LoneAnswer]] = tuple
    """Reads the captures again for answers to INVITEs that they do not hold: beside calls, for challenges alone."""
    end: int = 0
    responses: int = 0
    crowd: Crowd | None = None
    filter_text: str = ""
    """The filter by which the user left calls out, as it was written."""
    without_filter: str = ""
    """A sentence about the calls that the captures hold, where the filter leaves none."""
    greetings: Mapping[str, SipMessage] = field(default_factory=dict)
    """The first answer of each address ("ip:port")."""

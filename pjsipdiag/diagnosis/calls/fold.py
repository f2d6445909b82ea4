"""SIP messages folded into transactions as they stream: what a million packets teach, in a few bytes each.

The law: a transaction is (Call-ID, CSeq number, branch of the top Via), whatever addresses carry it, so that an answer
finds its INVITE in another part of the capture or behind a NAT. The head of a transaction's first request goes to the
spool; what it means is asked only at the end, when the PBX, its release and its configuration are known. What
most messages add is added by a compiled part (`_fold.c`) where it was built, with the same result.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from zlib import crc32

from pjsipdiag.asterisk.forms.expressions import Fields
from pjsipdiag.capture.datagram import TOLD, ConnectedDatagram, Datagram, Tally
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.calls.fold_content import MOST_TAGS, FoldContent
from pjsipdiag.diagnosis.calls.heads import (
    agent_of,
    branch_of,
    end_of,
    fields_of,
    has_credentials,
    realm_of,
    server_of,
    value_of,
)
from pjsipdiag.diagnosis.calls.outside.kinds import (
    LONGEST_SEEN,
    MOST_KINDS,
    MOST_METHODS,
    WITH_CREDENTIALS,
    count_kind,
    kind_of,
)
from pjsipdiag.diagnosis.calls.rows import (
    ACKED,
    ANSWER,
    CHALLENGES,
    CONNECTED,
    CREDENTIALS,
    DIGEST,
    DIRECTIONS,
    FINAL,
    LONGEST_NAME,
    MOST_ANSWERS,
    MOST_FINAL,
    MOST_NAMES,
    ROW,
    SAME_PACKET,
    SIX,
    TIME,
    TRANSPORTS,
    TRUNCATED,
    UNKNOWN,
    Key,
    add_answer,
    add_cluster,
    add_repeat,
    call_of,
    cut_off,
    first_of,
    number_of,
    transaction,
    view_of,
)
from pjsipdiag.digest import wide_digest
from pjsipdiag.extensions import is_used

try:
    from pjsipdiag.diagnosis.calls import _fold
except ImportError:
    taker = None
else:
    taker = _fold.taker if is_used(_fold) else None

GONE = b"481"
"""The answer to a request inside a call that is not known; of those inside of calls it alone is counted."""
IN_DIALOG = frozenset((b"ACK", b"BYE", b"CANCEL", b"PRACK", b"UPDATE", b"INFO"))
"""Methods that belong to a call and say nothing of their own about a source."""
MOST_REGISTRATIONS = 1000
WITH_DELAY, MOST_DELAYS = 503, 10_000
MOST_GREETINGS, LONGEST_GREETING = 2000, 2048
MOST_PEERS = 100_000
MOST_VIEWS = 16
"""Address pairs between which one transaction is seen, on several interfaces or through proxies; what more say the same
are taken for transactions of their own."""
MOST_PAIRS = 10_000
TOLD_AT_ONCE = 512
LIMITS = (
    *(MOST_PEERS, MOST_PAIRS, MOST_NAMES, LONGEST_NAME, MOST_ANSWERS, MOST_REGISTRATIONS),
    *(MOST_METHODS, MOST_KINDS, LONGEST_SEEN, MOST_TAGS),
)

INVITES = (b" INVITE\r", b" INVITE")
KEPT = (
    *("rows", "senders", "called", "user_agents", "index", "answers", "realms", "others", "seen"),
    *("agents", "requesters", "answerers", "strays", "pairs", "received", "local"),
    *("answering", "_asked", "_is_asterisk", "_known_realms", "registrations", "tags"),
)
"""The attributes of a Fold that its compiled part uses, in the order of its `Kept`."""


@dataclass(slots=True)
class Fold(FoldContent):
    """A fold that messages are fed to."""

    def feed(self, datagrams: Iterable[Datagram], tally: Tally | None = None) -> None:
        """Folds `datagrams` in. Where a `tally` is that of their reader, most of them are folded before they are told:
        he leaves plain messages to its taker."""
        if taker is None:
            for datagram in datagrams:
                self.add(datagram)
        else:
            own = [getattr(self, name) for name in KEPT]
            known = (self.forms.readers, self.forms.known, self.spool.append, self.add, LIMITS)
            taking = taker((*own, TRANSPORTS, Datagram, ConnectedDatagram, array, *known))
            if tally is not None:
                tally.taker = taking
            try:
                messages, responses, requests, end = _fold.feed(taking, datagrams)
            finally:
                if tally is not None:
                    tally.taker = None
            self.messages, self.responses = self.messages + messages, self.responses + responses
            self.requests, self.end = self.requests + requests, max(self.end, end)
        self._hear()

    def add(self, datagram: Datagram) -> None:
        """Folds one message in."""
        time, payload, direction = datagram.time, datagram.payload, datagram.direction
        if direction not in DIRECTIONS:
            carrier, datagram = direction.removeprefix(TOLD), datagram._replace(direction="")
            if carrier not in self._mirrors:
                self._tell(carrier, datagram)
                return
        self.messages += 1
        if time > self.end:  # noqa: PLR1730 (max() costs five times as much here)
            self.end = time
        if payload[:1] in (b"\r", b"\n"):
            payload = payload.lstrip(b"\r\n")
        if payload.startswith(b"SIP/2.0 "):
            self.responses += 1
            self._response(datagram, payload)
            return
        method = payload[: payload.find(b" ")]
        if method == b"INVITE":
            self.requests += 1
            self._request(datagram, payload)
        elif method == b"ACK":
            self.keep_tag(datagram, payload, ACKED)
        elif method not in IN_DIALOG:
            self._other(datagram, payload, method)

    def _response(self, datagram: Datagram, payload: bytes) -> None:
        source, answered = datagram.source, self.answering
        if source not in answered and source[:-2] != datagram.destination[:-2]:  # or somebody uses its address
            self._answers_as(source, datagram.time, payload)
            if len(self.greetings) < MOST_GREETINGS:
                self.greetings.setdefault(source, payload[:LONGEST_GREETING])
            if len(answered) < MOST_PEERS:
                answered.add(source)
        at = payload.find(b"\nCSeq: ")
        sequence = payload[at + 7 : payload.find(b"\n", at + 7)] if at >= 0 else value_of(payload, b"cseq")
        if sequence.endswith(INVITES):
            self._answer(datagram, payload, sequence[: sequence.find(b" ")])
        else:
            self._reply(datagram, payload, sequence)

    def _tell(self, carrier: str, datagram: Datagram) -> None:
        """A message that a carrier tells whose word is not taken is folded apart."""
        self.count_teller(carrier)
        self._untold.append(datagram)
        if len(self._untold) == TOLD_AT_ONCE:
            self._hear()

    def _hear(self) -> None:
        if self._untold:
            if not isinstance(self.told, Fold):
                self.told = Fold(spool=self.spool)
            self.told.feed(self._untold)
            self._untold.clear()

    def _request(self, datagram: Datagram, payload: bytes) -> None:
        time, frame, transport, source, destination, _, direction, truncated = datagram
        # In this order: a re-INVITE is no call; a packet that was seen between the same addresses only counts; what is
        # left is a new transaction, or a new view of one (behind a NAT or proxy), whose row is kept. `_fold.c` does the
        # same.
        end, flags, form, fields = self._fields(payload)
        id_, number, branch, to_tag, tag, uri, called, agent, *names = fields
        if isinstance(datagram, ConnectedDatagram):
            self.keep_tag(datagram, payload, CONNECTED)
        if to_tag:
            self.reinvites += 1
            return
        if source not in self._asked:
            self._asks_as(source, time, agent)
        key = transaction(id_, number, branch) if id_ else cut_off(time, source, payload[:end])
        source_ip = source[:-2]
        between = (source_ip, destination[:-2])
        pair = crc32(source_ip + between[1])
        known = self.index.get(key)
        if known is not None and len(self.views.get(key, ())) >= MOST_VIEWS:
            key = view_of(key, *between)
            known = self.index.get(key)
        if known is not None and self._seen_before(key, known, time, pair):
            return
        pairs = self.pairs
        count = pairs.get(between)
        if count or len(pairs) < MOST_PAIRS:
            pairs[between] = (count or 0) + 1
        received, to = self.received, between[1]
        if to in received or len(received) < MOST_PAIRS:
            received[to] = received.get(to, 0) + 1
        if direction and known is None:
            here = between[direction == "in"]
            self.local[here] = self.local.get(here, 0) + 1
        sender, place = 0, UNKNOWN
        if form:
            sender, place = number_of(self.senders, tuple(names)), number_of(self.called, called or b"")
        flags |= DIRECTIONS[direction] | (TRUNCATED if truncated else 0) | (SIX if len(source_ip) == 16 else 0)
        row = ROW.pack(
            time,
            self.spool.append(payload[:end]),
            frame & 0xFFFFFFFF,
            end,
            pair,
            TRANSPORTS.get(transport, 0),
            flags,
            source,
            destination,
            call_of(id_, tag, source_ip, uri) if id_ else key,
            form,
            sender,
            place,
            self.user_agents.get(agent) or self.number_of_agent(agent),
            wide_digest(source_ip, id_),
        )
        if known is None:
            self.index[key] = len(self.index)
            self.rows += row
        else:
            self.views.setdefault(key, []).append(row)

    def _fields(self, payload: bytes) -> tuple[int, int, int, Fields]:
        """Where the head of a request ends, what its flags say of that and of credentials, its form and its fields."""
        form, end, fields = self.forms.read(payload)
        known = self.forms.known[form]
        if known:
            return end, CREDENTIALS if known.has_credentials else 0, form, fields
        end = end_of(payload)
        flags = TRUNCATED if end < 0 else 0
        head = payload[:end] if end >= 0 else payload
        if has_credentials(head, 0, len(head)):
            flags |= CREDENTIALS
        return len(head), flags, 0, fields_of(head)

    def _seen_before(self, key: Key, number: int, time: int, pair: int) -> bool:
        """Counts a further packet of a transaction; whether it was seen between the same addresses before."""
        old = ROW.unpack_from(self.rows, number * ROW.size)
        add_cluster(self.clusters.setdefault(key, [[old[TIME], old[TIME]]]), time, time)
        return old[DIGEST] == pair or any(ROW.unpack(row)[DIGEST] == pair for row in self.views.get(key, ()))

    def _answers_as(self, source: bytes, time: int, payload: bytes) -> bool:
        """Whether an answer has an Asterisk header, which is kept."""
        agent = server_of(payload) or agent_of(payload)
        if not self._is_asterisk[agent]:
            return False
        pair = (source[:-2], agent)
        if self.agents.setdefault(pair, time) > time:
            self.agents[pair] = time
        return True

    def _asks_as(self, source: bytes, time: int, agent: bytes) -> None:
        """Keeps the User-Agent of the first request of a source when it is Asterisk's."""
        if len(self._asked) < MOST_PEERS:
            self._asked.add(source)
        if self._is_asterisk[agent]:
            pair = (source[:-2], agent)
            self.requesters[pair] = min(time, self.requesters.get(pair, time))

    def _answer(self, datagram: Datagram, payload: bytes, number: bytes) -> None:
        time, source, code = datagram.time, datagram.source, payload[8:11]
        if not code.isdigit():
            return
        at = payload.find(b"\nCall-ID: ") + 10
        id_ = payload[at : payload.find(b"\n", at)].strip() if at >= 10 else value_of(payload, b"call-id")
        key = transaction(id_, number, branch_of(payload))
        status = int(code)
        if FINAL <= status <= MOST_FINAL:
            self.keep_tag(datagram, payload, status)
        old = self.answers.get(key)
        if old is not None:
            # A capture of two interfaces has each packet twice, nearly at once: that is no answer sent again.
            if status >= FINAL and (first := first_of(old, status)) is not None and abs(time - first) > SAME_PACKET:
                add_repeat(self.repeats, key, first, [(time, time)])
            self.answers[key] = add_answer(old, status, time)
        else:
            self.answers[key] = ANSWER.pack(status, time)
        if old is None and self._answers_as(source, time, payload):
            if key in self.index:
                self.answerers[source[:-2]] = self.answerers.get(source[:-2], 0) + 1
            else:
                self.strays[key] = source[:-2]
        if status == WITH_DELAY and len(self.delays) < MOST_DELAYS and (delay := value_of(payload, b"retry-after")):
            self.delays.setdefault(key, delay)
        if status in CHALLENGES and key not in self.realms:
            self.realms[key] = self._known_realms.setdefault(realm := realm_of(payload), realm)

    def _other(self, datagram: Datagram, payload: bytes, method: bytes) -> None:
        time, _, _, source, destination, _, _, _ = datagram
        what = method + WITH_CREDENTIALS if has_credentials(payload) else method
        count_kind(self.others, self.seen, kind_of(source, destination, what), datagram)
        if source not in self._asked:
            self._asks_as(source, time, agent_of(payload))
        if method == b"REGISTER" and len(self.registrations) < MOST_REGISTRATIONS:
            token = payload.find(b";line=")
            if token >= 0 or self._is_asterisk[agent_of(payload)]:
                ends = source[:-2] + destination[:-2]
                line = payload[token : token + 40] if token >= 0 else b""
                name = b"\0".join((ends, payload[: payload.find(b"\r")], value_of(payload, b"to"), line))
                self.registrations.setdefault(name, datagram)

    def _reply(self, datagram: Datagram, payload: bytes, sequence: bytes) -> None:
        method, code = sequence.rstrip(b"\r").rpartition(b" ")[2], payload[8:11]
        if method and (method not in IN_DIALOG or code == GONE) and code.isdigit():
            kind = kind_of(datagram.destination, datagram.source, method + b" " + code)
            count_kind(self.others, self.seen, kind, datagram)

"""Calls of one source over one transport with one verdict become a group; a crowd of strangers becomes one."""

from __future__ import annotations

import heapq
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Generic, TypeVar

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.diagnosis.calls.calls import END, MOST_AGENTS_NAMED, Calls
from pjsipdiag.diagnosis.calls.heads import call_id, user_of, value_of
from pjsipdiag.diagnosis.calls.rows import (
    BUSY,
    CARRIED,
    CHALLENGED,
    CREDENTIALS,
    LATE,
    RETRIED,
    TRANSPORTS,
    TRIED,
    UNHEARD,
    UNRUNG,
)
from pjsipdiag.diagnosis.evidence.readable_addresses import show_address, show_ip
from pjsipdiag.diagnosis.situation import CallGroup, Crowd, Names, Variant
from pjsipdiag.sip import SipMessage, decode

Value = TypeVar("Value")
MOST_GROUPS = 5000
MOST_READ = 1000
"""Requests of a group that are read for numbers, callers and what tells them apart."""
MOST_SHOWN = 32
MOST_VARIANTS = 64
Telling = Callable[[Sequence[int]], Iterable[tuple[str, str, object]]]
"""Requests -> the number that each calls, its caller, and all else that could tell it from others of its source."""
NO_WORDS = (b"", b"")
"""In place of the words of a request at which no identifier could look."""
PROVEN = CARRIED | RETRIED
SAMPLES = 8
"""Variants that a group has at least where its calls differ in number or caller."""
MOST_STATUS_IDS = 4
"""Calls of each status whose Call-IDs may be read."""


def group(calls: Calls, config: Config, near: Callable[[bytes], bool]) -> tuple[list[CallGroup], Crowd | None]:
    """The groups in the order of their first calls, and the crowd of those that are not listed one by one.

    `near` says of a packed IP address whether the configuration names anything beside it.
    """
    # A scan has a million sources, of which a heap keeps the busiest, so that memory and the work of all rules stay
    # bounded; whoever a person could mean (identified, or near to a line) is no stranger and comes before them.
    listed: list[Sequence[int]] = []
    strangers: list[tuple[int, int, Sequence[int]]] = []
    crowd = _Rest(array("I"), array("I"))
    many = len(calls.sources) > MOST_GROUPS
    unmatched = [verdict.outcome is Outcome.NO_MATCH for verdict in calls.verdicts]
    for source, ip in enumerate(calls.sources):
        for numbers in _alike(calls, source):
            if not many or not unmatched[calls.verdict[numbers[0]]] or near(ip):
                listed.append(numbers)
                continue
            entry = (len(numbers), -numbers[0], numbers)
            if len(strangers) < MOST_GROUPS // 2:
                heapq.heappush(strangers, entry)
            else:
                crowd.add(heapq.heappushpop(strangers, entry)[2])
    listed += [numbers for _, _, numbers in strangers]
    if len(listed) > MOST_GROUPS:
        listed.sort(key=lambda numbers: (-len(numbers), numbers[0]))
        for numbers in listed[MOST_GROUPS:]:
            crowd.add(numbers)
        del listed[MOST_GROUPS:]
    listed.sort(key=lambda numbers: numbers[0])
    regroup = regrouping(calls, config)
    return [regroup(numbers) for numbers in listed], _crowd(calls, crowd)


def regrouping(calls: Calls, config: Config) -> Callable[[Sequence[int]], CallGroup]:
    """Makes a group of calls of one source, transport and verdict, which are given by their numbers."""
    return partial(_group, calls, telling=_telling(config, calls))


class _Once(Generic[Value]):
    """Asks once, as `functools.cache` does, which takes ten times as long to make."""

    __slots__ = ("_answer", "_ask")

    def __init__(self, ask: Callable[[], Value]) -> None:
        self._ask: Callable[[], Value] | None = ask

    def __call__(self) -> Value:
        if self._ask is not None:
            self._answer, self._ask = self._ask(), None
        return self._answer


class _Rest(NamedTuple):
    """Calls that are not listed: the first ones of each group, and all of them."""

    firsts: array[int]
    numbers: array[int]

    def add(self, numbers: Sequence[int]) -> None:
        self.firsts.append(numbers[0])
        self.numbers.extend(numbers)


def _alike(calls: Calls, source: int) -> Iterable[Sequence[int]]:
    first = calls.first[source]
    if calls.following[first] == END:
        return ((first,),)
    found: dict[tuple[int, int], list[int]] = {}
    numbers = list(calls.of_source(source))
    kinds = list(zip(map(calls.transport.__getitem__, numbers), map(calls.verdict.__getitem__, numbers), strict=True))
    if len({*kinds}) == 1:
        return (numbers,)
    for kind, number in zip(kinds, numbers, strict=True):
        found.setdefault(kind, []).append(number)
    return found.values()


def _group(calls: Calls, numbers: Sequence[int], *, telling: Telling) -> CallGroup:
    # What rows tell without their texts is counted of all calls; numbers, callers and samples are of the first ones, as
    # a scanner may have sent a million and each of these costs a look into the file.
    first, read = numbers[0], numbers[:MOST_READ]
    # Nearly all calls of a group end in a few ways: each pair of status and flags is looked at once.
    ended = Counter(_states(calls, numbers))
    silent = [number for number in numbers if not calls.status[number]] if any(not one for one, _ in ended) else []
    silences = _silences(calls, silent)
    places = _first_ones(map(calls.destination.__getitem__, read))
    agents = [calls.agents[agent] for agent in dict.fromkeys(map(calls.agent.__getitem__, numbers))]
    challenged = _flagged(ended, CHALLENGED)
    which = (number for number in numbers if calls.flags[number] & CHALLENGED) if challenged else ()
    proven = [number for number in read if calls.flags[number] & PROVEN] if _flagged(ended, PROVEN) else []
    return CallGroup(
        source=show_ip(calls.sources[calls.source[first]]),
        transport=tuple(TRANSPORTS)[calls.transport[first]],
        verdict=calls.verdicts[calls.verdict[first]],
        calls=len(numbers),
        requests=sum(map(calls.requests.__getitem__, numbers)),
        statuses=dict(sorted(_by_status(ended).items())),
        challenged=challenged,
        retried=_flagged(ended, RETRIED),
        tried=_by_status(ended, TRIED),
        unrung=_flagged(ended, UNRUNG),
        unheard=_by_status(ended, UNHEARD),
        carried=sum(count for (_, flags), count in ended.items() if flags & CARRIED and not flags & RETRIED),
        ports=_first_ones(map(calls.port.__getitem__, numbers)),
        destinations=tuple(show_address(calls.destinations[at]) for at in places),
        user_agents=tuple(agent for agent in agents if agent)[:MOST_AGENTS_NAMED],
        first_time=calls.time[first],
        last_time=calls.time[numbers[-1]],
        first_call=first,
        read_sample=partial(calls.message, first),
        read_names=_Once(partial(_names, calls, read, telling)),
        read_proofs=partial(calls.proofs, proven[:SAMPLES]),
        read_proofs_in_vain=partial(calls.proofs, [number for number in proven if not calls.status[number]][:SAMPLES]),
        read_ids=partial(_ids, calls, read),
        read_variants=_Once(partial(_variants, calls, read, len(numbers), telling)),
        realms=tuple(calls.realms(islice(which, MOST_READ)))[:4],
        delays=tuple(calls.delays(read))[:4],
        first_silent=silences[0],
        last_silent=silences[-1],
        resent=_resent(calls, silent),
        last_answer=max(map(calls.answered.__getitem__, numbers)),
        challenged_in_vain=sum(count for (status, flags), count in ended.items() if flags & CHALLENGED and not status),
        late=_flagged(ended, LATE),
    )


def _states(calls: Calls, numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The status and the flags of each."""
    return zip(map(calls.status.__getitem__, numbers), map(calls.flags.__getitem__, numbers), strict=True)


def _names(calls: Calls, read: Sequence[int], telling: Telling) -> Names:
    """See `CallGroup.read_names`."""
    called, callers, _ = zip(*telling(read), strict=True)
    states = [*_states(calls, read)]
    refusals = {state for state in {*states} if _refuses(*state)}
    told = zip(called, states, strict=True) if refusals else ()
    refused = ((user, state[0]) for user, state in told if user and state in refusals)
    return Names(_first_ones(called), _first_ones(callers), _first_ones(refused))


def _first_ones(values: Iterable[Value]) -> tuple[Value, ...]:
    """The first distinct values."""
    return tuple(islice(dict.fromkeys(values), MOST_SHOWN))


def _silences(calls: Calls, silent: Iterable[int]) -> list[int]:
    """When the calls came that got no answer, or the challenge whose answer got none; 0 without any."""
    return [calls.answered[number] or calls.time[number] for number in silent] or [0]


def _resent(calls: Calls, silent: Iterable[int]) -> int:
    """How many packets of these calls repeat another one: neither the first, nor the answer to a challenge."""
    several = (number for number in silent if calls.requests[number] > 1)
    return sum(calls.requests[one] - (len(calls.keys(one)) if calls.flags[one] & RETRIED else 1) for one in several)


def _by_status(ended: Counter[tuple[int, int]], flag: int = 0) -> dict[int, int]:
    """Calls by status; those with a flag only, where one is given."""
    found: dict[int, int] = {}
    for (status, flags), count in ended.items():
        if flags & flag or not flag:
            found[status] = found.get(status, 0) + count
    return found


def _flagged(ended: Counter[tuple[int, int]], wanted: int) -> int:
    """How many calls have any of these flags."""
    return sum(count for (_, flags), count in ended.items() if flags & wanted)


def _refuses(status: int, flags: int) -> bool:
    """Whether something refused the call: no person who is busy, hangs up, or declines after it rang."""
    return status >= 400 and status not in BUSY and (status != 603 or bool(flags & UNRUNG))


def _ids(calls: Calls, read: Sequence[int], statuses: Collection[int]) -> list[str]:
    """The Call-IDs of the first calls with one of these statuses, else of those that failed, else of all."""
    firsts: dict[int, list[int]] = defaultdict(list)
    for number in read:
        if len(first_ones := firsts[calls.status[number]]) < MOST_STATUS_IDS:
            first_ones.append(number)
    failed = [status for status in firsts if status == 0 or status >= 300]
    wanted = [status for status in firsts if status in statuses] or failed or list(firsts)
    numbers = sorted(number for status in wanted for number in firsts[status])
    return [decode(call_id(calls.head(number))) for number in numbers[:MOST_STATUS_IDS]]


def _variants(calls: Calls, read: Sequence[int], total: int, telling: Telling) -> tuple[Variant, ...]:
    """See `CallGroup.read_variants`; the calls of the group that are not read are as the first one."""
    kinds: dict[object, list[int]] = defaultdict(list)
    for number, (_, _, kind) in zip(read, telling(read), strict=True):
        kinds[calls.port[number], calls.destination[number], kind].append(number)
    alike = list(kinds.values())
    weights = [len(numbers) for numbers in alike]
    weights[0] += total - sum(weights)
    if len(alike) > MOST_VARIANTS:
        weights[0] += sum(weights[MOST_VARIANTS:])
        del alike[MOST_VARIANTS:], weights[MOST_VARIANTS:]
    found: list[Variant] = []
    for numbers, weight in zip(alike, weights, strict=True):
        wanted = max(1, min(len(numbers), SAMPLES // len(alike)))
        for at, number in enumerate(numbers[:: max(1, len(numbers) // wanted)][:wanted]):
            share = weight // wanted + (weight % wanted if at == 0 else 0)
            found.append(Variant(share, calls.port[number], partial(calls.message, number)))
    return tuple(found)


def _telling(config: Config, calls: Calls) -> Telling:
    """Makes the function that reads of messages, beside their addresses, all that any identifier could look at under
    this configuration or a near one."""
    names = {section.name for section in config.sections} | set(config.endpoints)
    names |= {name.partition("@")[0] for name in names}
    headers = sorted({identify.match_header.partition(":")[0].strip() for identify in config.identifies} - {""})
    by_uri = any(identify.match_request_uri for identify in config.identifies)
    simple = not headers and not by_uri

    def tell(numbers: Sequence[int]) -> Iterator[tuple[str, str, object]]:
        for number, flags, called, who, _ in calls.row_facts(numbers):
            # The row has the URI and the sender: a request is read only where the files match headers or URIs.
            if who and simple:
                caller = decode(who[0] or b"")
                words = who if flags & CREDENTIALS or caller in names else NO_WORDS
                yield decode(called), caller, words
                continue
            head = calls.head(number)
            start = head.find(b" ") + 1
            sender = value_of(head, b"from")
            caller = user_of(sender)
            uri = head[start : head.find(b" ", start)]
            yield user_of(uri), caller, look(head, sender, caller)

    def look(head: bytes, sender: bytes, caller: str) -> object:
        named = sender.partition(b";tag=")[0] if caller in names else b""
        at = head.find(b"\nAuthorization:")
        credentials = head[at : at + 200] if at >= 0 else b""
        if simple:
            return named, credentials
        message = SipMessage(head)
        values = tuple(tuple(message.values(name)) for name in headers)
        return named, credentials, values, message.request_uri if by_uri else ""

    return tell


def _crowd(calls: Calls, crowd: _Rest) -> Crowd | None:
    if not crowd.firsts:
        return None
    sources = bytearray(len(calls.sources))
    for source in map(calls.source.__getitem__, crowd.firsts):
        sources[source] = 1
    agents = Counter(map(calls.agent.__getitem__, crowd.numbers))
    common = sorted(agents, key=lambda agent: (-agents[agent], agent))
    firsts = heapq.nsmallest(MOST_AGENTS_NAMED, crowd.firsts)
    return Crowd(
        sources=sum(sources),
        calls=len(crowd.numbers),
        statuses=dict(sorted(Counter(map(calls.status.__getitem__, crowd.numbers)).items())),
        user_agents=tuple(calls.agents[agent] for agent in common if calls.agents[agent])[:MOST_AGENTS_NAMED],
        first_time=calls.time[firsts[0]],
        last_time=max(map(calls.time.__getitem__, crowd.numbers)),
        examples=tuple(show_ip(calls.sources[calls.source[number]]) for number in firsts),
    )

"""Calls of one source over one transport with one verdict become a group; a crowd of strangers becomes one."""

from __future__ import annotations

import heapq
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.diagnosis.calls.calls import END, MOST_AGENTS, Calls
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
    RowFacts,
)
from pjsipdiag.diagnosis.evidence.addresses import show_address, show_ip
from pjsipdiag.diagnosis.situation import CallGroup, Crowd, Variant
from pjsipdiag.sip import SipMessage, decode

MOST_GROUPS = 5000
MOST_READ = 1000
"""Requests of a group that are read for numbers, callers and what tells them apart."""
MOST_SHOWN = 32
MOST_VARIANTS = 64
Telling = Callable[[int, RowFacts], tuple[str, str, object]]
"""A request -> the number it calls, its caller, and all else that could tell it from others of its source."""
NOTHING = (b"", b"")
"""In place of the words of a request at which no identifier could look."""
PROVEN = CARRIED | RETRIED
SAMPLES = 8
"""Variants that a group has at least where its calls differ in number or caller."""
MOST_IDS = 4
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
    for number in calls.of_source(source):
        found.setdefault((calls.transport[number], calls.verdict[number]), []).append(number)
    return found.values()


def _group(calls: Calls, numbers: Sequence[int], *, telling: Telling) -> CallGroup:
    first = numbers[0]
    read = numbers[:MOST_READ]
    told = list(map(calls.row_facts, read))
    users, names, kinds = zip(*map(telling, read, told), strict=True)
    called, callers = Counter[str](users), Counter[str](names)
    destinations = Counter(one.destination for one in told)
    refused = dict.fromkeys(
        (user, calls.status[number])
        for user, number in zip(users, read, strict=True)
        if user and _refused(calls, number)
    )
    alike: dict[object, list[int]] = defaultdict(list)
    for number, one, kind in zip(read, told, kinds, strict=True):
        alike[calls.port[number], one.destination, kind].append(number)
    firsts: dict[int, list[int]] = defaultdict(list)
    for number in read:
        if len(first_ones := firsts[calls.status[number]]) < MOST_IDS:
            first_ones.append(number)
    silent = _silent(calls, numbers) or [0]
    agents = [calls.agents[agent] for agent in dict.fromkeys(map(calls.agent.__getitem__, numbers))]
    flags = list(map(calls.flags.__getitem__, numbers))
    challenged = [number for number, flag in zip(numbers, flags, strict=True) if flag & CHALLENGED]
    realms = calls.realms(challenged[:MOST_READ])
    return CallGroup(
        source=show_ip(calls.sources[calls.source[first]]),
        transport=tuple(TRANSPORTS)[calls.transport[first]],
        verdict=calls.verdicts[calls.verdict[first]],
        calls=len(numbers),
        requests=sum(map(calls.requests.__getitem__, numbers)),
        statuses=dict(sorted(Counter(map(calls.status.__getitem__, numbers)).items())),
        challenged=len(challenged),
        retried=sum(1 for flag in flags if flag & RETRIED),
        tried=Counter(calls.status[number] for number, flag in zip(numbers, flags, strict=True) if flag & TRIED),
        unrung=sum(1 for flag in flags if flag & UNRUNG),
        unheard=Counter(calls.status[number] for number, flag in zip(numbers, flags, strict=True) if flag & UNHEARD),
        carried=sum(1 for flag in flags if flag & CARRIED and not flag & RETRIED),
        ports=tuple(islice(dict.fromkeys(map(calls.port.__getitem__, numbers)), MOST_SHOWN)),
        destinations=tuple(map(show_address, islice(destinations, MOST_SHOWN))),
        numbers=tuple(islice(called, MOST_SHOWN)),
        callers=tuple(islice(callers, MOST_SHOWN)),
        distinct_numbers=len(called),
        distinct_callers=len(callers),
        user_agents=tuple(agent for agent in agents if agent)[:MOST_AGENTS],
        first_time=calls.time[first],
        last_time=calls.time[numbers[-1]],
        first_call=first,
        read_sample=partial(calls.message, first),
        read_proofs=partial(calls.proofs, [number for number in read if calls.flags[number] & PROVEN][:SAMPLES]),
        read_ids=partial(_ids, calls, firsts),
        variants=_variants(calls, numbers, list(alike.values())),
        realms=tuple(realms)[:4],
        delays=tuple(calls.delays(read))[:4],
        first_silent=silent[0],
        last_silent=silent[-1],
        refused_numbers=tuple(islice(refused, MOST_SHOWN)),
        last_answer=max(map(calls.answered.__getitem__, numbers)),
        challenged_in_vain=sum(1 for number in challenged if not calls.status[number]),
        late=sum(1 for flag in flags if flag & LATE),
    )


def _silent(calls: Calls, numbers: Iterable[int]) -> list[int]:
    """When the calls among `numbers` came that got no answer, or the challenge whose answer got none."""
    return [calls.answered[number] or calls.time[number] for number in numbers if not calls.status[number]]


def _refused(calls: Calls, number: int) -> bool:
    """Whether something refused the call: no person who is busy, hangs up, or declines after it rang."""
    status = calls.status[number]
    return status >= 400 and status not in BUSY and (status != 603 or bool(calls.flags[number] & UNRUNG))


def _ids(calls: Calls, firsts: Mapping[int, Sequence[int]], statuses: Collection[int]) -> list[str]:
    """The Call-IDs of the first calls with one of these statuses, else of those that failed, else of all."""
    failed = [status for status in firsts if status == 0 or status >= 300]
    wanted = [status for status in firsts if status in statuses] or failed or list(firsts)
    numbers = sorted(number for status in wanted for number in firsts[status])
    return [decode(call_id(calls.request(number).head)) for number in numbers[:MOST_IDS]]


def _variants(calls: Calls, numbers: Sequence[int], alike: list[list[int]]) -> tuple[Variant, ...]:
    """One for each kind of call that the configuration could tell apart, and samples where there are few kinds."""
    weights = [len(kind) for kind in alike]
    weights[0] += len(numbers) - sum(weights)
    if len(alike) > MOST_VARIANTS:
        weights[0] += sum(weights[MOST_VARIANTS:])
        del alike[MOST_VARIANTS:], weights[MOST_VARIANTS:]
    found: list[Variant] = []
    for kind, weight in zip(alike, weights, strict=True):
        wanted = max(1, min(len(kind), SAMPLES // len(alike)))
        for at, number in enumerate(kind[:: max(1, len(kind) // wanted)][:wanted]):
            share = weight // wanted + (weight % wanted if at == 0 else 0)
            found.append(Variant(share, calls.port[number], partial(calls.message, number)))
    return tuple(found)


def _telling(config: Config, calls: Calls) -> Telling:
    """Makes the function that reads of a message, beside its addresses, all that any identifier could look at under
    this configuration or a near one."""
    names = {section.name for section in config.sections} | set(config.endpoints)
    names |= {name.partition("@")[0] for name in names}
    headers = sorted({identify.match_header.partition(":")[0].strip() for identify in config.identifies} - {""})
    by_uri = any(identify.match_request_uri for identify in config.identifies)
    simple = not headers and not by_uri

    def tell(number: int, told: RowFacts) -> tuple[str, str, object]:
        if told.users and simple:
            return *told.users, told.sender if told.flags & CREDENTIALS or told.users[1] in names else NOTHING
        head = calls.request(number).head
        start = head.find(b" ") + 1
        sender = value_of(head, b"from")
        caller = user_of(sender)
        return user_of(head[start : head.find(b" ", start)]), caller, look(head, sender, caller)

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
    firsts = heapq.nsmallest(MOST_AGENTS, crowd.firsts)
    return Crowd(
        sources=sum(sources),
        calls=len(crowd.numbers),
        statuses=dict(sorted(Counter(map(calls.status.__getitem__, crowd.numbers)).items())),
        user_agents=tuple(calls.agents[agent] for agent in common if calls.agents[agent])[:MOST_AGENTS],
        first_time=calls.time[firsts[0]],
        last_time=max(map(calls.time.__getitem__, crowd.numbers)),
        examples=tuple(show_ip(calls.sources[calls.source[number]]) for number in firsts),
    )

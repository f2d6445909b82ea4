"""Calls of one source over one transport with one verdict become a group; a crowd of strangers becomes one."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.verdict import Outcome
from pjsipdiag.diagnosis.calls import CHALLENGED, MOST_AGENTS, RETRIED, Calls, message_of, show_address, show_ip
from pjsipdiag.diagnosis.fold import TRANSPORTS, value_of
from pjsipdiag.diagnosis.merge import Request
from pjsipdiag.diagnosis.situation import CallGroup, Crowd, Variant
from pjsipdiag.sip import decode, parse_uri

MOST_GROUPS = 5000
MOST_READ = 1000
"""Requests of a group that are read for numbers, callers and what tells them apart."""
MOST_SHOWN = 32
MOST_VARIANTS = 64
SAMPLES = 8
"""Variants that a group has at least where its calls differ in number or caller."""


def group(calls: Calls, config: Config, near: Callable[[str], bool]) -> tuple[list[CallGroup], Crowd | None]:
    """The groups in the order of their first calls, and the crowd of those that are not listed one by one."""
    listed: list[list[int]] = []
    strangers: list[tuple[int, int, list[int]]] = []
    crowd: list[list[int]] = []
    many = len(calls.sources) > MOST_GROUPS
    for source in range(len(calls.sources)):
        for numbers in _alike(calls, source):
            verdict = calls.verdicts[calls.verdict[numbers[0]]]
            if not many or verdict.outcome is not Outcome.NO_MATCH or near(show_ip(calls.sources[source])):
                listed.append(numbers)
                continue
            entry = (len(numbers), -numbers[0], numbers)
            if len(strangers) < MOST_GROUPS // 2:
                heapq.heappush(strangers, entry)
            else:
                crowd.append(heapq.heappushpop(strangers, entry)[2])
    listed += [numbers for _, _, numbers in strangers]
    if len(listed) > MOST_GROUPS:
        listed.sort(key=lambda numbers: (-len(numbers), numbers[0]))
        crowd += listed[MOST_GROUPS:]
        del listed[MOST_GROUPS:]
    listed.sort(key=lambda numbers: numbers[0])
    telling = _telling(config)
    return [_group(calls, numbers, telling) for numbers in listed], _crowd(calls, crowd)


def _alike(calls: Calls, source: int) -> Iterator[list[int]]:
    found: dict[tuple[int, int], list[int]] = {}
    for number in calls.of_source(source):
        found.setdefault((calls.transport[number], calls.verdict[number]), []).append(number)
    yield from found.values()


def _group(calls: Calls, numbers: list[int], telling: Callable[[Request, str], object]) -> CallGroup:
    first = numbers[0]
    called, callers, destinations = Counter[str](), Counter[str](), Counter[bytes]()
    refused: dict[str, None] = {}
    alike: dict[object, list[int]] = defaultdict(list)
    for number in islice(numbers, MOST_READ):
        request = calls.request(number)
        user = user_of(request.head.split(b" ", 2)[1])
        called[user] += 1
        if calls.status[number] >= 400 and user:
            refused[user] = None
        caller = user_of(value_of(request.head, b"from"))
        callers[caller] += 1
        destinations[request.destination] += 1
        alike[calls.port[number], request.destination, telling(request, caller)].append(number)
    answers = [calls.answers(number) for number in numbers]
    silent = [calls.time[number] for number, found in zip(numbers, answers, strict=True) if not found]
    agents = dict.fromkeys(calls.agents[calls.agent[number]] for number in numbers)
    realms = dict.fromkeys(realm for number in islice(numbers, MOST_READ) for realm in calls.realms(number))
    return CallGroup(
        source=show_ip(calls.sources[calls.source[first]]),
        transport=tuple(TRANSPORTS)[calls.transport[first]],
        verdict=calls.verdicts[calls.verdict[first]],
        calls=len(numbers),
        requests=sum(calls.requests[number] for number in numbers),
        statuses=dict(sorted(Counter(calls.status[number] for number in numbers).items())),
        challenged=sum(1 for number in numbers if calls.flags[number] & CHALLENGED),
        retried=sum(1 for number in numbers if calls.flags[number] & RETRIED),
        ports=tuple(islice(dict.fromkeys(calls.port[number] for number in numbers), MOST_SHOWN)),
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
        variants=_variants(calls, numbers, list(alike.values())),
        realms=tuple(realms)[:4],
        first_silent=silent[0] if silent else 0,
        last_silent=silent[-1] if silent else 0,
        refused_numbers=tuple(islice(refused, MOST_SHOWN)),
        last_answer=max((found[-1][0] for found in answers if found), default=0),
    )


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


def _telling(config: Config) -> Callable[[Request, str], object]:
    """What of a message, beside its addresses, any identifier under this configuration or a near one could look at."""
    names = {section.name for section in config.sections} | set(config.endpoints)
    names |= {name.partition("@")[0] for name in names}
    headers = sorted({identify.match_header.partition(":")[0].strip() for identify in config.identifies} - {""})
    by_uri = any(identify.match_request_uri for identify in config.identifies)

    def tell(request: Request, caller: str) -> object:
        head = request.head
        sender = value_of(head, b"from").partition(b";tag=")[0] if caller in names else b""
        at = head.find(b"\nAuthorization:")
        credentials = head[at : at + 200] if at >= 0 else b""
        if not headers and not by_uri:
            return sender, credentials
        message = message_of(request)
        values = tuple(tuple(message.values(name)) for name in headers)
        return sender, credentials, values, message.request_uri if by_uri else ""

    return tell


def user_of(value: bytes) -> str:
    """The user of the URI in a request line or a From value; empty without one."""
    if b"%" not in value and b"?" not in value and value.count(b"@") == 1:
        before = value.partition(b"@")[0]
        return decode(before.rpartition(b"<")[2].partition(b":")[2].partition(b":")[0])
    uri = parse_uri(decode(value))
    return uri.user if uri else ""


def _crowd(calls: Calls, crowd: list[list[int]]) -> Crowd | None:
    if not crowd:
        return None
    statuses, agents = Counter[int](), Counter[int]()
    for numbers in crowd:
        for number in numbers:
            statuses[calls.status[number]] += 1
            agents[calls.agent[number]] += 1
    crowd.sort(key=lambda numbers: numbers[0])
    common = sorted(agents, key=lambda agent: (-agents[agent], agent))
    return Crowd(
        sources=len({calls.source[numbers[0]] for numbers in crowd}),
        calls=sum(map(len, crowd)),
        statuses=dict(sorted(statuses.items())),
        user_agents=tuple(calls.agents[agent] for agent in common if calls.agents[agent])[:MOST_AGENTS],
        first_time=calls.time[crowd[0][0]],
        last_time=max(calls.time[numbers[-1]] for numbers in crowd),
        examples=tuple(show_ip(calls.sources[calls.source[numbers[0]]]) for numbers in crowd[:MOST_AGENTS]),
    )

"""Which requests go elsewhere under another configuration or another release, among all that could come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from pjsipdiag.asterisk.addresses.address_rule import networks_between
from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.asterisk.verdict import Match, Outcome, Verdict
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.compare import describe
from pjsipdiag.diagnosis.space.axes import AddressRange, Saying, Socket, Space, invite, space
from pjsipdiag.sip import SipMessage, short_network


@dataclass(frozen=True, slots=True)
class Difference:
    """Requests that went `before` and would go `after`, each with the reason of the check that decided.

    `networks` are where they come from, `ports` their source ports (empty: any), `says` what they say (empty: whatever
    it is), `sockets` to which socket they come (empty: any).
    """

    networks: tuple[str, ...]
    before: str
    after: str
    before_why: str
    after_why: str
    ports: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    sockets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Differences:
    """All differences. `kinds` of requests were replayed; of `unknown` ones a side cannot be told (`unknown_why`).
    `not_enumerated` says what could not be enumerated."""

    rows: tuple[Difference, ...]
    kinds: int
    not_enumerated: tuple[str, ...]
    unknown: int = 0
    unknown_why: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left open."""
        return not self.not_enumerated and not self.unknown


AlikeRanges = tuple[AddressRange, ...]
"""Ranges that no rule tells apart."""
_Place = tuple[int, Saying, Socket]
_Value = TypeVar("_Value", int, Saying, Socket)
ANOTHER_NAME = "a name that nobody has"


def differences(before: Config, after: Config) -> Differences:
    """Every kind of request whose endpoint or outcome changes, widest networks first."""
    whole = space((before, after))
    old, new = Replay(before), Replay(after)
    found: dict[tuple[str, str], dict[_Place, list[AlikeRanges]]] = {}
    examples: dict[tuple[str, str], SipMessage] = {}
    kinds = unknown = 0
    unknown_why = ""
    for spans, place, message in _kinds(whole):
        kinds += 1
        first, second = _verdict(old, message), _verdict(new, message)
        if Outcome.UNKNOWN in (first.outcome, second.outcome):
            unknown += 1
            unknown_why = unknown_why or _why_open(old if first.outcome is Outcome.UNKNOWN else new, message)
        if (first.outcome, first.endpoint) != (second.outcome, second.endpoint):
            change = describe(first), describe(second)
            found.setdefault(change, {}).setdefault(place, []).append(spans)
            examples.setdefault(change, message)
    rows = [
        row
        for change, places in found.items()
        for row in _rows(change, places, whole, _why(old, examples[change]), _why(new, examples[change]))
    ]
    rows.sort(key=lambda row: (row.before, row.after, row.says, row.networks))
    return Differences(tuple(rows), kinds, whole.not_enumerated, unknown, unknown_why)


def _kinds(whole: Space) -> Iterator[tuple[AlikeRanges, _Place, SipMessage]]:
    for socket in whole.sockets:
        version = 6 if ":" in socket.address.ip else 4
        for spans in whole.spans:
            if spans[0].version != version:
                continue
            for port in whole.ports:
                for saying in whole.sayings:
                    yield spans, (port, saying, socket), invite(spans[0], port, saying, socket)


def _verdict(replay: Replay, message: SipMessage) -> Verdict:
    return replay.verdict_of(message.raw, message.transport, message.source.pack(), message.destination.pack())


def _why(replay: Replay, message: SipMessage) -> str:
    """The reason of the check that decided, and its line."""
    verdict = replay.verdict(message)
    steps = {verdict.identifier} if verdict.identifier else {"ip", "arrival"}
    told = [check for check in verdict.trace if check.step in steps or check.result is not None]
    if not told:
        return ""
    check = next((check for check in told if check.identify == verdict.identify and verdict.identify), told[0])
    return f"{check.reason} {check.where}" if check.where and check.where.file else check.reason


def _why_open(replay: Replay, message: SipMessage) -> str:
    """Why a request cannot be decided."""
    return next(check.reason for check in replay.verdict(message).trace if check.match is Match.UNKNOWN)


def _rows(
    change: tuple[str, str],
    places: dict[_Place, list[AlikeRanges]],
    whole: Space,
    old_why: str,
    new_why: str,
) -> Iterator[Difference]:
    """Places with the same networks as one row; an axis on which nothing is left out is not named."""
    together: dict[tuple[str, ...], list[_Place]] = {}
    for place, classes in places.items():
        networks = tuple(networks_of(span for spans in classes for span in spans))
        together.setdefault(networks, []).append(place)
    for networks, alike in together.items():
        ports, sayings, sockets = map(set, zip(*alike, strict=True))
        possible = [one for one in whole.sockets if (":" in one.address.ip) == (":" in networks[0])]
        yield Difference(
            networks,
            *change,
            old_why,
            new_why,
            _named(ports, whole.ports, lambda port: "any other" if port == whole.ports[-1] else str(port)),
            _named(sayings, whole.sayings, lambda saying: saying.label or ANOTHER_NAME),
            _named(sockets, possible, lambda socket: f"{socket.transport} {socket.address}"),
        )


def _named(some: set[_Value], every: Sequence[_Value], shown: Callable[[_Value], str]) -> tuple[str, ...]:
    """The values of an axis in words; none where all of them are meant."""
    return tuple(shown(one) for one in every if one in some) if len(some) < len(every) else ()


def networks_of(spans: Iterable[AddressRange]) -> Iterator[str]:
    """The fewest networks that hold exactly these addresses."""
    held = tuple(spans)
    for version in (4, 6):
        ranges = sorted((span.first, span.last) for span in held if span.version == version)
        joined: list[tuple[int, int]] = []
        for first, last in ranges:
            if joined and joined[-1][1] + 1 == first:
                joined[-1] = (joined[-1][0], last)
            else:
                joined.append((first, last))
        for first, last in joined:
            yield from map(short_network, networks_between(version, first, last))

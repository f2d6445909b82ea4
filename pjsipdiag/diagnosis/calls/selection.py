"""Which messages and calls the user wants to see: a span of time, sources, Call-IDs."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, time

from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.options import Options
from pjsipdiag.errors import PjsipdiagError
from pjsipdiag.sip import Network, ip_text

DAY = 86_400 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Moment:
    """A time in nanoseconds since 1970, or since midnight UTC of the capture's first message."""

    time: int
    of_day: bool

    def on(self, first: int) -> int:
        return first - first % DAY + self.time if self.of_day else self.time


def _mirrors(addresses: Sequence[str]) -> frozenset[str]:
    """The addresses whose HEP and tunnels are taken at their word.

    :raises PjsipdiagError: one of them is not an IP address.
    """
    try:
        return frozenset(ip_text(text.strip("[]")) for text in addresses)
    except ValueError as error:
        raise PjsipdiagError(f"--mirror: {error}: give it as 192.0.2.1 or 2001:db8::1") from error


@dataclass(frozen=True, slots=True)
class Selection:
    """All by default."""

    since: Moment | None = None
    until: Moment | None = None
    sources: tuple[Network, ...] = ()
    call_ids: frozenset[bytes] = frozenset()
    mirrors: frozenset[str] = frozenset()
    """Senders of HEP and tunnels whose word is taken."""

    @property
    def of_day(self) -> bool:
        """Whether the span depends on the first message of a capture."""
        return any(moment is not None and moment.of_day for moment in (self.since, self.until))

    @property
    def of_time(self) -> bool:
        """Whether some messages are not wanted."""
        return self.since is not None or self.until is not None

    def in_time(self, datagrams: Iterable[Datagram], days: list[int]) -> Iterable[Datagram]:
        """The messages of the span that was asked for. `days` holds the time of the capture's first message, once there
        was one: clock times are of its day, whatever file they are read from."""
        return self._in_time(datagrams, days) if self.of_time else datagrams

    def _in_time(self, datagrams: Iterable[Datagram], days: list[int]) -> Iterator[Datagram]:
        span: tuple[int, int] | None = None
        for datagram in datagrams:
            if span is None:
                first = days[0] if days else datagram.time
                days[:] = [first]
                span = self.since.on(first) if self.since else 0, self.until.on(first) if self.until else 1 << 63
            if span[0] <= datagram.time <= span[1]:
                yield datagram

    def has_source(self, packed: bytes) -> bool:
        """Whether calls of that packed IP address are wanted."""
        if not self.sources:
            return True
        address = ipaddress.ip_address(packed)
        return any(address in network for network in self.sources)

    def has_call_id(self, call_id: bytes) -> bool:
        return not self.call_ids or call_id in self.call_ids


def selection(options: Options) -> Selection:
    """The selection that the options ask for. Raises PjsipdiagError for what is no time or address, and an empty
    span."""
    since, until = options.get("since"), options.get("until")
    first = _moment("--since", since) if since else None
    last = _moment("--until", until) if until else None
    if first and last and first.of_day == last.of_day and first.time > last.time:
        raise PjsipdiagError(f"--since {since} is later than --until {until}: no message is in between")
    return Selection(
        first,
        last,
        tuple(map(_network, options.get("sources", ()))),
        frozenset(call_id.encode("utf-8", "surrogateescape") for call_id in options.get("call_ids", ())),
        _mirrors(options.get("mirrors", ())),
    )


def _moment(option: str, text: str) -> Moment:
    try:
        if "-" in text:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return Moment(int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000, of_day=False)
        clock = time.fromisoformat(text)
        seconds = clock.hour * 3600 + clock.minute * 60 + clock.second
        return Moment(seconds * 1_000_000_000 + clock.microsecond * 1000, of_day=True)
    except ValueError as error:
        raise PjsipdiagError(
            f"{option} {text!r} is not a time: write 2025-10-09T08:53:20 or 08:53:20 (UTC without an offset)"
        ) from error


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError as error:
        raise PjsipdiagError(f"--source {text!r} is neither an address nor a network") from error

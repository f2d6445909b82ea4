"""Which hosts lie beyond the machine that recorded: packets to them go out of it again, as a router passes them on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.reread import look_again


def hosts_beyond(captures: Sequence[Tally], addresses: Collection[bytes]) -> frozenset[bytes]:
    """The packed `addresses` to which packets go out. The captures are read again, for the first view of a request,
    which alone is kept, comes in."""
    return frozenset(look_again(captures, partial(_gone_out, frozenset(addresses))))


def _gone_out(addresses: Collection[bytes], datagrams: Iterator[Datagram]) -> Iterable[bytes]:
    return {one.destination[:-2] for one in datagrams if one.direction == "out" and one.destination[:-2] in addresses}

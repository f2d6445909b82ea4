"""The address at which Asterisk received a request, where that is another than the capture shows."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import field

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.replay.arrival import find_listening
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.calls.pbx.same_machine import ProxiedCalls
from pjsipdiag.sip import NOWHERE, Address


@dataclass(slots=True)
class Arrival:
    """An address that answers, but that no transport of the files listens on, is a NAT's: where the request went on
    to is then not known, unless answers from the other side of the NAT tell (`translated`). `answering` are the packed
    addresses that answered anything, `proxied` the calls that a proxy on the PBX's machine takes there first."""

    config: Config
    answering: AbstractSet[bytes]
    proxied: ProxiedCalls = ProxiedCalls()
    translated: Mapping[bytes, bytes] = field(default_factory=dict)
    known: dict[tuple[str, bytes], bytes] = field(default_factory=dict)

    def at(self, transport: str, destination: bytes) -> bytes:
        """The packed address that Asterisk received it on: `destination`, or NOWHERE."""
        place = self.known.get((transport, destination))
        if place is None:
            place = self.known[transport, destination] = self._at(transport, destination)
        return place

    def _at(self, transport: str, destination: bytes) -> bytes:
        other_side = self.translated.get(destination)
        if (destination not in self.answering and other_side is None) or not self.config.transports:
            return destination
        places = (destination, other_side or destination)
        heard = (place for place in places if find_listening(transport, Address.unpack(place), self.config))
        return next(heard, NOWHERE.pack())

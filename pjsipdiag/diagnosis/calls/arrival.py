"""Where a request reached Asterisk, when the capture was made outside of a NAT or a port forwarding."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import field

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.replay.arrival import listening
from pjsipdiag.dataclass import dataclass
from pjsipdiag.sip import NOWHERE, Address


@dataclass(slots=True)
class Arrival:
    """An address that answers, but that no transport of the files listens on, is a NAT's: where the request went on
    to is then not known. `answering` are the packed addresses that answered anything."""

    config: Config
    answering: AbstractSet[bytes]
    known: dict[tuple[str, bytes], bytes] = field(default_factory=dict)

    def at(self, transport: str, destination: bytes) -> bytes:
        """The packed address that Asterisk received it on: `destination`, or NOWHERE."""
        place = self.known.get((transport, destination))
        if place is None:
            place = self.known[transport, destination] = self._at(transport, destination)
        return place

    def _at(self, transport: str, destination: bytes) -> bytes:
        if destination not in self.answering or not self.config.transports:
            return destination
        return destination if listening(transport, Address.unpack(destination), self.config) else NOWHERE.pack()

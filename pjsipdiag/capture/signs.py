"""The network's word on SIP beside SIP itself: ICMP errors, TCP resets, TLS alerts.

Each is somebody's word: whoever sends packets can write an ICMP error, so no suggestion rests on one. A reset is only
kept where it fits its connection, whose sequence numbers nobody guesses who does not see it.
"""

from __future__ import annotations

from enum import StrEnum

from pjsipdiag.dataclass import NamedTuple, dataclass

MOST_SIGNS, MOST_SIGN_IDS = 10_000, 16
"""Different signs that are kept of a capture, and Call-IDs of each."""


class SignKind(StrEnum):
    """ICMP: a packet did not arrive. REFUSED: a SYN was answered by a reset. UNANSWERED: a SYN was sent again, for
    nothing came back. RESET: a connection that carried SIP was reset. ALERT: TLS ended before it was encrypted."""

    ICMP = "icmp"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    RESET = "reset"
    ALERT = "alert"


class Sign(NamedTuple):
    """One thing that the network says, and of which packet; the same said again is counted.

    `teller` is the packed IP of who says it; `source` and `destination` are the packed ends of the packet that did not
    arrive, of REFUSED and UNANSWERED the client (port 0) and the server, of the others both ends, `teller` being the
    destination. `code` is type and code of ICMP (`type << 8 | code`), or the description of an alert. `about` is the
    method or the status of the message that ICMP quotes, empty where it quotes too little. `direction` is that of a
    Datagram.
    """

    kind: SignKind
    code: int
    teller: bytes
    source: bytes
    destination: bytes
    transport: str
    about: str = ""
    direction: str = ""


@dataclass(slots=True)
class SignTimes:
    """How often a sign was seen, when first and last (nanoseconds since 1970), and some Call-IDs that it names."""

    count: int
    first: int
    last: int
    call_ids: tuple[str, ...] = ()

    def add(self, more: SignTimes) -> None:
        """Adds what was seen beside it."""
        self.count += more.count
        self.first, self.last = min(self.first, more.first), max(self.last, more.last)
        self.call_ids = tuple(dict.fromkeys((*self.call_ids, *more.call_ids)))[:MOST_SIGN_IDS]


class Signs(dict[Sign, SignTimes]):
    """The signs of a capture; at most MOST_SIGNS."""

    @property
    def is_full(self) -> bool:
        """Whether other signs than those that are kept were passed over, or would be."""
        return len(self) >= MOST_SIGNS

    def add(self, sign: Sign, times: SignTimes) -> None:
        known = self.get(sign)
        if known is not None:
            known.add(times)
        elif not self.is_full:
            self[sign] = times

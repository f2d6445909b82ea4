"""The seam that every reader reaches: SIP bytes with their addresses, and the tally of what was passed over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import lru_cache
from typing import Protocol, TypeVar

from pjsipdiag.capture.signs import Signs
from pjsipdiag.dataclass import NamedTuple, dataclass
from pjsipdiag.errors import shown_name
from pjsipdiag.sip import Address, SipMessage, ip_text

_address = lru_cache(maxsize=4096)(Address.unpack)
"""The address that is packed so: the same ones come again and again."""
END_OF_TIME = 1 << 63
"""Nanoseconds since 1970: the year 2262. No time of a message is as late."""


class Datagram(NamedTuple):
    """One SIP message (or one UDP payload that starts like SIP).

    `time` is in nanoseconds since 1970 (UTC, as the capture has it; 0: not known), `frame` counts the records of its
    capture from 1 (of a text: the line). `transport` is in capitals (UDP, TCP, TLS, WS, WSS), `payload` as on the wire.
    `source` and `destination` are packed (`Address.pack`: IP bytes, then two bytes of port): a million of them stay
    cheap. `direction` is "in" or "out" when the capture knows it (LINUX_SLL packet type, Asterisk's log), else ""; it
    is "by ADDRESS" where a packet from there carries this one (HEP, a tunnel): then source and destination are what its
    sender says, whoever he is. `truncated` says that the snap length cut the message.
    """

    time: int
    frame: int
    transport: str
    source: bytes
    destination: bytes
    payload: bytes
    direction: str = ""
    truncated: bool = False

    def message(self) -> SipMessage:
        return SipMessage(
            self.payload,
            self.transport,
            _address(self.source),
            _address(self.destination),
            self.time,
            self.frame,
            self.direction,
            self.truncated,
        )


class ConnectedDatagram(Datagram):
    """A datagram that came over a TCP connection whose sender has shown that he receives what is sent to him."""

    __slots__ = ()


def carried_direction(direction: str, carrier: bytes) -> str:
    """The direction of a packet that one of that direction from `carrier` (packed IP) holds: the outermost one tells.

    What this machine sends out is its own word.
    """
    return "" if direction == "out" else direction if direction.startswith(TOLD) else _told(carrier)


@lru_cache(maxsize=1024)
def _told(carrier: bytes) -> str:
    return f"{TOLD}{ip_text(carrier)}"


TOLD = "by "
"""How the direction begins of what a carrier tells."""


@dataclass(slots=True)
class LoggedRefusal:
    """Refusals of one source that Asterisk's log tells alike, of requests whose SIP is not in it.

    `source` is its IP address, `call_ids` how often each Call-ID is named (empty where the sentence has none), `count`
    all lines; `first` and `last` are times in nanoseconds since 1970, 0 where the log has none. `text` is the sentence,
    `is_event` whether it is a SECURITY event.
    """

    source: str
    port: int
    transport: str
    method: str
    sender: str
    endpoint: str
    reason: str
    text: str
    is_event: bool
    first: int
    last: int
    count: int = 0
    call_ids: dict[str, int] = field(default_factory=dict)


Found = TypeVar("Found")
Look = Callable[[Iterator[Datagram]], Iterable[Found]]
"""Says what is to be known of the messages of one capture; it may leave the rest of them unread. It goes to where the
capture is, so it is a function of a module, or one with values (`partial`)."""


class Holder(Protocol):
    """The machines that hold captures which are not on this one; see `reread`."""

    @property
    def why_lost(self) -> Mapping[str, str]:
        """Why a capture was not looked into, by its name."""
        ...

    def look(self, captures: Sequence[Tally], look: Look[Found], /) -> Iterator[Found]: ...

    def find_changed(self, captures: Sequence[Tally], /) -> Sequence[Tally]: ...


class Stamp(NamedTuple):
    """The marks of a file by which it is known to be still the same; `size` in bytes, `modified` in nanoseconds since
    1970. Of a URL `device` is a checksum of it, `inode` its version."""

    device: int
    inode: int
    size: int
    modified: int


@dataclass(slots=True)
class Tally:
    """The counts of one capture while it is read; the one mutable thing that is handed along.

    `records` counts those of the format (of a text: messages), `sip_messages` and `invites` the SIP in them,
    `undecoded` what was passed over, by reason. `truncated` says how far a damaged or cut file was read, with the byte
    offset. `encrypted_connections` counts TLS and WSS connections by (client, server) packed addresses, client first.
    `notes` are sentences for the report (the reader in use, inner HEP addresses, ...). `log_lines` are lines of
    Asterisk's log that say what it decided, by Call-ID. `logged_refusals` are those about requests whose SIP is not
    there. `unread_messages` counts messages of a text that cannot be judged, by (the reason in `passed_over`, detail).
    `changed` counts messages of a log that somebody changed beyond repair. `is_text` says that it is a log or another
    text. `signs` are what the network says beside SIP.
    """

    file: str
    records: int = 0
    sip_messages: int = 0
    invites: int = 0
    undecoded: Counter[str] = field(default_factory=Counter)
    truncated: str | None = None
    encrypted_connections: Counter[tuple[bytes, bytes]] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    log_lines: dict[str, list[str]] = field(default_factory=dict)
    logged_refusals: list[LoggedRefusal] = field(default_factory=list)
    unread_messages: Counter[tuple[str, str]] = field(default_factory=Counter)
    changed: int = 0
    is_text: bool = False
    signs: Signs = field(default_factory=Signs)
    is_second_reading: bool = False
    """Whether nothing but the messages is asked for: all else was read before."""
    any_ratio: bool = False
    """Whether a compressed file is read to its end, however much it grows."""
    stamp: Stamp | None = None
    """Size and times of the file before it was read."""
    kept: Sequence[Datagram] = ()
    """Its messages, where they are at hand instead of in a file."""
    holder: Holder | None = None
    """The machines that read it, where this one did not."""
    taker: object = field(default=None, compare=False)
    """Takes plain messages as they are found, instead of those who read them (a compiled part, `taker.h`)."""
    on_read: Callable[[int], None] | None = field(default=None, compare=False)
    """Told the bytes of the file that were read so far, now and then."""

    @property
    def name(self) -> str:
        """The file as it is named to the user."""
        return shown_name(self.file[:])

    def note(self, note: str) -> None:
        """Says `note` once in the report."""
        if note not in self.notes:
            self.notes.append(note)

    def merge(self, other: Tally) -> None:
        """Adds what another reader of the same capture counted (a later part of it, or another process)."""
        self.records += other.records
        self.sip_messages += other.sip_messages
        self.invites += other.invites
        self.undecoded.update(other.undecoded)
        self.logged_refusals += other.logged_refusals
        self.unread_messages.update(other.unread_messages)
        self.changed += other.changed
        self.is_text = self.is_text or other.is_text
        self.truncated = self.truncated or other.truncated
        self.encrypted_connections.update(other.encrypted_connections)
        for sign, times in other.signs.items():
            self.signs.add(sign, replace(times))
        self.notes.extend(note for note in other.notes if note not in self.notes)
        for call_id, lines in other.log_lines.items():
            self.log_lines.setdefault(call_id, []).extend(lines)

"""Entries of a log that may stand inside of a message, or of a packet that could not be read: its sender wrote them
then, to be believed.

Law: Asterisk says how many bytes a message has. Where the text was changed on its way, its end is not known, and what
looks like the next entry may be a part of it. It is read all the same, for the message may have been cut; but it stands
in doubt until so much of the text has gone by as the message had bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pjsipdiag.capture.text.line_frame import LONGEST_HEAD
from pjsipdiag.capture.text.marks import behind_lines, lines_of
from pjsipdiag.capture.text.needles import places
from pjsipdiag.capture.text.written_message import BareLine, begins_entry

NOTE_DOUBTFUL = (
    "a message is longer or shorter than the line before it says, so the entries behind it may be a part of it: what"
    " they tell of the PBX's own requests proves nothing"
)
SHORTEST_ENTRY = 96
"""Bytes that a request and the line that announces it have at least: in fewer nobody hides one."""
_INFLATED = re.compile(
    rb"#[0-7]{3}|\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[0-7]{3})|&#?\w{1,8};|\^[@-_]|[\x80-\xff]{1,3}|[ \t]+"
)
"""Signs for which one byte may have been sent."""

_BEGIN = re.compile(rb"Error processing (?:(?P<size>\d{1,6}) bytes )?packet from [^\n]{1,2000}\n")
_END = b"-- end of packet."
LONGEST_DUMP = 1 << 17
"""Bytes behind which no end of a packet is looked for: twice as many as one has, for each line may stand in a frame."""


def may_go_on(payload: bytes) -> bool:
    """Whether a message of the announced length may be longer where CR is not seen: if its sender wrote none, Asterisk
    counted none, and it has as many bytes more as it has lines."""
    return payload.count(b"\n") > SHORTEST_ENTRY


class Doubt:
    """How far a message may go on, while a text is read in pieces.

    Each line is counted once, for the longest of the messages that may go on: time is linear in lines and messages.
    """

    def __init__(self) -> None:
        self._owed = self._at = 0
        """Bytes that may still come of such a message, behind the place up to which lines were counted."""
        self._lines: Iterator[tuple[int, int]] = iter(())
        """The end of each line from there on, and the fewest bytes that it stands for."""

    def enter(self, text: bytes) -> None:
        """Begins a piece; what was owed at the end of the one before is owed on."""
        self._at, self._lines = 0, _counted(text, 0, ())

    def begin(self, text: bytes, start: int, size: int, lines: Iterable[BareLine]) -> None:
        """A message of `size` bytes, whose end is not known, begins at `start`, and `lines` may be all of it."""
        self.reaches(start)
        self._owed = max(self._owed, size - SHORTEST_ENTRY)
        self._at, self._lines = start, _counted(text, start, lines)

    def reaches(self, at: int) -> bool:
        """Whether what stands at `at`, behind all that was asked before, may belong to such a message."""
        while self._owed > 0 and self._at < at:
            self._at, least = next(self._lines, (at, 0))
            self._owed -= least
        return self._owed > 0


def _counted(text: bytes, at: int, lines: Iterable[BareLine]) -> Iterator[tuple[int, int]]:
    """The end and the fewest bytes of each line from `at` on: of a message's `lines`, then of all others."""
    number = 0
    for line in lines:
        at, number = behind_lines(text, at, line.number - number), line.number
        yield at, _least(line.text)
    for rest in lines_of(text, at, len(text)):
        at += len(rest) + 1
        yield at, _least(rest)


def _least(line: bytes) -> int:
    """The fewest bytes that may have been sent for a line: what was lost on the way makes the doubt last longer only,
    and empty lines may be of the text alone."""
    text = _INFLATED.sub(b".", line.strip())
    return len(text) + 1 if text else 0


class Dumps:
    """The packets that the log shows because PJSIP could not read them, one after the other.

    A line says so, and mostly how many bytes there are; the packet follows, and a line that ends it (sip_transport.c
    and sip_endpoint.c). Without a number of bytes the packet itself may hold such a line: what follows is in doubt up
    to the last one that can be its end.
    """

    def __init__(self, text: bytes) -> None:
        found = (at for at in places(text, (b"Error processing ",), 0, len(text)) if _is_entry(text, at))
        begins = [begin for at in found if (begin := _BEGIN.match(text, at)) is not None]
        spans = [(begin.end(), _end(text, begin)) for begin in begins]
        self._left = [(start, end) for start, end in reversed(spans) if end > start]
        self._unsized = {begin.end() for begin in begins if not begin["size"]}
        self._text, self._doubtful = text, 0

    def __bool__(self) -> bool:
        return bool(self._left)

    def enter(self, spoken: list[tuple[int, int]], before: int) -> list[tuple[int, int]]:
        """Adds those that begin before a place to what senders say, but for those that themselves stand in it."""
        while self._left and self._left[-1][0] <= before:
            start, end = self._left.pop()
            if not spoken or start >= spoken[-1][1]:
                spoken.append((start, end))
                if start in self._unsized:
                    self._doubtful = max(self._doubtful, self._text.rfind(_END, end, start + LONGEST_DUMP))
        return spoken

    def reaches(self, at: int) -> bool:
        """Whether what stands at `at` may belong to a packet of those that were entered."""
        return at < self._doubtful


def _is_entry(text: bytes, at: int) -> bool:
    """Whether the line of a place begins an entry of the log before it: a header may hold the words."""
    return begins_entry(text[text.rfind(b"\n", max(at - LONGEST_HEAD, 0), at) + 1 : at])


def _end(text: bytes, begin: re.Match[bytes]) -> int:
    """Where the dumped packet ends, which has the bytes that were announced, if any, but for CR that may be lost; 0
    where no line ends it."""
    start, size = begin.end(), int(begin["size"] or 0)
    least = start + size - text.count(b"\n", start, start + size)
    return max(text.find(_END, least, start + LONGEST_DUMP), 0)

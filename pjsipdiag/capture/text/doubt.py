"""Entries of a log that may stand inside of a message: its sender wrote them then, to be believed.

Law: Asterisk says how many bytes a message has. Where the text was changed on its way, its end is not known, and what
looks like the next entry may be a part of it. It is read all the same, for the message may have been cut; but it stands
in doubt until so much of the text has gone by as the message had bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pjsipdiag.capture.text.marks import behind_lines, lines_of
from pjsipdiag.capture.text.written_message import BareLine

NOTE_DOUBTFUL = (
    "a message has not the length that Asterisk wrote before it, so that entries behind it may be a part of it: what"
    " they tell of the PBX's own requests proves nothing"
)
SHORTEST_ENTRY = 96
"""Bytes that a request and the line that announces it have at least: in fewer nobody hides one."""
_INFLATED = re.compile(
    rb"#[0-7]{3}|\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[0-7]{3})|&#?\w{1,8};|\^[@-_]|[\x80-\xff]{1,3}|[ \t]+"
)
"""Signs for which one byte may have been sent."""


def may_go_on(payload: bytes) -> bool:
    """Whether a message of the announced length may be longer where CR is not seen: if its sender wrote none, Asterisk
    counted none, and it has as many bytes more as it has lines."""
    return payload.count(b"\n") > SHORTEST_ENTRY


class Doubt:
    """How far a message may go on, while a text is read in pieces."""

    def __init__(self) -> None:
        self._until = self._owed = 0
        """Up to where, and how many bytes may still come behind the piece at hand."""

    def begin(self, text: bytes, start: int, size: int, lines: Iterable[BareLine]) -> None:
        """A message of `size` bytes, whose end is not known, begins at `start`, and `lines` may be all of it."""
        owed, number = size - SHORTEST_ENTRY, 0
        for line in lines:
            number = line.number
            owed -= _least(line.text)
            if owed <= 0:
                break
        until = behind_lines(text, start, number) if number else start
        if owed > self._owed:
            self._owed = owed
            until = self._pay(text, until)
        self._until = max(self._until, until)

    def reaches(self, at: int) -> bool:
        """Whether what stands at `at` may belong to such a message."""
        return at < self._until

    def turn(self, text: bytes, done: int) -> bool:
        """Leaves a piece, whose rest behind `done` the next one has again; whether the doubt goes on there."""
        self._until = max(0, (len(text) if self._owed else self._until) - done)
        return self._owed > 0

    def enter(self, text: bytes) -> None:
        """Goes on in the next piece."""
        self._until = self._pay(text, self._until)

    def _pay(self, text: bytes, at: int) -> int:
        """How far the rest of a message goes from there, line by line."""
        for line in lines_of(text, at, len(text)) if self._owed > 0 else ():
            at += len(line) + 1
            self._owed -= _least(line)
            if self._owed <= 0:
                break
        return min(at, len(text))


def _least(line: bytes) -> int:
    """The fewest bytes that may have been sent for a line: what was lost on the way makes the doubt last longer only,
    and empty lines may be of the text alone."""
    text = _INFLATED.sub(b".", line.strip())
    return len(text) + 1 if text else 0

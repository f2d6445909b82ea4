"""The ladder of one call: its messages as arrows between the source and the PBX."""

from __future__ import annotations

from dataclasses import dataclass

from pjsipdiag.diagnosis.model import CallRow

MOST = 16
STEP = 34
TOP = 46
WIDTH = 520


@dataclass(frozen=True, slots=True)
class Arrow:
    """`after` is the time since the first message as text; `answer` the status class of a response ("4"), or empty."""

    y: int
    rightwards: bool
    label: str
    after: str
    answer: str


@dataclass(frozen=True, slots=True)
class Ladder:
    source: str
    destination: str
    arrows: tuple[Arrow, ...]
    left: int
    """Messages that are not shown."""
    width: int
    height: int


def ladder(call: CallRow) -> Ladder:
    """The first messages of `call`."""
    messages = call.messages[:MOST]
    start = messages[0][0] if messages else 0
    arrows = tuple(
        Arrow(TOP + STEP * (at + 1), direction == ">", line, _since(time - start), _answer(line))
        for at, (time, direction, line) in enumerate(messages)
    )
    height = TOP + STEP * (len(arrows) + 1)
    return Ladder(call.source, call.destination or "PBX", arrows, len(call.messages) - len(messages), WIDTH, height)


def _since(nanoseconds: int) -> str:
    milliseconds = nanoseconds / 1_000_000
    return f"+{milliseconds:,.1f} ms" if milliseconds < 10_000 else f"+{milliseconds / 1000:,.1f} s"


def _answer(line: str) -> str:
    return line[8:9] if line.startswith("SIP/2.0 ") else ""

"""Where a text announces messages: the lines of the forms, found without looking at what lies between."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pjsipdiag.capture.text.line_frame import LONGEST_HEAD
from pjsipdiag.capture.text.needles import places
from pjsipdiag.capture.text.text_forms import PJSIP, TextForm
from pjsipdiag.dataclass import NamedTuple

LONGEST_REGION = 1 << 16
"""Bytes behind an announcement, beside eight times its message, in which the message is looked for."""


class Mark(NamedTuple):
    """A line that announces a message, from `start` to `end` of the text; the announcement begins `at`.

    `size` is the length in bytes that it tells, 0 when it tells none.
    """

    at: int
    start: int
    end: int
    form: TextForm
    found: re.Match[bytes]
    size: int


class MarkedLines(NamedTuple):
    """A text in whole lines, the numbers that they had in the file where these are others, the lines that announce
    messages, and where else their words stand, if anywhere."""

    text: bytes
    numbers: Sequence[int] | None
    marks: list[Mark]
    unlike: list[int]


def found_in(forms: Sequence[TextForm], text: bytes, start: int, unlike: list[int]) -> Iterator[Mark]:
    """The lines of those forms from `start` on; `unlike` gets places where needles of PJSIP belong to none of them."""
    needles = [(needle, form) for form in forms for needle in form.needles]
    found = places(text, tuple(needle for needle, _ in needles), start, len(text))
    for needle, form in needles:
        reached = seen = 0
        for at in found:
            if at < reached or not text.startswith(needle, at):
                continue
            reached = at + len(needle)
            end = text.find(b"\n", at)
            end = len(text) if end < 0 else end
            begin = text.rfind(b"\n", 0, at) + 1
            match = form.line.search(text, max(begin, at - LONGEST_HEAD, seen), min(end, at + LONGEST_HEAD))
            if match is not None:
                first, stop = match.span()
                yield Mark(first, begin, end, form, match, int(match.groupdict().get("size") or 0))
                reached = seen = max(stop, reached)
            if form is PJSIP and (match is None or not first <= at < stop):
                unlike.append(at)


def region(mark: Mark, text: bytes) -> int:
    """The end of what is searched for the message."""
    return min(len(text), mark.end + LONGEST_REGION + 8 * mark.size)


def lines_of(text: bytes, start: int, end: int) -> Iterator[bytes]:
    """The lines between two places."""
    while start < end:
        stop = text.find(b"\n", start, end)
        if stop < 0:
            stop = end
        yield text[start:stop]
        start = stop + 1


def behind_lines(text: bytes, at: int, lines: int) -> int:
    """The end of `lines` lines that begin at `at`; the end of the text where it has no more."""
    if not lines:
        return 0
    for _ in range(lines):
        at = text.find(b"\n", at) + 1
        if not at:
            return len(text)
    return at


def whole_lines(raw: bytes) -> int:
    """The end of the lines that are whole; one that begins to announce a message may have been broken."""
    end = raw.rfind(b"\n") + 1
    arrow = raw.rfind(b"---", max(0, end - LONGEST_HEAD), end)
    opens = arrow >= 0 and raw[arrow + 3 : arrow + 4] not in (b">", b"&", b"\\", b"-")
    return raw.rfind(b"\n", 0, arrow) + 1 if opens else end

"""Finds the lines of a piece of text that announce messages, also where somebody broke these lines."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from operator import attrgetter

from pjsipdiag.capture.datagram import Tally
from pjsipdiag.capture.passed_over import BROKEN
from pjsipdiag.capture.text.carried.unpack import UnpackedText, unpack_text
from pjsipdiag.capture.text.carried.wrapping import Wrapping, cut_after, find_wrapping, join_lines
from pjsipdiag.capture.text.line_frame import LONGEST_HEAD
from pjsipdiag.capture.text.marks import Mark, MarkedLines, found_in
from pjsipdiag.capture.text.needles import count
from pjsipdiag.capture.text.refusals import Refusals
from pjsipdiag.capture.text.text_forms import FORMS, PJSIP, VIEWERS

NOTE_WRAPPED = "the lines of the text were broken after {} columns and were joined again"
_SCRAP = re.compile(rb"SIP re(?:quest|sponse) \(")
_ARROW = b"<--- "


class MarkFinder:
    """Finds announcing lines in the pieces of one text, one after the other."""

    def __init__(self, tally: Tally, *, logs: bool) -> None:
        self._tally = tally
        self.logs = logs
        """Whether the text is known to have lines of Asterisk's logger."""
        self._how: tuple[int, Wrapping] | None = None
        """How its lines were broken: 0 after they were unpacked, 1 before."""

    def find(self, raw: bytes, whole: UnpackedText, *, begins: bool) -> MarkedLines:
        """The lines of the piece `raw`, which was unpacked to `whole`; `begins`: nothing was read before it."""
        lines = MarkedLines(whole.text, whole.numbers, *self._marks(whole.text))
        marks = lines.marks
        # Looking for broken lines costs more than reading a sound log. So it is done at the beginning of a text, once
        # its width is known, and where arrows stand that announce nothing: the rest of such a line may be in the next.
        if begins or self._how or not (marks or self._tally.records):
            return self._joined(raw, lines)
        arrows = count(whole.text, _ARROW, 0, len(whole.text))
        return self._joined(raw, lines) if arrows > len(marks) else lines

    def _marks(self, text: bytes) -> tuple[list[Mark], list[int]]:
        """The lines that announce messages, in order, and places where else their words stand."""
        unlike: list[int] = []
        found = list(found_in(FORMS, text, 0, unlike))
        if not self.logs and not found:
            # a viewer's line without SIP behind it announces nothing; the last lines may have theirs in the next piece
            start = 0 if b"SIP/2.0" in text else max(0, len(text) - LONGEST_HEAD)
            found = list(found_in(VIEWERS, text, start, []))
        found.sort(key=attrgetter("at"))
        self.logs = self.logs or any(mark.form is PJSIP for mark in found)
        return found, unlike

    def _joined(self, raw: bytes, best: MarkedLines) -> MarkedLines:
        """The lines of `raw` with broken ones joined, where that makes more of it known; else `best`."""
        text, known = best.text, self._how
        most = [Refusals.count(text)] * 2
        # Lines may have been broken after they were put into objects or before, so both texts are tried. Joining is a
        # guess: it is kept only if more marks or sentences can be read, and then for the rest of the text.
        sources = ((text, best.numbers), (raw, None))[: 1 + (text is not raw)]
        ways = [
            (at, how)
            for at, (source, _) in enumerate(sources)
            for how in (find_wrapping(source) if known is None else (known[1],) if known[0] == at else ())
        ]
        for at, how in ways:
            source, before = sources[at]
            whole, lines = join_lines(source, how)
            whole, again, exact = unpack_text(whole)  # lines that were put into objects, and broken afterwards
            if again is not None or not exact:  # what is unpacked may have more lines
                last = len(lines) - 1
                lines = [lines[min(line, last)] for line in again or range(whole.count(b"\n") + 1)]
            found, unlike = self._marks(whole)
            more = Refusals.count(whole)
            if known is not None or len(found) > len(best.marks) or more > most[at]:
                self._how, most[at] = (at, how), more
                best = MarkedLines(whole, lines if before is None else [before[line] for line in lines], found, unlike)
        if self._how is not None:
            self._tally.note(NOTE_WRAPPED.format(self._how[1].width))
        return best


def count_broken(lines: MarkedLines, end: int, spoken: Sequence[tuple[int, int]], tally: Tally) -> None:
    """Counts lines up to `end` that announced messages until somebody broke or changed them."""
    text, _, marks, unlike = lines
    if not unlike or sum(map(text.count, PJSIP.needles)) <= sum(mark.form is PJSIP for mark in marks):
        return
    # In marks and in messages (`spoken`) the words stand rightly; what is left of them was an announcing line.
    known = sorted([*((mark.at, mark.found.end()) for mark in marks), *spoken])
    starts, reached = [start for start, _ in known], [0, *accumulate((stop for _, stop in known), max)]
    width = cut_after(text)
    for found in _SCRAP.finditer(text, 0, end):
        at = found.start()
        if at >= reached[bisect_right(starts, at)]:
            tally.changed += 1
            tally.undecoded["log message behind a line that was broken or changed"] += 1
            tally.unread_messages[BROKEN, f"{width}" if width else ""] += 1

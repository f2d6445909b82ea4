"""A text -> the SIP messages in it, and what Asterisk says there about requests.

The text is searched in large pieces for what announces a message; what lies between is never split into lines. The own
side's address is not in a log and stays zero. Lines without a date have time 0.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator, Sequence
from typing import BinaryIO

from pjsipdiag.capture.datagram import ConnectedDatagram, Datagram, Tally
from pjsipdiag.capture.passed_over import CUT, HIDDEN_ADDRESS, ODD
from pjsipdiag.capture.streams.via import via_transport
from pjsipdiag.capture.text import hidden
from pjsipdiag.capture.text.carried import transfer
from pjsipdiag.capture.text.carried.encoding import DecodedFile, WideTextDecoder, wide_encoding
from pjsipdiag.capture.text.carried.line_order import NOTE_ENTRIES_TURNED, in_order
from pjsipdiag.capture.text.carried.unpack import unpack_text
from pjsipdiag.capture.text.doubt import NOTE_DOUBTFUL, Doubt, Dumps, may_go_on
from pjsipdiag.capture.text.finder import MarkFinder, count_broken
from pjsipdiag.capture.text.kind import TextKind
from pjsipdiag.capture.text.line_frame import LONGEST_HEAD
from pjsipdiag.capture.text.marks import Mark, behind_lines, lines_of, region, whole_lines
from pjsipdiag.capture.text.needles import count
from pjsipdiag.capture.text.refusals import NOTE_FORGED, PartRefusals, Refusals
from pjsipdiag.capture.text.text_forms import ARROW, PJSIP, TCPDUMP, VIEWERS
from pjsipdiag.capture.text.times import time_of
from pjsipdiag.capture.text.ways import way_of
from pjsipdiag.capture.text.written_message import bare_lines, begins_entry, of_alike, of_length, restore
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.errors import CaptureError

PIECE_SIZE = 1 << 20
LONGEST_TEXT_LINE = 8 << 20
NOTE_OWN_SIDE = "a log does not name the local address: the destination of received messages is unknown"
NOTE_MENDED = (
    "the text was changed on its way: messages without the length that Asterisk wrote before them (broken or empty"
    " lines, blanks) were restored by what SIP is; the log file itself is better evidence"
)
NOTE_WIDE = "the text is UTF-16 or UTF-32 and was read so"
NOTE_ESCAPED = "the text is written as in a URL, with percent signs, and was read so"
NOTE_BASE64 = "the text is written in base64 and was read so"
NOTE_BARE = (
    "the text holds SIP messages without the lines that announce them (left out, or changed): who sent them is not"
    " told, so they are not judged"
)
NOTE_BLOBS = "the journal left lines out as `blob data`: `journalctl -a -o cat` shows them"


def read_text(file: io.RawIOBase | BinaryIO, tally: Tally, head: bytes = b"") -> Iterator[Datagram]:
    """The messages of a text that starts with `head`; `frame` is the number of the line that announces each.

    What Asterisk says of a request goes to `tally.log_lines`, by Call-ID, or by "source:IP:PORT" where the line has
    none, and to `tally.logged_refusals` where the text does not have the request itself. Raises CaptureError when
    nothing of the text is known.
    """
    tally.is_text = True
    encoding = wide_encoding(head)
    if encoding is not None:
        tally.note(NOTE_WIDE)
        file = DecodedFile(file, WideTextDecoder(encoding))
    elif transfer.is_escaped(head):
        tally.note(NOTE_ESCAPED)
        file = DecodedFile(file, transfer.PercentDecoder(head))
    elif transfer.is_base64(head):
        tally.note(NOTE_BASE64)
        file = DecodedFile(file, transfer.Base64Decoder())
    elif transfer.is_counted(head):
        file = DecodedFile(file, transfer.FrameDecoder())
    elif transfer.is_supervised(head):
        file = DecodedFile(file, transfer.SupervisorDecoder())
    file, newest_first = in_order(file, tally)
    reading = _Reading(tally)
    if newest_first:
        tally.note(NOTE_ENTRIES_TURNED)
        yield from reversed(list(reading.messages(file)))
    else:
        yield from reading.messages(file)
    reading.finish()


def read_part(
    file: io.RawIOBase | BinaryIO, tally: Tally, span: TextSpan
) -> Generator[Datagram, None, tuple[int, PartRefusals] | None]:
    """The messages of a part of a text that is a log as Asterisk writes it, from a line that announces one, and in the
    end how many lines it has, and what is said in it; None where the whole text may show something else."""
    tally.is_text = True
    reading = _Reading(tally, span)
    try:
        yield from reading.messages(file)
    except _DiffersError:
        return None
    return reading.hand_over()


class _DiffersError(Exception):
    """A part may be read otherwise beside the parts before and behind it: one process has to read all."""


class TextSpan(NamedTuple):
    """Whether a piece of a text is its beginning, and its end."""

    begins: bool
    ends: bool


class _Reading:
    """One text while it is read."""

    def __init__(self, tally: Tally, span: TextSpan = TextSpan(begins=True, ends=True)) -> None:  # noqa: B008  (a constant)
        self.tally, self._span = tally, span
        self._line = 1
        self._goes_on = self._waited = False
        """Whether others read what follows the piece at hand; whether it begins with what was not whole before."""
        self._at = 0
        """The line of it, from 0, that announces the message at hand."""
        self._kind = TextKind()
        self._empty = span.begins
        self._finder = MarkFinder(tally, logs=not span.begins)
        self._refusals = Refusals(tally)
        self._stamp = (b"", 0)
        self._doubt, self._is_doubtful = Doubt(), False
        """And whether the message at hand may be a part of one before it."""

    def messages(self, file: io.RawIOBase | BinaryIO) -> Iterator[Datagram]:
        # Memory of a piece's size is asked for once in each round: it is the same then, and not new and zeroed.
        buffer, rest = bytearray(PIECE_SIZE), b""
        piece = memoryview(buffer)
        while True:
            size: int = file.readinto(buffer) or 0  # type: ignore[union-attr]  # every raw or buffered file has it
            last = not size
            ended = buffer.rfind(b"\n", 0, size) + 1 or size
            raw = b"".join((rest, piece[:ended]))
            # what is short is all that there is: its last line is best read beside the others
            is_all = self._line == 1 and len(raw) <= PIECE_SIZE // 2
            cut = len(raw) if last else raw.rfind(b"\n") + 1 if is_all else whole_lines(raw)
            used = 0
            if last or cut or len(raw) >= LONGEST_TEXT_LINE:
                used = yield from self._block(raw[: cut or len(raw)], last)
            rest = b"".join((raw[used:], piece[ended:size]))
            if last:
                return

    def finish(self) -> None:
        """Says what the text is, when nothing was read in it. Raises CaptureError when nobody knows it."""
        tally = self.tally
        self._refusals.finish()
        if not tally.records and self._kind.is_bare_sip and not self._refusals.has_dumps:
            tally.note(NOTE_BARE)
        if tally.records or tally.logged_refusals or tally.unread_messages or tally.log_lines or tally.undecoded:
            return
        if self._empty:
            raise CaptureError(f"{tally.file}: the file is empty")
        self._kind.check(tally.file)

    def hand_over(self) -> tuple[int, PartRefusals]:
        """How many lines there are, and what is said in them, for whoever reads the parts together."""
        return self._line - 1, self._refusals.hand_over()

    def _block(self, raw: bytes, last: bool) -> Generator[Datagram, None, int]:
        """The messages of whole lines; answers how many bytes are done with."""
        # What carried the text is taken off, its announcing lines are found, broken ones are joined so that more are
        # known, and behind each mark a message is read. All is counted in lines of the file, which a report can name.
        whole = unpack_text(raw)
        lines = self._finder.find(raw, whole, begins=self._empty)
        text, numbers, marks, _ = lines
        dumps, spoken = Dumps(text), list[tuple[int, int]]()
        if not all(self._span) and (dumps or (not (last and self._span.ends) and (text is not raw or lines.unlike))):
            raise _DiffersError  # how a piece of it is read depends on where it begins
        self._empty = self._empty and not raw.strip()
        self._goes_on = last and not self._span.ends
        self._doubt.enter(text)
        done, counted, number = len(text), 0, 0
        for at, mark in enumerate(marks):
            # A message may hold what looks like the log's own line: its sender wrote it to be believed. The length that
            # Asterisk announced decides what belongs to the message, so marks inside of it announce nothing.
            if dumps.enter(spoken, mark.start) and mark.start < spoken[-1][1]:
                self.tally.note(NOTE_FORGED)  # inside a message
                continue
            self._is_doubtful = self._doubt.reaches(mark.start) or dumps.reaches(mark.start)
            number, counted = number + count(text, b"\n", counted, mark.start), mark.start
            line = self._at = number if numbers is None else numbers[number]
            after = marks[at + 1].start if at + 1 < len(marks) else len(text)
            # The announced length first: it is evidence. Restoring by what SIP is comes second: a guess, and noted.
            datagram, stop = self._exact(text, mark, after)
            if datagram is None and not stop:
                # The message is left for the next piece only where that piece can begin with its announcing line: it is
                # no end of the text, its bytes can be found in `raw`, and it does not fill a piece alone (which would
                # never end).
                waits = not last and whole.exact and (line > 0 or len(raw) < PIECE_SIZE) and _starts(numbers, number)
                known = None if waits and _reaches(text, mark, after) else self._restored(text, mark, after, waits)
                if known is None:
                    done = mark.start  # the message may go on in what is not read yet
                    break
                datagram, stop = known
            # Another process reads what follows, and would begin in the middle of this message.
            if self._goes_on and (stop >= len(text) or (not stop and _reaches(text, mark, after))):
                raise _DiffersError
            if datagram is not None:
                self.tally.records += 1
                self._refusals.note_message(datagram)
                if stop:
                    spoken.append((mark.end, stop))
                yield datagram
        if not self.tally.is_second_reading:
            count_broken(lines, done, dumps.enter(spoken, done), self.tally)
            if count(text, b"B blob data]", 0, len(text)):
                self.tally.note(NOTE_BLOBS)
            if not (self._finder.logs or self.tally.records):
                self._kind.look(text, raw)
                self._kind.check_text(self.tally.file)
            self._refusals.read(text, done, self._time, spoken)
        if self._doubt.reaches(done) and self._goes_on:
            raise _DiffersError
        # `used` counts bytes of `raw`, `done` those of `text`: they differ where something was unpacked or joined.
        self._waited = done < len(text)
        used = len(raw) if done == len(text) else done if text is raw else behind_lines(raw, 0, line)
        self._line += number + count(text, b"\n", counted, used) if text is raw else raw.count(b"\n", 0, used)
        return used

    def _exact(self, text: bytes, mark: Mark, after: int) -> tuple[Datagram | None, int]:
        """The message whose bytes stand as they were on the wire, or None, and where it ends: beyond the next mark,
        `after`, only if an entry begins there."""
        alone = not text[mark.found.end() : mark.end].strip()
        found = of_length(text, mark.end + 1, mark.size, alone=alone) if mark.size else None
        if found is None:
            return None, 0
        payload, stop = found
        # The length runs past the next mark. It is right if the message quotes that mark and an entry begins where it
        # ends; else bytes were lost or added on the way, and the length would swallow the next message.
        if after < stop < len(text) - 1:
            behind = text[stop + 1 : stop + LONGEST_HEAD].partition(b"\n")[0]
            if not begins_entry(behind) and not (mark.form is ARROW and ARROW.line.search(behind)):
                return None, 0
        if may_go_on(payload):
            self._doubt_of(text, mark)
        return self._datagram(text, mark, payload, truncated=False), stop

    def _restored(self, text: bytes, mark: Mark, after: int, waits: bool) -> tuple[Datagram | None, int] | None:
        """The message behind a mark, up to the next one, `after`, or beyond it where that makes it as long as it was,
        and where it ends if that is known. None where it may go on behind the text, if that `waits` for more."""
        size = mark.size if mark.form is PJSIP else None
        behind = b"" if mark.form is TCPDUMP else text[mark.found.end() : mark.end].rstrip(b"\r")
        # First up to where this form's messages end at the latest, beyond the next mark: only what comes to the
        # announced length is taken there. Otherwise the next mark bounds the message.
        start, end = mark.end + 1, region(mark, text)
        near = min(end, after + LONGEST_HEAD)  # no part of the text is copied for many marks
        found = of_alike(text, start, near, size) if size and not behind.strip() else None
        found = found or restore(lines_of(text, start, end), behind, size, mark.form.tail)
        if after < end and (found is None or not found.used):
            if end == len(text) and waits and (self._waited or len(text) > PIECE_SIZE // 2 or not self._span.ends):
                return None
            if end == len(text) and self._goes_on:
                raise _DiffersError
            end = after
            found = restore(lines_of(text, start, end), behind, size, mark.form.tail)
        if size and (found is None or not found.exact or may_go_on(found.payload)):
            self._doubt_of(text, mark)
        if found is None or not found.payload:
            if mark.form not in VIEWERS and size != 0:
                self._unread(CUT if end >= len(text) else ODD)
            return None, 0
        if not found.whole:
            self.tally.undecoded["log message cut short"] += 1
        elif not found.exact:
            self.tally.note(NOTE_MENDED)
        datagram = self._datagram(text, mark, found.payload, truncated=not found.whole)
        return datagram, behind_lines(text, start, found.used)

    def _doubt_of(self, text: bytes, mark: Mark) -> None:
        """Doubts that what follows is no part of the message behind a mark."""
        start, behind = mark.end + 1, text[mark.found.end() : mark.end].rstrip(b"\r")
        lines = bare_lines(lines_of(text, start, len(text)), behind, mark.form.tail)
        self._doubt.begin(text, start, mark.size, lines)

    def _datagram(self, text: bytes, mark: Mark, payload: bytes, *, truncated: bool) -> Datagram | None:
        named = mark.found.groupdict()
        way = way_of(named.get("from"), named.get("to"), named.get("transport") or named.get("over") or b"")
        if way.hidden is not None:
            self._unread(HIDDEN_ADDRESS, way.hidden)
        if not way.source:
            return None
        direction = way.direction
        if direction:
            self.tally.note(NOTE_OWN_SIDE)
        if direction == "out" and self._is_doubtful:
            self.tally.note(NOTE_DOUBTFUL)
            direction = ""
        named_payload = hidden.with_names(payload)
        if named_payload is not payload and named_payload != payload:
            self.tally.note(hidden.NOTE_NAMED)
            payload = named_payload
        transport = way.transport or via_transport(payload, "UDP")
        # Asterisk read it from a connection
        kind = ConnectedDatagram if way.direction and transport != "UDP" else Datagram
        frame = self._line + self._at
        time = self._when(text, mark)
        return kind(time, frame, transport, way.source, way.destination, payload, direction, truncated)

    def _when(self, text: bytes, mark: Mark) -> int:
        if mark.form is not PJSIP:
            return time_of(text[mark.start : mark.end].decode("ascii", "replace"), self.tally)
        return self._time(text[max(mark.start, mark.at - LONGEST_HEAD) : mark.at])

    def _time(self, before: bytes) -> int:
        """The time that stands before something in a line."""
        if before != self._stamp[0]:
            self._stamp = before, time_of(before.decode("ascii", "replace"), self.tally)
        return self._stamp[1]

    def _unread(self, reason: str, detail: str = "") -> None:
        said = f"with an address that was replaced: {detail}" if detail else "that cannot be read"
        said = f"log message {said}"
        self.tally.changed += reason != CUT
        self.tally.undecoded["log message cut short" if reason == CUT else said] += 1
        self.tally.unread_messages[reason, detail] += 1


def _reaches(text: bytes, mark: Mark, after: int) -> bool:
    """Whether the message may reach the end of the text."""
    return min(after, region(mark, text)) == len(text) or mark.end + mark.size >= len(text)


def _starts(numbers: Sequence[int] | None, number: int) -> bool:
    """Whether a line is the first that was made of its line in the file."""
    return numbers is None or number == 0 or numbers[number] != numbers[number - 1]

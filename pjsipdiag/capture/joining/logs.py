"""Asterisk's log read by several processes: each takes a part from a line that announces a message.

Law: a message ends where its announced length says. A part whose last message ends in it, by its length, is read as in
the whole log; so, from the first part on, each part begins where no message goes on. What else depends on where a
reading begins (lines that were broken or packed, marks that were torn) is left to one process.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, BinaryIO

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.formats.reader import PEEK, CountedFile, looks_like_text
from pjsipdiag.capture.formats.scan import PACKED
from pjsipdiag.capture.joining.part_handover import FilePart, Handover, UnjoinableError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

PLACE_SAMPLE = 1 << 20
WARM_UP = 1 << 17
"""Bytes in which a place is looked for where a part may begin, and how far on at least."""


class BoundedFile(io.RawIOBase):
    """The next `size` bytes of a binary file."""

    def __init__(self, file: BinaryIO | io.RawIOBase, size: int) -> None:
        super().__init__()
        self._file, self._left = file, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)[: self._left]
        got: int = self._file.readinto(view) or 0 if view else 0  # type: ignore[union-attr]  # every raw file has it
        self._left -= got
        return got


def split_log(stream: BinaryIO | io.RawIOBase, path: str, size: int, parts: int) -> list[FilePart]:
    """Cuts a log into at most so many parts of about the same size; none where it is no log as Asterisk writes it."""
    ends = pairwise([0, *_places_in(stream, size, parts), size])
    pieces = [FilePart(path, start, end, log=(not start, end == size)) for start, end in ends if start < end]
    return pieces if len(pieces) > 1 else []


def _places_in(stream: BinaryIO | io.RawIOBase, size: int, parts: int) -> Iterator[int]:
    """Where parts may begin, beside the beginning."""
    stream.seek(0)
    head = stream.read(PEEK) or b""
    if head.startswith(tuple(PACKED)) or not looks_like_text(head):
        return
    from pjsipdiag.capture.text.carried import transfer
    from pjsipdiag.capture.text.carried.encoding import wide_encoding
    from pjsipdiag.capture.text.carried.line_order import is_in_order

    forms = (transfer.is_escaped, transfer.is_base64, transfer.is_counted)
    carried = wide_encoding(head) is not None or any(is_form(head) for is_form in forms)
    first = head + (stream.read(PLACE_SAMPLE) or b"")
    # A text that is packed, turned round or escaped is read from its beginning only: its numbering depends on all of
    # it.
    if carried or not is_in_order(first) or _place(first) is None:
        return
    for number in range(1, parts):
        offset = size * number // parts
        stream.seek(offset)
        place = _place(stream.read(PLACE_SAMPLE) or b"")
        if place is not None:
            yield offset + place


def _place(text: bytes) -> int | None:
    """The first line that announces a message and where a part may begin: so far on that nothing before it is looked at
    to read it, and with all messages before it ended. None where there is no such line."""
    from pjsipdiag.capture.text.carried.unpack import unpack_text
    from pjsipdiag.capture.text.marks import found_in, lines_of
    from pjsipdiag.capture.text.text_forms import PJSIP
    from pjsipdiag.capture.text.written_message import restore

    begin = text.find(b"\n") + 1
    text = text[begin:]
    if unpack_text(text).text is not text:
        return None
    marks = sorted(found_in((PJSIP,), text, 0, []), key=attrgetter("at"))
    for mark, after in pairwise(marks):
        found = restore(lines_of(text, mark.end + 1, after.start), b"", mark.size)
        if found is None or not (found.exact and found.used):
            return None
        if after.start > WARM_UP:
            return begin + after.start
    return None


def read_log(
    stream: BinaryIO | io.RawIOBase, size: int, ends: tuple[bool, bool], tally: Tally, rest: Handover
) -> Iterator[Datagram]:
    """The messages of the next `size` bytes of a log, perhaps its beginning or its end; `rest` is filled."""
    from pjsipdiag.capture.text.read import TextSpan, read_part

    rest.is_log = True
    content = CountedFile(stream, tally.on_read) if tally.on_read else stream
    try:
        found = yield from read_part(BoundedFile(content, size), tally, TextSpan(*ends))
    except OSError as error:  # to be read as a whole, which says how far
        rest.reason = f"a read error: {error.strerror}"
        return
    if found is None:
        rest.reason = "what a part of the log shows may depend on the others"
    else:
        rest.records, rest.refusals = found


def merge_refusals(rests: Sequence[Handover], tally: Tally) -> None:
    """Completes `tally` with what is said in the parts of a log. Raises UnjoinableError."""
    from pjsipdiag.capture.text.refusals import Refusals

    refusals = Refusals(tally)
    for rest in rests:
        if rest.refusals is None or not refusals.take(rest.refusals):
            raise UnjoinableError("the log says more than is kept")
    refusals.finish()
    if not tally.records:
        raise UnjoinableError("no message was read")

"""Lines that do not stand in the order in which they were written: newest first, torn apart, among other files.

Grafana, Kibana and Graylog export the newest line first; a container runtime tears long lines into pieces (CRI, flag
P); `tail -f` of several files lets them take turns. Each is put in order before anything else is read.
"""

from __future__ import annotations

import io
import re
from itertools import islice, pairwise
from typing import BinaryIO

from pjsipdiag.capture.datagram import Tally
from pjsipdiag.capture.source.compressed import PeekedStream
from pjsipdiag.capture.text.carried.documents import is_document, lines_of
from pjsipdiag.capture.text.text_forms import PJSIP
from pjsipdiag.capture.text.written_message import START_LINE

ORDER_SAMPLE, LONGEST_TURNED = 1 << 20, 256 << 20
"""Bytes that show the order, and those of a text that can be turned round."""
NOTE_TURNED = "the lines of the text stand in reverse order, the newest first: they were read from the last one on"
NOTE_ENTRIES_TURNED = "the entries of the text stand in reverse order, the newest first: its messages were turned round"
NOTE_DOCUMENT = "the text stands in a document (JSON or a mail): lines are counted in what was taken out of it"
NOTE_LONGER = (
    f"the text is longer than {LONGEST_TURNED >> 20} MB: only its beginning was taken out of the document (JSON or"
    " a mail) that it stands in, and lines are counted in what was taken out"
)
NOTE_NOT_TURNED = (
    f"the text stands in reverse order and is longer than {LONGEST_TURNED >> 20} MB: what stands behind was not read;"
    " give it with the oldest first (`tac`)"
)
NOTE_ENTRIES_NOT_TURNED = (
    f"the entries of the text stand in reverse order, the newest first, and it is longer than {LONGEST_TURNED >> 20}"
    " MB: its messages were read as they stand; give it with the oldest first"
)
_STAMP = re.compile(rb"\[([^\]\n]{8,40})\] ?[A-Z]{3,8}\[\d+\][^\n]{0,60}<-{1,4} ?(?:Received|Transmitting) SIP re")
_NEAR = 3
"""Lines above and below an announcing line in which the message begins."""
_MOST = 20
_PIECE = re.compile(rb"(\S{20,40} std(?:out|err)) ([FP]) ?")
_TAIL = re.compile(rb"(?:^|(?<=\n))\n?==> ([^\n]{1,200}) <==\r?(?:\n|\Z)")
Lines = tuple[bytes, list[int]]
"""A text, and the numbers (from 0) that its lines had."""


def in_order(file: io.RawIOBase | BinaryIO, tally: Tally) -> tuple[io.RawIOBase | BinaryIO, bool]:
    """The text of `file`, without the document that it stands in, turned round where its newest line comes first; and
    whether its entries stand whole, the newest of them first."""
    first = (file.read(ORDER_SAMPLE) or b"") + (
        file.read(ORDER_SAMPLE) or b""
    )  # its start, which was seen, and not more: it may grow
    whole, longer = b"", False
    if is_document(first):
        whole = _whole(file, first)
        longer = len(whole) > LONGEST_TURNED
        text = lines_of(whole)
        if text is not None:
            tally.note(NOTE_LONGER if longer else NOTE_DOCUMENT)
            first = whole = text
    turned, newest_first = _is_turned(first), _is_newest_first(first)
    if turned or newest_first:
        whole = whole or _whole(file, first)
        longer = longer or len(whole) > LONGEST_TURNED
    if not turned:
        if newest_first and longer:
            tally.note(NOTE_ENTRIES_NOT_TURNED)
        return PeekedStream(file, whole or first), newest_first and not longer
    tally.note(NOTE_NOT_TURNED if longer else NOTE_TURNED)
    return io.BytesIO(b"\n".join(reversed(whole.rstrip(b"\n").split(b"\n"))) + b"\n"), False


def is_in_order(first: bytes) -> bool:
    """Whether a text that begins so is read as it stands."""
    return not (is_document(first) or _is_turned(first) or _is_newest_first(first))


def _whole(file: io.RawIOBase | BinaryIO, first: bytes) -> bytes:
    """The text from its beginning: where it is longer than LONGEST_TURNED, one byte more than that."""
    parts, size = [first], len(first)
    while size <= LONGEST_TURNED and (more := file.read(LONGEST_TURNED + 1 - size)):
        parts.append(more)
        size += len(more)
    return b"".join(parts)


def _is_newest_first(text: bytes) -> bool:
    stamps = [found[1] for found in islice(_STAMP.finditer(text), _MOST)]
    pairs = list(pairwise(stamps))
    return (
        len(set(map(len, stamps))) == 1
        and len(pairs) > 1
        and any(a > b for a, b in pairs)
        and all(a >= b for a, b in pairs)
    )


def _is_turned(text: bytes) -> bool:
    """Whether messages stand above the lines that announce them."""
    lines = text.split(b"\n")
    above = below = seen = 0
    for at, line in enumerate(lines):
        if b" SIP re" in line and PJSIP.line.search(line) is not None:
            above += any(map(START_LINE.search, lines[max(0, at - _NEAR) : at]))
            below += any(map(START_LINE.search, lines[at + 1 : at + 1 + _NEAR]))
            seen += 1
            if seen == _MOST:
                break
    return above > 4 * below


def in_whole_lines(text: bytes) -> Lines | None:
    """The text with those lines put together that a container's runtime tore apart; None where it tore none."""
    if _PIECE.match(text) is None or re.search(rb"(?m)^\S{20,40} std(?:out|err) P ", text) is None:
        return None
    made: list[bytes] = []
    numbers: list[int] = []
    goes_on = False
    for number, line in enumerate(text.split(b"\n")):
        found = _PIECE.match(line)
        if goes_on and found:
            made[-1] += line[found.end() :]
        else:
            made.append(line if found is None else found[1] + b" F " + line[found.end() :])
            numbers.append(number)
        goes_on = found is not None and found[2] == b"P"
    return b"\n".join(made), numbers


def by_file(text: bytes) -> Lines | None:
    """The lines of one file after the other, where `tail` shows several in turn; None where it does not."""
    if not text.startswith(b"==> ") or _TAIL.match(text) is None:
        return None
    found: dict[bytes, list[tuple[int, bytes]]] = {}
    heads = list(_TAIL.finditer(text))
    first = at = 0
    for head, after in zip(heads, [*heads[1:], None], strict=True):
        lines = text[head.end() : after.start() if after else len(text)].removesuffix(b"\n").split(b"\n")
        first += text.count(b"\n", at, head.end())
        at = head.end()
        found.setdefault(head[1], []).extend(enumerate(lines, first))
    whole = [pair for pairs in found.values() for pair in pairs]
    return b"\n".join([*(line for _, line in whole), b""]), [*(number for number, _ in whole), text.count(b"\n")]

"""Learns from one line of a text what a collector, a viewer or a quotation puts before and behind each of its lines.

Law: what stands before a known piece of text (the first line of a SIP message) is an example of what stands before the
lines that follow. Its letters are the same everywhere; numbers, names of months, the width of blanks and the marks
that join numbers (`grep -n` writes `12:` or `13-`) may differ from line to line. No form is known by name: a date, a
container's name, a page's line numbers, a quotation or a piece of JSON are all learned alike.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pjsipdiag.dataclass import NamedTuple

_NAMES = rb"Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Mon|Tue|Wed|Thu|Fri|Sat|Sun"
_PIECES = re.compile(rb"(\d+)|(\b(?:" + _NAMES + rb")\b)|([ \t]+)|([:+-])|(.)", re.DOTALL)
_QUOTES = (b'"', b"'", b"`")
_IN_QUOTES = re.compile(rb'\\u([0-9a-fA-F]{4})|\\(["\\/tbfr])|""')
_SIMPLE = {b"t": b"\t", b"b": b"\b", b"f": b"\f", b"r": b"\r"}
LONGEST_HEAD = 400
"""Bytes before a line, or around what announces a message, that are learned from and searched."""


class Frame(NamedTuple):
    """The text around each line: `head` matches what is before it, `tail` what is behind it (None: nothing);
    `blank` says that an empty line may stand for an empty line of the message, `quoted` that quotes are escaped."""

    head: re.Pattern[bytes] | None
    tail: re.Pattern[bytes] | None
    blank: bool = True
    quoted: bool = False

    def strip(self, line: bytes) -> bytes | None:
        """The line alone, or None when it has not this frame."""
        if self.head is not None:
            found = self.head.match(line)
            if found is None:
                return b"" if self.blank and not line.strip() else None
            line = line[found.end() :]
        if self.tail is not None:
            behind = self.tail.search(line)
            if behind is not None:
                line = line[: behind.start()]
        return _IN_QUOTES.sub(_plain, line) if self.quoted else line


def frame(before: bytes, behind: bytes) -> Frame:
    """The frame of lines, one of which has `before` before it and `behind` behind it."""
    quoted = any(before.count(quote) % 2 and behind.lstrip().startswith(quote) for quote in _QUOTES)
    return Frame(_like(before, False), _like(behind, True) if behind.strip() else None, _may_vanish(before), quoted)


def widen(before: bytes, other: bytes, known: Frame) -> Frame:
    """The frame of lines, two of which have `before` and `other` before them, which have as many words: words that
    differ may be any (TAI64N, the identity of an entry, its level)."""
    pairs = list(zip(before.split(), other.split(), strict=True))
    words = [
        pattern.pattern if one == two and (pattern := _like(one, False)) is not None else rb"\S+" for one, two in pairs
    ]
    blank = b"" if other[:1] not in (b" ", b"\t") and before[:1] not in (b" ", b"\t") else rb"[ \t]*"
    return known._replace(head=re.compile(blank + rb"[ \t]+".join(words) + rb"[ \t]*", re.DOTALL)) if words else known


@lru_cache(maxsize=256)
def _like(text: bytes, at_end: bool) -> re.Pattern[bytes] | None:
    if not text or len(text) > LONGEST_HEAD:
        return None
    parts = []
    pieces = list(_PIECES.finditer(text))
    for number, piece in enumerate(pieces):
        digits, name, blanks, mark, other = piece.groups()
        if digits:
            parts.append(rb"\d+")
        elif name:
            parts.append(rb"[A-Z][a-z][a-z]")
        elif blanks:
            # numbers are set flush right, and blanks before an empty line are trimmed
            last = number == len(pieces) - 1 and number > 0
            parts.append(rb"(?:[ \t]+|\Z)" if last else rb"[ \t]*" if not number else rb"[ \t]+")
        else:
            parts.append(rb"[:+-]" if mark else re.escape(other))
    pattern = b"".join(parts)
    return re.compile(pattern + rb"\s*\Z" if at_end else pattern, re.DOTALL)


def _may_vanish(before: bytes) -> bool:
    """Whether nothing is left of a head before an empty line: blanks are trimmed, `nl` numbers no empty line."""
    return not before.strip().strip(b"0123456789")


def _plain(found: re.Match[bytes]) -> bytes:
    if found[1]:
        return chr(int(found[1], 16)).encode("utf-8", "replace")
    return _SIMPLE.get(found[2], found[2]) if found[2] else b'"'

"""Forms of request heads that PJSIP surely takes, each read in one go.

Law: a form is a method and a sequence of header names. A request is of that form when it has just these headers and
every one of its lines is of the syntax that `header_syntax.LINES` gives for its name; all else has no form and is read
the long way. Forms are learnt while a capture streams by: one is made once it was met LEARNT times, so that small
captures and hostile ones pay for few.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pjsipdiag.asterisk.forms.expressions import Fields, Matcher, first, matcher, seq, text
from pjsipdiag.asterisk.forms.header_syntax import (
    ARRAYS,
    CRLF,
    GENERIC,
    LINES,
    NUMBER,
    ONCE,
    PARSED_FIELDS,
    READ_LINES,
    REQUEST,
    SINGLE,
    TOKEN,
    UNUSUAL_HEADERS,
    VALUE_TEXT,
    canonical,
    field,
    syntax,
)
from pjsipdiag.dataclass import NamedTuple

MOST_FORMS = 64
MOST_TRIED = 8
"""Forms that are tried on a request before it is taken to have none."""
LEARNT = 64
"""Requests after which a form is learnt: learning costs as much as reading about 64 requests the long way."""
MOST_HEADS_SEEN, LONGEST_LEARNT_HEAD, MOST_HEADERS = 2000, 4096, 64
MOST_VAIN = 256
"""Forms that are tried to be learnt in vain."""


class Form(NamedTuple):
    """A method and the names of its headers: in lower case, compact ones as the long ones."""

    method: bytes
    names: tuple[bytes, ...]
    has_credentials: bool
    """Whether it has a header with credentials."""


class Forms:
    """The forms met in one capture: `known[number]` says what each is; number 0 stands for none."""

    def __init__(self, known: Iterable[Form | None] = (None,)) -> None:
        self.known = list(known)
        self._seen: dict[tuple[bytes, ...], int] = {}
        self._vain = 0
        self.readers: tuple[list[Matcher], list[Matcher]] = ([], [])
        """Of requests without and with credentials, those that took something last before the others."""

    def read(self, payload: bytes) -> tuple[int, int, Fields]:
        """The number of the form of `payload`, the length of its head, and its fields; zeros where it has no form."""
        # Only readers that can fit are tried: one that expects credentials fits no request without them. The one that
        # fitted last comes first, for the same telephones call again and again.
        readers = self.readers[b"uthorization:" in payload]
        for at, one in enumerate(readers):
            found = one(payload)
            if found:
                if at:
                    readers.insert(0, readers.pop(at))
                return found
        if len(self.known) <= MOST_FORMS and self._vain < MOST_VAIN:
            end = payload.find(b"\r\n\r\n") + 4
            if 4 <= end <= LONGEST_LEARNT_HEAD:
                self._meet(payload[:end], readers)
        return 0, 0, ()

    def _meet(self, head: bytes, readers: list[Matcher]) -> None:
        """Counts the form of a head; learns it when that was met often enough."""
        start_line, *lines = head.split(b"\r\n")
        if len(lines) > MOST_HEADERS:
            return
        spelt = (start_line[: start_line.find(b" ")], *[line[: line.find(b":") + 1] for line in lines])
        times = self._seen.get(spelt, 0) + 1
        if times > LEARNT or len(self._seen) >= MOST_HEADS_SEEN:
            return
        self._seen[spelt] = times
        if times == LEARNT:
            learnt = _learn(len(self.known), lines[: lines.index(b"")], head)
            if learnt:
                names = tuple(map(canonical, spelt[1 : lines.index(b"") + 1]))
                self.known.append(Form(spelt[0], names, b"authorization" in names))
                readers.insert(0, learnt)
                del readers[MOST_TRIED:]
            else:
                self._vain += 1


def _learn(number: int, lines: list[bytes], head: bytes) -> Matcher | None:
    """The reader of requests that have the headers of `lines`; None where they have no form.

    It takes `head` itself: each line is held against its own part, which other forms have, too, so that it is compiled
    once; the whole never is where the compiled part is there.
    """
    method, _, rest = head.partition(b" ")
    if not re.fullmatch(TOKEN, method) or not re.match(REQUEST, rest):
        return None
    parts = [text(method + b" "), REQUEST]
    met: set[bytes] = set()
    # The first line of a name that is read gives the fields. Of a name that PJSIP parses and that is not read, the very
    # line of this head is tried first: it seldom changes, and comparing texts is quicker than the grammar.
    for line in lines:
        spelt, colon, value = line.partition(b":")
        name = canonical(spelt + colon)
        if not GENERIC.fullmatch(line) or name in UNUSUAL_HEADERS or (name in met and name in SINGLE | ARRAYS):
            return None
        spaced = value.startswith(b" ")
        if name in LINES and not spaced:
            return None
        start = text(spelt + (b": " if spaced else b":"))
        read = None if name in met else READ_LINES.get(name)
        if name == b"cseq":
            read = seq(field("cseq", NUMBER), text(b" " + method))
        if read is not None:
            if not re.fullmatch(seq(read, CRLF), value[spaced:] + b"\r\n"):
                return None
            parts += start, read, CRLF
        elif name in LINES:
            usual = syntax(name)
            if usual is None or not usual.fullmatch(value, 1):
                return None
            parts.append(first(text(line + b"\r\n"), seq(start, LINES[name], CRLF)))
        else:
            parts += start, VALUE_TEXT, CRLF
        met.add(name)
    return matcher(number, seq(*parts, CRLF), PARSED_FIELDS) if ONCE | {b"via"} <= met else None

"""Forms of request heads that PJSIP surely takes, each read by one regular expression.

Law: a form is a method and a sequence of header names. A request is of that form when it has just these headers and
every one of its lines is of the syntax that `LINES` gives for its name; all else has no form and is read the long way.
Forms are learnt while a capture streams by: one is compiled once it was met LEARNT times, so that small captures and
hostile ones pay for few.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple

from pjsipdiag.sip import COMPACT

MOST_FORMS = 64
MOST_TRIED = 8
"""Forms that are tried on a request before it is taken to have none."""
LEARNT = 4
MOST_SEEN, LONGEST_HEAD, MOST_LINES = 2000, 4096, 64
MOST_VAIN = 256
"""Forms that are tried to be learnt in vain."""

# What is repeated is taken whole (`++`): what follows it never begins with one of its bytes.
_TOKEN_BYTE = rb"[A-Za-z0-9\-.!%*_`'~+]"
_TOKEN = _TOKEN_BYTE + rb"++"
_HOST = rb"(?:[A-Za-z0-9_.\-]++|\[[0-9A-Fa-f:.]++\])"
_PORT_NUMBER = rb"(?:[0-9]{1,4}(?![0-9])|[1-5][0-9]{4}|6(?:[0-4][0-9]{3}|5(?:[0-4][0-9]{2}|5(?:[0-2][0-9]|3[0-5]))))"
_PORT = rb"(?::" + _PORT_NUMBER + rb")?"
_USER = rb"[A-Za-z0-9&=+$,;?/\-_.!~*'()]++"
_URI_TOKEN = rb"[A-Za-z0-9\[\]/:&+$\-_.!~*'()]++"
_URI_PARAMETERS = rb"(?:;(?!(?i:ttl|line|x-ast))" + _URI_TOKEN + rb"(?:=" + _URI_TOKEN + rb")?+)*+"
_URI = rb"sips?:(?:" + _USER + rb"@)?" + _HOST + _PORT + _URI_PARAMETERS
_PARAMETER = _TOKEN + rb"(?:=(?:" + _TOKEN + rb'|"[^"\\\r\n\0]*+"))?+'
_PARAMETERS = rb"(?:;[ ]?" + _PARAMETER + rb")*+"
_DISPLAY = rb'(?>"[^"\\\r\n\0]*+"[ ]?|[^:\r\n<"\0]*+)'
_ELEMENT = rb"[ \t]*+[^,\s\0][^,\r\n\0]*+"
_LIST = _ELEMENT + rb"(?:," + _ELEMENT + rb"){0,9}+"
_NUMBER = rb"[0-9]{1,9}"
_SENT_BY = rb"SIP/2\.0/" + _TOKEN + rb" " + _HOST + _PORT
_VIA_VALUE = rb"(?:=[A-Za-z0-9\-.!%*_`'~+\[:\]]++)?+"
_RPORT = rb";rport(?:=" + _PORT_NUMBER + rb")?"
_CREDENTIAL = _TOKEN + rb'=(?:"[^"\\\r\n\0]*+"|' + _TOKEN + rb")"

LINES = {
    b"via": _SENT_BY + rb"(?:" + _RPORT + rb"|;(?!(?i:ttl|rport))" + _TOKEN + _VIA_VALUE + rb")*",
    b"from": _DISPLAY
    + rb"<sips?:(?:("
    + _USER
    + rb")@)?("
    + _HOST
    + rb")"
    + _PORT
    + _URI_PARAMETERS
    + rb">"
    + _PARAMETERS,
    b"to": _DISPLAY + rb"<" + _URI + rb">" + _PARAMETERS,
    b"contact": rb"(?!\*)" + _DISPLAY + rb"<" + _URI + rb">" + _PARAMETERS.replace(rb"[ ]?", rb"(?!(?i:q=))"),
    b"call-id": rb"[^\s\0][^\r\n\0]*",
    b"cseq": _NUMBER + rb" " + _TOKEN,
    b"max-forwards": _NUMBER,
    b"expires": _NUMBER,
    b"content-length": _NUMBER,
    b"content-type": _TOKEN + rb"/" + _TOKEN + _PARAMETERS,
    b"allow": _ELEMENT + rb"(?:," + _ELEMENT + rb"){0,29}",
    b"accept": _LIST,
    b"supported": _LIST,
    b"require": _LIST,
    b"session-expires": _NUMBER + _PARAMETERS,
    b"min-se": _NUMBER + _PARAMETERS,
    b"record-route": rb"<" + _URI + rb">" + _PARAMETERS,
    b"route": rb"<" + _URI + rb">" + _PARAMETERS,
    b"authorization": rb"Digest " + _CREDENTIAL + rb"(?:, ?" + _CREDENTIAL + rb")*",
}
"""Header name -> a syntax of its value that every PJSIP takes; names that PJSIP has no parser for take any text."""

REFUSED = frozenset(
    b"event subscription-state retry-after unsupported min-expires proxy-authorization proxy-authenticate "
    b"www-authenticate".split()
)
"""Headers that PJSIP parses and that have no row in LINES: a request with one is replayed in full."""

ONCE = frozenset((b"from", b"to", b"call-id", b"cseq"))
_SINGLE = ONCE | {b"authorization"}
ARRAYS = frozenset((b"accept", b"allow", b"require", b"supported"))
"""Headers whose values PJSIP puts into one array of limited size, wherever they stand: once is surely not too much."""
LONG = {short.encode(): long.encode() for short, long in COMPACT.items() if short in "ilmcftvkxo"}
GENERIC = re.compile(_TOKEN + rb":[^\r\n\0]*")
REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") (" + _URI + rb") SIP/2\.0")
CREDENTIAL = re.compile(rb"(" + _TOKEN + rb')=("[^"]*"|' + _TOKEN + rb")")

_OTHER = rb";(?!(?i:ttl|rport|branch))" + _TOKEN + _VIA_VALUE
_READ = {
    b"via": _SENT_BY
    + (rb"(?:" + _RPORT + rb"|" + _OTHER + rb")*")
    + rb";branch=(?P<branch>[A-Za-z0-9\-.!%*_`'~+\[:\]]+)"
    + (rb"(?:" + _RPORT + rb"|" + _OTHER + rb")*"),
    b"from": _DISPLAY
    + (rb"<sips?:(?:(?P<user>" + _USER + rb")@)?(?P<host>" + _HOST + rb")" + _PORT + _URI_PARAMETERS + rb">")
    + (rb";tag=(?P<tag>" + _TOKEN + rb")(?:;(?!(?i:tag))" + _PARAMETER + rb")*"),
    b"to": _DISPLAY + rb"<" + _URI + rb">(?:;tag=(?P<to_tag>" + _TOKEN + rb"))?",
    b"call-id": rb"(?P<call_id>[^\s\0]+)",
    b"user-agent": rb"(?P<agent>[^\r\n\0]*)",
    # "[RUru]" is told from other names by one byte; "uealm" and "rsername", which it refuses too, are nobody's
    b"authorization": rb'Digest (?:(?:username="(?P<login>[^"\\\r\n\0]*+)"|realm="(?P<realm>[^"\\\r\n\0]*+)"|'
    + (rb"(?![RUru](?i:ealm|sername)=)" + _CREDENTIAL + rb")(?:, ?(?=" + _TOKEN_BYTE + rb")|(?=\r)))++"),
}
"""The same as in LINES, of the first header of that name, with what is read of it; stricter here and there."""


FIELDS = ("call_id", "cseq", "branch", "to_tag", "tag", "uri", "agent", "user", "host", "login", "realm")
"""What is read of a request: texts as they stand there, the parameters of From and To, the digest user and realm."""
Fields = tuple[bytes, ...]
"""The values of FIELDS; what is absent is empty or None."""


class Form(NamedTuple):
    """A method and the names of its headers: in lower case, compact ones as the long ones."""

    method: bytes
    names: tuple[bytes, ...]
    credentials: bool
    """Whether it has a header with credentials."""


class _Reader(NamedTuple):
    number: int
    match: Callable[[bytes], re.Match[bytes] | None]
    groups: tuple[int, ...]


class Forms:
    """The forms met in one capture: `known[number]` says what each is; number 0 stands for none."""

    def __init__(self, known: Iterable[Form | None] = (None,)) -> None:
        self.known = list(known)
        self._seen: dict[tuple[bytes, ...], int] = {}
        self._vain = 0
        self._readers: tuple[list[_Reader], list[_Reader]] = ([], [])

    def read(self, payload: bytes) -> tuple[int, int, Fields]:
        """The number of the form of `payload`, the length of its head, and its fields; zeros where it has no form."""
        readers = self._readers[b"uthorization:" in payload]  # those that are likely
        for reader in readers[:MOST_TRIED]:
            found = reader.match(payload)
            if found:
                if reader is not readers[0]:
                    readers.remove(reader)
                    readers.insert(0, reader)
                return reader.number, found.end(), found.group(*reader.groups)
        if len(self.known) <= MOST_FORMS and self._vain < MOST_VAIN:
            end = payload.find(b"\r\n\r\n") + 4
            if 4 <= end <= LONGEST_HEAD:
                self._meet(payload[:end], readers)
        return 0, 0, ()

    def _meet(self, head: bytes, readers: list[_Reader]) -> None:
        """Counts the form of a head; learns it when that was met often enough."""
        first, *lines = head.split(b"\r\n")
        if len(lines) > MOST_LINES:
            return
        spelt = (first[: first.find(b" ")], *[line[: line.find(b":") + 1] for line in lines])
        times = self._seen.get(spelt, 0) + 1
        if times > LEARNT or len(self._seen) >= MOST_SEEN:
            return
        self._seen[spelt] = times
        if times == LEARNT:
            reader = _learn(len(self.known), lines[: lines.index(b"")], head)
            if reader:
                names = tuple(map(canonical, spelt[1 : lines.index(b"") + 1]))
                self.known.append(Form(spelt[0], names, b"authorization" in names))
                readers.insert(0, reader)
            else:
                self._vain += 1


def canonical(spelt: bytes) -> bytes:
    """The header name in `Name:` in lower case, compact ones as the long ones."""
    lower = spelt[:-1].strip().lower()
    return LONG.get(lower, lower)


@cache
def syntax(name: bytes) -> re.Pattern[bytes] | None:
    """The syntax of a header's value, None where any text will do."""
    return re.compile(LINES[name]) if name in LINES else None


def read_sender(value: bytes) -> tuple[bytes, bytes] | None:
    """User and host of a From value of the usual syntax; None of another one."""
    usual = syntax(b"from")
    found = usual.fullmatch(value) if usual else None
    return (found[1] or b"", found[2]) if found else None


def _learn(number: int, lines: list[bytes], head: bytes) -> _Reader | None:
    """The reader of requests that have the headers of `lines`; None where they have no form."""
    method = head[: head.find(b" ")]
    if not re.fullmatch(_TOKEN, method):
        return None
    parts = [re.escape(method) + rb" (?P<uri>" + _URI + rb") SIP/2\.0\r\n"]
    met: set[bytes] = set()
    for line in lines:
        spelt, colon, value = line.partition(b":")
        name = canonical(spelt + colon)
        if not GENERIC.fullmatch(line) or name in REFUSED or (name in met and name in _SINGLE | ARRAYS):
            return None
        spaced = value.startswith(b" ")
        if name in LINES and not spaced:
            return None
        start = re.escape(spelt) + (b": " if spaced else b":")
        if name == b"cseq":
            parts.append(rb"(?>" + start + rb"(?P<cseq>" + _NUMBER + rb") " + re.escape(method) + rb"\r\n)")
        elif name in _READ and name not in met:
            parts.append(rb"(?>" + start + _READ[name] + rb"\r\n)")
        elif name in LINES:
            usual = syntax(name)
            if usual is None or not usual.fullmatch(value, 1):
                return None
            general = re.sub(rb"\((?=\[)", rb"(?:", LINES[name])
            parts.append(rb"(?>" + re.escape(line) + rb"\r\n|" + start + general + rb"\r\n)")
        else:
            parts.append(rb"(?>" + start + rb"[^\r\n\0]*\r\n)")
        met.add(name)
    if not (ONCE | {b"via"} <= met):
        return None
    pattern = re.compile(b"".join(parts) + rb"\r\n(?P<none>)")
    index = pattern.groupindex
    groups = tuple(index.get(name, index["none"]) for name in FIELDS)
    return _Reader(number, pattern.match, groups) if pattern.match(head) else None

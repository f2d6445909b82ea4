"""Takes off a text what carried it: colours, tables, objects, escapes, marks of web pages, typographic signs.

Each step names what it has to do with, by a byte that logs rarely hold, so that a log that nobody touched costs next to
nothing. A step maps lines to as many; one may become several (an entry that was escaped or put into an object).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from struct import unpack

from pjsipdiag.capture.text.carried import escapes
from pjsipdiag.capture.text.carried.csv_columns import strip_cells
from pjsipdiag.capture.text.carried.json_entries import of_object, place_in
from pjsipdiag.capture.text.carried.line_order import by_file, in_whole_lines
from pjsipdiag.capture.text.carried.pages import join_cells, strip_links, strip_marks, untypeset
from pjsipdiag.capture.text.carried.shown import has_bare, has_plain
from pjsipdiag.capture.text.carried.wrapping import requote
from pjsipdiag.dataclass import NamedTuple

_COLOUR = re.compile(rb"\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07\x1b]{0,200}\x07|\([A-Z0-9])")
_CLEARED = re.compile(rb"\r(?:\x1b\[[0-9;]*m)*\x1b\[[0-2]?K")
"""The end of a text that a terminal cleared when it went back to the beginning: the prompt of Asterisk's console."""
_PROMPT = re.compile(rb"(?<!\S)[\w.-]{0,64}\*CLI> ?")
_BEFORE_PROMPT = re.compile(rb"(?:[^:]|(?<=\d\d):(?=\d\d)|(?<=\]):)*")
"""A date, a program in brackets: no header, for its sender may have written a prompt into it."""
_COMMAND = re.compile(
    rb"(?:(?:!|(?:acl|agent|agi|aoc|ari|bridge|calendar|cc|cdr|cel|channel|cli|confbridge|config|console|core|dahdi|"
    rb"data|database|devstate|dialplan|dnsmgr|dundi|exit|fax|features|file|geoloc|group|hangup|help|http|iax2|"
    rb"indication|keys|local|logger|manager|media|meetme|memory|message|mgcp|minivm|mixmonitor|module|moh|no|odbc|"
    rb"ooh323|parking|phoneprov|pjproject|pjsip|presencestate|pri|queue|quit|realtime|reload|restart|rtcp|rtp|say|"
    rb"sccp|sip|skinny|sla|sorcery|ss7|stasis|stop|stun|test|timing|transcoder|udptl|ulimit|unistim|uri|voicemail|"
    rb"xmldoc|xmpp)(?= (?!:)|\r*\Z))[^\r]*)?\r*"
)
"""A command that somebody typed there (the first words of `core show help`), or nothing: no line of a message or of the
log."""
_SHOWN_COLOUR = re.compile(rb"(?:#033|\^\[|\\u001b|\\x1b|\\033)\[[0-9;]*m")
_NOT_QUOTED = re.compile(rb"=(?![0-9A-F]{2}|\r?\n|\Z)")
_SOFT_END, _QUOTED_SOFT_END = (
    re.compile(rb"=(?:\r?\n" + quote + rb"|([0-9A-F]{2}))") for quote in (rb"", rb"(?:> ?)*")
)
_BINARY = re.compile(rb"^MESSAGE\n", re.MULTILINE)
AROUND_SAMPLE = 4096
_GOES_ON = re.compile(rb"\n {3,}\xe2\x94\x82 ?")
"""A line that goes on, behind the column in which others have their number."""


_EVENT = re.compile(
    rb"^Event: (\w{5,40})\r?\n((?:\w+: [^\r\n]*\r?\n){0,40}?Service: PJSIP\r?\n(?:\w+: [^\r\n]*(?:\r?\n|\Z))*)",
    re.MULTILINE,
)
"""A security event as the manager interface sends it."""


class UnpackedText(NamedTuple):
    """`numbers` are the numbers (from 0) of the lines that the lines of `text` were made of, None when each is one;
    `exact` is false where that cannot be told."""

    text: bytes
    numbers: Sequence[int] | None = None
    exact: bool = True


def unpack_text(text: bytes) -> UnpackedText:
    """Whole lines without what carried them."""
    numbers: Sequence[int] | None = None
    given = text
    text, sample = _whole(text)
    exact = text is given
    ordered = in_whole_lines(text) or by_file(text)
    if ordered is not None:
        text, numbers = ordered
    steps = [*_STEPS]
    for signs, step, untouched in steps:
        begun = [has for sign, has in signs if sign in text]
        # what shows at the first message that nothing is to be done comes before what reads the whole text
        if not begun or (untouched and untouched(text)) or not any(has(text) for has in begun):
            continue
        if len(steps) == len(_STEPS):  # what was put on may have been put on twice, and in any order
            steps += _STEPS
        lines = text.split(b"\n")
        made = list(step(lines))
        if any(isinstance(one, list) for one in made):
            before = range(len(lines)) if numbers is None else numbers
            numbers = [
                number
                for number, one in zip(before, made, strict=True)
                for _ in (one if isinstance(one, list) else "1")
            ]
        text = b"\n".join(line for one in made for line in (one if isinstance(one, list) else (one,)))
    return UnpackedText(untypeset(strip_links(text, sample)), numbers, exact)


def _whole(text: bytes) -> tuple[bytes, bytes]:
    """The text without what was done to it as a whole, and a sample of it."""
    # The order is that of undoing: what was done last (a mail's transfer encoding, its quotation marks) is taken off
    # first.
    if b"\n" not in text and b"\r" in text:
        text = text.replace(b"\r", b"\n")
    if b"\0" in text:
        text = _binary_fields(text) if b"\nMESSAGE\n" in text else text
        text = text if has_plain(text) else text.translate(None, b"\0")
    sample = _sample(text)
    if _is_quoted_printable(text, sample):
        text = (_QUOTED_SOFT_END if text.startswith(b">") else _SOFT_END).sub(
            lambda found: bytes([int(found[1], 16)]) if found[1] else b"", text
        )
    if b"\n>" in sample:
        text = requote(text)
    if b"\xe2" in text:
        text = _GOES_ON.sub(b"", text)
    if b"\nService: PJSIP" in sample:
        text = _EVENT.sub(_as_logged, text)
    text = strip_cells(join_cells(escapes.part_entries(text), sample), sample)
    return text, sample


def _as_logged(found: re.Match[bytes]) -> bytes:
    """The event as the log has it (res_security_log.c), with the line ends that it had behind it."""
    fields = [line.partition(b": ") for line in found[2].split(b"\n") if line.strip()]
    said = b",".join(name + b'="' + re.sub(rb'(["\\\\])', rb"\\\1", value.strip()) + b'"' for name, _, value in fields)
    return b'SecurityEvent="' + found[1] + b'",' + said + b"\n" * found[0].count(b"\n")


def _uncoloured(line: bytes) -> bytes:
    if b"\r" in line:
        cleared = [found.end() for found in _CLEARED.finditer(line)]
        line = line[cleared[-1] :] if cleared else line.lstrip(b"\r") or line
    line = _COLOUR.sub(b"", line) if b"\x1b" in line else line
    return _SHOWN_COLOUR.sub(b"", line) if b"[" in line else line


def _unprompted(line: bytes) -> bytes | list[bytes]:
    """A line without the console's prompt before it; no line where only a command was typed there."""
    found = _PROMPT.search(line)
    if found is None or _BEFORE_PROMPT.fullmatch(line, 0, found.start()) is None:
        return line
    return [] if _COMMAND.fullmatch(line, found.end()) else line[: found.start()] + line[found.end() :]


def _without_objects(lines: Sequence[bytes]) -> Iterable[bytes | list[bytes]]:
    place = place_in(line for line in lines if b" SIP re" in line or b"callid: " in line)
    if place is None:
        return lines
    made = ((line, of_object(line, place)) for line in lines)
    return (line if found is None else found for line, found in made)


def _sample(text: bytes) -> bytes:
    """The text around the first line that announces a message, or the first sentence: it was treated as the rest."""
    at = text.find(b" SIP re")
    at = text.find(b"callid: ") if at < 0 else at
    return text[max(at - AROUND_SAMPLE, 0) : max(at, AROUND_SAMPLE) + AROUND_SAMPLE]


def _is_quoted_printable(text: bytes, sample: bytes) -> bool:
    """Whether it is a mail as it was sent: `=` at the end of a line, `=3D` for the sign itself, and no other."""
    if (b"=3D" not in sample and b"=\n" not in sample) or (b"=\n" not in text and b"=\r\n" not in text):
        return False
    return _NOT_QUOTED.search(text) is None


def _binary_fields(text: bytes) -> bytes:
    """The journal's export format: a field with a line end or a control character has its length before it."""
    parts, at = [], 0
    for found in _BINARY.finditer(text):
        if found.start() < at or found.end() + 8 > len(text):
            continue
        (size,) = unpack("<Q", text[found.end() : found.end() + 8])
        start = found.end() + 8
        if size > len(text) - start:
            continue
        parts += [text[at : found.start()], b"MESSAGE="]
        at = start
        parts.append(text[at : at + size])
        at += size
    return b"".join((*parts, text[at:]))


def _has(pattern: bytes) -> Callable[[bytes], object]:
    return re.compile(pattern).search


_STEPS: tuple[
    tuple[
        tuple[tuple[bytes, Callable[[bytes], object]], ...],
        Callable[[Sequence[bytes]], Iterable[bytes | list[bytes]]],
        Callable[[bytes], bool] | None,
    ],
    ...,
] = (
    (
        (
            (b"\x1b", _has(rb"\x1b")),
            (b"#", _has(rb"#033\[")),
            (b"^", _has(rb"\^\[\[")),
            (b"\\", _has(rb"\\(?:u001b|x1b|033)\[")),
        ),
        partial(map, _uncoloured),
        None,
    ),
    (((b"*", _has(rb"\*CLI>")),), partial(map, _unprompted), None),
    (((b"{", _has(rb'{"')),), _without_objects, has_bare),
    (
        (
            (b"#", _has(rb"#012")),
            (b"^", _has(rb"\^J")),
            (b"\\", _has(rb"\\(?:n|012|x0[aA]|u000[aA])")),
            (b"%", _has(rb"%0A")),
            (b"\xe2", _has(rb"\xe2(?:\x90\x8a|\x8f\x8e|\x86\xb5|\x80\xa8)")),
            (b"\xc2", _has(rb"\xc2\x85")),
            (b"\x0b", _has(rb"\x0b")),
        ),
        partial(map, escapes.unescape),
        has_plain,
    ),
    (
        (
            (
                b"&",
                _has(
                    rb"&(?:[lg]t;|#(?:60|62|171|187);|#[xX]3[cCeE];|[lr]aquo;|[mn]dash;|amp;lt;)|=&(?:quot|#34|#034|#x22);"
                ),
            ),
            (b"<", _has(rb"<(?:(?:br|pre)[ />]|/(?:p|div|span)>)")),
        ),
        partial(map, strip_marks),
        has_plain,
    ),
)
"""((a byte, what begins with it and is there if the step has anything to do), the step, what shows that it has nothing
to do) in the order in which they were put on. Most logs have none of the bytes, and one byte is found much faster than
anything longer."""

"""What carried a text is taken off it: colours, objects, escapes, marks of web pages, typographic signs.

Each step names what it has to do with, by a byte that logs rarely hold, so that a log that nobody touched costs next to
nothing. A step maps lines to lines; one line may become several (an entry that was escaped or put into an object).
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from struct import unpack
from typing import NamedTuple

from pjsipdiag.capture.text.carried.objects import of_object
from pjsipdiag.capture.text.carried.order import by_file, in_whole_lines

_COLOUR = re.compile(rb"\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07\x1b]{0,200}\x07|\([A-Z0-9])")
_SHOWN_COLOUR = re.compile(rb"(?:#033|\^\[|\\u001b|\\x1b|\\033)\[[0-9;]*m")
_ESCAPED_END = re.compile(rb"(?:-->|--&gt;)[ \"']*(?:#01[25]|\\r|\\n|\\01[25]|\\x0[adAD]|\^M\^J|<br ?/?>)")
_ESCAPE = re.compile(rb'#(0[01][0-7]|033)|\\(0[01][0-7])|\\x(0[9aAdD])|\\([rnt"\\/])|\^([MJI])|<br ?/?>')
_LETTERS = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"M": b"\r", b"J": b"\n", b"I": b"\t"}
_TAG = re.compile(
    rb"</?(?:a|b|i|u|p|br|hr|div|span|pre|code|tt|font|td|tr|th|table|tbody|li|ol|ul|em|strong|html|head|body|title|"
    rb"meta|link|style|blockquote|samp|kbd|small|section|article)(?:[ \t][^<>]{0,400})?/?>",
    re.IGNORECASE,
)
_SIGNS = {
    "\u00a0": " ", "\u2007": " ", "\u202f": " ", "\u2009": " ", "\u3000": " ", "\u200b": "", "\u2060": "", "\ufeff": "",
    "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"', "\u2018": "'", "\u2019": "'",
    "\u201a": "'", "\u2014": "---", "\u2013": "--", "\u2212": "-", "\u2010": "-", "\u2011": "-", "\u2026": "...",
}  # fmt: skip
_SIGN = re.compile("|".join(_SIGNS).encode())
_SMART_OBJECT = re.compile(rb"\{\xe2\x80[\x9c\x9d][a-zA-Z_@]{1,40}\xe2\x80[\x9c\x9d]:")
_ANNOUNCED = re.compile(
    rb"(?:Received|Transmitting) SIP re(?:quest|sponse) \(\d+ bytes\) (?:from|to) [^\n]{3,90}? --->"
)
_GAP, _DASH = rb"[ \xc2\xa0]+", rb"(?:-|\xe2\x80[\x93\x94])+>"
_LINE = _GAP.join(
    (rb"(?:Received|Transmitting)", rb"SIP", rb"re(?:quest|sponse)", rb"\(\d{1,6}", rb"bytes\)", rb"(?:from|to)", rb"")
) + (rb"[^\n]{3,90}?" + _GAP + _DASH)
_PLAIN = re.compile(_LINE + rb"(?![\"' ]*(?:#01[25]|\\[rnx0]|\^M|</?[a-z]))")
_BARE = re.compile(rb"(?:^|(?<=\n))[^{\n]{0,400}" + _LINE)
"""Lines that announce messages with no escape behind them, and without an object around them. Where there is one the
text stands in such lines, and what else looks like an escape or an object was written by the sender of a message."""
_NOT_QUOTED = re.compile(rb"=(?![0-9A-F]{2}|\r?\n|\Z)")
_SOFT_END = re.compile(rb"=(?:\r?\n|([0-9A-F]{2}))")
_OPEN_CELL = re.compile(rb'(?:\A|[,;\t\n])"[^"\n]*<-{1,4} ?(?:Received|Transmitting) SIP [^"\n]*-->\r?\Z', re.DOTALL)
_CELL = re.compile(rb'(^|[,;\t])"((?:[^"]|"")*)"(?=[,;\t\r\n]|\Z)', re.MULTILINE)
"""A line that announces a message at the beginning of a quoted field, and such a field."""
_BINARY = re.compile(rb"^MESSAGE\n", re.MULTILINE)


class Unpacked(NamedTuple):
    """`numbers` are the numbers (from 0) of the lines that the lines of `text` were made of, None when each is one;
    `exact` is false where that cannot be told."""

    text: bytes
    numbers: Sequence[int] | None = None
    exact: bool = True


def unpacked(text: bytes) -> Unpacked:
    """Whole lines without what carried them."""
    numbers: Sequence[int] | None = None
    given = text
    if b"\n" not in text and b"\r" in text:
        text = text.replace(b"\r", b"\n")
    if b"\0" in text and b"\nMESSAGE\n" in text:
        text = _binary_fields(text)
    if _is_quoted_printable(text):
        text = _SOFT_END.sub(lambda found: bytes([int(found[1], 16)]) if found[1] else b"", text)
    if b"\xe2" in text and _SMART_OBJECT.search(text):
        text = _SIGN.sub(_typed, text)
    if _is_cell(text):
        text = _CELL.sub(_uncelled, text)
    exact = text is given
    ordered = in_whole_lines(text) or by_file(text)
    if ordered is not None:
        text, numbers = ordered
    steps = [*_STEPS]
    for signs, step, plain in steps:
        if not any(sign in text and has(text) for sign, has in signs) or (plain and plain.search(text)):
            continue
        if len(steps) == len(_STEPS):  # what was put on may have been put on twice, and in any order
            steps += _STEPS
        lines = text.split(b"\n")
        made = [step(line) for line in lines]
        if any(isinstance(one, list) for one in made):
            before = numbers or range(len(lines))
            numbers = [
                number
                for number, one in zip(before, made, strict=True)
                for _ in (one if isinstance(one, list) else "1")
            ]
        text = b"\n".join(b"\n".join(one) if isinstance(one, list) else one for one in made)
    return Unpacked(_without_signs(text), numbers, exact)


def _is_cell(text: bytes) -> bool:
    """Whether messages stand in quoted fields of a table (RFC 4180), over several lines."""
    at = text.find(b" SIP re")
    start, end = text.rfind(b"\n", 0, at) + 1, text.find(b"\n", at)
    return at >= 0 and _OPEN_CELL.search(text, start, end) is not None


def _uncelled(found: re.Match[bytes]) -> bytes:
    return found[0] if b"\n" not in found[2] else found[1] + found[2].replace(b'""', b'"')


def _uncoloured(line: bytes) -> bytes:
    line = _COLOUR.sub(b"", line) if b"\x1b" in line else line
    return _SHOWN_COLOUR.sub(b"", line) if b"[" in line else line


def _object(line: bytes) -> bytes | list[bytes]:
    found = of_object(line)
    return line if found is None else found


def _unescaped(line: bytes) -> bytes | list[bytes]:
    """An entry whose line ends were written as text: rsyslog's #012, a language's \\n, a terminal's ^J."""
    if _ESCAPED_END.search(line) is None:
        return line
    return _ESCAPE.sub(_character, line).rstrip(b"\n").split(b"\n")


def _character(found: re.Match[bytes]) -> bytes:
    octal, other, hexadecimal, letter, control = found.groups()
    if octal or other:
        return bytes([int(octal or other, 8)])
    if hexadecimal:
        return bytes([int(hexadecimal, 16)])
    return _LETTERS.get(letter or control, letter) if letter or control else b"\n"


def _unmarked(line: bytes) -> bytes | list[bytes]:
    """A line of a web page: tags go, entities become what they stand for; twice where it was escaped twice."""
    line = re.sub(rb"(?i)<br ?/?>|</(?:p|div|li|tr)>", b"\n", line)
    line = _TAG.sub(b"", re.sub(rb"(?i)</t[dh]>(?=\s*<t[dh])", b" ", line))
    for _ in range(2):
        if b"&" in line:
            line = html.unescape(line.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    return line.removesuffix(b"\n").split(b"\n") if b"\n" in line else line


def _without_signs(text: bytes) -> bytes:
    """Typographic signs become what was typed, where they stand in the lines that announce messages: there Asterisk
    writes none of them. Elsewhere they may belong to a name."""
    at = next((at for needle in (b"Received", b"Transmitting") if (at := text.find(needle)) >= 0), -1)
    if at < 0 or (b"\xc2" not in text and b"\xe2" not in text) or _ANNOUNCED.search(text):
        return text
    return _SIGN.sub(_typed, text)


def _typed(found: re.Match[bytes]) -> bytes:
    return _SIGNS[found[0].decode()].encode()


def _is_quoted_printable(text: bytes) -> bool:
    """Whether it is a mail as it was sent: `=` at the end of a line, `=3D` for the sign itself, and no other."""
    return _NOT_QUOTED.search(text) is None and b"=3D" in text and (b"=\n" in text or b"=\r\n" in text)


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
        Callable[[bytes], bytes | list[bytes]],
        re.Pattern[bytes] | None,
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
        _uncoloured,
        None,
    ),
    (((b"{", _has(rb'{"')),), _object, _BARE),
    (
        (
            (b"#", _has(rb"#012")),
            (b"^", _has(rb"\^J")),
            (b"\\", _has(rb"\\(?:n|012|x0[aA])")),
        ),
        _unescaped,
        _PLAIN,
    ),
    (
        (
            (b"&", _has(rb"&(?:lt;-|gt;|#60;|#x3c;|amp;lt;)")),
            (b"<", _has(rb"<(?:(?:br|pre)[ />]|/(?:p|div|span)>)")),
        ),
        _unmarked,
        _PLAIN,
    ),
)
"""((a byte, what begins with it and is there if the step has anything to do), the step, what shows that it has nothing
to do) in the order in which they were put on. Most logs have none of the bytes, and one byte is found much faster than
anything longer."""

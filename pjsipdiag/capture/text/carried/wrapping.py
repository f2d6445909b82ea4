"""Lines that a terminal, a mail program or a page broke at a width are joined again.

Law: a text was broken at W columns when no line is longer, several are as long as that, and what follows them does not
begin as a line of a log or of SIP does. A line of W columns then goes on in the next; where a program breaks at blanks,
a line goes on when the first word of the next one would not have fitted.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

from pjsipdiag.dataclass import NamedTuple

NARROWEST, WIDEST = 30, 320
SAMPLE_LINES, FIRST_LINES = 4000, 400
"""Lines that are looked at to find the width, and those that show whether any was broken."""
FEW_LINES = 40
"""Lines of what somebody quotes: so few show little of how they were broken."""
TERMINALS = (80, 100, 120, 132, 160, 200)
"""The usual columns of terminals, which break in the middle of words."""
_BEGINS = re.compile(
    rb"[ \t]*(?:\d{1,9}(?: {1,2}|$))?(?:$|\[[^\]\n]{5,40}\](?![:;>,])|<-+ |-- |== |[A-Z][a-z]{2} [ \d]\d \d\d:"
    rb"|\d{4}-\d\d-\d\d[T ]|\d+[:\t|-]|\{|SIP/2\.0 \d|[A-Z]{3,10} (?:sips?|tel):"
    rb"|[A-Za-z][A-Za-z-]{0,30}[ \t]*:(?: +\S|$)|[a-z]=\S|(?:VERBOSE|NOTICE|WARNING|ERROR|DEBUG|SECURITY)\[)"
)
"""How a line of a log or of a message begins."""
MOST_ALIKE = 3
"""Lines that may be as long as the longest one by chance are fewer."""
_STRONG = re.compile(
    rb"[ \t]*(?:\d{1,9} {1,2})?(?:$|\[[^\]\n]{5,40}\] ?[A-Z]+\[|<--- |SIP/2\.0 \d\d\d |[A-Z]{3,10} sips?:\S+ SIP/2"
    rb"|(?:Via|From|To|Call-ID|CSeq|Contact|Max-Forwards|User-Agent|Server|Allow|Supported|Content-Type|"
    rb"Content-Length|WWW-Authenticate|Authorization|Require|Expires|Date|Record-Route|Route|Reason|Accept):"
    rb"|v=0\s*$|o=\S+ \d+ \d|c=IN IP[46] |m=(?:audio|video|image|application) \d)"
)
"""A beginning that is certain: such a line never goes on from the one before."""


_REQUOTED = re.compile(rb"^>[^\n]*(?:\n(?![>\s])[^\n]+)+", re.MULTILINE)
_NUMBER = re.compile(rb"[ \t]*(\d{1,9})(?:[:\t|-]| {1,2})")


class Wrapping(NamedTuple):
    """How a text was broken: after `width` columns, at blanks when `words`; `prefix` stands before every line
    that there was, broken or not, `usual` before most lines that there were before, or they were `numbered`. `counted`:
    a number stands before each line as it is now, `doubled`: an empty line behind each; `hang` stands before what goes
    on; `flowed`: what goes on follows a line that ends with a blank (RFC 3676)."""

    width: int
    words: bool
    prefix: bytes = b""
    usual: bytes = b"\n"
    numbered: bool = False
    counted: bool = False
    doubled: bool = False
    hang: bytes = b""
    flowed: bool = False


class _Looked(NamedTuple):
    """Lines as they were looked at: `prefix` to `doubled` as in Wrapping, `lines` without these, `lengths` in columns.

    `odd` are pairs of a line's columns and the next line, where that does not begin as a line does; `flowed`: how many
    of them end with a blank; `widest`: the columns of the longest that could have been broken."""

    prefix: bytes
    usual: bytes
    counted: bool
    doubled: bool
    lines: list[bytes]
    lengths: list[int]
    odd: list[tuple[int, bytes]]
    flowed: int
    widest: int


def find_wrapping(text: bytes) -> tuple[Wrapping, ...]:
    """How the lines of `text` were broken, none when they were not; where a few sentences are all that there is, the
    likelier way and the other one, at blanks and in words."""
    lines = [line.rstrip(b"\r") for line in text.split(b"\n", SAMPLE_LINES)[:SAMPLE_LINES]]
    # Most logs are settled by their first lines: one that is long, or none that goes on. Only then SAMPLE_LINES
    # are read.
    if any(len(line) > WIDEST * 2 for line in lines[:200]) or not _looked_at(lines[:FIRST_LINES]).odd:
        return ()
    looked = _looked_at(lines)
    if looked.odd and looked.flowed * 10 > len(looked.odd) * 9 and len(looked.odd) > 1:
        return (Wrapping(looked.widest, True, looked.prefix, looked.usual, doubled=looked.doubled, flowed=True),)
    # One line may have become longer than all others, for the mark of a page or a quotation stands before it.
    *_, second, first = (0, 0, *sorted(looked.lengths))
    widths = (second, first, looked.widest)
    found = (how for width in widths if NARROWEST <= width <= WIDEST and (how := _at(width, looked)))
    how = next(found, None)
    if len(lines) > FEW_LINES or b"SIP/2.0" in text:  # of messages, a guess might be what a sender wants
        return (how,) if how else ()
    if how is None and len(looked.odd) == 1:
        ((width, _),) = looked.odd
        how = Wrapping(width, width not in TERMINALS, looked.prefix, looked.usual)
    return (how, how._replace(words=not how.words)) if how else ()


def _at(width: int, looked: _Looked) -> Wrapping | None:
    """How the lines were broken if it was there, None when they were not."""
    prefix, usual, counted, doubled, lines, _, odd, *_ = looked
    hang = _hang(odd)
    odd = [(length, after.removeprefix(hang)) for length, after in odd]
    tight = [n for n, after in odd if n <= width < n + 1 + _columns(after.split(b" ", 1)[0])]
    # Lines go on by chance, too (a header's continuation, a stack trace): two thirds of them must end at the width.
    if len(tight) < 2 or len(tight) * 3 < len(odd) * 2:
        return None
    # a blank in the last column may have been trimmed
    words = sum(length < width - 1 for length in tight) * 12 > len(tight)
    return Wrapping(width, words, prefix, usual, _rising(lines) * 3 > len(lines), counted, doubled, hang)


def _hang(odd: list[tuple[int, bytes]]) -> bytes:
    """The blanks that stand before most of what goes on in a next line."""
    blanks = Counter(after[: len(after) - len(after.lstrip(b" "))] for _, after in odd)
    hang = min((one for one in blanks if len(one) > 1), key=len, default=b"")
    return hang if sum(n for one, n in blanks.items() if one.startswith(hang)) * 10 > len(odd) * 8 else b""


def _looked_at(lines: list[bytes]) -> _Looked:
    doubled = _is_doubled(lines)
    lines = lines[_parity(lines) :: 2] if doubled else lines
    counted = _rising(lines) * 10 > len(lines) * 9
    lines = [_NUMBER.sub(b"", line, count=1) for line in lines] if counted else lines
    prefix = _prefix(lines)
    lines = [line[len(prefix) :] for line in lines]
    usual, lengths = _usual(lines), [_columns(line) for line in lines]
    pairs = zip(lengths, lines[1:], strict=False)
    odd = [(length, after) for length, after in pairs if length > 15 and after and not _begins(after, usual)]
    ends = pairwise(lines)
    flowed = sum(one.endswith(b" ") and bool(after) and not _begins(after, usual) for one, after in ends)
    widest = max((length for length, line in zip(lengths, lines, strict=True) if b" " in line.strip()), default=0)
    return _Looked(prefix, usual, counted, doubled, lines, lengths, odd, flowed, widest)


def join_lines(text: bytes, how: Wrapping) -> tuple[bytes, list[int]]:
    """The text with its lines joined, and the number (from 0) of the first line that each one was made of."""
    made: list[bytes] = []
    numbers: list[int] = []
    last, count = 0, -1
    open_line = False
    rows = list(enumerate(text.split(b"\n")))
    for number, raw in rows[_parity([line for _, line in rows]) :: 2] if how.doubled else rows:
        line = raw.rstrip(b"\r")
        line = _NUMBER.sub(b"", line, count=1) if how.counted else line
        line = b"" if line == how.prefix.rstrip() else line.removeprefix(how.prefix)
        is_next = how.numbered and _number(line) == count + 1
        count = _number(line) if is_next or count < 0 else count
        more = line.removeprefix(how.hang)
        if open_line and line and not is_next and line.startswith(how.hang) and _goes_on(last, more, how, made[-1]):
            made[-1] += _gap(made[-1], last, more, how) + more
        else:
            made.append(line)
            numbers.append(number)
        last, open_line = _columns(line), bool(line)
    return b"\n".join(made), numbers


def requote(text: bytes) -> bytes:
    """The text with those lines joined that were broken after a mail program had quoted them: what goes on has no
    mark."""
    lines = [line.rstrip(b"\r") for line in text.split(b"\n", FIRST_LINES)[:FIRST_LINES]]
    quoted = sum(line.startswith(b">") for line in lines)
    broken = [one for one, two in pairwise(lines) if one and two.strip() and not two.startswith(b">")]
    if sum(line.startswith(b">") for line in broken) < 2 or quoted * 2 < len(lines):
        return text
    # A terminal breaks every line at its width, a mail program before a word that does not fit.
    width = max(map(_columns, lines))
    if {width - 1, width}.issuperset(map(_columns, broken)):
        return _unbroken(text, width)
    return _REQUOTED.sub(lambda found: re.sub(rb" ?\r?\n", b" ", found[0]), text)


def _unbroken(text: bytes, width: int) -> bytes:
    """Quoted lines as they were before a terminal broke them."""
    made: list[bytes] = []
    last, goes_on = 0, False
    for line in text.split(b"\n"):
        bare = line.rstrip(b"\r")
        is_arrow = bare == b">" and goes_on and made[-1].endswith(b"-")
        if goes_on and (is_arrow or (bare and not bare.startswith(b">"))):
            made[-1] = made[-1].rstrip(b"\r") + b" " * (width - last) + line
        else:
            made.append(line)
        last = _columns(bare)
        goes_on = last >= width - 1  # a blank in the last column may have been trimmed
    return b"\n".join(made)


def _goes_on(last: int, line: bytes, how: Wrapping, before: bytes) -> bool:
    if how.flowed:
        return before.endswith(b" ") and not _begins(line, how.usual)
    if last >= how.width:
        return not (line.startswith(how.usual) or _STRONG.match(line))
    if not how.words:
        return last == how.width - 1 and not _begins(line, how.usual)
    if last + 1 + _columns(line.split(b" ", 1)[0]) <= how.width:
        return False
    return not _begins(line, how.usual)


def _gap(before: bytes, last: int, line: bytes, how: Wrapping) -> bytes:
    """The blank at which a line was broken; none in the middle of a word that is longer than a line."""
    if not how.words or before.endswith(b" "):
        return b" " if last < how.width and not how.words else b""
    word = _columns(before.rsplit(b" ", 1)[-1]) + _columns(line.split(b" ", 1)[0])
    return b"" if last >= how.width and word > how.width else b" "


def _begins(line: bytes, usual: bytes) -> bool:
    return line.startswith(usual) or _BEGINS.match(line) is not None


def _number(line: bytes) -> int:
    """The number that a line begins with, -1 for none."""
    found = _NUMBER.match(line)
    return int(found[1]) if found else -1


def _rising(lines: list[bytes]) -> int:
    """How many lines begin with the number that follows that of the numbered line before."""
    found = [number for line in lines if (number := _number(line)) >= 0]
    return sum(after == number + 1 for number, after in pairwise(found))


def _is_doubled(lines: list[bytes]) -> bool:
    """Whether an empty line stands behind each line."""
    return len(lines) > 20 and not any(line.strip() for line in lines[1 - _parity(lines) :: 2])


def _parity(lines: list[bytes]) -> int:
    """Whether the lines that are not empty stand at 0, 2, 4 or at 1, 3, 5."""
    return int(sum(map(bool, lines[1:200:2])) > sum(map(bool, lines[:200:2])))


def _usual(lines: list[bytes]) -> bytes:
    """How most lines begin; what no line begins with when they do not begin alike."""
    starts = Counter(line[:6] for line in lines if len(line) > 6)
    start, count = starts.most_common(1)[0] if starts else (b"", 0)
    return start if count * 3 > len(lines) else b"\n"


def _columns(line: bytes) -> int:
    return len(line) if line.isascii() else len(line.decode("utf-8", "replace"))


def _prefix(lines: list[bytes]) -> bytes:
    """The text before every line that is not empty: a quotation's marks, an indentation, a container's name."""
    known = [line for line in lines if line.strip(b" \t>|")]
    low, high = min(known, default=b""), max(known, default=b"")
    alike = next((at for at, (one, other) in enumerate(zip(low, high, strict=False)) if one != other), len(low))
    prefix = low[:alike].partition(b"[")[0]
    end = max(prefix.rfind(b" "), prefix.rfind(b"\t"), prefix.rfind(b">"), prefix.rfind(b"|")) + 1
    return prefix[:end]


_ANNOUNCES = re.compile(rb"res_pjsip_logger|<-{2,3} ?(?:Received|Transmitting)")
_ANNOUNCED = re.compile(rb"<-{2,3} ?(?:Received|Transmitting) [^\n]{20,160}? ?-{2,3}>")


def cut_after(text: bytes) -> int:
    """The columns after which the lines of a text were cut, so that what announces messages lacks its end; 0 where
    they were not. Several lines are as long as that then, and none is longer."""
    if b"res_pjsip_logger" not in text and b"<--" not in text:
        return 0  # nothing is announced
    lines = [line.rstrip(b"\r") for line in text.split(b"\n")]
    width = max(map(len, lines))
    longest = {line for line in lines if len(line) == width}
    cut = any(_ANNOUNCES.search(line) and not _ANNOUNCED.search(line) for line in longest)
    return width if cut and len(longest) >= MOST_ALIKE and NARROWEST <= width <= WIDEST else 0

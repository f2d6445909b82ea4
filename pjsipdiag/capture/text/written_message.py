"""The SIP message behind a line that announces one, as Asterisk wrote it, whatever happened to the text since.

Law: Asterisk says how many bytes follow. Where the lines, each ended by CRLF and without what stands around it, have
that many bytes, the message is what was on the wire. Else the text was changed, and the message is put together by what
SIP is: a first line, headers, an empty line, and the body that Content-Length tells.
"""

# ruff: noqa: E501  (an expression is read more easily in one line)
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pjsipdiag.capture.streams.start import START
from pjsipdiag.capture.text.line_frame import LONGEST_HEAD, frame, widen
from pjsipdiag.capture.text.message_structure import HEADER_NAME, RestoredMessage, by_structure, single_spaced, unglued
from pjsipdiag.dataclass import NamedTuple

_KNOWN = rb"(?:INVITE|ACK|BYE|CANCEL|OPTIONS|REGISTER|PRACK|SUBSCRIBE|NOTIFY|PUBLISH|INFO|REFER|MESSAGE|UPDATE)"
START_LINE = re.compile(
    rb"(?P<line>" + _KNOWN + rb" [a-zA-Z]{2,5}:(?:\S+|[^\s<]*<[^<>\n]{1,60}>[^\s<]*) SIP/2\.0"
    rb"|SIP/2\.0 [1-6][0-9][0-9]\b.*)",
    re.DOTALL,
)
"""The first line of a message, wherever it stands; what somebody put in the place of a host may hold blanks."""
_FIRST = re.compile(rb"(?P<before>(?:.*?[^A-Za-z0-9])??)" + START_LINE.pattern, re.DOTALL)
"""A first line behind what stands before each line. It is to be matched: a search would try each place of a line."""
_ODD_METHOD = re.compile(rb"\s*(?P<line>[A-Za-z0-9.!%*_+`'~-]{1,32} [a-zA-Z]{2,5}:\S+ SIP/2\.0)")
_NAME = re.compile(rb"[A-Za-z][A-Za-z0-9.!%*_+`'~-]{0,63}[ \t]*:[ \t]")
_USUAL = re.compile(
    rb"(?i)(?:Via|v|From|f|To|t|Call-ID|i|CSeq|Contact|m|Max-Forwards|Record-Route|Route|User-Agent|Server)[ \t]*:"
)
_ENTRY = re.compile(
    rb"(?:VERBOSE|NOTICE|WARNING|ERROR|DEBUG|SECURITY|DTMF|FAX)(?:\x1b\[[0-9;]*m)*\[\d+\]|^ {1,4}(?:--|==|>) |<-{1,4} ?(?:Rec|Tra)"
)
"""The beginning of another entry of the log: no line of a message holds it."""
_SOUND = re.compile(rb"[^\r].*+\n(?>(?:[A-Za-z0-9.!%*_+`'~-]{1,64}+[ \t]*+:|[ \t]).*+\n)++\r\n")
"""A first line, headers and an empty line, where CR stands before each LF and nowhere else."""
_UNLIKE = re.compile(rb"\n[0-9 \t>]|\^M")
"""Bytes that may belong to what stands before a line, or that were changed."""
_DOTTED = re.compile(rb"(?:SIP/2\.0|SIP/2\.0 \d{3} [^.\n]{0,40})\.{2,4}[A-Za-z-]{1,30}: ")
"""A whole message in one line with dots for line ends, which may be dots of the message, too."""
MOST_FOREIGN = 200
"""Lines of others in a row, between two of a message: an entry of the journal has about 25 fields."""
LONGEST_RESTORED = 1 << 17


class BareLine(NamedTuple):
    """A line without what stands around it: its number from the announcing line on, whether it ends with CR, and
    whether it looks like another entry of the log."""

    text: bytes
    number: int
    ended: bool
    entry: bool


class _Content(NamedTuple):
    """The lines of a message. `used`: so many lines of the text, where they have the length that was announced."""

    lines: list[bytes]
    used: int = 0


def of_length(text: bytes, start: int, size: int, *, alone: bool) -> tuple[bytes, int] | None:
    """The message of `size` bytes that stands at `start` as it was on the wire, and where it ends; None where it was
    changed. It may have lost the CR of all its lines, where nothing stands behind these (`alone`)."""
    # Asterisk's length counts CRLF; an editor or a collector may have taken all CR away. Then the length alone proves
    # little, so nothing else may stand on the announcing line, and all must look like a message without an entry in it.
    payload, stop = text[start : start + size], start + size
    if b"\r" not in payload:
        payload = payload.replace(b"\n", b"\r\n")[:size]
        stop -= payload.count(b"\n")
        if not alone or payload.endswith(b"\r") or (b"^" in payload and b"^M\r" in payload):
            return None
        if not _SOUND.match(payload) or _holds_entry(payload):
            return None
    elif payload.count(b"\n") != payload.count(b"\r\n") and b"\r\n\r\n" not in payload:
        return None
    elif payload[payload.find(b"\n") - 2 :].startswith(b"\r\r") or b"\n>From" in payload:
        return None  # CR was doubled on its way, or a mailbox put a mark before a header
    if len(payload) < size or text[stop : stop + 1] not in (b"", b"\n", b"\r") or not START.match(payload):
        return None
    return payload, stop


def restore(lines: Iterable[bytes], behind: bytes, size: int | None, tail: bytes = b"") -> RestoredMessage | None:
    """The message that `lines` begin with, None when there is none. `behind` is what stands behind the announcing
    line, `size` the length that it tells, `tail` what the written form puts behind each line."""
    first = _FIRST.match(behind) or START_LINE.search(behind)
    if first is not None:
        return by_structure(unglued(behind[first.start("line") :], behind[: first.start("line")].strip(b"\r")), size)
    content, used = _measured(bare_lines(iter(lines), behind, tail), size)
    if not content:
        return None
    if used:
        text = b"".join(line + b"\r\n" for line in content)
        # Lines may be longer than they were: what replaced a host, or LF alone in the message, would cut the last header.
        if b"\r\n\r\n" not in text[:size]:
            return by_structure(content, size)._replace(used=used)
        return RestoredMessage(text[:size], True, True, used)
    if len(content) == 1:
        content = unglued(content[0], b" ")
    return by_structure(single_spaced(content), size)


def of_alike(text: bytes, start: int, end: int, size: int) -> RestoredMessage | None:
    """`restore`, faster, where the very same bytes stand before all lines and CR was lost; None where it may differ."""
    line = text[start : max(start, text.find(b"\n", start, end))]
    first = _FIRST.match(line)
    if first is None or first.end() < len(line) or not 0 < len(before := first["before"]) <= LONGEST_HEAD:
        return None
    lines = text[start : min(end, start + 4 * size)]
    content = lines[len(before) :].replace(b"\n" + before, b"\r\n")
    payload, ended = content[:size], content[size - 2 : size] == b"\r\n"
    count = payload.count(b"\n")
    if not (ended or content[size : size + 2] == b"\r\n") or count != payload.count(b"\r\n") or b"\r" in lines:
        return None
    odd = _UNLIKE.search(payload) or _DOTTED.search(line) or _holds_entry(before) or _holds_entry(payload)
    return None if odd or _SOUND.match(payload) is None else RestoredMessage(payload, True, True, count + (not ended))


def bare_lines(lines: Iterator[bytes], behind: bytes, tail: bytes) -> Iterator[BareLine]:
    """The lines from the first of the message on, as long as they stand in the same frame."""
    first, line, used = _first(lines)
    if first is None or _DOTTED.search(line) is not None:
        return
    text, rest = first["line"], line[first.end() :]
    before = first["before"] if "before" in first.groupdict() else b""
    if text.startswith(b"SIP/2.0"):
        text, rest = _without_tail(text, behind if behind.strip() else tail), behind
    around = frame(before, rest if rest.strip() else tail)
    yield BareLine(text.rstrip(b"\r"), used, line != _bare(line) or text[-1:] == b"\r", False)
    foreign = 0
    for second, raw in enumerate(lines):
        used += 1
        line = _bare(raw)
        content = around.strip(line)
        # The first line follows the announcing one directly and may lack what stands before the others.
        if content is None and (not second or not foreign) and (header := _first_header(line)) is not None:
            # only the first line has this head: the others have their own, or none; or words of it vary
            other = line[:header]
            around = widen(before, other, around) if len(other.split()) == len(before.split()) else frame(other, tail)
            before = other
            content = around.strip(line)
        if content is None:
            foreign += 1
            if foreign > MOST_FOREIGN or (around.blank and line.strip()):
                return
            continue
        foreign = 0
        bare = _bare(content)
        entry = begins_entry(bare) or _holds_entry(line[: len(line) - len(content)])
        yield BareLine(bare, used, raw != line or bare != content, entry)


def _measured(lines: Iterator[BareLine], size: int | None) -> _Content:
    """The lines until they have the announced length, or until another entry begins.

    A body may hold what looks like entries, for its sender wants them to be taken for the log's. So it is read on behind
    them until the length is reached, where an entry follows; where CR was lost every line may have ended
    with LF alone, so the length is known but for one byte a line. Where that leads to nothing, the entry was one.
    """
    found: list[bytes] = []
    # `total` counts CRLF for every line while it is not known that CR was kept, `least` only the CR that were seen: the
    # true length lies between. `headers` is -1 before the first line, None behind the empty one.
    total = least = entry = used = 0
    headers: int | None = -1
    kept = False  # whether the text kept CR before LF
    sound = True  # the lines so far are those of a message: without that their length is an accident
    for text, number, ended, is_entry in lines:
        if is_entry and not entry:
            if headers is not None or not size:
                break
            entry = len(found)
        if entry and is_entry and size is not None and _may_fit(size, total, least, found[-1]):
            used = number - 1
        found.append(text)
        kept = ended if headers == -1 else kept
        total += len(text) + 1 + (ended or not kept)
        least += len(text) + 1 + ended
        if headers is not None:
            sound = sound and (
                headers != 0 if not text else headers < 0 or text[:1] in b" \t" or HEADER_NAME.match(text) is not None
            )
            headers = headers + 1 if text else None
        if size is not None and sound and not entry and _fits(total, size, headers is None and bool(text)):
            return _Content(found, number)
        # A text that was changed may be longer than the message was, so more lines than announced are collected; behind
        # an entry every line must fit.
        if (least if entry else total - 4096) > (size or LONGEST_RESTORED):
            break
    else:
        used = number if entry and size is not None and _may_fit(size, total, least, found[-1]) else used
    return _Content(found, used) if used and sound else _Content(found[: entry or None])


def begins_entry(line: bytes) -> bool:
    """Whether a line looks like the beginning of an entry of the log; a header may hold what looks like one."""
    return _holds_entry(line) and _NAME.match(line) is None


def _holds_entry(text: bytes) -> bool:
    return (b"[" in text or b"<-" in text or text.startswith(b" ")) and _ENTRY.search(text) is not None


def _may_fit(size: int, total: int, least: int, last: bytes) -> bool:
    """Whether `size` fits, with or without the line end that Asterisk puts behind a message."""
    return least <= size <= total or (not last and least - 2 <= size <= total - 1)


def _fits(total: int, size: int, in_body: bool) -> bool:
    """Whether the length is reached; the last line of a body need not be ended."""
    return total == size or (in_body and total - 2 == size)


def _first(lines: Iterator[bytes]) -> tuple[re.Match[bytes] | None, bytes, int]:
    """The first line of a message, the line that it stands in, and how many lines that took."""
    for number, raw in enumerate(lines, 1):
        line = _bare(raw)
        found = _FIRST.match(line) or _ODD_METHOD.match(line)
        if found is not None:
            return found, line, number
        if number > MOST_FOREIGN or _holds_entry(line):
            break
    return None, b"", 0


def _bare(line: bytes) -> bytes:
    """A line without its CR, which a viewer may show as ^M, and without what a mailbox puts before `From`; the empty one
    where the journal shows a CR alone as a blob."""
    line = line.rstrip(b"\r")
    if line == b"[1B blob data]":
        return b""
    line = line[1:] if line.startswith(b">From") else line
    return line.removesuffix(b"$").removesuffix(b"^M") if line.endswith((b"^M", b"^M$")) else line


def _without_tail(text: bytes, behind: bytes) -> bytes:
    """The first line of an answer: what stands behind the announcing line stands behind it too."""
    tail = frame(b"", behind).tail
    found = tail.search(text) if tail is not None else None
    return text[: found.start()] if found else text


def _first_header(line: bytes) -> int | None:
    return found.start() if (found := _USUAL.search(line)) else None

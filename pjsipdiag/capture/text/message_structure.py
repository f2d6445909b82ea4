"""A message of a text that was changed on its way, put together by what SIP is: a first line, headers, an empty line,
and the body that Content-Length tells."""

from __future__ import annotations

import re

from pjsipdiag.dataclass import NamedTuple

HEADER_NAME = re.compile(rb"[A-Za-z0-9.!%*_+`'~-]{1,64}[ \t]*:")
_SDP = re.compile(rb"[vosiuepcbtrzkam]=")
_NEEDED = (
    rb"\n(?:via|v)[ \t]*:",
    rb"\n(?:from|f)[ \t]*:",
    rb"\n(?:to|t)[ \t]*:",
    rb"\n(?:call-id|i)[ \t]*:",
    rb"\ncseq[ \t]*:",
)
_COMPLETE = tuple(re.compile(name, re.IGNORECASE) for name in _NEEDED)
_LENGTH = re.compile(rb"\n(?:content-length|l)[ \t]*:[ \t]*(\d{1,6})", re.IGNORECASE)
_WELL_KNOWN = (
    rb"(?:Via|From|To|Call-ID|CSeq|Contact|Max-Forwards|User-Agent|Server|Allow|Supported|Content-Type|"
    rb"Content-Length|WWW-Authenticate|Authorization|Proxy-Authorization|Require|Expires|Date|Record-Route|Route|Reason|"
    rb"Accept|P-[A-Z][A-Za-z-]{1,60}|X-[A-Za-z-]{1,60}|Session-Expires|Min-SE|Diversion|Privacy|Event|Content-Disposition|"
    rb"Subscription-State|Proxy-Authenticate|Allow-Events|Refer-To|Referred-By|RSeq|RAck|Min-Expires|Retry-After|"
    rb"Identity|History-Info|Remote-Party-ID|Accept-[A-Z][a-z]+|Unsupported|Warning|Path|Service-Route|MIME-Version|"
    rb"Organization|Subject|Timestamp|SIP-ETag|SIP-If-Match|Alert-Info|Call-Info|Replaces|User-to-User):[ \t]"
)
_NAMED = re.compile(rb"(?<![^\s:>|\]])" + _WELL_KNOWN)
_RUN = rb"(?<![ \t][ \t])[ \t]"
"""Blanks from their first on, or from the second, for a header name takes one."""
_GLUED, _GLUED_TIGHTLY = (re.compile(_RUN + some + rb"(" + _WELL_KNOWN + rb")") for some in (rb"+", rb"*"))
_BODY = rb"(?=(?:v=0|o=\S{1,200} \d|s=\S|c=IN |t=\d+ \d|m=(?:audio|video|image|application|text) |a=[a-z]|<\?xml ))"
_GLUED_BODY, _GLUED_BODY_TIGHTLY = (re.compile(_RUN + some + _BODY) for some in (rb"+", rb"*"))

_LEFT_OUT = re.compile(
    rb"(?:-{2,}+|[\[<(*-]*+\s*+(?:\.{2,}+|\xe2\x80\xa6|\.*snip\w*+\.*+)\s*+[\])>*-]*+)\s*+", re.IGNORECASE
)
"""A line in the place of others: `grep -A` writes two dashes, people dots."""


class RestoredMessage(NamedTuple):
    """`exact`: it has the length that was announced, in `used` lines; `whole`: all headers that every message has are
    there."""

    payload: bytes
    exact: bool
    whole: bool
    used: int = 0


def by_structure(lines: list[bytes], size: int | None) -> RestoredMessage:
    """The message that lines make, where all of them are of it, or without what somebody else put in between, where
    that has the length that was announced."""
    found = _put_together(lines, size)
    if size is None or found.exact:
        return found
    without = _put_together(_without_others(lines), size)
    return without if without.exact else found


def _without_others(lines: list[bytes]) -> list[bytes]:
    """The lines without those that are none of a message, and headers without what stands before them: names and times
    of a chat, numbers of a page."""
    lines = [line for at, line in enumerate(lines) if not at or line != lines[at - 1]]  # two consoles write all twice
    end = next((at for at, line in enumerate(lines) if not line.strip()), len(lines))
    own = (line[max(_header_at(line), 0) :] for line in lines[1:end] if _header_at(line) >= 0)
    return [lines[0], *own, *(line for line in lines[end:] if not line.strip() or _SDP.match(line))]


def _header_at(line: bytes) -> int:
    """Where a header begins in a line, -1 where none does."""
    if HEADER_NAME.match(line) or line[:1] in (b" ", b"\t"):
        return 0
    found = _NAMED.search(line)
    return found.start() if found else -1


def _put_together(lines: list[bytes], size: int | None) -> RestoredMessage:
    """Headers up to the first empty line or to what begins a body, and the body that Content-Length tells."""
    head = [lines[0].rstrip()]
    at = 1
    for at, line in enumerate(lines[1:], 1):
        if not line.strip():
            at += 1  # noqa: PLW2901  (the body begins behind the empty line)
            break
        if line.startswith((b"v=0", b"<?xml")):
            break
        if HEADER_NAME.match(line) or line[:1] in (b" ", b"\t"):
            head.append(line.rstrip())
        elif _LEFT_OUT.fullmatch(line):
            continue
        # It is no header and no room is left for it: it belongs to the log, not to a broken header.
        elif size is not None and sum(map(len, head)) + 2 * len(head) + len(line) > size:
            break
        else:
            head[-1] += line  # it was broken
    else:
        at = len(lines)
    text = b"".join(line + b"\r\n" for line in head)
    length = _LENGTH.search(text)
    body = b""
    wanted = int(length[1]) if length else None
    for line in lines[at:] if wanted is None or wanted > 0 else ():
        if wanted is not None and len(body) >= wanted:
            break
        if not line.strip() and not body:
            continue
        # Without Content-Length the body of a datagram reaches to its end (RFC 3261 18.3), which a text does not show.
        if wanted is None and not _SDP.match(line):
            break
        body += line + b"\r\n"
    body = body if wanted is None else body[:wanted]
    whole = all(name.search(b"\n" + text) for name in _COMPLETE)
    payload = text + b"\r\n" + body if whole else text
    return RestoredMessage(payload, size is None or len(payload) == size, whole)


def unglued(line: bytes, gap: bytes) -> list[bytes]:
    """One line that was many: `gap` stands where it began, or its headers begin with well-known names."""
    line, mark = line.rstrip(), gap.strip()
    if mark and line.count(mark) > 4:
        return [one.strip(b" \t\r") for one in line.split(mark)]
    line = line.replace(b"^M ", b" ")
    glued = _GLUED if gap else _GLUED_TIGHTLY
    head, *body = (_GLUED_BODY if gap else _GLUED_BODY_TIGHTLY).split(glued.sub(b"\n\\1", line))
    headers = head.split(b"\n")
    return [*headers, b"", *body] if body else headers


def single_spaced(lines: list[bytes]) -> list[bytes]:
    """The lines without the empty one behind each, where every line was doubled."""
    return lines[::2] if len(lines) > 6 and not any(line.strip() for line in lines[1:14:2]) else lines

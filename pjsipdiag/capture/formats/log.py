"""The SIP text of Asterisk's log or console -> datagrams, and what Asterisk says there about requests.

`pjsip set logger on` makes res_pjsip_logger.c print a line with the direction, the number of bytes and the other side's
address, then the message. The own side's address is not in the log and stays zero. Lines without a date have time 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.formats.log_lines import MARK, Lines, is_json
from pjsipdiag.capture.formats.log_time import time_of
from pjsipdiag.sip import Address

_MESSAGE = re.compile(
    rb"<--- (Received|Transmitting) SIP (?:request|response) \(([0-9]{1,6}) bytes\) (?:from|to) "
    rb"([A-Za-z]{2,4})6?:(\S{1,80}) --->"
)
_PREFIX = re.compile(rb"\[([^\]\x1b]{1,40})\] ?(?:\x1b\[[0-9;]{1,8}m)*([A-Z]+)(?:\x1b\[[0-9;]{1,8}m)*\[[0-9]+\]")
_STAMP = re.compile(rb"[^\[<]{0,80}\[[^\]\x1b]{1,40}\]")
_CONTROL = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]")
_FAILED = re.compile(
    r"Request '[^']*' from '.*' failed for '?(?P<source>[^' ]+)'? \(callid: (?P<call_id>.*?)\) - .*", re.DOTALL
)
_SAID = (
    _FAILED,
    re.compile(r"Call \((?:\w+):(?P<source>\S+)\) to extension '.*' rejected because extension not found in context.*"),
    re.compile(r"Incoming SIP message from (?P<source>\S+) did not pass ACL test.*"),
)
_SAYING = re.compile(rb"Request '|rejected because extension|did not pass ACL test")
LONGEST_SAID = 8192
"""LOGMSG_SIZE (main/logger.c): Asterisk writes no longer line."""
MOST_LINES = 8
MOST_KEYS = 100_000
NOTE_OWN_SIDE = "a log does not name the local address: the destination of received messages is unknown"


def looks_like_log(head: bytes) -> bool:
    """Whether `head`, the first bytes of a file, is text of Asterisk's log or console."""
    lines = head.split(b"\n", 100)[:100]
    return _MESSAGE.search(head) is not None or any(_PREFIX.match(line) or is_json(line) for line in lines)


def read_log(file: BinaryIO, tally: Tally) -> Iterator[Datagram]:
    """The messages of a log; `frame` is the number of the line that announces it. What Asterisk says of a request
    goes to `tally.log_lines`, by Call-ID, or by "source:IP:PORT" where the line has none."""
    lines = Lines(file)
    for line in lines:
        found = _MESSAGE.search(line)
        if found is None:
            if len(line) <= LONGEST_SAID and _SAYING.search(line):
                _note_said(line, tally)
            continue
        datagram = _message(found, line, lines, tally)
        if datagram is not None:
            tally.records += 1
            tally.note(NOTE_OWN_SIDE)
            yield datagram


def _message(found: re.Match[bytes], line: bytes, lines: Lines, tally: Tally) -> Datagram | None:
    number = lines.number
    exact = not line.endswith(b"\r\n") and b"\x1b" not in line
    payload, truncated = _text(lines, int(found[2]), exact=exact, marked=MARK.match(line) is not None)
    address = _address(found[4].decode("ascii", "replace"))
    if address is None:
        tally.undecoded["log message with an address that cannot be read"] += 1
        return None
    if truncated:
        tally.undecoded["log message cut short"] += 1
    if not payload:
        return None
    other = address.pack()
    own = bytes(len(other))
    received = found[1] == b"Received"
    return Datagram(
        _time(line, tally),
        number,
        found[3].decode().upper(),
        other if received else own,
        own if received else other,
        payload,
        "in" if received else "out",
        truncated,
    )


def _text(lines: Lines, size: int, *, exact: bool, marked: bool) -> tuple[bytes, bool]:
    """The message of `size` bytes that follows, and whether it is cut.

    In a log file the bytes stand as they were on the wire. Copied from a terminal, lines have lost their CR, or have
    colours: there every line counts as ended by CRLF. When a date stands before the line that announces the message
    (`marked`), one stands before all of its lines.
    """
    parts: list[bytes] = []
    left = size
    while left > 0 and (line := lines.next()):
        mark = MARK.match(line) if marked else None
        text = line[mark.end() :] if mark else line
        if _MESSAGE.search(line) or _PREFIX.match(text) or (marked and not mark):
            lines.give_back(line)
            break
        if not parts and (not text.endswith(b"\r\n") or b"\x1b" in text):
            exact = False
        if not exact:
            text = _CONTROL.sub(b"", text).rstrip(b"\r\n") + b"\r\n"
        parts.append(text[:left])
        left -= len(text)
    return b"".join(parts), left > 0


def _address(text: str) -> Address | None:
    """`IP:port`; before Asterisk 15 an IPv6 address stands without brackets."""
    host, _, port = text.rpartition(":")
    try:
        address = Address(host.strip("[]").partition("%")[0], int(port))
        return Address.unpack(address.pack())
    except (ValueError, OverflowError):
        return None


def _time(line: bytes, tally: Tally) -> int:
    """Nanoseconds since the epoch of the date before the message, taken as UTC without an offset; 0 without one."""
    stamp = _STAMP.match(line) or MARK.match(line)
    return time_of(stamp[0].decode("ascii", "replace"), tally) if stamp else 0


def _note_said(line: bytes, tally: Tally) -> None:
    text = _CONTROL.sub(b"", line).decode("utf-8", "surrogateescape").rstrip("\r\n")
    for form in _SAID:
        found = form.search(text)
        if found is None:
            continue
        named = found.groupdict()
        key = named.get("call_id") or f"source:{_address(named['source']) or named['source']}"
        if key in tally.log_lines or len(tally.log_lines) < MOST_KEYS:
            said = tally.log_lines.setdefault(key, [])
            if len(said) < MOST_LINES:
                said.append(found[0])
        return

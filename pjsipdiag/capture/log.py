"""The SIP text of Asterisk's log or console -> datagrams, and what Asterisk says there about requests.

`pjsip set logger on` makes res_pjsip_logger.c print a line with the direction, the number of bytes and the other side's
address, then the message. The own side's address is not in the log and stays zero. Lines without a date have time 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.sip import Address

_MESSAGE = re.compile(
    rb"<--- (Received|Transmitting) SIP (?:request|response) \(([0-9]{1,6}) bytes\) (?:from|to) "
    rb"([A-Za-z]{2,4})6?:(\S{1,80}) --->"
)
_PREFIX = re.compile(rb"\[([^\]\x1b]{1,40})\] ?(?:\x1b\[[0-9;]{1,8}m)*([A-Z]+)(?:\x1b\[[0-9;]{1,8}m)*\[[0-9]+\]")
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
LONGEST_LINE = 128 * 1024
LONGEST_SAID = 8192
"""LOGMSG_SIZE (main/logger.c): Asterisk writes no longer line."""
MOST_LINES = 8
MOST_KEYS = 100_000
_MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIMES = (
    re.compile(r"(?P<Y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)[ T](?P<H>\d\d):(?P<M>\d\d):(?P<S>\d\d)(?:[.,](?P<f>\d{1,9}))?"),
    re.compile(r"(?P<b>[A-Z][a-z]{2}) +(?P<d>\d{1,2}) (?P<H>\d\d):(?P<M>\d\d):(?P<S>\d\d)(?:[.,](?P<f>\d{1,9}))?"),
)
LEAP_YEAR = 1972
NOTE_YEAR = f"the log's dates have no year: {LEAP_YEAR} stands for it"
NOTE_ZONE = "the log's times are shown as they stand there"
NOTE_OWN_SIDE = "a log does not name the local address: the destination of received messages is unknown"


def looks_like_log(head: bytes) -> bool:
    """Whether `head`, the first bytes of a file, is text of Asterisk's log or console."""
    if b"\0" in head:
        return False
    return _MESSAGE.search(head) is not None or any(_PREFIX.match(line) for line in head.split(b"\n", 100)[:100])


def read_log(file: BinaryIO, tally: Tally) -> Iterator[Datagram]:
    """The messages of a log; `frame` is the number of the line that announces it. What Asterisk says of a request
    goes to `tally.log_lines`, by Call-ID, or by "source:IP:PORT" where the line has none."""
    lines = _Lines(file)
    for line in lines:
        found = _MESSAGE.search(line)
        if found is None:
            if len(line) <= LONGEST_SAID and _SAYING.search(line):
                _note_said(line, tally)
            continue
        datagram = _message(found, line, lines, tally)
        if datagram is not None:
            tally.records += 1
            if NOTE_OWN_SIDE not in tally.notes:
                tally.notes.append(NOTE_OWN_SIDE)
            yield datagram


class _Lines:
    """The lines of a file with their numbers; one can be given back."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._back: bytes | None = None
        self.number = 0

    def __iter__(self) -> Iterator[bytes]:
        while line := self.next():
            yield line

    def next(self) -> bytes:
        """The next line with its end, empty at the end of the file."""
        line, self._back = self._back, None
        if line is None:
            line = self._file.readline(LONGEST_LINE)
            self.number += 1
        return line

    def give_back(self, line: bytes) -> None:
        self._back = line


def _message(found: re.Match[bytes], line: bytes, lines: _Lines, tally: Tally) -> Datagram | None:
    number = lines.number
    payload, truncated = _text(lines, int(found[2]), exact=not line.endswith(b"\r\n"))
    address = _address(found[4].decode("ascii", "replace"))
    if address is None:
        tally.undecoded["log message with an address that cannot be read"] += 1
        return None
    if truncated:
        tally.undecoded["log message cut short"] += 1
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


def _text(lines: _Lines, size: int, *, exact: bool) -> tuple[bytes, bool]:
    """The message of `size` bytes that follows, and whether it is cut.

    In a log file the bytes stand as they were on the wire. Copied from a terminal, lines have lost their CR: there
    every line counts as ended by CRLF.
    """
    parts: list[bytes] = []
    left = size
    while left > 0 and (line := lines.next()):
        if _MESSAGE.search(line) or _PREFIX.match(line):
            lines.give_back(line)
            break
        if not parts and not line.endswith(b"\r\n"):
            exact = False
        if not exact:
            line = _CONTROL.sub(b"", line).rstrip(b"\r\n") + b"\r\n"
        parts.append(line[:left])
        left -= len(line)
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
    """Nanoseconds since the epoch of the date that opens the line, taken as UTC; 0 without one."""
    prefix = _PREFIX.search(line)
    text = prefix[1].decode("ascii", "replace") if prefix else ""
    for form in _TIMES:
        found = form.search(text)
        if found is None:
            continue
        part = found.groupdict()
        year = int(part["Y"]) if "Y" in part else LEAP_YEAR
        month = part["m"] if "m" in part else _MONTHS.index(part["b"]) if part["b"] in _MONTHS else 0
        date = f"{year}-{month}-{part['d']} {part['H']}:{part['M']}:{part['S']} +0000"
        try:
            when = datetime.strptime(date, "%Y-%m-%d %H:%M:%S %z")
        except ValueError:
            return 0
        for note in (NOTE_ZONE,) if "Y" in part else (NOTE_YEAR, NOTE_ZONE):
            if note not in tally.notes:
                tally.notes.append(note)
        return max(int(when.timestamp()), 0) * 1_000_000_000 + int((part["f"] or "").ljust(9, "0"))
    return 0


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

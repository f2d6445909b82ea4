"""The lines of a log, whatever carried them.

Asterisk's JSON format (logger.conf, `[json]`) has one object a line, with a message of several lines inside. The
journal, syslog and container logs put a date before every line; syslog writes control characters as `#012`.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO

LONGEST_LINE = 128 * 1024
MARK = re.compile(
    rb"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})?|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.,+:Z-]{0,32})"
    rb"(?: [\w.-]{1,255} [\w./-]{1,64}(?:\[\d+\])?:)? "
)
"""What others put before each line: a date, and perhaps the host and the program."""
_ESCAPES = {b"#012": b"\n", b"#015": b"\r", b"#011": b"\t", b"#033": b"\x1b"}
_ESCAPED = re.compile(b"|".join(_ESCAPES))


class Lines:
    """The lines of a file; `number` is that of its line which was read last. One line can be given back."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._ahead = deque[bytes]()
        self.number = 0

    def __iter__(self) -> Iterator[bytes]:
        while line := self.next():
            yield line

    def next(self) -> bytes:
        """The next line with its end, empty at the end of the file."""
        if not self._ahead:
            line = self._file.readline(LONGEST_LINE)
            self.number += 1
            if is_json(line):
                parts = _of_json(line)
            elif b"#01" in line and (mark := MARK.match(line)):
                text = _ESCAPED.sub(lambda found: _ESCAPES[found[0]], line[mark.end() :])
                parts = [mark[0] + part for part in text.rstrip(b"\n").split(b"\n")]
            else:
                return line
            self._ahead.extend(part + b"\n" for part in parts)
        return self._ahead.popleft()

    def give_back(self, line: bytes) -> None:
        self._ahead.appendleft(line)


def is_json(line: bytes) -> bool:
    """Whether a line is an object of Asterisk's JSON format."""
    return line.startswith(b"{") and b'"logmsg"' in line


def _of_json(line: bytes) -> list[bytes]:
    """The lines of one object as the default format has them; the line as it is when it is not whole."""
    try:
        found = json.loads(line)
        said = found["logmsg"]
        head = f"[{found['timestamp']}] {said['level']}[{int(found['identifiers']['lwp'])}] "
        head += f"{said['location']['filename']}: {said['message']}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return [line.rstrip(b"\n")]
    return head.encode("utf-8", "surrogatepass").rstrip(b"\n").split(b"\n")

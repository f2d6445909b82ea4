"""Whole texts that were encoded to be carried: percent signs of a URL, messages with their lengths before them.

Each is an object that takes the bytes of a file as they come, and answers with those of the text.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

_ESCAPED = re.compile(rb"%(?:20|3A|5B|5D|2C|3C|3E|22|28|0A|0D)", re.IGNORECASE)
_CUT = re.compile(rb"%[0-9A-Fa-f]?\Z")
_FRAME = re.compile(rb"(\d{1,6}) (?=<\d{1,3}>)")
LONGEST_COUNT = 12
"""Bytes in which the head of a message stands."""


def is_escaped(head: bytes) -> bool:
    """Whether a text that starts with `head` is written as in a URL (RFC 3986, 2.1): without any blank."""
    return b" " not in head and len(_ESCAPED.findall(head)) > 2


def is_counted(head: bytes) -> bool:
    """Whether it may be syslog as it goes over a connection (RFC 6587, 3.4.1): each message behind its length."""
    return _FRAME.match(head) is not None


class Unescaped:
    """Puts what stands behind percent signs back as it was; `+` is a blank where no other stands for it."""

    def __init__(self, head: bytes) -> None:
        self._plus = b"%20" not in head
        self._kept = b""

    def decode(self, data: bytes, *, final: bool) -> bytes:
        data = self._kept + data
        cut = None if final else _CUT.search(data)
        self._kept = data[cut.start() :] if cut else b""
        data = data[: cut.start()] if cut else data
        return unquote_to_bytes(data.replace(b"+", b" ") if self._plus else data)


class Framed:
    """Each message in lines of its own; from the first on whose length does not lead to the next one, as it stands."""

    def __init__(self) -> None:
        self._kept = b""
        self._broken = False

    def decode(self, data: bytes, *, final: bool) -> bytes:
        data = self._kept + data
        made: list[bytes] = []
        at = 0
        while at < len(data) and not self._broken:
            found = _FRAME.match(data, at)
            end = found.end() + int(found[1]) if found else at
            if not final and len(data) < end + LONGEST_COUNT:
                break
            # A count is believed only if another one follows the message: RFC 6587 frames are told from text that
            # begins with a number.
            if found is None or not (end >= len(data) or _FRAME.match(data, end)):
                self._broken = True
                break
            message = data[found.end() : end]
            made.append(message if message.endswith(b"\n") else message + b"\n")
            at = end
        self._kept = b"" if self._broken or final else data[at:]
        return b"".join(made) + (data[at:] if self._broken or final else b"")

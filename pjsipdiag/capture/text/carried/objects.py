"""Lines of a log that were put into JSON, one object a line, by Asterisk itself, a log driver, a journal or a shipper.

Nothing is known of a shipper's format: of an object's texts that one is the line whose name is usual for it, else the
longest; its time goes before the line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

NAMES = ("log", "message", "msg", "line", "_raw", "textpayload", "body", "text", "content", "event", "full_message")
_TIMES = re.compile(r"@?time(?:stamp)?|ts|date|_?_?realtime_timestamp", re.IGNORECASE)
_DECODER = json.JSONDecoder()
_NEXT = re.compile(r"\s*,\s*(?=\{\")")
"""Between two objects of an array in one line."""
DEEPEST = 6
_MICROSECONDS = re.compile(r"\d{16}")


def of_object(line: bytes) -> list[bytes] | None:
    """The lines of the object in `line`, behind what stands before it; None when there is none that is whole."""
    at = line.find(b'{"')
    if at < 0:
        return None
    made: list[bytes] = []
    before, rest = line[:at].rstrip(b"["), line[at:].decode("utf-8", "replace")
    start: re.Match[str] | None = re.match("", rest)
    try:
        while start is not None:
            found, end = _DECODER.raw_decode(rest, start.end())
            start = _NEXT.match(rest, end)
            said = _asterisk(found) or _line(found)
            if said is None:
                return None
            made += (before + said).rstrip(b"\r\n").split(b"\n")
    except (ValueError, RecursionError):
        return made or None
    return made


def _asterisk(found: dict[str, Any]) -> bytes | None:
    """An object of Asterisk's own format (format_log_json of main/logger.c) as the default format has it."""
    try:
        said = found["logmsg"]
        head = f"[{found['timestamp']}] {said['level']}[{int(found['identifiers']['lwp'])}] "
        head += f"{said['location']['filename']}: {said['message']}"
    except (KeyError, TypeError, ValueError):
        return None
    return head.encode("utf-8", "surrogatepass")


def _line(found: dict[str, Any]) -> bytes | None:
    texts: list[tuple[str, bytes]] = []
    times: list[str] = []
    for name, value in _leaves(found):
        if _TIMES.fullmatch(name) and isinstance(value, str | int | float):
            times.append(_time(str(value)))
        elif isinstance(value, str):
            texts.append((name, value.encode("utf-8", "replace")))
        elif isinstance(value, bytes):
            texts.append((name, value))
    if not texts:
        return None
    named = [text for usual in NAMES for name, text in texts if name == usual]
    text = named[0] if named else max((text for _, text in texts), key=len)
    return f"{times[0]} ".encode() + text if times else text


def _leaves(value: object, depth: int = 0) -> Iterator[tuple[str, object]]:
    """(name in small letters, value) of everything in an object that is no object."""
    if not isinstance(value, dict) or depth > DEEPEST:
        return
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _leaves(inner, depth + 1)
        elif isinstance(inner, list) and inner and all(isinstance(one, int) and 0 <= one < 256 for one in inner):
            yield name.lower(), bytes(inner)  # the journal's way for a line with control characters
        else:
            yield name.lower(), inner


def _time(text: str) -> str:
    return f"{text[:10]}.{text[10:]}" if _MICROSECONDS.fullmatch(text) else text

"""Text that was put into JSON by Asterisk itself, a log driver, a journal, a shipper or a script.

Nothing is known of a shipper's format. Of the texts of an object that one is the line which stands at the place where
another object has a line of Asterisk's; before any such is seen that one whose name is usual, else the longest. Its
time goes before the line.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from pjsipdiag.capture.text.carried.shown import is_said

TEXT_KEYS = ("log", "message", "msg", "line", "_raw", "textpayload", "body", "text", "content", "event", "full_message")
_TIMES = re.compile(r"@?time(?:stamp)?|ts|date|_?_?realtime_timestamp", re.IGNORECASE)
_DECODER = json.JSONDecoder()
_GAP = re.compile(r"[\s,;\x1e-]*")
"""Between two values: `gcloud` writes an array, `jq` one after the other, RFC 7464 a record separator."""
DEEPEST_VALUE, LONGEST_KEY = 16, 100
"""Names longer than that are told apart by their beginning."""
_FINE = re.compile(r"\d{13}|\d{16}|\d{19}")
"""A time in milliseconds, microseconds or nanoseconds."""


def of_object(line: bytes, place: str = "") -> list[bytes] | None:
    """The lines of the object in `line`, behind what stands before it; None when there is none that is whole.

    `place` is where another object of the text has its line.
    """
    at = line.find(b'{"')
    if at < 0:
        return None
    found = _decoded(line[at - (line[at - 1 : at] == b"[") :].decode("utf-8", "replace"))
    said = None if found is None else _lines_at(found, place)
    if not said:
        return None
    before = line[:at].rstrip(b"[")
    return [piece for one in said for piece in (before + one).rstrip(b"\r\n").split(b"\n")]


def place_in(lines: Iterable[bytes]) -> str | None:
    """Where the objects of these lines, which have what Asterisk says, have it: "" when there is none, None when
    it stands outside."""
    place: str | None = ""
    for line in lines:
        at = line.find(b'{"')
        found = None if at < 0 else _decoded(line[at:].decode("utf-8", "replace"))
        if found is not None and (place := _best([found])) is not None:
            return place
    return place


def is_one_a_line(text: str) -> bool:
    """Whether a text begins with a whole value in one line, and goes on behind it."""
    at = _GAP.match(text).end()  # type: ignore[union-attr]  # it matches nothing, too
    try:
        _, end = _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return False
    return "\n" not in text[at:end] and bool(text[end:].strip())


def of_document(text: str) -> bytes | None:
    """The lines in a text that is JSON from its beginning, over several lines or in one; None where it is not.

    What follows the last whole value, for the text was cut, stays as it is.
    """
    values, at, _ = values_in(text)
    place = _best(values)
    if place is None:
        return None
    lines = [line for value in values for line in _lines_at(value, place) or ()]
    return b"\n".join([*(line.rstrip(b"\r\n") for line in lines), text[at:].encode("utf-8", "surrogatepass")])


def values_in(text: str, at: int = 0) -> tuple[list[object], int, int]:
    """The whole values that stand in a text from `at` on, one after the other; where it goes on otherwise, and how far
    that was looked at."""
    values: list[object] = []
    reached = at = _GAP.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing, too
    while at < len(text):
        try:
            found, end = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError as error:
            reached = error.pos
            break
        except (ValueError, RecursionError):
            reached = len(text)
            break
        values.append(found)
        at = _GAP.match(text, end).end()  # type: ignore[union-attr]
    return values, at, reached


def _decoded(text: str) -> object:
    """The value that `text` begins with, written as JSON or as Ruby shows a hash; None when it is not whole."""
    for one in (text, text.replace('"=>', '":')) if '"=>' in text else (text,):
        try:
            found: object = _DECODER.raw_decode(one)[0]
        except (ValueError, RecursionError):
            continue
        return found
    return None


def _best(values: Iterable[object]) -> str | None:
    """The place at which most lines of Asterisk's stand; of several, that which has most of each entry."""
    said = [(place, text) for value in values for place, text in _leaves(value) if is_said(_bytes(text))]
    count, size = Counter(place for place, _ in said), Counter[str]()
    for place, text in said:
        size[place] += len(_bytes(text))
    return max(count, key=lambda place: (count[place], size[place]), default=None)


def _lines_at(value: object, place: str) -> list[bytes] | None:
    """The lines at that place, or at the usual one; each behind its time."""
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        return [line for one in value for line in _lines_at(one, place.removeprefix("[]").removeprefix(".")) or ()]
    own = _asterisk(value)
    if own is not None:
        return [own]
    texts: list[tuple[str, bytes]] = []
    time = b""
    for name, found in _leaves(value):
        if not time and _TIMES.fullmatch(name.rpartition(".")[2]) and not isinstance(found, bytes):
            time = _time(str(found)).encode() + b" "
        elif isinstance(found, str | bytes):
            texts.append((name, _bytes(found)))
    if not texts:
        return None
    if named := [text for name, text in texts if name == place]:
        # The time of an object cannot be that of several lines; each has its own, if any.
        return [time + text for text in named] if len(named) == 1 else named
    usual = [text for name in TEXT_KEYS for at, text in texts if at.rpartition(".")[2].lower() == name]
    return [time + (usual[0] if usual else max((text for _, text in texts), key=len))]


def _bytes(text: object) -> bytes:
    return text if isinstance(text, bytes) else str(text).encode("utf-8", "replace")


def _asterisk(found: Any) -> bytes | None:
    """An object of Asterisk's own format (format_log_json of main/logger.c) as the default format has it."""
    try:
        said = found["logmsg"]
        head = f"[{found['timestamp']}] {said['level']}[{int(found['identifiers']['lwp'])}] "
        head += f"{said['location']['filename']}: {said['message']}"
    except (KeyError, TypeError, ValueError, IndexError):
        return None
    return head.encode("utf-8", "surrogatepass")


def _leaves(value: object, place: str = "", depth: int = 0) -> Iterator[tuple[str, object]]:
    """(where it stands, value) of everything that holds no other value; the members of a list stand at one place, but
    for those of a pair of time and line."""
    if depth > DEEPEST_VALUE:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{place}.{name[:LONGEST_KEY]}" if place else name[:LONGEST_KEY], depth + 1)
    elif not isinstance(value, list):
        if value is not None:
            yield place, value
    elif value and all(isinstance(one, int) and 0 <= one < 256 for one in value):
        yield place, bytes(value)  # the journal's way for a line with control characters
    else:
        flat = all(isinstance(one, str) for one in value) and len(value) == 2
        for at, inner in enumerate(value):
            yield from _leaves(inner, f"{place}[{at if flat else ''}]", depth + 1)


def _time(text: str) -> str:
    return f"{text[:10]}.{text[10:]}" if _FINE.fullmatch(text) else text

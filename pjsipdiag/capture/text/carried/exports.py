"""Messages that a store of SIP (Homer, a HEP database) exports, each in an object or a row with its addresses in fields
beside it: they become a viewer's text. In place of an address that is not told stands NOT_TOLD, in place of a message
that is not whole NOT_WHOLE, so that who reads the text counts the message.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from pjsipdiag.capture.text.carried.json_entries import DEEPEST_VALUE, values_in

SIGN = re.compile(rb"(?:^|[\"',;|\t{])\s*(?:src_?ip|source_?ip)\b", re.IGNORECASE)
"""A field of such an export."""
_SENT = (("srcip", "sourceip"), ("srcport", "sourceport"), ("dstip", "destinationip"), ("dstport", "destinationport"))
_MESSAGE = ("raw", "msg", "message", "payload")
_TIMES = ("createdate", "microts", "timestamp", "date", "timeseconds", "time")
NOT_TOLD, NOT_WHOLE = "<none>:0", b"SIP request (\n"
_IP = re.compile(r"[\w.:*<>-]{1,60}")
_SIP = re.compile(r"\s*(?:[A-Z]{3,12} \S+ SIP/2\.0|SIP/2\.0 \d{3})\b")
_BEGUN = re.compile(r"\"(?:[A-Z]{3,12} [^\s\"]{1,500} SIP/2\.0|SIP/2\.0 \d{3})\b")


def of_objects(text: str) -> bytes | None:
    """The messages in a text that is JSON: one value, or one after the other. None where it has none."""
    values, broken = _values(text)
    found = b"".join(message for value in values for message in _within(value, 0))
    return found + NOT_WHOLE * broken if found else None


def of_rows(text: str) -> bytes | None:
    """The messages of a text with fields between commas, semicolons or tabs (RFC 4180); None where it has none."""
    head = text.partition("\n")[0]
    comma = max(",;\t", key=head.count)
    found: list[bytes] = []
    try:
        for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=comma):
            found += filter(None, [_message(_named(row))])
    except csv.Error:  # a field is too long; what stands in it begins no row
        found += [NOT_WHOLE] if found else []
    return b"".join(found) or None


def _values(text: str) -> tuple[list[object], int]:
    """The values that are whole, and how many messages begin in what is not: where a value was cut or changed, those in
    it and behind it stand for themselves. To fail costs what was read in vain, and a count of the lines before it."""
    found: list[object] = []
    broken = at = 0
    room = DEEPEST_VALUE * len(text)
    while at < len(text) and room >= 0:
        values, end, reached = values_in(text, at)
        found += values
        room -= reached - end + end // 16
        at = text.find("{", end + 1) if end < len(text) and room >= 0 else -1
        at = len(text) if at < 0 else at
        broken += len(_BEGUN.findall(text, end, at))
    return found, broken


def _within(value: object, depth: int) -> Iterator[bytes]:
    """The messages in a value; what stands around one message in an object, and beside it, tells of it, too."""
    if depth > DEEPEST_VALUE:
        return
    if isinstance(value, list):
        for one in value:
            yield from _within(one, depth + 1)
    elif isinstance(value, dict):
        fields, inner = _named(value), [_named(one) for one in value.values() if isinstance(one, dict)]
        # One message: fields of the objects inside and around it belong together. With two, nobody knows whose fields
        # are whose.
        if sum(_text(one) is not None for one in inner) < 2:
            for one in inner:
                fields |= one
        found = _message(fields)
        if found is None or NOT_TOLD.encode() in found.partition(b"\n")[0]:
            more = [message for one in value.values() for message in _within(one, depth + 1)]
            yield from more or filter(None, [found])
        else:
            yield found


def _named(fields: Mapping[object, object]) -> dict[str, object]:
    """Fields by their plain names: `source_ip`, `srcIp` and `hep.srcIp` alike."""
    plain = ((str(name).rpartition(".")[2].replace("_", "").lower(), value) for name, value in fields.items())
    return {name: value for name, value in plain if isinstance(value, str | int | float)}


def _text(fields: Mapping[str, object]) -> str | None:
    texts = (str(fields[name]) for name in _MESSAGE if name in fields)
    return next((one for one in texts if _SIP.match(one)), None)


def _message(fields: Mapping[str, object]) -> bytes | None:
    text = _text(fields)
    if text is None:
        return None
    ends = [next((str(fields[name]).strip() for name in names if name in fields), "") for names in _SENT]
    text = text.lstrip()
    sent = (text if "\r\n" in text else text.replace("\n", "\r\n")).encode("utf-8", "surrogatepass")
    return f"{_time(fields)} {_place(*ends[:2])} -> {_place(*ends[2:])} ({len(sent)} bytes)\n".encode() + sent + b"\n"


def _place(ip: str, port: str) -> str:
    if not _IP.fullmatch(ip) or not re.fullmatch(r"\d{1,5}(?:\.0)?", port):
        return NOT_TOLD
    return f"[{ip}]:{port.removesuffix('.0')}" if ":" in ip else f"{ip}:{port.removesuffix('.0')}"


def _time(fields: Mapping[str, object]) -> str:
    """When it was sent: a date as it stands, seconds and their fractions as a date."""
    value = next((str(fields[name]) for name in _TIMES if name in fields), "")
    if not re.fullmatch(r"\d{10,19}(?:\.\d+)?", value):
        return value if re.fullmatch(r"[\w:.+ /-]{8,40}", value) else ""
    digits = value.replace(".", "")
    beside = str(fields.get("timeuseconds", ""))
    fraction = digits[10:] or (beside.zfill(6) if re.fullmatch(r"[0-9]{1,6}", beside) else "0")
    return f"{datetime.fromtimestamp(int(digits[:10]), UTC):%Y-%m-%d %H:%M:%S}.{fraction[:9]} +0000"

"""Messages that a store of SIP (Homer, a HEP database) exports, each in an object or a row with its addresses in fields
beside it: they become a viewer's text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from pjsipdiag.capture.text.carried.objects import values_in

DEEPEST = 16
SIGN = re.compile(rb"(?:^|[\"',;|\t{])\s*(?:src_?ip|source_?ip)\b", re.IGNORECASE)
"""A field of such an export."""
_SENT = (("srcip", "sourceip"), ("srcport", "sourceport"), ("dstip", "destinationip"), ("dstport", "destinationport"))
_MESSAGE = ("raw", "msg", "message", "payload")
_TIMES = ("createdate", "microts", "timestamp", "date", "timeseconds", "time")
_SIP = re.compile(r"\s*(?:[A-Z]{3,12} \S+ SIP/2\.0|SIP/2\.0 \d{3})\b")


def of_objects(text: str) -> bytes | None:
    """The messages in a text that is JSON: one value, or one after the other. None where it has none."""
    values, _ = values_in(text)
    return b"".join(message for value in values for message in _within(value, {}, 0)) or None


def of_rows(text: str) -> bytes | None:
    """The same of a text whose fields stand between commas, semicolons or tabs (RFC 4180)."""
    head = text.partition("\n")[0]
    comma = max(",;\t", key=head.count)
    try:
        rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=comma)
        return b"".join(filter(None, (_message(_named(row)) for row in rows))) or None
    except csv.Error:
        return None


def _within(value: object, outer: Mapping[str, object], depth: int) -> Iterator[bytes]:
    """The messages in a value; what stands in objects around and beside a message tells of it, too."""
    if depth > DEEPEST:
        return
    if isinstance(value, list):
        for one in value:
            yield from _within(one, outer, depth + 1)
    elif isinstance(value, dict):
        fields = {**outer, **_named(value)}
        for one in value.values():
            fields |= _named(one) if isinstance(one, dict) else {}
        found = _message(fields)
        if found:
            yield found
        else:
            for one in value.values():
                yield from _within(one, outer, depth + 1)


def _named(fields: Mapping[object, object]) -> dict[str, object]:
    """Fields by their plain names: `source_ip`, `srcIp` and `hep.srcIp` alike."""
    plain = ((str(name).rpartition(".")[2].replace("_", "").lower(), value) for name, value in fields.items())
    return {name: value for name, value in plain if isinstance(value, str | int | float)}


def _message(fields: Mapping[str, object]) -> bytes | None:
    texts = (str(fields[name]) for name in _MESSAGE if name in fields)
    text = next((one for one in texts if _SIP.match(one)), None)
    ends = [next((str(fields[name]) for name in names if name in fields), "") for names in _SENT]
    if text is None or not all(ends):
        return None
    source, destination = (f"[{ip}]" if ":" in ip else ip for ip in ends[::2])
    line = f"{_time(fields)} {source}:{ends[1]} -> {destination}:{ends[3]}\n"
    return (line + text.lstrip().replace("\r\n", "\n").rstrip("\n") + "\n\n").encode("utf-8", "surrogatepass")


def _time(fields: Mapping[str, object]) -> str:
    """When it was sent: a date as it stands, seconds and their fractions as a date."""
    value = next((str(fields[name]) for name in _TIMES if name in fields), "")
    if not re.fullmatch(r"\d{10,19}(?:\.\d+)?", value):
        return value if re.fullmatch(r"[\w:.+ /-]{8,40}", value) else ""
    digits = value.replace(".", "")
    fraction = digits[10:] or str(fields.get("timeuseconds", "")).zfill(6)
    return f"{datetime.fromtimestamp(int(digits[:10]), UTC):%Y-%m-%d %H:%M:%S}.{fraction[:9] or 0} +0000"

"""When a line of a log was written, in any `dateformat` of logger.conf that tells a time.

Without an offset the time is shown as it stands; what the format leaves out is filled in, and the notes say so.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from pjsipdiag.capture.datagram import END_OF_TIME, Tally

LEAP_YEAR = 1972
NOTE_UNTRUE = "the log has times before 1970 or after 2262: they are unknown"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOTE_YEAR = f"the log's dates have no year: {LEAP_YEAR} stands for it"
NOTE_DATE = "the log's times have no date: 1970-01-01 stands for it"
NOTE_ORDER = "the log's dates are read as day, month, year"
NOTE_ZONE = "the log's times are shown as they stand there"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CLOCK = r"(?P<H>\d\d):(?P<M>\d\d):(?P<S>\d\d)(?:[.,](?P<f>\d{1,9}))?(?: ?(?P<z>Z|[+-]\d\d:?\d\d))?"
_FORMS = tuple(
    re.compile(form)
    for form in (
        r"(?P<Y>\d{4})[-/](?P<m>\d\d)[-/](?P<d>\d\d)[ T,]+" + _CLOCK,
        r"(?P<b>[A-Z][a-z]{2}) +(?P<d>\d{1,2}) " + _CLOCK + r"(?: (?P<Y>\d{4}))?",
        r"(?P<one>\d{1,2})[./-](?P<two>\d{1,2})[./-](?P<Y>\d{4}|\d\d)[ T]+" + _CLOCK,
        r"(?P<s>\d{10})(?:[.,](?P<f>\d{1,9}))?\b",
        _CLOCK,
    )
)


def time_of(text: str, tally: Tally) -> int:
    """Nanoseconds since the epoch of the date in `text`; 0 when there is none."""
    for form in _FORMS:
        found = form.search(text)
        if found is not None:
            return _nanoseconds(found.groupdict(), tally)
    return 0


def _nanoseconds(part: dict[str, str | None], tally: Tally) -> int:
    fraction = int((part["f"] or "").ljust(9, "0"))
    if seconds := part.get("s"):
        return _held(int(seconds) * 1_000_000_000 + fraction, tally)
    notes: list[str] = []
    month, day, year = _date(part, notes)
    zone = part["z"]
    if not zone:
        notes.append(NOTE_ZONE)
    try:
        hour, minute, second = (int(part[name] or 0) for name in "HMS")
        when = datetime(year, month, day, hour, minute, second, tzinfo=_zone(zone) if zone else UTC)
    except ValueError:
        return 0
    for note in notes:
        tally.note(note)
    return _held(int((when - _EPOCH).total_seconds()) * 1_000_000_000 + fraction, tally)


def _held(time: int, tally: Tally) -> int:
    """The time, 0 where 64 bits of nanoseconds do not hold it."""
    if 0 <= time < END_OF_TIME:
        return time
    tally.note(NOTE_UNTRUE)
    return 0


def _date(part: dict[str, str | None], notes: list[str]) -> tuple[int, int, int]:
    """Month, day and year; what is not there is filled in."""
    if "one" in part:
        one, two, year = int(part["one"] or 0), int(part["two"] or 0), part["Y"] or ""
        if len(year) == 2:  # %D, %x: month, day, year
            return one, two, 2000 + int(year)
        if two > 12:
            return one, two, int(year)
        if one <= 12:
            notes.append(NOTE_ORDER)
        return two, one, int(year)
    if "d" not in part:
        notes.append(NOTE_DATE)
        return 1, 1, 1970
    if not part["Y"]:
        notes.append(NOTE_YEAR)
    name = part.get("b")
    month = (_MONTHS.index(name) + 1 if name in _MONTHS else 0) if name else int(part["m"] or 0)
    return month, int(part["d"] or 0), int(part["Y"] or LEAP_YEAR)


def _zone(text: str) -> timezone:
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    return timezone((1 if text[0] == "+" else -1) * timedelta(hours=hours, minutes=minutes))

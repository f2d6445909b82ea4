"""What of tables and their mapping does not do what it looks like."""

from __future__ import annotations

from collections.abc import Iterator

from pjsipdiag.asterisk.config import Problem, Section
from pjsipdiag.asterisk.files.conf import Parsed
from pjsipdiag.asterisk.realtime.families import Stored
from pjsipdiag.asterisk.reasons.files import FileReason


def of_rows(stored: Stored, sorcery: Parsed) -> Iterator[Problem]:
    """Of one table that was read."""
    yield from _cache(stored, sorcery)
    seen: set[str] = set()
    for section in stored.sections:
        if section.name in seen:
            yield Problem(FileReason.TWO_ROWS(id=section.name), section.where)
        seen.add(section.name)
        yield from _full(stored, section)
        if stored.type == "identify":
            yield from _identify(stored, section)


_TEXTS = (
    "match", "match_header", "match_request_uri", "endpoint", "endpoint_identifier_order", "identify_by", "acl", "auth",
    "aors", "context",
)  # fmt: skip
"""Columns in which a part of a list or a name is something else than the whole."""


def _full(stored: Stored, section: Section) -> Iterator[Problem]:
    """Values as long as their column: what was longer is not there (`match` has 80 characters in the usual schema,
    `endpoint_identifier_order` 40)."""
    for variable in section.variables:
        width = stored.widths.get(variable.name.lower(), 0) if variable.name.lower() in _TEXTS else 0
        if width and len(variable.value) >= width:
            yield Problem(FileReason.FULL_COLUMN(column=variable.name, width=width), variable.where)


def _identify(stored: Stored, section: Section) -> Iterator[Problem]:
    by_sqlite = stored.mapped.driver.lower() == "sqlite3"
    for variable in section.variables:
        if variable.name.lower() == "match" and by_sqlite and ";" in variable.value:
            yield Problem(FileReason.SEMICOLON(), variable.where)
        elif variable.name.lower() == "endpoint" and by_sqlite and variable.value != variable.value.strip():
            yield Problem(FileReason.BLANKS_IN_NAME(), variable.where)


def _cache(stored: Stored, sorcery: Parsed) -> Iterator[Problem]:
    """A cache keeps lists only where it is told to, and then hides every change of the table."""
    if stored.type != "identify":
        return
    for section in sorcery.sections if sorcery.valid else ():
        for variable in section.variables:
            if variable.name.lower() != "identify/cache":
                continue
            if "full_backend_cache=yes" in variable.value.replace(" ", ""):
                reason = FileReason.CACHE_HOLDS_ALL()
            else:
                reason = FileReason.CACHE_HOLDS_NOTHING()
            yield Problem(reason, variable.where)

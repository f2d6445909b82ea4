"""Rows, columns and caches that do not do what they look like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pjsipdiag.asterisk.config import Problem
from pjsipdiag.asterisk.loading.sources.caches import Cache
from pjsipdiag.asterisk.realtime.families import StoredTable
from pjsipdiag.asterisk.reasons.files import FileReason
from pjsipdiag.asterisk.section import Section


def of_rows(stored: StoredTable, cache: Cache | None) -> Iterator[Problem]:
    """Warns of one table that was read, and of caches that may hold older rows of it."""
    if cache is not None and stored.type == "identify":
        yield Problem(FileReason.CACHE_HOLDS_ALL() if cache.is_full else FileReason.CACHE_HOLDS_NOTHING(), cache.where)
    seen: set[str] = set()
    widths = {name: width for name, width in stored.widths.items() if name.lower() in _TEXTS}
    for section in stored.sections:
        if section.name in seen:
            yield Problem(FileReason.TWO_ROWS(id=section.name), section.where)
        seen.add(section.name)
        if widths:
            yield from _full(section, widths)
        if stored.type == "identify":
            yield from _identify(stored, section)


_TEXTS = (
    "match", "match_header", "match_request_uri", "endpoint", "endpoint_identifier_order", "identify_by", "acl", "auth",
    "aors", "context",
)  # fmt: skip
"""Columns in which a part of a list or a name is something else than the whole."""


def _full(section: Section, widths: Mapping[str, int]) -> Iterator[Problem]:
    """Values as long as their column: what was longer is not there (`match` has 80 characters in the usual schema,
    `endpoint_identifier_order` 40)."""
    for variable in section.variables:
        width = widths.get(variable.name, 0)
        if width and len(variable.value) >= width:
            yield Problem(FileReason.FULL_COLUMN(column=variable.name, width=width), variable.where)


def _identify(stored: StoredTable, section: Section) -> Iterator[Problem]:
    by_sqlite = stored.mapped.driver == "sqlite3"
    for variable in section.variables:
        if variable.name.lower() == "match" and by_sqlite and ";" in variable.value:
            yield Problem(FileReason.SEMICOLON(), variable.where)
        elif variable.name.lower() == "endpoint" and by_sqlite and variable.value != variable.value.strip():
            yield Problem(FileReason.BLANKS_IN_NAME(), variable.where)

"""`match=` values that become rows of a table."""

from __future__ import annotations

from collections.abc import Sequence

from pjsipdiag.asterisk.config import Config, Endpoint
from pjsipdiag.asterisk.realtime.families import StoredTable
from pjsipdiag.diagnosis.edits.draft import Draft
from pjsipdiag.diagnosis.edits.place import free_name
from pjsipdiag.diagnosis.edits.text_changes import lines_of
from pjsipdiag.diagnosis.model import Edit
from pjsipdiag.diagnosis.rules.cause import sources
from pjsipdiag.diagnosis.situation import CallGroup


def new_rows(
    config: Config,
    table: StoredTable,
    endpoint: Endpoint,
    values: Sequence[str],
    groups: Sequence[CallGroup],
    *,
    name: str,
) -> Draft:
    """A new row, or as many as the width of the column asks for."""
    file, end = table.mapped.table, len(lines_of(config, table.mapped.table))
    rows: list[list[str]] = []
    for value in values:
        if not rows or not table.holds("match", [*rows[-1], value]):
            rows.append([])
        rows[-1].append(value)
    text = []
    for at, row in enumerate(rows):
        body = ("type=identify", f"endpoint={endpoint.name}", *(f"match={value}" for value in row))
        text += ["", f"[{name if not at else free_name(config, endpoint.name, at)}]", *body]
    ips = sources(groups)
    add = tuple(f"match={value}" for value in values)
    return Draft(groups, file, end, name, endpoint.name, add, (Edit(file, end + 1, (), tuple(text)),), ips, "a new row")

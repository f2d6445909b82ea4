"""The result of a comparison: which calls go elsewhere under another release or another configuration.

With a capture it is those calls; without one all that could come.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from pjsipdiag.diagnosis.compare import Change
from pjsipdiag.diagnosis.space.admits import AdmittedNetwork
from pjsipdiag.diagnosis.space.differ import Difference, Differences
from pjsipdiag.errors import PjsipdiagError
from pjsipdiag.report import wording
from pjsipdiag.report.escape import visible, well_formed
from pjsipdiag.report.look import PLAIN, Style
from pjsipdiag.report.terminal import COLOURS, Ink, Part, page_text

MOST_VALUES_IN_LINE = 6
"""Networks and names that one line tells."""


def render_changes(
    changes: Sequence[Change], before: str, after: str, format: str = "text", look: Style = PLAIN
) -> str:
    """The changes between `before` and `after` (names of releases or directories) as "text" or "json"."""
    if _is_json(format, "a comparison is"):
        return _json(changes, before, after)
    return page_text(_parts(changes, before, after, Ink(look)), look)


def _is_json(format: str, what: str) -> bool:
    if format not in ("json", "text"):
        raise PjsipdiagError(f"{what} shown as text or json, not as {format!r}")
    return format == "json"


def _parts(changes: Sequence[Change], before: str, after: str, ink: Ink) -> Iterator[Part]:
    calls = sum(change.calls for change in changes)
    if not changes:
        yield ink.text(f"Every call goes the same way under {before} and {after}.", "bold green")
        return
    verb = "goes" if calls == 1 else "go"
    yield ink.text(
        f"{wording.plural(calls, 'call')} {verb} elsewhere under {after} than under {before}.", "bold yellow"
    )
    yield Text()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Source", no_wrap=True)
    table.add_column("Calls", justify="right", no_wrap=True)
    table.add_column(f"Under {visible(before)}", overflow="fold")
    table.add_column(f"Under {visible(after)}", overflow="fold")
    for change in changes:
        table.add_row(
            ink.text(change.source), Text(f"{change.calls:,}"), ink.text(change.before), ink.text(change.after)
        )
    yield table


def _json(changes: Sequence[Change], before: str, after: str) -> str:
    return _dump({"before": before, "after": after, "changes": [_change(change) for change in changes]})


def _dump(members: dict[str, object]) -> str:
    return json.dumps(well_formed({"schema": 1, **members}), indent=1) + "\n"


def _change(change: Change) -> dict[str, object]:
    return {
        "source": change.source,
        "before": change.before,
        "after": change.after,
        "calls": change.calls,
        "example": change.example.call_id,
    }


def render_differences(found: Differences, before: str, after: str, format: str = "text", look: Style = PLAIN) -> str:
    """The changes between `before` and `after` of every call that could come, as "text" or "json"."""
    if _is_json(format, "a comparison is"):
        return _all_json(found, before, after)
    return page_text(_all_parts(found, before, after, Ink(look)), look)


def _all_parts(found: Differences, before: str, after: str, ink: Ink) -> Iterator[Part]:
    kinds = wording.plural(found.kinds, "kind of call", "kinds of calls")
    if found.rows:
        yield ink.text(f"Some calls go elsewhere under {after} than under {before} ({kinds} tried).", "bold yellow")
    elif not found.kinds:
        yield ink.text(f"Nothing listens by these files: no call arrives under {before} or {after}.", "bold yellow")
    elif found.is_complete:
        yield ink.text(f"Every call would go the same way under {before} and {after} ({kinds} tried).", "bold green")
    else:
        yield ink.text(f"No difference between {before} and {after} was found, but not all can be told.", "bold yellow")
    for row in found.rows:
        yield Text()
        yield ink.indent(_which(row), "bold", by=2)
        for name, goes, why in ((before, row.before, row.before_why), (after, row.after, row.after_why)):
            yield ink.item(f"{name}: {goes}" + (f" ({why})" if why else ""))
    if found.unknown:
        yield Text()
        unknown = f"{found.unknown:,} of {kinds} cannot be decided: {found.unknown_why}"
        yield ink.indent(unknown, COLOURS["unknown"], by=2)
    for text in found.not_enumerated:
        yield Text()
        yield ink.indent(f"not compared: {text}", "dim", by=2)


def _which(row: Difference) -> str:
    shown = ", ".join(row.networks[:MOST_VALUES_IN_LINE])
    more = len(row.networks) - MOST_VALUES_IN_LINE
    parts = [f"from {shown}" + (f" and {more:,} more networks" if more > 0 else "")]
    parts += [f"port {' or '.join(row.ports)}"] if row.ports else []
    parts += (
        [
            f"with {' or '.join(row.says[:MOST_VALUES_IN_LINE])}"
            + (" or others" if len(row.says) > MOST_VALUES_IN_LINE else "")
        ]
        if row.says
        else []
    )
    parts += [f"to {' or '.join(row.sockets)}"] if row.sockets else []
    return ", ".join(parts)


def _all_json(found: Differences, before: str, after: str) -> str:
    rows = [
        {
            "networks": row.networks,
            "ports": row.ports,
            "says": row.says,
            "sockets": row.sockets,
            "before": row.before,
            "after": row.after,
            "before_why": row.before_why,
            "after_why": row.after_why,
        }
        for row in found.rows
    ]
    whole = {
        "before": before,
        "after": after,
        "kinds": found.kinds,
        "unknown": found.unknown,
        "unknown_why": found.unknown_why,
        "differences": rows,
        "not_compared": found.not_enumerated,
    }
    return _dump(whole)


def render_admitted(rows: Sequence[AdmittedNetwork], format: str = "text", look: Style = PLAIN) -> str:
    """The effect of each line of a list of addresses, as "text" or "json"."""
    if _is_json(format, "what a list would change is"):
        return _dump({"lines": [_admitted_json(row) for row in rows]})
    return page_text(_admitted_parts(rows, Ink(look)), look)


def _admitted_parts(rows: Sequence[AdmittedNetwork], ink: Ink) -> Iterator[Part]:
    moved = [row for row in rows if row.changes]
    unseen = sum(row.unseen for row in rows)
    yield ink.text(
        f"{len(moved):,} of {wording.plural(len(rows), 'line')} would move calls;"
        f" together they let in {wording.plural(unseen, 'address', 'addresses')} never seen.",
        "bold",
    )
    for row in rows:
        yield Text()
        lets_in = f"{wording.plural(row.addresses, 'address', 'addresses')}, {row.unseen:,} never seen"
        yield ink.indent(f"{row.network} ({row.where}): {lets_in}", "bold" if row.changes else "dim", by=2)
        if row.taken_by is not None:
            yield ink.item(f"taken already by match={row.taken_by.text} ({row.taken_by.where})")
        for change in row.changes:
            yield ink.item(
                f"{wording.plural(change.calls, 'call')} of {change.source}: {change.before}, then {change.after}"
            )


def _admitted_json(row: AdmittedNetwork) -> dict[str, object]:
    return {
        "network": str(row.network),
        "line": row.where.line,
        "addresses": row.addresses,
        "unseen": row.unseen,
        "taken_by": f"{row.taken_by.text} {row.taken_by.where}" if row.taken_by else None,
        "changes": [_change(change) for change in row.changes],
    }

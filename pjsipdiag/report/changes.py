"""The result of a comparison: which calls go elsewhere under another release or another configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from io import StringIO

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from pjsipdiag.diagnosis.compare import Change
from pjsipdiag.errors import PjsipdiagError
from pjsipdiag.report import wording
from pjsipdiag.report.escape import visible, well_formed
from pjsipdiag.report.look import Look
from pjsipdiag.report.terminal import Ink, put

PLAIN = Look()


def render_changes(changes: Sequence[Change], before: str, after: str, format: str = "text", look: Look = PLAIN) -> str:
    """The changes between `before` and `after` (names of releases or directories) as "text" or "json"."""
    if format == "json":
        return _json(changes, before, after)
    if format != "text":
        raise PjsipdiagError(f"a comparison is shown as text or json, not as {format!r}")
    stream = StringIO()
    put(_parts(changes, before, after, Ink(look)), stream, look)
    return stream.getvalue()


def _parts(changes: Sequence[Change], before: str, after: str, ink: Ink) -> Iterator[RenderableType]:
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
    rows = [
        {
            "source": change.source,
            "before": well_formed(change.before),
            "after": well_formed(change.after),
            "calls": change.calls,
            "example": well_formed(change.example.call_id),
        }
        for change in changes
    ]
    whole = {"schema": 1, "before": well_formed(before), "after": well_formed(after), "changes": rows}
    return json.dumps(whole, indent=1) + "\n"

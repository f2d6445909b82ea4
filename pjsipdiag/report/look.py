"""How a report is to look: asked by the user, else by the stream it goes to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

from pjsipdiag.dataclass import dataclass

if TYPE_CHECKING:
    from pjsipdiag.report.ahead import BackgroundTables

NARROW, LEAST_COLUMNS, MOST_COLUMNS = 80, 40, 10_000
"""Columns where nothing says otherwise, and those that a report has at least and at most."""


@dataclass(frozen=True, slots=True)
class Style:
    """`verbose` 0, 1 or 2; `width` in columns; without `color` there is no ANSI sequence; `ascii_only` as it says.

    `ahead` writes long tables, if somebody has it do so: what `report.begin` gave for the format.
    """

    verbose: int = 0
    width: int = NARROW
    color: bool = False
    ascii_only: bool = False
    keeps_names_whole: bool = False
    """Names and addresses stay in one line: somebody may search for them with grep."""
    folder: str = ""
    """The folder of the configuration, as a repository names it, for formats that show findings at its lines."""
    name: str = ""
    """The name of the PBX, where its page is one of many beside index.html."""
    ahead: BackgroundTables | None = None


PLAIN = Style()
"""For a file: no colours, 80 columns."""


def style_for(
    stream: TextIO,
    verbose: int = 0,
    *,
    color: bool | None = None,
    folder: str = "",
    ahead: BackgroundTables | None = None,
) -> Style:
    """The look for `stream`, by the stream, NO_COLOR, FORCE_COLOR, TERM and COLUMNS; so is `color` where it is None."""
    terminal = stream.isatty()
    environment = os.environ
    if color is None:
        wanted = (terminal and environment.get("TERM") != "dumb") or environment.get("FORCE_COLOR")
        color = bool(wanted) and not environment.get("NO_COLOR")
    asked = environment.get("COLUMNS", "").isdecimal()
    width = NARROW
    if terminal or asked:
        from shutil import get_terminal_size  # with all archives that it unpacks

        width = get_terminal_size((NARROW, 24)).columns
    return Style(
        verbose,
        min(max(width, LEAST_COLUMNS), MOST_COLUMNS),
        color,
        not _can_encode(stream),
        keeps_names_whole=not terminal and not asked,
        folder=folder,
        ahead=ahead,
    )


def _can_encode(stream: TextIO) -> bool:
    try:
        "─→•✓".encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True

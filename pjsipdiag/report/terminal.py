"""The parts of every page for a terminal: escaped text, indented lines, one trace.

Text from packets and files is only ever put into `Text` objects, escaped: rich's markup is never parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pjsipdiag.asterisk.verdict import Check, Match, Verdict
from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.diagnosis.model import DoorState, Severity
from pjsipdiag.report import wording
from pjsipdiag.report.escape import clip
from pjsipdiag.report.look import Style

COLOURS = {
    "matched": "green",
    "unmatched": "bold red",
    "mixed": "yellow",
    "unknown": "magenta",
    Severity.ERROR: "bold red",
    Severity.WARNING: "yellow",
    Severity.NOTE: "cyan",
    DoorState.OPEN: "bold red",
    DoorState.UNKNOWN: "magenta",
    DoorState.TOKEN: "",
    DoorState.ADDRESS: "",
    DoorState.PASSWORD: "green",
    Match.MATCH: "green",
    Match.NO_MATCH: "",
    Match.UNKNOWN: "magenta",
}
_PIECE = re.compile(r"[^-_.@]*[-_.@]?", re.DOTALL)
_WHOLE = 2000
"""Columns of a table whose names stay whole: wider than any."""
_BLANKS = re.compile(r" +$", re.MULTILINE)
_NOTHING = Text()


class Unwrapped(Padding):
    """A part that is as wide as it has to be, however narrow the page."""


class Paragraph(NamedTuple):
    """Text that stands `by` columns from the left, behind a sign or nothing; what does not fit stands below it."""

    text: Text
    by: int = 0
    sign: Text = _NOTHING


Part = Paragraph | RenderableType


def put(parts: Iterable[Part], stream: TextIO, look: Style) -> None:
    """Writes `parts` below each other."""
    usual, wide = _console(look, look.width), _console(look, _WHOLE)
    for part in parts:
        if isinstance(part, Paragraph | Text):
            stream.writelines(_lines(part if isinstance(part, Paragraph) else Paragraph(part), usual, look))
            continue
        if isinstance(part, Unwrapped) and not look.color and (rows := _rows(part.renderable)):
            stream.writelines(f"{' ' * part.left}{row}".rstrip(" ") + "\n" for row in rows)
            continue
        console = wide if isinstance(part, Unwrapped) else usual
        with console.capture() as capture:
            console.print(part, crop=False, overflow="fold")
        # rich fills lines up to the width; a pasted or piped report needs no blanks at the end.
        stream.write(_BLANKS.sub("", capture.get()))


def _lines(part: Paragraph, console: Console, look: Style) -> Iterator[str]:
    """The lines of a paragraph: as a table of rich would have them, which takes ten times as long."""
    blank = " " * (part.by + part.sign.cell_len)
    before = " " * part.by + _coloured(part.sign, console, look)
    for line in part.text.wrap(console, max(look.width - len(blank), 1), overflow="fold"):
        yield f"{before}{_coloured(line, console, look)}".rstrip(" ") + "\n"
        before = blank


def _rows(table: object) -> list[str]:
    """The rows of a table in which each cell has one line, as rich would have them; none if they are too wide."""
    assert isinstance(table, Table)
    columns, whole = [], 0
    for column in table.columns:
        cells = [str(cell) for cell in ([column.header] if table.show_header else []) + list(column.cells)]
        width = max(column.min_width or 0, *map(cell_len, cells))
        whole += width + 2
        right = column.justify == "right"
        columns.append([_aligned(cell, " " * (width - cell_len(cell)), right) for cell in cells])
    return ["  ".join(row) for row in zip(*columns, strict=True)] if whole <= _WHOLE else []


def _aligned(cell: str, blank: str, right: bool) -> str:
    return blank + cell if right else cell + blank


def _coloured(text: Text, console: Console, look: Style) -> str:
    if not look.color:
        return text.plain
    segments = Text().append_text(text).render(console)
    return "".join(style.render(shown) if style else shown for shown, style, _ in segments)


def page_text(parts: Iterable[Part], look: Style) -> str:
    """A page as text."""
    stream = StringIO()
    put(parts, stream, look)
    return stream.getvalue()


def _console(look: Style, width: int) -> Console:
    return Console(
        file=StringIO(),
        width=width,
        color_system="standard" if look.color else None,
        force_terminal=look.color,
        no_color=not look.color,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
        safe_box=True,
    )


class Ink:
    """How one look writes: its signs, its text, its indentation."""

    def __init__(self, look: Style) -> None:
        self.look = look
        self.dash, self.arrow, self.dot = ("-", "->", "*") if look.ascii_only else ("─", "→", "•")

    def text(self, text: str, style: str = "") -> Text:
        shown = clip(text, 2000)
        if self.look.ascii_only:
            shown = shown.encode("ascii", "backslashreplace").decode("ascii")
        return Text(shown, style)

    def title(self, title: str, parts: Iterable[Part]) -> Iterator[Part]:
        """A part of a page below its title."""
        yield Text()
        yield Text(title, "bold underline" if self.look.color else "bold")
        if not self.look.color:
            yield Text(self.dash * len(title))
        yield from parts

    def name(self, text: str, width: int | None) -> Text:
        """A section name, broken behind its hyphens where it is longer than `width`."""
        return self._broken(_PIECE.findall(text), width)

    def break_list(self, text: str, width: int | None) -> Text:
        """A list, broken behind its commas where it is longer than `width`."""
        return self._broken(re.findall(r"[^,]*(?:, ?|$)", text), width)

    def _broken(self, pieces: list[str], width: int | None) -> Text:
        lines = [""]
        for piece in pieces:
            if width is not None and lines[-1] and len(lines[-1] + piece.rstrip()) > width:
                lines.append("")
            lines[-1] += piece
        return Text("\n").join(self.text(line.rstrip()) for line in lines)

    def indent(self, line: str, style: str = "", by: int = 4) -> Paragraph:
        return Paragraph(self.text(line, style), by)

    def item(self, line: str, style: str = "", by: int = 4) -> Paragraph:
        """A line behind a dot."""
        return self.sign(self.dot, line, style, by)

    def sign(self, sign: str, line: str, style: str = "", by: int = 4) -> Paragraph:
        return Paragraph(self.text(line, style), by, Text.assemble((sign, style), " "))

    def fits(self, table: Table) -> bool:
        """Whether the page is wide enough for every cell in one line."""
        console = _console(self.look, _WHOLE)
        return (
            self.look.keeps_names_whole
            or Measurement.get(console, console.options, table).maximum + 2 <= self.look.width
        )

    def table(self, table: Table) -> RenderableType:
        """A table below a heading; where names stay whole, as wide as it has to be."""
        for column in table.columns if self.look.keeps_names_whole else ():
            column.no_wrap, column.max_width = True, None
        if not self.look.keeps_names_whole:
            return Padding(table, (0, 0, 0, 2))
        return Unwrapped(table, (0, 0, 0, 2), expand=False)

    def trace(self, verdict: Verdict) -> Iterator[Paragraph]:
        said: set[str] = set()
        steps = max((len(check.step) for check in verdict.trace), default=0)
        matches = max((len(wording.MATCHES[check.match]) for check in verdict.trace), default=0)
        for check in verdict.trace:
            again = check.match is Match.UNKNOWN and check.reason in said
            said.add(check.reason)
            match = wording.MATCHES[check.match].ljust(matches), COLOURS[check.match]
            sign = Text.assemble(self.text(check.step.ljust(steps)), "  ", match, "  ")
            yield Paragraph(self.check(check, "as said above" if again else check.reason), 4, sign)

    def check(self, check: Check, reason: str) -> Text:
        subject = f"[{check.identify}] " if check.identify else ""
        many = f" (x{check.count:,})" if check.count > 1 else ""
        shown = self.text(f"{subject}{reason}{many}")
        if check.where and check.where.file:
            shown.append_text(self.text(f" {check.where}", "cyan"))
        return shown

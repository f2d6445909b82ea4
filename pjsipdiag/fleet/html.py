"""The report on a fleet for a browser: a page of all, and one of each PBX beside it; nothing is asked of any server."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from jinja2 import PackageLoader

from pjsipdiag.diagnosis.model import Report
from pjsipdiag.fleet import wording
from pjsipdiag.fleet.model import Fleet
from pjsipdiag.report.look import Style
from pjsipdiag.report.web import html

SHARED_ROWS = 2_000
"""Sources that several PBXs saw, of which the page tells; the JSON report has all."""
INDEX = "index.html"


def write_page(report: Report, name: str, folder: Path) -> None:
    """Writes the page of one PBX."""
    with (folder / page_of(name)).open("w", encoding="utf-8", newline="") as stream:
        html.write(report, stream, Style(name=name))


def page_of(name: str) -> str:
    """The file of its page; no name is that of the page of all."""
    return f"{name}.pbx.html"


def write(fleet: Fleet, stream: TextIO) -> None:
    """Writes the page of all."""
    environment = html.environment().overlay(loader=PackageLoader("pjsipdiag.fleet"))
    page = environment.get_template("fleet.html").stream(
        headline=wording.fleet_headline(fleet),
        mood="bad" if any(member.needs_attention for member in fleet.members) else "good",
        fleet=fleet,
        shared=fleet.shared_sources[:SHARED_ROWS],
        left_out=max(len(fleet.shared_sources) - SHARED_ROWS, 0),
        missing=wording.open_points(fleet),
        page_of=page_of,
        wording=wording,
        **html.frame(),
    )
    for piece in page:
        stream.write(piece)

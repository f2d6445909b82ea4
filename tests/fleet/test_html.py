"""Pages of a fleet: one of all, one of each, with links that lead to what is there, and nothing hostile."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

from pjsipdiag.asterisk.section import Where
from pjsipdiag.diagnosis.model import Finding, Severity
from pjsipdiag.fleet.html import write
from pjsipdiag.fleet.model import Caller, Member, Place
from pjsipdiag.fleet.plan import Pbx
from pjsipdiag.fleet.shared_causes import fleet_of
from tests.fleet.build import COUNT
from tests.fleet.conftest import Run

HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e"


def test_every_link_leads_to_a_page(run: Run) -> None:
    folder = run.folder / "html"
    pages = sorted(path.name for path in folder.glob("*.html"))
    assert len(pages) == COUNT + 1
    for name in pages:
        links = re.findall(r'href="([^#"]+)"', (folder / name).read_text())
        assert links
        assert set(links) <= set(pages)


def test_the_page_of_a_pbx_says_whose_it_is(run: Run) -> None:
    page = (run.folder / "html" / "pbx-03.pbx.html").read_text()
    assert "<title>pbx-03: " in page
    assert '<a href="index.html">All PBXs</a> / pbx-03' in page


def test_what_comes_from_packets_and_errors_is_text() -> None:
    finding = Finding(
        Severity.ERROR, HOSTILE, Where(HOSTILE, 1), sources=(HOSTILE,), evidence=(HOSTILE,), rule="scanner"
    )
    caller = Caller(1, 1, "unmatched", HOSTILE, {HOSTILE: 1}, (HOSTILE,))
    members = [
        Member(Pbx(name, ("x",), "y"), failed, headline=HOSTILE, places=(Place(finding, patch=HOSTILE),),
               sources={HOSTILE: caller}, cut=(HOSTILE,))
        for name, failed in (("a", ""), ("b", HOSTILE))
    ]  # fmt: skip
    stream = StringIO()
    write(fleet_of(HOSTILE, members), stream)
    page = stream.getvalue()
    assert "<script>alert" not in page
    assert not {"\x1b", "\u202e"} & set(page)


def test_files_are_for_their_owner_alone(run: Run) -> None:
    """They show lines of configurations."""
    assert all(path.stat().st_mode & 0o077 == 0 for path in Path(run.folder / "html").iterdir())

"""The report on a terminal, and the texts that other commands print."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from io import BytesIO, StringIO, TextIOWrapper

import pytest

from pjsipdiag.asterisk.config import Config
from pjsipdiag.diagnosis.compare import Change
from pjsipdiag.diagnosis.explain import parse_source, request
from pjsipdiag.diagnosis.model import EditKind, Loading
from pjsipdiag.errors import PjsipdiagError
from pjsipdiag.report import render, renderer
from pjsipdiag.report.changes import render_changes
from pjsipdiag.report.look import style_for
from pjsipdiag.report.text import MOST_SOURCE_ROWS, explain, suggestions_text
from tests.report.build import UNMATCHED, healthy, report


class Terminal(StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_the_verdict_is_the_first_line() -> None:
    first = render(report()).splitlines()[0]
    assert first == "1 of 3 sources is not matched: 3 of 6 calls failed for that reason."
    assert render(healthy()).splitlines()[0] == "The only source is matched (2 calls)."


def test_sources_that_are_refused_earlier_are_not_called_matched() -> None:
    """By the parser, say: no match line is missing, and none could help."""
    found = healthy()
    refused = replace(found, sources=tuple(row._replace(verdict="unmatched") for row in found.sources))
    assert render(refused).splitlines()[0] == "1 of 1 source is refused before any endpoint is looked for."


def test_causes_come_first_and_what_to_do_last() -> None:
    shown = render(report(), verbose=1)
    places = [shown.index(f"\n{title}\n") for title in ("Causes", "Sources", "Notes", "Traces", "Suggested lines")]
    assert places == sorted(places)


def test_a_finding_names_its_place_and_its_fix() -> None:
    shown = render(report(), width=200)
    assert "at pjsip.conf:22 [provider-identify]" in shown
    assert "→ add match=203.0.113.13 to [provider-identify] in pjsip.conf" in shown


@pytest.mark.parametrize("width", [80, 100, 200])
@pytest.mark.parametrize("verbose", [0, 2])
def test_no_line_is_wider_than_the_terminal(width: int, verbose: int) -> None:
    lines = render(report(), width=width, verbose=verbose).splitlines()
    assert max(map(len, lines)) <= width
    assert not any(line.endswith(" ") for line in lines)


def test_a_wide_terminal_also_shows_the_user_agent() -> None:
    assert "User agent" not in render(report(), width=80)
    assert "User agent" in render(report(), width=200)


@pytest.mark.parametrize("address", ["198.51.100.235", "2001:db8::10", "2001:db8:1234:5678:9abc:def0:1234:5678"])
@pytest.mark.parametrize("width", range(110, 150, 3))
def test_no_letter_of_a_source_is_lost_in_a_narrow_table(width: int, address: str) -> None:
    """rich cuts off what a line of a table has too much."""
    rows = [
        report().sources[0]._replace(address="203.0.113.35"),
        report()
        .sources[2]
        ._replace(
            address=address,
            identify="provider-identify",
            endpoint="provider-endpoint",
            user_agents=("friendly-scanner",),
        ),
    ]
    shown = [render(replace(report(), sources=tuple(rows)), width=columns) for columns in (width, 400)]
    tables = [text.partition("\nSources\n")[2].partition("\n\n")[0].partition("Source")[2] for text in shown]
    assert sorted("".join(tables[0].split())) == sorted("".join(tables[1].split()))


def test_ascii_where_the_stream_can_do_no_more() -> None:
    raw = BytesIO()
    stream = TextIOWrapper(raw, encoding="ascii")
    renderer("text").write(report(), stream, style_for(stream, 2))
    stream.flush()
    assert b"-> add match=203.0.113.13" in raw.getvalue()


def test_colours_only_for_a_terminal_that_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(stream: StringIO) -> str:
        renderer("text").write(report(), stream, style_for(stream))
        return stream.getvalue()

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[" in shown(Terminal())
    assert "\x1b[" not in shown(StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b[" not in shown(Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in shown(Terminal())


def test_many_sources_are_counted_not_listed() -> None:
    row = report().sources[0]
    many = replace(report(), sources=tuple(row._replace(address=f"198.18.0.{at}") for at in range(200)))
    assert len(re.findall(r"198\.18\.0\.\d+", render(many))) == MOST_SOURCE_ROWS
    assert f"{200 - MOST_SOURCE_ROWS} more sources are not shown" in render(many)
    assert len(re.findall(r"198\.18\.0\.\d+", render(many, verbose=1))) == 200


@pytest.mark.parametrize("format", ["text", "markdown", "html"])
def test_suggestions_end_with_what_loads_them_and_shows_it(format: str) -> None:
    commands = ["pjsip reload", "pjsip show identifies", "pjsip set logger on"]
    shown = unescape(render(report(), format))
    places = [shown.find(f"asterisk -rx '{command}'") for command in commands]
    assert -1 not in places
    assert places == sorted(places)
    assert places[0] > shown.find("match=203.0.113.13")
    assert "asterisk -rx" not in render(healthy(), format)


@pytest.mark.parametrize(
    ("loading", "said"),
    [
        (Loading((EditKind.ROW,), watch="w"), "Nothing is to be reloaded"),
        (Loading((EditKind.TRANSPORT,), ("c",), watch="w"), "allow_reload=yes"),
        (Loading((EditKind.OBJECT,), ("c",), (), "w", ("a.conf",), "Trunks", "b.conf"), "FreePBX overwrites a.conf"),
        (Loading((EditKind.OBJECT,), ("c",), (), "w", ("a.conf",)), "a.conf is written by a program"),
    ],
)
def test_why_it_is_loaded_so_and_what_comes_first(loading: Loading, said: str) -> None:
    shown = report()
    told = replace(shown, suggestions=(replace(shown.suggestions[0], loading=loading),))
    assert said in " ".join(suggestions_text(told).split())


def test_only_the_suggested_lines() -> None:
    shown = suggestions_text(report())
    assert "asterisk -rx 'pjsip reload'" in shown
    assert "[provider-identify]" in shown
    assert "+ match=203.0.113.13" in shown
    assert suggestions_text(healthy()) == "No line is suggested.\n"


def test_one_request_explained() -> None:
    shown = explain(request(parse_source("203.0.113.13")), UNMATCHED, Config("22.10.1", "/etc/asterisk"))
    assert shown.splitlines()[0] == "No endpoint matches, Asterisk answers 401."
    assert "pjsip.conf:22" in shown


def test_changes_between_two_releases() -> None:
    change = Change("203.0.113.13", "no match", "accepted for endpoint 'x' by ip", 3, report().calls[1])
    shown = render_changes([change], "16.28.0", "22.10.1")
    assert shown.startswith("3 calls go elsewhere under 22.10.1 than under 16.28.0.")
    assert "accepted for endpoint 'x' by ip" in shown
    assert render_changes([], "16.28.0", "22.10.1").startswith("Every call goes the same way")
    assert '"calls": 3' in render_changes([change], "16.28.0", "22.10.1", "json")
    with pytest.raises(PjsipdiagError):
        render_changes([change], "16.28.0", "22.10.1", "html")


def test_few_signs_are_shown_and_the_others_counted() -> None:
    first = report().findings[0]
    for count in (6, 7, 9):
        signs = tuple(f"sign {at}" for at in range(count))
        found = replace(report(), findings=(replace(first, evidence=signs),))
        assert len(re.findall(r"sign \d", render(found))) == min(count, 6)
        assert (f"and {count - 6} more sign" in render(found)) is (count > 6)
        assert len(re.findall(r"sign \d", render(found, verbose=1))) == count


def test_changes_stand_in_columns_two_apart() -> None:
    change = Change("203.0.113.13", "no match", "accepted for endpoint 'x' by ip", 3, report().calls[1])
    assert render_changes([change], "old", "new").splitlines() == [
        "3 calls go elsewhere under new than under old.",
        "",
        "Source        Calls  Under old  Under new",
        "203.0.113.13      3  no match   accepted for endpoint 'x' by ip",
    ]

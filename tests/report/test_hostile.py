"""Nothing that a packet or a file holds reaches any format unescaped."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from io import StringIO
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pjsipdiag.report import FORMATS, render
from tests.report.hostile import hostile

NASTY = (
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "a\r\nInjected: header",
    "100% %s %n {0} {{ 7*7 }} {% raw %}",
    "\"'`<b>&amp;</b>--></script>]]>",
    "[bold red]markup[/] [link=http://x]y[/link]",
    "\u202eevil\u202c \u200f\u2066\u2069 \u061c",
    "caf\udce9 \udcff\udc80",
    "\x00\x01\x7f\x80\x9b31m\u2028\u2029\ufeff",
    "=cmd|'/C calc'!A0",
    "@everyone ![x](javascript:alert(1)) | `code` | **b** #1",
    "x" * 65_536,
    "\ud800 lone, \U000e0041 tag",
)
BYTES = st.binary(max_size=60).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
HOSTILE = st.one_of(
    st.sampled_from([text for text in NASTY if len(text) < 1000]), st.text(st.characters(), max_size=60), BYTES
)
VERBATIM = re.compile(r"[\n\t]")
"""Line ends and indentation are the formats' own; that no value brings any is a test of its own."""


def unprintable(text: str) -> set[str]:
    """Characters that no terminal, editor or browser should be handed, but for the formats' own line ends."""
    return {char for char in VERBATIM.sub("", text) if not char.isprintable()}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_known_tricks_come_out_visible(name: str, text: str) -> None:
    shown = render(hostile(text), name, verbose=2, color=False)
    assert not unprintable(shown)
    shown.encode()


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028"])
def test_no_value_begins_a_line(name: str, end: str) -> None:
    shown = render(hostile(f"a{end}INJECTED"), name, verbose=2, width=2000)
    assert not any(line.startswith("INJECTED") for line in shown.splitlines())


@settings(max_examples=25)
@given(HOSTILE)
def test_no_format_lets_control_characters_through(text: str) -> None:
    shown = hostile(text)
    for name in FORMATS:
        out = render(shown, name, verbose=2)
        assert not unprintable(out), name
        out.encode()


@settings(max_examples=25)
@given(HOSTILE)
def test_structure_cannot_be_changed(text: str) -> None:
    shown = hostile(text)
    harmless = hostile("x")
    assert len(json.loads(render(shown, "json"))["calls"]) == 2
    assert len(render(shown, "jsonl").splitlines()) == 2
    assert json.loads(render(shown, "sarif"))["runs"][0]["results"]
    rows = list(csv.reader(StringIO(render(shown, "csv"))))
    assert [len(row) for row in rows] == [12, 12, 12]
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert _tags(ElementTree.fromstring(render(shown, "junit"))) == _tags(
        ElementTree.fromstring(render(harmless, "junit"))
    )


@settings(max_examples=25)
@given(HOSTILE)
def test_the_page_has_the_same_elements_whatever_the_text(text: str) -> None:
    assert _elements(render(hostile(text or "x"), "html")) <= _elements(render(hostile("x"), "html")) | {"p", "b"}


def test_colours_are_the_programs_own() -> None:
    """With colours there are ANSI sequences, none of them from a packet."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", render(hostile("\x1b[31m\x1b]8;;http://x\x07"), "text", color=True))
    assert "\x1b" not in plain
    assert "\x07" not in plain
    assert "\\x1b[31m" in plain


def test_json_keeps_the_value() -> None:
    text = '\x1b[31m \u202e "quoted" \U0001f600'
    assert json.loads(render(hostile(text), "json"))["calls"][0]["from"] == text


def test_markdown_makes_no_link_image_or_mention() -> None:
    shown = render(hostile("@here <img src=x> ![a](http://b) [l](j) <script>"), "markdown")
    outside = re.sub(r"(`+).*?\1", "", re.sub(r"(?m)^    .*$", "", shown))
    assert "://" not in outside
    assert not re.search(r"@(?!<!--)", outside)
    assert not re.search(r"(?<!\\)[<\[!]", outside.replace("<!-- -->", ""))


def _tags(root: ElementTree.Element) -> list[str]:
    return [element.tag for element in root.iter()]


def _elements(page: str) -> set[str]:
    found: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.update((tag, *(f"@{name}" for name, _ in attrs)))

    Reader().feed(page)
    return found

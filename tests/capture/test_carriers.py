"""One and the same log, whatever carried it: the same messages come out."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.capture.text import read as reading
from pjsipdiag.errors import CaptureError
from tests.capture.carriers import CARRIERS, cut_at_blanks, cut_hard, each, read
from tests.capture.pasted import PASTED

LOGS = Path(__file__).parents[2] / "fixtures" / "log"
RAW = {version: (LOGS / f"asterisk-{version}.log").read_bytes() for version in ("16", "22")}


def told(found: list[Datagram]) -> list[tuple[object, ...]]:
    """What a verdict depends on: the ends, and the head, in which blanks do not count."""
    return [
        (d.source, d.destination, d.transport, d.direction, d.truncated, re.sub(rb"[ \t]+", b" ", head(d)))
        for d in found
    ]


def head(datagram: Datagram) -> bytes:
    return datagram.payload.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize("version", RAW)
@pytest.mark.parametrize("name", CARRIERS | PASTED)
def test_the_same_messages_come_out(name: str, version: str) -> None:
    found, tally = read((CARRIERS | PASTED)[name](RAW[version]))
    expected, said = read(RAW[version])
    assert told(found) == told(expected)
    assert not tally.unread_messages
    if name != "broken after 132":  # few lines are that long: nothing shows the width
        assert set(tally.log_lines) == set(said.log_lines)


WORDS = st.text("abcdefgXYZ_/.@#=()", min_size=1, max_size=8)
HEADS = st.lists(
    st.one_of(WORDS, st.sampled_from(["{n}", "{n:6}", "Nov {d:2} 09:10:{d:02}", "2026-11-{d:02}T09:{d:02}:01.5Z"])),
    min_size=1,
    max_size=4,
)
ENDS = st.sampled_from(["| ", ": ", "> ", "\t", "  ", " - ", "] "])


@given(HEADS, ENDS, st.sampled_from(["", "", " |", ";", "</td>"]))
def test_any_head_is_learned(head_words: list[str], end: str, tail: str) -> None:
    before = " ".join(head_words) + end
    raw = each(lambda n, line: before.format(n=n, d=n % 28 + 1) + line + tail)(RAW["22"])
    assert told(read(raw)[0]) == told(read(RAW["22"])[0])


COLLECTORS = [
    *("docker compose", "CRI", "kubectl --prefix", "journal short", "journal iso", "syslog RFC 5424", "supervisord"),
    *("grep -n", "grep -Hn", "dates removed"),
]
OBJECTS = ["docker json-file", "journal json", "rsyslog escapes", "backslashes", "logfmt", "ELK", "Loki", "Splunk"]
WRAPPED = ["broken after 80", "broken after 100", "broken at blanks, 80", "broken at blanks, 72"]
AROUND_ANY = [
    *("quoted", "quoted twice", "Markdown, indented", "tabs", "coloured", "grep -n", "nl", "less -N", "chat"),
    *("UTF-16 LE", "UTF-16 BE", "UTF-8 with mark", "doubled line ends", "no-break blanks", "Loki", "docker json-file"),
]
AROUND_LINES = [
    *(*AROUND_ANY, "table", "CSV", "JSON array", "web page", "entities", "lines broken by <br>", "typographic"),
    *("CR CR LF", "no empty lines", "blanks squeezed", "blanks trimmed", "ORIGINAL in mail", "broken after 80"),
    "broken at blanks, 80",
]
AROUND_WRAPPED = [
    *("quoted", "Markdown, indented", "tabs", "doubled line ends", "UTF-16 LE", "cat -n", "grep -n", "web page"),
    "BBCode",
]
PAIRS = [
    *((inner, outer) for inner in COLLECTORS for outer in AROUND_LINES if inner != outer),
    *((inner, outer) for inner in OBJECTS for outer in AROUND_ANY if inner != outer),
    *((inner, outer) for inner in WRAPPED for outer in AROUND_WRAPPED),
]


@settings(max_examples=80)
@given(st.sampled_from(PAIRS))
def test_one_carrier_in_another(pair: tuple[str, str]) -> None:
    inner, outer = pair
    raw = CARRIERS[outer](CARRIERS[inner](RAW["22"]))
    assert told(read(raw)[0]) == told(read(RAW["22"])[0])


@settings(max_examples=60)
@given(st.sampled_from(list(CARRIERS | PASTED)), st.sampled_from(list(CARRIERS | PASTED)))
@example("old Macintosh", "broken after 40")
@example("RFC 6587, counted lines", "terminal, compose")
@example("no-break blanks", "tail of two files")
def test_nothing_that_was_done_twice_is_a_fault(inner: str, outer: str) -> None:
    try:
        raw = (CARRIERS | PASTED)[outer]((CARRIERS | PASTED)[inner](RAW["22"]))
    except ValueError:  # a carrier that takes only logs as they are, or UTF-8
        assume(False)
    with suppress(CaptureError):
        read(raw)


@pytest.mark.parametrize("outer", ["web page", "BBCode"])
@pytest.mark.parametrize("inner", WRAPPED)
def test_a_mark_before_the_first_line_hides_no_width(inner: str, outer: str) -> None:
    assert told(read(CARRIERS[outer](CARRIERS[inner](RAW["22"])))[0]) == told(read(RAW["22"])[0])


def test_an_arrow_at_the_beginning_is_no_name_of_a_file() -> None:
    assert told(read(b"==> this is what I see\n" + RAW["22"])[0]) == told(read(RAW["22"])[0])


@settings(max_examples=60)
@given(HEADS, ENDS, st.sampled_from(AROUND_ANY))
def test_any_head_is_learned_behind_another_carrier(head_words: list[str], end: str, outer: str) -> None:
    before = " ".join(head_words) + end
    raw = CARRIERS[outer](each(lambda n, line: before.format(n=n, d=n % 28 + 1) + line)(RAW["22"]))
    assert told(read(raw)[0]) == told(read(RAW["22"])[0])


@settings(max_examples=60)
@given(st.integers(40, 130), st.booleans(), st.sampled_from(["", "> ", "    ", "# "]))
def test_any_width_is_found(width: int, at_blanks: bool, quote: str) -> None:
    """Every message is there, unbroken; what could not be joined counts as unread."""
    raw = cut_at_blanks(RAW["22"], width, quote) if at_blanks else cut_hard(RAW["22"], width, quote, quote)
    found, tally = read(raw)
    assert len(found) + sum(tally.unread_messages.values()) >= len(read(RAW["22"])[0])
    if width <= 110:
        assert [(d.source, d.direction) for d in found] == [(d.source, d.direction) for d in read(RAW["22"])[0]]


@pytest.mark.parametrize("width", [40, 72, 80])
def test_lines_may_be_broken_where_pieces_of_the_text_end(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = cut_hard(RAW["22"], width)
    expected = told(read(raw)[0])
    for size in range(2000, 2400, 7):
        monkeypatch.setattr(reading, "PIECE_SIZE", size)
        assert told(read(raw)[0]) == expected


@pytest.mark.parametrize("version", RAW)
def test_a_log_may_be_cut_at_any_byte(version: str) -> None:
    raw = RAW[version]
    whole = told(read(raw)[0])
    for end in range(len(raw) // 3, len(raw), 97):
        found = told(read(raw[:end])[0])
        assert found[: len(found) - 1] == whole[: len(found) - 1]
        assert all(datagram.payload for datagram in read(raw[:end])[0])

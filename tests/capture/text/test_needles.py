"""Needles are found where they stand, by the compiled part and without it, whatever the text is."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pjsipdiag.capture.text import needles
from pjsipdiag.capture.text.sentences import NEEDLES

LETTERS = st.binary(max_size=60).map(lambda text: bytes(b"ab -"[byte % 4] for byte in text))
WORDS = st.lists(LETTERS.filter(lambda word: len(word) > 1), min_size=1, max_size=5, unique=True).map(tuple)
WAYS = pytest.mark.parametrize(
    "used",
    [False, pytest.param(True, marks=pytest.mark.skipif(not needles.used, reason="needs a C compiler when installed"))],
)


def begin(text: bytes, word: bytes, start: int, end: int) -> list[int]:
    return [at for at in range(start, end - len(word) + 1) if text[at : at + len(word)] == word]


@WAYS
@given(text=LETTERS, some=WORDS, start=st.integers(0, 60), end=st.integers(0, 60))
@example(text=b"aaaa", some=(b"aa", b"aaa"), start=0, end=4)
@example(text=b"a" * 60, some=(b"a" * 60,), start=0, end=60)
def test_places_of_any_needles(used: bool, text: bytes, some: tuple[bytes, ...], start: int, end: int) -> None:
    end = min(end, len(text))
    expected = {at for word in some for at in begin(text, word, start, end)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(needles, "used", used)
        assert needles.places(text, some, start, end) == sorted(expected)
        assert needles.count(text, b"a", start, end) == len(begin(text, b"a", start, end))
        assert needles.count(text, b"a-", start, end) == len(begin(text, b"a-", start, end))


@WAYS
def test_places_in_a_large_text(used: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needles, "used", used)
    line = b"[2025-10-09 08:53:21] NOTICE[4009] res_pjsip.c: Request " + b"x" * 300
    expected = [len(line) + at * (len(line) + 20) for at in range(len(NEEDLES))]
    text = b"".join(line + needle[:20].ljust(20) for needle in (needle + b" " * 20 for needle in NEEDLES))
    short = tuple(needle[:12] for needle in NEEDLES)
    assert needles.places(text, short, 0, len(text)) == expected


@pytest.mark.skipif(not needles.used, reason="needs a C compiler when installed")
@pytest.mark.parametrize(
    ("some", "start", "end"),
    [((b"a",), 0, 3), ((b"ab",), -1, 3), ((b"ab",), 0, 4), ((b"ab",) * 33, 0, 3)],
)
def test_what_the_compiled_part_cannot_do_is_refused(some: tuple[bytes, ...], start: int, end: int) -> None:
    with pytest.raises(ValueError, match="beyond the text"):
        needles.places(b"xab", some, start, end)
    with pytest.raises(TypeError):
        needles.places(b"xab", ("ab",), 0, 3)  # type: ignore[arg-type]

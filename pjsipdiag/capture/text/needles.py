"""Where needles are in a text. A compiled part (`_needles.c`) looks for them, where it was built, as Python does."""

from __future__ import annotations

from collections.abc import Iterator

from pjsipdiag.extensions import is_used

try:
    from pjsipdiag.capture.text import _needles
except ImportError:
    used = False
else:
    used = is_used(_needles)


def places(text: bytes, needles: tuple[bytes, ...], start: int, end: int) -> list[int]:
    """Where any of `needles` begins between two places of the text, in order. Each has two bytes or more."""
    return _needles.places(text, needles, start, end) if used else sorted(set(_each(text, needles, start, end)))


def count(text: bytes, needle: bytes, start: int, end: int) -> int:
    """How often a needle is there; soonest told where its first byte is rare."""
    return _needles.count(text, needle, start, end) if used else text.count(needle, start, end)


def _each(text: bytes, needles: tuple[bytes, ...], start: int, end: int) -> Iterator[int]:
    for needle in needles:
        at = text.find(needle, start, end)
        while at >= 0:
            yield at
            at = text.find(needle, at + 1, end)

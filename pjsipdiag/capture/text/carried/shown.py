"""Lines of Asterisk's log as it writes them: where one is in a text, nobody changed it.

What else looks like an escape, an object or a quotation there was written by the sender of a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pjsipdiag.capture.text.sentences import lines_with, sentence
from pjsipdiag.capture.text.text_forms import PJSIP

RETURNS = rb"#015|\\r|\\015|\\x0[dD]|\\u000[dD]|\^M|%0D|\xe2\x90\x8d|<CR>|\[CR\]|<0[dD]>"
FEEDS = (
    rb"#012|\\n|\\012|\\x0[aA]|\\u000[aA]|\^J|%0A|\xe2\x90\x8a|<LF>|\[LF\]|<0[aA]>|<br ?/?>|\xe2\x80\xa8|\xc2\x85|\x0b|"
    rb"\xe2\x8f\x8e|\xe2\x86\xb5|\xc2\xb6"
)
"""The spellings of CR and LF where they were written as text."""
_NEEDLE = re.compile(rb"SIP(?: |\xc2\xa0)re(?:quest|sponse)(?: |\xc2\xa0)\(")
_EXACT = re.compile(
    rb"<-{1,8} ?(?:Received|Transmitting) SIP re(?:quest|sponse) \(\d{1,6} bytes\) (?:from|to) "
    rb"[!-\[\]-~ ]{3,90}?-{1,8}>"
)
_GAP = rb"(?: |\xc2\xa0)+"
_DASHES = rb"(?:-|\xe2\x80[\x90-\x95])+"
_WORDS = (rb"(?:Received|Transmitting)", rb"SIP", rb"re(?:quest|sponse)", rb"\(\d{1,6}", rb"bytes\)", rb"(?:from|to)")
_PLAIN = re.compile(
    rb"(?<!\\)<" + _DASHES + _GAP + _GAP.join(_WORDS) + _GAP + rb"[^\n\\&]{3,90}?" + _DASHES
    + rb">(?![\"' ]*(?:" + RETURNS + rb"|" + FEEDS + rb"|</?[a-z]))"
)  # fmt: skip
BEFORE, BEHIND = 400, 240


def has_plain(text: bytes) -> bool:
    """Whether a line announces a message with no escape in it or behind it, typographic signs aside."""
    return any(_PLAIN.search(text, *place) is not None for place in _announcing(text))


def has_exact(text: bytes) -> bool:
    """Whether the first line that announces a message does so as Asterisk writes it."""
    place = next(_announcing(text), None)
    return place is not None and _EXACT.search(text, *place) is not None


def has_bare(text: bytes) -> bool:
    """Whether one announces a message without an object around it."""
    return any(
        (found := _PLAIN.search(text, *place)) is not None and text.find(b"{", place[0], found.start()) < 0
        for place in _announcing(text)
    )


def has_ended(text: bytes) -> bool:
    """Whether one ends where it was ended."""
    return any(_EXACT.search(text, *place) is not None and place[1] < place[0] + BEHIND for place in _announcing(text))


def is_said(text: bytes) -> bool:
    """Whether a text holds a line that announces a message, or a sentence about a refusal."""
    return any(needle in text for needle in PJSIP.needles) or any(
        sentence(line) for _, line in lines_with(text, len(text))
    )


def _announcing(text: bytes) -> Iterator[tuple[int, int]]:
    """From where to where each line reaches that may announce a message, if it is no longer than such lines are."""
    for found in _NEEDLE.finditer(text):
        earliest = max(found.start() - BEFORE, 0)
        start = max(text.rfind(b"\n", earliest, found.start()) + 1, earliest)
        end = text.find(b"\n", found.end(), found.end() + BEHIND)
        yield start, end if end >= 0 else found.end() + BEHIND

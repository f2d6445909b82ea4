"""The kind of a text that holds nothing to judge: a log of Asterisk all the same, another known text, or neither."""

from __future__ import annotations

import re

from pjsipdiag.capture.text.carried.wrapping import cut_after
from pjsipdiag.capture.text.text_forms import BARE_SIP, NAMED_TEXTS, UnjudgedText
from pjsipdiag.errors import CaptureError

_LEVELS = tuple(level + b"[" for level in (b"VERBOSE", b"NOTICE", b"WARNING", b"ERROR", b"DEBUG", b"SECURITY"))
_ENTRIES: tuple[tuple[tuple[bytes, ...], re.Pattern[bytes]], ...] = (
    (_LEVELS, re.compile(rb"\b(?:VERBOSE|NOTICE|WARNING|ERROR|DEBUG|SECURITY)\[\d+\]")),
    ((b"[",), re.compile(rb"\[[^\]\n\x1b]{4,40}\] ?[A-Z]{3,10}\[\d+\]")),
    ((b'"logmsg"',), re.compile(rb'"logmsg"')),
    ((b"Asterisk ",), re.compile(rb"Asterisk (?:PBX Core|Dynamic Loader|Ready|\d+\.\d+\.\d+)")),
    ((b"    -- ",), re.compile(rb"^    -- [A-Z]", re.MULTILINE)),
)
"""Lines that only Asterisk's log or console has, behind bytes that are in each such text."""


_CONTROLS = bytes({*range(1, 32)} - set(b"\t\n\v\f\r\x1b"))
"""Characters of no text; zeros stand where a disk was not written to its end."""
_ENOUGH, _MOST_CONTROLS = 4 << 20, 0.04
"""Bytes after which it is told that something is no text, and the share of those characters (of random bytes a
tenth)."""


class TextKind:
    """The kind of a text, as its pieces show it one after the other."""

    def __init__(self) -> None:
        self._named: UnjudgedText | None = None
        self._of_asterisk = False
        self._cut = 0
        """After how many columns its lines were cut."""
        self._seen = self._controls = 0

    def look(self, text: bytes, raw: bytes) -> None:
        """Notes what a piece shows, as it was and without what carried it."""
        self._seen += len(raw)
        raw = raw.translate(None, b"\0")
        self._controls += len(raw) - len(raw.translate(None, _CONTROLS))
        self._of_asterisk = self._of_asterisk or _is_of_asterisk(text)
        self._cut = self._cut or cut_after(text)
        if self._named is None:
            rows = (named for named in NAMED_TEXTS if named.inside or not self._of_asterisk)
            shown = (text,) if text == raw else (raw, text)
            self._named = next((named for named in rows if any(map(named.is_in, shown))), None)

    @property
    def is_bare_sip(self) -> bool:
        """Whether it holds SIP that no line announces."""
        return self._named is BARE_SIP

    def check_text(self, name: str) -> None:
        """Ends what is no text, however long it goes on. Raises CaptureError."""
        if self._seen >= _ENOUGH and self._controls > _MOST_CONTROLS * self._seen and not self._of_asterisk:
            raise CaptureError(f"{name}: neither a capture (pcap, pcapng) nor a log of Asterisk: it is no text")

    def check(self, name: str) -> None:
        """Says what the text is, unless it is a log. Raises CaptureError."""
        if self._cut:
            raise CaptureError(
                f"{name}: its lines were cut after {self._cut} columns, with the addresses that stand behind;"
                " bring the log file itself (/var/log/asterisk/full, see logger.conf) instead of what a screen shows"
            )
        if self._named is not None:
            raise CaptureError(f"{name}: this is {self._named.what}; {self._named.bring}")
        if not self._of_asterisk:
            raise CaptureError(
                f"{name}: neither a capture (pcap, pcapng) nor a log of Asterisk: no line of it is one that"
                " Asterisk writes, and no SIP message was found; bring a capture, or its log with `pjsip set logger on`"
            )


def _is_of_asterisk(text: bytes) -> bool:
    return any(
        any(needle in text for needle in needles) and line.search(text) is not None for needles, line in _ENTRIES
    )

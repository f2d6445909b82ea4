"""Line ends and other characters that were written as text: rsyslog's #012, a language's \\n, a terminal's ^J."""

from __future__ import annotations

import re

from pjsipdiag.capture.text.carried.shown import FEEDS, RETURNS, has_ended

_ENDS_WITH = re.compile(rb"(?:-->|--&gt;)[ \"']*(?:" + RETURNS + rb"|" + FEEDS + rb")")
_ESCAPE = re.compile(
    rb"(?P<cr>" + RETURNS + rb")|(?P<lf>" + FEEDS + rb")|"
    rb'#(?P<octal>0[01][0-7]|033)|\\(?P<other>0[01][0-7])|\\x09|(?P<tab>\\t|\^I)|\\(?P<letter>["\'\\/])'
)
_ENTRY = re.compile(
    rb"(?<=[^\n])(?=\[[^\]\n]{5,40}\] ?(?:VERBOSE|NOTICE|WARNING|ERROR|DEBUG|SECURITY)\[\d+\])|"
    rb"(?:(?<=[^\n:] )|(?<=[^\n :]))(?=<-{1,4} ?(?:Received|Transmitting) SIP re)"
)


def unescape(line: bytes) -> bytes | list[bytes]:
    """An entry whose line ends were written as text, in the lines that it had."""
    if _ENDS_WITH.search(line) is None:
        return line
    return _ESCAPE.sub(_character, line).rstrip(b"\n").split(b"\n")


def _character(found: re.Match[bytes]) -> bytes:
    if found["cr"] or found["lf"]:
        return b"\r" if found["cr"] else b"\n"
    octal = found["octal"] or found["other"]
    return bytes([int(octal, 8)]) if octal else found["letter"] or b"\t"


def part_entries(text: bytes) -> bytes:
    """Entries that stand in one line with others, each in a line of its own."""
    start = text.find(b" SIP re")
    end = text.find(b"\n", start)
    if start < 0 or text.count(b" SIP re", start, end if end >= 0 else len(text)) < 2 or has_ended(text):
        return text
    if b'{"' in text[text.rfind(b"\n", 0, start) + 1 : start]:
        return text  # an object has the same entry in two fields
    return _ENTRY.sub(b"\n", text)

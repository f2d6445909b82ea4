"""Marks of web pages, of Markdown and of chat programs, and typographic signs."""

from __future__ import annotations

import html
import re
from urllib.parse import unquote_to_bytes

from pjsipdiag.capture.text.carried.shown import has_exact, has_plain
from pjsipdiag.capture.text.sentences import NEEDLES, lines_with, sentence

_TAG = re.compile(
    rb"</?(?:a|b|i|u|p|br|hr|div|span|pre|code|tt|font|td|tr|th|table|tbody|thead|li|ol|ul|em|strong|html|head|body|title|"
    rb"meta|link|style|blockquote|samp|kbd|small|section|article|line|o:p)(?:[ \t][^<>]{0,400})?/?>",
    re.IGNORECASE,
)
_CELLS = re.compile(rb"(?i)</t[dh]>\s*<t[dh](?:[ \t][^<>\n]{0,200})?>")
_ROWS = re.compile(rb"(?i)(<tr(?:[ \t][^<>\n]{0,200})?>)\s+(?=<t[dh])|(</t[dh]>)\s+(?=</tr>)")
_LINKS = (
    re.compile(rb"\[(?P<one>[^\]\s]{3,300})\]\((?:mailto:|sips?:|tel:|https?://)?(?P<two>[^)\s]{3,300})\)"),
    re.compile(rb"<(?P<two>[^<>|\s]{3,300})\|(?P<one>[^<>|\s]{3,300})>"),
    re.compile(
        rb"(?<![\w.+~*-])(?P<one>(?:[\w.+~*-]{1,99}@)?[\w-]{1,63}(?:\.[\w-]{1,63}){1,9}(?::\d{1,5})?) ?"
        rb"<(?P<two>(?!sips?:|tel:)[^<>\s]{3,900}) ?>"
    ),
    re.compile(rb"(?P<two>\bsips?:)<(?P<one>(?:sips?:|mailto:)?[^<>\s]{1,100}@[^<>\s]{1,200})>"),
)
"""`[x](sip:x)` of Markdown, `<sip:x|x>` of Slack, `x<mailto:x>` of Outlook, `x <http://x>` and `x <x>` of
Gmail, `sip:<x>` of an automatic link. A mail server may have put a link of its own around each."""
_LINKED = (b"](", b"mailto:", b"|sip", b":<", b"<http", b"<sip%3", b"<sips%3")
_DOUBLED = re.compile(rb"@[\w.-]{1,99} <[\w.+~*-]{1,99}@")
_AT = re.compile(rb"(\bsips?:[\w.+~%-]{1,99}|(?:Call-ID|callid): \S{1,200}) (?:at|\(at\)|\[at\]) (?=[\w\[])")
"""`@` as archives of mailing lists write it."""
_BACKSLASHED = re.compile(rb"\\[<-]|(?:\A|[\s:>])\\\[\d")
_BACKSLASH = re.compile(rb"\\([!-/:-@\[-`{-~])")
_SIGNS = {
    "\u00a0": " ", "\u2007": " ", "\u202f": " ", "\u2009": " ", "\u3000": " ", "\u200b": "", "\u2060": "", "\ufeff": "",
    "\u00ad": "", "\u200e": "", "\u200f": "", "\u202a": "", "\u202c": "", "\u2066": "", "\u2069": "",
    "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"', "\u2018": "'", "\u2019": "'",
    "\u201a": "'", "\u2014": "---", "\u2013": "--", "\u2212": "-", "\u2010": "-", "\u2011": "-", "\u2026": "...",
}  # fmt: skip
_SIGN = re.compile("|".join(_SIGNS).encode())
_SINGLE_BYTES = re.compile(
    rb"(?:Received|Transmitting)[ \xa0]SIP\xa0|<[\x96\x97]|\bRequest[ \xa0][\x91\x92]|\bRequest\xa0'"
)
"""Signs of a Windows code page in what Asterisk writes."""
_SAID = (b"Received", b"Transmitting", b"History Entry", b"callid", *NEEDLES)
"""Words that are in whatever is read in a log."""
_SMART_OBJECT = re.compile(rb"\{\xe2\x80[\x9c\x9d][a-zA-Z_@]{1,40}\xe2\x80[\x9c\x9d]:")
_ODDLY_QUOTED = re.compile(rb"(?:Request |realm=)\xe2\x80[\x98-\x9e]")
_ARROWLESS = re.compile(
    rb"(?P<said>(?:Received|Transmitting) SIP re(?:quest|sponse) \(\d{1,6} bytes\) (?:from|to) [A-Za-z]{2,4}6?:"
    rb"(?:\[[0-9A-Fa-f:.]+\]|<[^<>\n]{1,60}>|[^\s<>\"']{1,60}?):\d{1,5}(?!\d))[ \t]*[^\w\s,;|\"']{0,16}"
)
"""A line that announces a message, up to the arrow behind the address, whatever became of that."""


def join_cells(text: bytes, sample: bytes) -> bytes:
    """Fields of a row that stand in lines of their own, in one."""
    return _ROWS.sub(rb"\1\2", _CELLS.sub(b" ", text)) if b"<td" in sample and not has_plain(text) else text


def strip_marks(line: bytes) -> bytes | list[bytes]:
    """A line of a web page: tags go, entities become what they stand for; twice where it was escaped twice."""
    line = re.sub(rb"(?i)<br ?/?>|</(?:p|div|li|tr)>", b"\n", line)
    line = _TAG.sub(b"", re.sub(rb"(?i)</t[dh]>(?=\s*<t[dh])", b" ", line))
    for _ in range(2):
        if b"&" in line:
            line = html.unescape(line.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    # an empty paragraph has a blank that does not break
    lines = [b"" if one.strip() == b"\xc2\xa0" else one for one in line.removesuffix(b"\n").split(b"\n")]
    return lines if b"\n" in line else lines[0]


def strip_links(text: bytes, sample: bytes) -> bytes:
    """Addresses that a program made links of, as they were; what it put a backslash before, without it."""
    if any(sign in sample for sign in _LINKED) or _DOUBLED.search(sample) is not None:
        for link in _LINKS:
            text = link.sub(_linked, text)
    if _AT.search(sample) is not None:
        text = _AT.sub(rb"\1@", text)
    if b"\\u003c-" in sample and not has_plain(text):
        text = re.sub(rb"\\u00([2-7][0-9a-f])", lambda found: bytes([int(found[1], 16)]), text)
    if b"\\" in text and _is_backslashed(text):
        text = _BACKSLASH.sub(rb"\1", text)
    return text


def _linked(found: re.Match[bytes]) -> bytes:
    one, two = found["one"], found["two"]
    if two in (b"sip:", b"sips:"):
        return two + one
    link, bare = unquote_to_bytes(two), one.rpartition(b":")[2].rpartition(b"//")[2]
    return one if link.rstrip(b"/").endswith(bare) or b"//" + one in link else found[0]


def _is_backslashed(text: bytes) -> bool:
    """Whether it is shown by the first line that announces a message, or the first sentence: Asterisk writes none."""
    at = min((at for word in (b" SIP re", b"Request") if (at := text.find(word)) >= 0), default=-1)
    start, end = text.rfind(b"\n", 0, at) + 1, text.find(b"\n", at)
    line = text[start : end if end >= 0 else len(text)] if text[at : at + 7] == b" SIP re" else text[start : max(at, 0)]
    return at >= 0 and _BACKSLASHED.search(line) is not None


def untypeset(text: bytes) -> bytes:
    """Typographic signs become what was typed where neither a line that announces messages nor a sentence stands as
    Asterisk writes it; elsewhere they may belong to a name. The arrows of the former are drawn anew."""
    if not text.isascii() and _SINGLE_BYTES.search(text) is not None and not (has_exact(text) or _is_told(text)):
        text = text.decode("cp1252", "surrogateescape").encode("utf-8", "surrogateescape")
    if b"\xe2" in text and _SMART_OBJECT.search(text):
        return _SIGN.sub(_as_typed, text)
    if b" SIP re" not in text and (text.isascii() or not any(word in text for word in _SAID)):
        return text
    exact = has_exact(text)
    if not text.isascii() and (_ODDLY_QUOTED.search(text) is not None or not (exact or _is_told(text))):
        text = _SIGN.sub(_as_typed, text)
    if exact or b" SIP re" not in text or b"-->" in text:  # where lines were broken, arrows were, too
        return text
    return _ARROWLESS.sub(rb"<--- \g<said> --->", text)


def _is_told(text: bytes) -> bool:
    said = (sentence(line) for _, line in lines_with(text, len(text)))
    return any(one is not None and not one.event and one.source is not None for one in said)


def _as_typed(found: re.Match[bytes]) -> bytes:
    return _SIGNS[found[0].decode()].encode()

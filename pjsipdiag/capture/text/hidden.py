"""Addresses that somebody replaced by hand before the text was handed over.

Asterisk logs a message only when PJSIP could parse it, so a host that no parser takes was put there afterwards.
"""

from __future__ import annotations

import re

_SIGNS = bytes.maketrans(b"@/=[({PS*", b"@@@<<<SS_")
_PLAIN = bytes(sign for sign in range(256) if sign not in b"@/=:<[({PS*_ ;>\n")
_NO_MARK = re.compile(rb"\n[S ]*+:[^:;<\n]*+(?:<[^>:\n]*+>|[^:;\n]*; *@)")
_IN_NAME = re.compile(rb"(?:[@/]|d=|:(?=\*)|[A-Z] )[\w.-]*[*_]")
_BEHIND = re.compile(rb"[@/=:][<\[({]|[PS] [<\[({]")
_STAND_IN = re.compile(
    rb"(?P<before>[@/]|\bSIP/2\.0/[A-Z]{2,4} |received=|\bsips?:(?=[<\[*]))"
    rb"(?P<name><[^<>@;:\r\n]{1,60}>|\[(?![0-9A-Fa-f:.]{2,}\])[^\]\n@]{1,60}\]|\([^()\n@]{1,60}\)|\{[^{}\n@]{1,60}\}"
    rb"|[\w.-]*\*[\w.*-]*|(?=[\w-]+(?:\.[\w-]+)*_)[\w.-]++(?=[>:;\s]))"
)
_NO_URI = re.compile(
    rb"(?P<before>\n(?:From|f|To|t|Contact|m|P-Asserted-Identity|Remote-Party-ID)[ \t]*:[^<:;\r\n]*)"
    rb"(?P<name><[^<>:\r\n]{0,60}>|(?=;[ \t]*tag=)|(?<!\*)(?=\r))",
    re.IGNORECASE,
)
"""A header of an address in which no URI is left: a word stands there, or nothing, where marks were taken for a tag."""
_NO_USER = re.compile(rb"(\bsips?:)(?=@)")
"""A user that was taken out: no parser takes a URI that begins with `@`."""
_EMPTY_TO = re.compile(rb"\n(?:To|t)[ \t]*:[^<:;\r\n]*\r")
_LINE = re.compile(rb"^(?!(?:Call-ID|i)[ \t]*:).+$", re.MULTILINE | re.IGNORECASE)
"""All but the name of a call, in which any sign may stand, and which sentences repeat."""
NOTE_NAMED = (
    "names in headers were replaced before the text was handed over: NAME.invalid stands for each, and what depends on"
    " them (user names, domains, rules on headers) is not known; `pjsipdiag redact` hides and keeps who is who"
)
_IS_ADDRESS = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)|\[[0-9A-Fa-f:]+\]")
_NAME = re.compile(rb"[^A-Za-z0-9]+")


def with_names(payload: bytes) -> bytes:
    """The message with a name in place of each stand-in that no parser takes, one name for each."""
    if not _may_hold(payload):
        return payload
    head, end, body = payload.partition(b"\r\n\r\n")
    head = _NO_USER.sub(rb"\1hidden", head)
    if _NO_URI.search(head) is not None:
        head = _NO_URI.sub(_with_uri, head)
    elif _BEHIND.search(head) is None and _IN_NAME.search(head) is None:
        return head + end + body
    return _LINE.sub(lambda line: _STAND_IN.sub(_with_name, line[0]), head) + end + body


def _may_hold(payload: bytes) -> bool:
    """Whether it may hold a stand-in, by what is left when marks of one kind are written alike and all others left out:
    most messages are not looked at more closely."""
    # One translation drops nearly all bytes: searches in what is left are cheap, those in each message are not.
    left = payload.translate(_SIGNS, _PLAIN)
    signs = b"_" in left or b"@<" in left or b":<" in left or b"S <" in left
    return signs or b"sip:@" in payload or _NO_MARK.search(left) is not None or _EMPTY_TO.search(payload) is not None


def stand_in(place: str) -> str:
    """The word that somebody wrote in place of an address, or of its port."""
    host, _, port = place.rpartition(":")
    return host if host and (port.isdigit() or not _IS_ADDRESS.fullmatch(host)) else place


def _with_uri(found: re.Match[bytes]) -> bytes:
    name = _NAME.sub(b"-", found["name"]).strip(b"-").lower() or b"hidden"
    return found["before"] + b"<sip:" + name + b".invalid>"


def _with_name(found: re.Match[bytes]) -> bytes:
    name = _NAME.sub(b"-", found["name"]).strip(b"-").lower() or b"hidden"
    return found["before"] + name + b".invalid"

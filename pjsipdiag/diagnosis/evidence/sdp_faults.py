"""Why PJSIP cannot read the SDP of an INVITE, which it answers with 400 once the caller is identified.

Replays pjmedia_sdp_parse and pjmedia_sdp_validate2 (pjmedia/sdp.c), as far as releases 16 and 22 agree.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from pjsipdiag.sip import SipMessage

HIGHEST_TYPE, DYNAMIC = 127, 96
"""The last payload type, and the first that needs an a=rtpmap."""
_LINE = re.compile(r"[A-Zb-z]=|a=.")
_ORIGIN = re.compile(r"o=\S+ \S+ \S+ IN IP[46] \S")
_PLACE = re.compile(r"c=IN IP[46] \S")
_MEDIA = re.compile(r"m=\S+ (?P<port>\d+)\S* \S+(?P<formats>(?: \S+)*) ?$")


def find_fault(message: SipMessage) -> str:
    """The first fault of a message's SDP in words; empty where it has none, no SDP, or not all of it is there."""
    length = message.header("Content-Length")
    body = re.sub(rb"\A(?:\r?\n){2}", b"", message.raw[len(message.head) :])
    whole = not length.isdecimal() or len(length) > 6 or int(length) <= len(body)
    kind = message.header("Content-Type").partition(";")[0].strip().lower()
    if kind != "application/sdp" or not body or not whole:
        return ""
    lines = [line.rstrip("\r") for line in body.decode("utf-8", "replace").strip("\r\n").split("\n")]
    broken = next((number for number, line in enumerate(lines, 1) if not _LINE.match(line)), 0)
    if broken:
        return f"line {broken} of it is no TYPE=VALUE"
    heads = [number for number, line in enumerate(lines) if line.startswith("m=")]
    session = lines[: heads[0]] if heads else lines
    parts = [lines[first:end] for first, end in pairwise([*heads, len(lines)])]
    return _of_session(session) or next(filter(None, (_of_media(session, part) for part in parts)), "")


def _of_session(lines: Sequence[str]) -> str:
    origins = [line for line in lines if line.startswith("o=")]
    if any(line != "v=0" for line in lines if line.startswith("v=")):
        return "its v= line is not v=0"
    if not origins or not _ORIGIN.match(origins[0]):
        return "its o= line is missing, or has not six words with IN and IP4 or IP6"
    if not any(line[2:] for line in lines if line.startswith("s=")):
        return "its s= line is missing or empty"
    return _of_places(lines)


def _of_places(lines: Sequence[str]) -> str:
    wrong = any(not _PLACE.match(line) for line in lines if line.startswith("c="))
    return "a c= line has not IN, IP4 or IP6, and an address" if wrong else ""


def _of_media(session: Sequence[str], lines: Sequence[str]) -> str:
    media = _MEDIA.match(lines[0])
    if media is None:
        return "an m= line has not a kind, a port, a transport and formats"
    if not int(media["port"][:6]):
        return _of_places(lines)
    formats = media["formats"].split()
    if not formats:
        return "an m= line has no formats"
    if not any(line.startswith("c=") for line in (*session, *lines)):
        return "no c= line says where the media goes"
    for number in (int(one[:6]) for one in formats if one.isdecimal()):
        if number > HIGHEST_TYPE:
            return f"payload type {number} is above {HIGHEST_TYPE}"
        if number >= DYNAMIC and not any(re.match(rf"a=rtpmap:{number}\b", line) for line in lines):
            return f"payload type {number} has no a=rtpmap"
    return _of_places(lines)

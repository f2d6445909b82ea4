"""Addresses that somebody replaced by hand before the text was handed over.

Asterisk logs a message only when PJSIP could parse it, so a host that no parser takes was put there afterwards.
"""

from __future__ import annotations

import re

_SIGN = re.compile(rb"[@/=:][<\[({]|[PS] [<\[({]|[*_]")
"""What every stand-in in a header has; most heads have none, and are not searched any further."""
_STAND_IN = re.compile(
    rb"(?P<before>[@/]|\bSIP/2\.0/[A-Z]{2,4} |received=|\bsips?:(?=[<\[*]))"
    rb"(?P<name><[^<>\s@;:]{1,60}>|\[(?![0-9A-Fa-f:.]{2,}\])[^\]\n@]{1,60}\]|\([^()\n@]{1,60}\)|\{[^{}\n@]{1,60}\}"
    rb"|[\w-]*\*[\w.*-]*|[\w-]+(?:\.[\w-]+)*_[\w.-]*(?=[>:;\s]))"
)
_NAME = re.compile(rb"[^A-Za-z0-9]+")


def with_names(payload: bytes) -> bytes:
    """The message with a name in place of each stand-in that no parser takes, one name for each."""
    head, end, body = payload.partition(b"\r\n\r\n")
    if _SIGN.search(head) is None:
        return payload
    return _STAND_IN.sub(_named, head) + end + body


def _named(found: re.Match[bytes]) -> bytes:
    name = _NAME.sub(b"-", found["name"]).strip(b"-").lower() or b"hidden"
    return found["before"] + name + b".invalid"

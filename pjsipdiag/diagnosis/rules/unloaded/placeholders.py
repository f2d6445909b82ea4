"""Values that nobody filled in: what shells, containers and templates were to put there."""

from __future__ import annotations

import re

PLACEHOLDER = (
    r"\$\{?\w+\}?|\{\{.*?\}\}|\{%.*?%\}|%+\(?\w+\)?(?:%+|s)|<[\w .-]+>|@@?\w+@@?|__\w+__|\{\w+\}"
    r"|(?i:\b(?:your|provider|carrier|trunk|my)[_-]?\w*(?:ip|addr\w*|host)\b)"
    r"|(?<![\w.])(?=(?:[\dxX*]+\.){3}[\dxX*])(?:\d{1,3}\.)*[xX*]{1,3}(?:\.(?:\d{1,3}|[xX*]{1,3}))*"
)
"""The placeholders of shells, containers and templates for a value, and of people for an address that they hide."""
_ANY_OCTETS = re.compile(r"(?:\d{1,3}\.){1,3}\*(?:\.\*)*")
LONGEST_LOOKED_AT = 1000
"""Characters of a value that are looked at: the time grows with their square."""


def name_placeholders(value: str) -> tuple[str, ...]:
    """Says which parts of a value are placeholders; empty where none is."""
    holes = list(dict.fromkeys(found[0] for found in re.finditer(PLACEHOLDER, value[:LONGEST_LOOKED_AT])))
    if holes and all(map(_ANY_OCTETS.fullmatch, holes)):
        return (f"{holes[0]} is no network to Asterisk: one is written with its length, as in 203.0.113.0/24",)
    shown = ", ".join(holes[:4])
    verb = "is a placeholder" if len(holes) == 1 else "are placeholders"
    return (f"{shown} {verb} that nobody filled in",) if holes else ()

"""What stands in files otherwise than it was meant: misspelt types, and placeholders that nobody filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.loading.options import TYPES
from pjsipdiag.diagnosis.model import Finding, Severity

OTHER_TYPES = (
    *("contact", "resource_list", "outbound-publish", "inbound-publication", "asterisk-publication", "phoneprov"),
    *("subscription_persistence", "wizard", "profile", "location", "attestation", "verification", "certificate"),
)
"""The types of sections that decide on no call."""

PLACEHOLDER = re.compile(
    r"\$\{?\w+\}?|\{\{.*?\}\}|\{%.*?%\}|%\(?\w+\)?[%s]|<[\w .-]+>|@@?\w+@@?|__\w+__|\{\w+\}"
    r"|(?i:\b(?:your|provider|carrier|trunk|my)[_-]?\w*(?:ip|addr\w*|host)\b)"
    r"|(?<![\w.])(?=(?:[\dxX*]+\.){3}[\dxX*])(?:\d{1,3}\.)*[xX*]{1,3}(?:\.(?:\d{1,3}|[xX*]{1,3}))*"
)
"""What shells, containers and templates put in for a value, and people for an address that they hide."""
LONGEST = 1000
"""Characters of a value that are looked at: the time grows with their square."""


def unfilled(value: str) -> tuple[str, ...]:
    """That parts of a value are placeholders; nothing where none is."""
    holes = list(dict.fromkeys(found[0] for found in PLACEHOLDER.finditer(value[:LONGEST])))
    shown = ", ".join(holes[:4])
    verb = "is a placeholder" if len(holes) == 1 else "are placeholders"
    return (f"{shown} {verb} that nobody filled in, no address",) if holes else ()


def misspelt(config: Config) -> Iterator[Finding]:
    """Sections whose type is misspelt: Asterisk passes over what no module asks for, and logs nothing."""
    known = (*TYPES, *OTHER_TYPES)
    for section in config.sections:
        option = None if section.template else section.first("type")
        meant = get_close_matches(option.value.lower(), known, 1, 0.75) if option and option.value not in known else []
        if option and meant:
            yield Finding(
                "not-loaded",
                Severity.ERROR,
                f"[{section.name}] does not load: Asterisk has no type '{option.value}', and passes over the section "
                "without a word",
                option.where,
                advice=f"Write type={meant[0]}, then `module reload res_pjsip.so` (transports: restart).",
            )

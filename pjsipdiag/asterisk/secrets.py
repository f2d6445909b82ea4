"""Which options hold a secret: their values are in no output, well-formed or not."""

from __future__ import annotations

import re

from pjsipdiag.asterisk.config import Variable

_PARTS = ("cred", "digest", "passw", "passphrase", "pwd", "refresh_token", "secret")
HIDDEN = "(hidden)"


def is_secret(option: str) -> bool:
    """Whether an option, spelt right or nearly so, holds a secret."""
    name = option.strip().lower().rpartition("/")[2]
    return any(part in name for part in _PARTS)


def shown_value(variable: Variable) -> str:
    """The value as it may be shown."""
    return HIDDEN if is_secret(variable.name) else scrubbed(variable.value)


def without(variable: Variable, text: str) -> str:
    """What was said about the variable, without a part of its value where that is a secret."""
    if is_secret(variable.name):
        for part in sorted({variable.value, *re.split(r"[\s,:]+", variable.value)} - {""}, key=len, reverse=True):
            text = text.replace(part, HIDDEN)
    return scrubbed(text)


# Each begins only where a word does, and looks at it once: a hostile line may be one word of 64 KB.
_ASSIGNED = re.compile(r"(?<![\w/#-])([\w/#-]+)[ \t]*\+?=>?[ \t]*(?=\S)")
_VALUE = re.compile(r"\S+")
_BEFORE_AT = re.compile(r"(?<![^\s@])[^\s@]+(?=@)")
_IN_URI = re.compile(r"(\bsips?:[^:]+:).+", re.IGNORECASE)


def scrubbed(text: str) -> str:
    """What quotes a piece of a file that is no variable (a directive, a header, a program's arguments), or a URI,
    without the secrets that are set there."""
    pieces, at, low = [], 0, text.lower()
    some = any(part in low for part in _PARTS)  # mostly there are none: each call of a report has a URI
    while some and (found := _ASSIGNED.search(text, at)):
        pieces.append(text[at : found.end()])
        at = found.end()
        if any(part in found[1].lower() for part in _PARTS) and (value := _VALUE.match(text, at)):
            pieces.append(HIDDEN)
            at = value.end()
    pieces.append(text[at:])
    text = "".join(pieces)
    if text.rpartition("@")[0].count(":") < 2:  # no URI with a password
        return text
    return _BEFORE_AT.sub(lambda found: _IN_URI.sub(rf"\1{HIDDEN}", found[0], count=1), text)

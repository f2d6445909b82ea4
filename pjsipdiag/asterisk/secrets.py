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


_ASSIGNED = re.compile(rf"([\w/#-]*(?:{'|'.join(_PARTS)})[\w/-]*[ \t]*\+?=>?[ \t]*)\S+", re.IGNORECASE)
_IN_URI = re.compile(r"(\bsips?:[^\s:@]+:)[^\s@]+(?=@)", re.IGNORECASE)


def scrubbed(text: str) -> str:
    """What quotes a piece of a file that is no variable (a directive, a header, a program's arguments), or a URI,
    without the secrets that are set there."""
    return _IN_URI.sub(rf"\1{HIDDEN}", _ASSIGNED.sub(rf"\1{HIDDEN}", text))

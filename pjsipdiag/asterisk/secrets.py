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


def shown(variable: Variable) -> str:
    """The value as it may be shown."""
    return HIDDEN if is_secret(variable.name) else variable.value


def without(variable: Variable, text: str) -> str:
    """What was said about the variable, without a part of its value where that is a secret."""
    if is_secret(variable.name):
        for part in sorted({variable.value, *re.split(r"[\s,:]+", variable.value)} - {""}, key=len, reverse=True):
            text = text.replace(part, HIDDEN)
    return text

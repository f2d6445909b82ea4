"""Saved answers of a running Asterisk with stand-ins: what --save-live wrote and --live reads."""

from __future__ import annotations

import re
from collections.abc import Callable

from pjsipdiag.redact.disguise import Disguise
from pjsipdiag.redact.options import STANDS

_STAYS = frozenset({"version", "identifiers", "modules", "started", "reloaded", "untold", "none", "pickupexten"})
_NAMES = frozenset({"identify", "transport", "registration", "global", "@pjsip_wizard"})
_PLAIN = re.compile(r"[\w.,+~:*/ -]*")
_PATTERN = re.compile(r"_(?!.*\d{5})[\w.!\[\]*#+-]*")
"""A pattern that holds no telephone number."""


def told_value(disguise: Disguise, value: Callable[[str, str], str]) -> Callable[[str, str], str]:
    """The stand-in for (option, value) of such a file; `value` has those of pjsip.conf."""

    def stands(option: str, text: str) -> str:
        if option in _STAYS:
            return text if _PLAIN.fullmatch(text) else STANDS
        if option in _NAMES:
            return disguise.section(text)
        match option:
            case "exten":
                number, _, priority = text.rpartition(",")
                return f"{'/'.join(_number(part, disguise) for part in number.split('/', 1))},{priority}"
            case "unknown":  # a sentence, which names in quotes what it speaks of
                return re.sub("'.*'", f"'{STANDS}'", text)
            case "include":
                context, comma, times = text.partition(",")
                return disguise.section(context) + comma + times
        return value(option, text)

    return stands


def _number(text: str, disguise: Disguise) -> str:
    if text.startswith("_"):
        return text if _PATTERN.fullmatch(text) else f"_{STANDS}"
    return disguise.user(text)

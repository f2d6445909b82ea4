"""Saved answers of a running Asterisk with stand-ins: what --save-live wrote and --live reads."""

from __future__ import annotations

import re
from collections.abc import Callable

from pjsipdiag.redact.disguise import Disguise
from pjsipdiag.redact.option_values import BLANKED

_STAYS = frozenset({"version", "identifiers", "modules", "untold", "none", "pickupexten"})
_NAMES = frozenset({"identify", "transport", "registration", "global", "@pjsip_wizard"})
_PLAIN = re.compile(r"[\w.,+~:*/ -]*")
_PATTERN = re.compile(r"_(?!.*\d{5})[\w.!\[\]*#+-]*")
"""A pattern that holds no telephone number."""


class LiveStandIns:
    """The stand-ins of such a file; `value` has those of pjsip.conf. Names of options and types are Asterisk's here."""

    def __init__(self, disguise: Disguise, value: Callable[[str, str], str]) -> None:
        self.disguise = disguise
        self._value = value

    def option(self, text: str) -> str:
        return text

    def kind(self, text: str) -> str:
        return text

    def value(self, option: str, value: str) -> str:
        if option in _STAYS:
            return value if _PLAIN.fullmatch(value) else BLANKED
        if option in _NAMES:
            return self.disguise.section(value)
        match option:
            case "exten":
                number, _, priority = value.rpartition(",")
                return f"{'/'.join(_number(part, self.disguise) for part in number.split('/', 1))},{priority}"
            case "unknown":  # a sentence, which names in quotes what it speaks of
                return re.sub("'.*'", f"'{BLANKED}'", value)
            case "include":
                context, comma, times = value.partition(",")
                return self.disguise.section(context) + comma + times
        return self._value(option, value)


def _number(text: str, disguise: Disguise) -> str:
    if text.startswith("_"):
        return text if _PATTERN.fullmatch(text) else f"_{BLANKED}"
    return disguise.user(text)

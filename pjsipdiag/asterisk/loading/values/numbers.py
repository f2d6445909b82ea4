"""Numbers as the C library reads them: `strtol`, `strtoul` and `strtod` take all of the text, `sscanf` its beginning.

`0x10` is 16, `010` is 8, and `08` is refused (`ast_parse_arg`, main/config.c).
"""

from __future__ import annotations

import math
import re
import sys

from pjsipdiag.asterisk.loading.values.setting import Answer, Setting, ValueRefusal
from pjsipdiag.asterisk.reasons.values import ValueReason
from pjsipdiag.digits import read_number

_BLANK = r"[ \t\n\v\f\r]*"
_ANY_BASE = _BLANK + r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))"
_DECIMAL = _BLANK + r"([+-]?[0-9]+)"
_DOUBLE = (
    _BLANK + r"[+-]?(?:(?P<hex>0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?[0-9]+)?)"
    r"|(?P<decimal>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|inf(?:inity)?|nan(?:\([0-9a-zA-Z_]*\))?)"
)
_UINT32 = (0, 2**32 - 1)
_INT32 = (-(2**31), 2**31 - 1)


def _whole_number(text: str) -> int | None:
    """`strtol(text, &end, 0)` where `end` is the end of the text."""
    match = re.fullmatch(_ANY_BASE, text)
    if match is None:
        return None
    sign, hexadecimal, octal, decimal = match.groups()
    found = int(hexadecimal, 16) if hexadecimal else int(octal, 8) if octal else read_number(decimal)
    return -found if sign == "-" else found


def parse_uint(text: str) -> int | None:
    """PARSE_UINT32, or None where it is refused."""
    found = None if text.lstrip(" \t\n\v\f\r").startswith("-") else _whole_number(text)
    return found if found is not None and found <= _UINT32[1] else None


def parse_int(text: str) -> int | None:
    """PARSE_INT32, or None where it is refused."""
    found = _whole_number(text)
    return found if found is not None and _INT32[0] <= found <= _INT32[1] else None


def parse_double(text: str) -> float | None:
    """PARSE_DOUBLE, or None where it is refused; what overflows or underflows is refused too."""
    match = re.fullmatch(_DOUBLE, text, re.IGNORECASE)
    if match is None:
        return None
    if not match["hex"] and not match["decimal"]:
        return float(text.split("(", maxsplit=1)[0])
    try:
        found = float.fromhex(text) if match["hex"] else float(text)
    except OverflowError:
        return None
    # A zero that is written as one is no underflow.
    digits = re.split("[pP]" if match["hex"] else "[eE]", match["hex"] or match["decimal"])[0]
    is_zero = not digits.lower().removeprefix("0x").strip("0.")
    if math.isinf(found) or (not is_zero and abs(found) < sys.float_info.min):
        return None
    return found


def scan_decimal(text: str) -> int | None:
    """`sscanf(text, "%30d")`: the number that the text begins with."""
    match = re.match(_DECIMAL, text)
    return int(match[1][:30]) if match else None


def scan_any_base(text: str) -> bool:
    """Whether `sscanf(text, "%30i")` finds a number at the beginning."""
    return re.match(_ANY_BASE, text) is not None


def _number(kind: str, found: int | None, setting: Setting, widest: tuple[int, int]) -> Answer:
    low, high = setting.limits or widest
    if found is None or not low <= found <= high:
        return ValueRefusal(
            ValueReason.OUT_OF_RANGE(option=setting.name, kind=kind, low=low, high=high, value=setting.value)
        )
    return None


def uint(setting: Setting) -> Answer:
    """OPT_UINT_T (`uint_handler_fn`, main/config_options.c)."""
    return _number("a whole number", parse_uint(setting.value), setting, _UINT32)


def integer(setting: Setting) -> Answer:
    """OPT_INT_T (`int_handler_fn`)."""
    return _number("a whole number", parse_int(setting.value), setting, _INT32)


def double(setting: Setting) -> Answer:
    """OPT_DOUBLE_T (`double_handler_fn`)."""
    if parse_double(setting.value) is None:
        return ValueRefusal(ValueReason.NO_NUMBER(option=setting.name, value=setting.value))
    return None

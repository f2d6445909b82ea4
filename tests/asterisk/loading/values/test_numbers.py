"""Numbers are read as the C library reads them; it is asked itself."""

from __future__ import annotations

import ctypes
import math

from hypothesis import given
from hypothesis import strategies as st

from pjsipdiag.asterisk.loading.values.numbers import parse_double, parse_int, parse_uint, scan_any_base, scan_decimal

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.strtol.restype = ctypes.c_long
LIBC.strtoul.restype = ctypes.c_ulong
LIBC.strtod.restype = ctypes.c_double

PIECES = ["0", "1", "7", "8", "9", "10", "4294967295", "4294967296", "2147483647", "0x", "0X", "f", "G", "+", "-", " "]
PIECES += ["\t", ".", "e", "E", "e400", "e-400", "p", "inf", "nan", "infinity", "(", ")", "a", "9" * 25, "5e-324"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)


def whole(function: ctypes._NamedFuncPointer, text: str, *base: int) -> float | None:
    """What the function makes of the text, None where it fails or stops before the end."""
    buffer = ctypes.create_string_buffer(text.encode())
    end = ctypes.c_char_p()
    ctypes.set_errno(0)
    value: float = function(buffer, ctypes.byref(end), *base)
    return None if end.value or ctypes.get_errno() or not text else value


@given(TEXTS)
def test_signed(text: str) -> None:
    value = whole(LIBC.strtol, text, 0)
    assert parse_int(text) == (value if value is not None and -(2**31) <= value < 2**31 else None)


@given(TEXTS)
def test_unsigned_refuses_a_minus(text: str) -> None:
    value = whole(LIBC.strtoul, text, 0)
    taken = value is not None and value < 2**32 and not text.strip().startswith("-")
    assert parse_uint(text) == (value if taken else None)


@given(TEXTS)
def test_double(text: str) -> None:
    value, ours = whole(LIBC.strtod, text), parse_double(text)
    assert ours == value or (ours is not None and value is not None and math.isnan(ours) and math.isnan(value))


@given(TEXTS)
def test_the_beginning_of_a_text(text: str) -> None:
    number = ctypes.c_int()
    found = LIBC.sscanf(text.encode(), b"%30d", ctypes.byref(number)) == 1
    ours = scan_decimal(text)
    assert (ours is not None) == found
    if ours is not None and abs(ours) < 2**31:
        assert ours == number.value


@given(TEXTS.filter(lambda text: "0x" not in text.lower()))
def test_the_beginning_of_a_text_in_any_base(text: str) -> None:
    number = ctypes.c_int()
    assert scan_any_base(text) == (LIBC.sscanf(text.encode(), b"%30i", ctypes.byref(number)) == 1)

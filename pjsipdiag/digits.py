"""Numbers that others wrote, of any length: Python itself refuses more than 4,300 digits, which every line may hold."""

from __future__ import annotations

MOST_DIGITS = 40
"""Numbers with more of them are beyond all that C holds."""
LARGEST_NUMBER = 10**MOST_DIGITS


def is_number(text: str) -> bool:
    """Whether it consists of the digits 0 to 9: other signs that Unicode calls digits are none to Asterisk."""
    return text.isascii() and text.isdigit()


def read_number(text: str | bytes) -> int:
    """The number that the digits 0 to 9 write, with or without a sign before them; LARGEST_NUMBER where it is larger.

    :raises ValueError: it is none, as `int` has it.
    """
    if len(text) <= MOST_DIGITS:
        return int(text)
    written = text if isinstance(text, str) else text.decode("ascii")
    sign, digits = (-1 if written[0] == "-" else 1), written.lstrip("+-").lstrip("0")
    return sign * (int(digits or "0") if len(digits) <= MOST_DIGITS else LARGEST_NUMBER)


def wrapped(text: str) -> int:
    """The lower 32 bits of the number, as C has it where nothing stops at its limits: they hang on the last digits."""
    return int(text[-MOST_DIGITS:]) & 0xFFFFFFFF

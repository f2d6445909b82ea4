"""Names and patterns of extensions: which of two comes first, and whether a number fits one.

Replays ext_cmp() and _extension_match_core() of main/pbx.c. `-` outside of a set is no part of either side.
"""

from __future__ import annotations

from enum import IntEnum

from pjsipdiag.asterisk.files.lines import latin

_SETS = {"n": "23456789", "x": "0123456789", "z": "123456789"}
_ANYTHING, _EARLY, _END, _ERROR = 0x18000, 0x28000, 0x30000, 0x40000


class Fit(IntEnum):
    """Whether a number fits: not at all, as it is, or only if more digits follow (`E_CANMATCH`)."""

    NO = 0
    YES = 1
    LATER = 2


def fit(pattern: str, number: str) -> Fit:
    """How `number` fits the extension `pattern`."""
    name, dialled = latin(pattern), latin(number)
    if not name.startswith("_"):
        name, dialled = name.replace("-", ""), dialled.replace("-", "")
        if name == dialled:
            return Fit.YES
        return Fit.LATER if name.startswith(dialled) else Fit.NO
    if dialled.startswith("_") and place(pattern) == place(number):
        return Fit.YES
    return _fit(name[1:], dialled)


def _fit(pattern: str, number: str) -> Fit:
    at = 0
    # A digit of the number against a sign of the pattern, as _extension_match_core() goes: `.` and `!` take the rest,
    # dashes and empty sets take nothing, and a pattern that is longer than the number waits for more digits.
    for digit in number.replace("-", ""):
        while pattern[at : at + 1] == "-" or pattern[at : at + 2] == "[]":
            at += 1 if pattern[at] == "-" else 2
        sign = pattern[at : at + 1]
        if sign in (".", "!") and sign:
            return Fit.YES
        if sign in ("", "/"):
            return Fit.NO
        if sign == "[":
            end = pattern.find("]", at + 1)
            if end < 0 or not _in_set(pattern[at + 1 : end], digit):
                return Fit.NO
            at = end
        elif digit not in _SETS.get(sign.lower(), sign):
            return Fit.NO
        at += 1
    rest = pattern[at:].lstrip("-")
    if rest == "" or rest[0] in "/!":
        return Fit.YES
    return Fit.LATER


def _in_set(members: str, digit: str) -> bool:
    at = 0
    while at < len(members):
        if at + 2 < len(members) and members[at + 1] == "-":
            if _as_char(members[at]) <= _as_char(digit) <= _as_char(members[at + 2]):
                return True
            at += 3
        else:
            if members[at] == digit:
                return True
            at += 1
    return False


def place(pattern: str) -> tuple[object, ...]:
    """Where an extension stands among others: names before patterns, small sets before large ones."""
    name = latin(pattern)
    if not name.startswith("_"):
        return (0, tuple(map(_as_char, name.replace("-", ""))))
    return (1, tuple(_positions(name[1:])))


def _positions(pattern: str) -> list[tuple[int, bytes]]:
    """ext_cmp_pattern_pos(): the size and first member of each set, and its members, low ones first."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(pattern):
        sign = pattern[at]
        at += 1
        if sign == "-":
            continue
        if sign in ".!":
            found.append((_ANYTHING if sign == "." else _EARLY, b""))
            continue
        members = _SETS.get(sign.lower(), sign)
        if sign == "[":
            end = pattern.find("]", at)
            if end < 0:
                found.append((_ERROR, b""))
                continue
            members = _members(pattern[at:end])
            at = end + 1
            if not members:
                continue
        bits = bytearray(b"\xff" * 32)
        for member in members:
            bits[ord(member) // 8] &= ~(1 << 7 - ord(member) % 8)
        found.append((len(set(members)) << 8 | min(map(ord, members)), bytes(bits)))
    return [*found, (_END, b"")]


def _members(text: str) -> str:
    found: dict[str, None] = {}
    at = 0
    while at < len(text):
        if at + 2 < len(text) and text[at + 1] == "-":
            found.update(dict.fromkeys(map(chr, range(ord(text[at]), ord(text[at + 2]) + 1))))
            at += 3
        else:
            found[text[at]] = None
            at += 1
    return "".join(found)


def _as_char(character: str) -> int:
    """A character as C's `char` has it."""
    return (ord(character) ^ 128) - 128

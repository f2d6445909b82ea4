"""Patterns of file names as glob(3) reads them with GLOB_BRACE: braces, and one part of a path as an expression."""

from __future__ import annotations

import re
from collections.abc import Iterator

WILDCARD = re.compile(r"[*?\[\\]")
"""A character that makes a name a pattern."""
MOST_ALTERNATIVES = 1000


def one_part(part: str) -> re.Pattern[str]:
    """One path component of a glob as a regular expression: a leading dot is only matched by a dot."""
    text = "" if part.startswith(".") else r"(?!\.)"
    position = stars = 0
    closing = ""
    while position < len(part):
        character = part[position]
        position += 1
        if character == "*":
            # What follows a star is found at its first place: no way is ever tried twice (as in Python's fnmatch).
            text += f"{closing}(?=(?P<g{stars}>.*?"
            closing, stars = f"))(?P=g{stars})", stars + 1
            while part[position : position + 1] == "*":
                position += 1
        elif character == "?":
            text += "."
        elif character == "\\" and position < len(part):
            text += re.escape(part[position])
            position += 1
        elif character == "[" and (found := _BRACKET.match(part, position)):
            text += f"[{'^' if found['negated'] else ''}{_members(found['members'])}]"
            position = found.end()
        else:
            text += re.escape(character)
    if closing:  # the last star takes the rest, which has to end as the pattern does
        head, _, tail = text.rpartition(f"(?=(?P<g{stars - 1}>.*?")
        text = f"{head}.*{tail}"
    try:
        return re.compile(text, re.DOTALL)
    except re.error:  # a range that runs backwards matches nothing
        return re.compile(r"(?!)")


_BRACKET = re.compile(r"(?P<negated>[!^]?)(?P<members>\]?(?:\[:[a-z]+:\]|\\.|[^\]\\])*)\]", re.DOTALL)
_MEMBER = re.compile(r"\[:(?P<kind>[a-z]+):\]|(?P<low>\\?.)-(?P<high>\\?.)|\\?(?P<single>.)", re.DOTALL)
_CLASSES = {
    "digit": "0-9",
    "alpha": "a-zA-Z",
    "alnum": "a-zA-Z0-9",
    "lower": "a-z",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
    "space": r"\s",
    "punct": r"!-/:-@\[-`{-~",
}


def _members(text: str) -> str:
    """The text between the brackets of a glob, as a regular expression writes it between its own."""
    members = ""
    for found in _MEMBER.finditer(text):
        if found["kind"]:
            members += _CLASSES.get(found["kind"], "")
        elif found["single"]:
            members += re.escape(found["single"])
        else:
            members += f"{re.escape(found['low'][-1])}-{re.escape(found['high'][-1])}"
    return members


def alternatives(pattern: str) -> Iterator[str]:
    """`a{b,c}d` as `abd`, `acd` (nested too); braces without a partner or a comma stand for themselves."""
    waiting = [pattern]
    for _ in range(MOST_ALTERNATIVES):
        if not waiting:
            return
        text = waiting.pop()
        parts = _first_braces(text)
        if parts is None:
            yield text
        else:
            before, choices, after = parts
            waiting += [before + choice + after for choice in reversed(choices)]


def _first_braces(text: str) -> tuple[str, list[str], str] | None:
    start = text.find("{")
    if start < 0:
        return None
    depth, alternatives, begin = 0, [], start + 1
    for position in range(start, len(text)):
        character = text[position]
        if character == "{":
            depth += 1
        elif character == "," and depth == 1:
            alternatives.append(text[begin:position])
            begin = position + 1
        elif character == "}":
            depth -= 1
            if not depth:
                alternatives.append(text[begin:position])
                lonely = len(alternatives) == 1 and alternatives[0]
                return None if lonely else (text[:start], alternatives, text[position + 1 :])
    return None

"""A grammar in pieces, each a regular expression.

Law: nothing goes back. What is repeated is taken as often as it fits, of alternatives the first that fits, and what was
taken stays taken, as in a parsing expression grammar. A group is the last thing in its piece that may fail: what it
holds stays.

Only single bytes are repeated possessively. Python before 3.11.5 matches a possessive repetition of more than that
wrongly where it could have gone back inside, so those are greedy repetitions in an atomic group.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

from pjsipdiag.asterisk.forms.program import program
from pjsipdiag.dataclass import NamedTuple

Syntax = bytes
"""A piece of a grammar, as a regular expression that does not go back."""
Fields = tuple[bytes, ...]


def text(literal: bytes) -> Syntax:
    """These bytes."""
    return re.escape(literal)


def span(bytes_: Iterable[int], least: int = 1, most: int | None = None) -> Syntax:
    """Some of these bytes, from `least` to `most` times."""
    times = _times(least, most)
    return _class(frozenset(bytes_)) + (times + b"+" if times else b"")


def but(refused: bytes) -> frozenset[int]:
    """All bytes but these."""
    return frozenset(range(256)) - frozenset(refused)


def seq(*parts: Syntax) -> Syntax:
    """The parts, one after the other."""
    return b"".join(parts)


def repeat(part: Syntax, least: int = 0, most: int | None = None) -> Syntax:
    """`part` repeated, as often as it fits."""
    once = part if least == 0 else b"(?>" + part + b")"
    return b"(?>(?:" + once + b")" + _times(least, most) + b")"


def maybe(part: Syntax) -> Syntax:
    """This, or nothing."""
    return first(part, b"")


def first(*parts: Syntax) -> Syntax:
    """The first of these that fits."""
    return b"(?>" + b"|".join(parts) + b")"


def unless(part: Syntax) -> Syntax:
    """Nothing, where this does not follow."""
    return b"(?!" + part + b")"


def ahead(part: Syntax) -> Syntax:
    """Nothing, where this follows."""
    return b"(?=" + part + b")"


def group(name: str, part: Syntax) -> Syntax:
    """This, kept under a name."""
    return b"(?P<" + name.encode() + b">" + part + b")"


def any_case(word: bytes) -> Syntax:
    """These bytes, letters large or small."""
    return seq(*(span(bytes((byte,)).lower() + bytes((byte,)).upper(), 1, 1) for byte in word))


class Matcher(NamedTuple):
    """Holds the beginning of a text against one grammar: the answer is the grammar's number, the length of the part
    that it took, and its groups. A group that the grammar lacks is empty, one that took part in nothing is None."""

    number: int
    program: bytes
    """The grammar for the compiled part."""
    syntax: Syntax
    names: tuple[str, ...]

    def __call__(self, payload: bytes) -> tuple[int, int, Fields] | None:
        match, groups = _expression(self.syntax, self.names)
        found = match(payload)
        return (self.number, found.end(), found.group(*groups)) if found else None


def matcher(number: int, syntax: Syntax, names: tuple[str, ...]) -> Matcher:
    """The matcher of `syntax`, whose groups are `names`."""
    return Matcher(number, program(syntax, names), syntax, names)


@lru_cache
def _expression(
    syntax: Syntax, names: tuple[str, ...]
) -> tuple[Callable[[bytes], re.Match[bytes] | None], tuple[int, ...]]:
    """The function that matches, and the number of the group for each name: made at the first text, which the compiled
    part reads without."""
    # The empty last group stands in for each name that the grammar lacks: then `group` answers all names at once.
    pattern = re.compile(syntax + b"(?P<none>)")
    return pattern.match, tuple(pattern.groupindex.get(name, pattern.groups) for name in names)


def _times(least: int, most: int | None) -> bytes:
    if (least, most) == (1, 1):
        return b""
    if most is None and least < 2:
        return b"+" if least else b"*"
    return b"{%d,%s}" % (least, b"" if most is None else b"%d" % most)


def _class(allowed: frozenset[int]) -> bytes:
    """A set of bytes as a regular expression says it."""
    ranges: list[list[int]] = []
    for byte in sorted(allowed):
        if ranges and ranges[-1][1] == byte - 1:
            ranges[-1][1] = byte
        else:
            ranges.append([byte, byte])
    ends = ([re.escape(bytes((end,))) for end in dict.fromkeys(one)] for one in ranges)
    return b"[" + b"".join(map(b"-".join, ends)) + b"]"

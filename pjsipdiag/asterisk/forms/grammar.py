"""A grammar in pieces, each said twice: as a regular expression, and as a program for the compiled part where it is.

Law: nothing goes back. What is repeated is taken as often as it fits, of alternatives the first that fits, and what was
taken stays taken, as in a parsing expression grammar; so both say the same. A group is the last thing in its piece that
may fail: what it holds stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from struct import Struct
from typing import NamedTuple

try:
    from pjsipdiag.asterisk.forms import _grammar
except ImportError:
    compiled = None
else:
    compiled = _grammar.match

ANY = 0xFFFFFFFF
"""No limit of repetitions."""
TEXT, SPAN, MANY, FIRST, UNLESS, AHEAD, GROUP = range(1, 8)
MOST_SETS = 64
_OP, _TIMES, _SPAN, _SETS = Struct("=BI"), Struct("=II"), Struct("=IIB"), Struct("=256Q")
_sets: dict[frozenset[int], int] = {}
"""The sets of bytes that programs name by their numbers."""
Fields = tuple[bytes, ...]
Match = Callable[[bytes], tuple[int, int, Fields] | None]
"""A text -> the number of the grammar, the length of what it takes of the beginning, and its groups; None where it
takes nothing."""


class Syntax(NamedTuple):
    """A piece of a grammar."""

    pattern: bytes
    program: bytes


def text(said: bytes) -> Syntax:
    """These bytes."""
    return Syntax(re.escape(said), _op(TEXT, said))


def span(bytes_: Iterable[int], least: int = 1, most: int = ANY) -> Syntax:
    """Some of these bytes."""
    allowed = frozenset(bytes_)
    number = _sets.setdefault(allowed, len(_sets))
    assert number < MOST_SETS
    return Syntax(_class(allowed) + _times(least, most), _op(SPAN, _SPAN.pack(least, most, number)))


def but(refused: bytes) -> frozenset[int]:
    """All bytes but these."""
    return frozenset(range(256)) - frozenset(refused)


def seq(*parts: Syntax) -> Syntax:
    """One after the other."""
    return Syntax(b"".join(part.pattern for part in parts), b"".join(part.program for part in parts))


def many(part: Syntax, least: int = 0, most: int = ANY) -> Syntax:
    """The same again and again."""
    return Syntax(
        b"(?:" + part.pattern + b")" + _times(least, most), _op(MANY, _TIMES.pack(least, most) + part.program)
    )


def maybe(part: Syntax) -> Syntax:
    """This, or nothing."""
    return many(part, 0, 1)


def first(*parts: Syntax) -> Syntax:
    """The first of these that fits."""
    alternatives = b"".join(_op(FIRST, part.program) for part in parts)
    return Syntax(b"(?>" + b"|".join(part.pattern for part in parts) + b")", _op(FIRST, alternatives))


def unless(part: Syntax) -> Syntax:
    """Nothing, where this does not follow."""
    return Syntax(b"(?!" + part.pattern + b")", _op(UNLESS, part.program))


def ahead(part: Syntax) -> Syntax:
    """Nothing, where this follows."""
    return Syntax(b"(?=" + part.pattern + b")", _op(AHEAD, part.program))


def group(name: str, number: int, part: Syntax) -> Syntax:
    """This, kept under a name for regular expressions and a number for programs."""
    pattern = b"(?P<" + name.encode() + b">" + part.pattern + b")"
    return Syntax(pattern, _op(GROUP, bytes((number,)) + part.program))


def any_case(word: bytes) -> Syntax:
    """These bytes, letters large or small."""
    return seq(*(span(bytes((byte,)).lower() + bytes((byte,)).upper(), 1, 1) for byte in word))


def matcher(number: int, syntax: Syntax, names: Sequence[str]) -> Match:
    """What takes `syntax`. Its groups are `names` in the order of their numbers; those that `syntax` has not are empty,
    those that took part in nothing are None."""
    there = [b"(?P<" + name.encode() + b">" in syntax.pattern for name in names]
    if compiled is not None:
        absent = tuple(None if is_there else b"" for is_there in there)
        return partial(compiled, number, _packed_sets(len(_sets)), syntax.program, absent)
    pattern = re.compile(syntax.pattern + b"(?P<none>)")
    groups = [name if is_there else "none" for name, is_there in zip(names, there, strict=True)]

    def match(said: bytes) -> tuple[int, int, Fields] | None:
        found = pattern.match(said)
        return (number, found.end(), found.group(*groups)) if found else None

    return match


@cache
def _packed_sets(count: int) -> bytes:
    """By byte: those of the first `count` sets that it is in, a bit for each."""
    known = list(_sets)[:count]
    return _SETS.pack(*(sum((byte in allowed) << at for at, allowed in enumerate(known)) for byte in range(256)))


def _op(kind: int, content: bytes) -> bytes:
    return _OP.pack(kind, len(content)) + content


def _times(least: int, most: int) -> bytes:
    if (least, most) == (1, 1):
        return b""
    if most == ANY and least < 2:
        return b"++" if least else b"*+"
    return b"{%d,%s}+" % (least, b"" if most == ANY else b"%d" % most)


def _class(allowed: frozenset[int]) -> bytes:
    """A set of bytes as a regular expression says it."""
    ranges: list[list[int]] = []
    for byte in sorted(allowed):
        if ranges and ranges[-1][1] == byte - 1:
            ranges[-1][1] = byte
        else:
            ranges.append([byte, byte])
    return b"[" + b"".join(b"\\x%02x-\\x%02x" % (low, high) for low, high in ranges) + b"]"

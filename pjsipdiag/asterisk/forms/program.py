"""A grammar of `expressions` as a program: the same expression in numbers, which the compiled part follows (`_fold.c`).

A program is a head (PROGRAM_HEAD), instructions of 32 bits each, sets of bytes as tables of 256, and texts. What an
instruction holds follows it; a block is its length and its instructions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from struct import Struct

PROGRAM_HEAD = Struct("=4I")
"""How many instructions, sets, and bytes of texts there are; a bit for each name that the grammar has."""
TEXT, SPAN, FIRST, REPEAT, UNLESS, AHEAD, GROUP = range(7)
NO_LIMIT = 0xFFFF_FFFF
_KINDS = {b"=": AHEAD, b"!": UNLESS, b">": FIRST, b":": REPEAT}
_TIMES = rb"(?P<times>[*+]|\{(?P<least>\d+),(?P<most>\d*)\})?\+?"
_PIECE = re.compile(
    rb"\[(?P<set>(?:\\.|[^\\\]])+)\]" + _TIMES + rb"|\(\?(?:(?P<kind>[=!>:])|P<(?P<name>\w+)>)"
    rb"|(?P<text>(?:\\.|[^\\\[()|])+)",
    re.DOTALL,
)
_AGAIN = re.compile(rb"\)" + _TIMES)


def program(syntax: bytes, names: Sequence[str]) -> bytes:
    """The program of an expression that `expressions` made, whose groups are among `names`."""
    made = _Program(syntax, names)
    words = made.alternatives()
    assert made.at == len(syntax), "grammar says nothing else"
    head = PROGRAM_HEAD.pack(len(words), len(made.sets), len(made.texts), made.has)
    return head + Struct(f"={len(words)}I").pack(*words) + b"".join(made.sets) + made.texts


class _Program:
    """The part of an expression that was read, up to `at`, in numbers."""

    def __init__(self, syntax: bytes, names: Sequence[str]) -> None:
        self.syntax, self.names, self.at = syntax, names, 0
        self.sets, self.texts, self.has = dict[bytes, int](), bytearray(), 0

    def alternatives(self) -> list[int]:
        """The instructions for all up to the end of a bracket, or of the expression."""
        found = [self.sequence()]
        while self.syntax[self.at : self.at + 1] == b"|":
            self.at += 1
            found.append(self.sequence())
        return found[0] if len(found) == 1 else [FIRST, *_block([word for one in found for word in _block(one)])]

    def sequence(self) -> list[int]:
        words: list[int] = []
        while piece := _PIECE.match(self.syntax, self.at):
            self.at = piece.end()
            if piece["set"]:
                words += SPAN, self.sets.setdefault(_table(piece["set"]), len(self.sets)), *_times(piece)
            elif piece["text"]:
                literal = re.sub(rb"\\(.)", rb"\1", piece["text"], flags=re.DOTALL)
                words += TEXT, len(self.texts), len(literal)
                self.texts += literal
            else:
                words += self.bracket(piece)
        return words

    def bracket(self, opened: re.Match[bytes]) -> list[int]:
        inside = self.alternatives()
        closed = _AGAIN.match(self.syntax, self.at)
        assert closed, "grammar closes what it opens"
        self.at = closed.end()
        if opened["name"]:
            number = self.names.index(opened["name"].decode())
            self.has |= 1 << number
            return [GROUP, number, *_block(inside)]
        kind = _KINDS[opened["kind"]]
        if kind == FIRST:
            return inside
        return [kind, *(_times(closed) if kind == REPEAT else ()), *_block(inside)]


@cache
def _table(ranges: bytes) -> bytes:
    table = bytearray(256)
    for low, high in re.findall(rb"\\?(.)(?:-\\?(.))?", ranges, re.DOTALL):
        for byte in range(low[0], (high or low)[0] + 1):
            table[byte] = 1
    return bytes(table)


def _block(words: list[int]) -> list[int]:
    return [len(words), *words]


def _times(match: re.Match[bytes]) -> tuple[int, int]:
    """The least and the most times."""
    if match["least"]:
        return int(match["least"]), int(match["most"] or NO_LIMIT)
    return {None: (1, 1), b"*": (0, NO_LIMIT), b"+": (1, NO_LIMIT)}[match["times"]]

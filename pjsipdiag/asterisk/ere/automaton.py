"""Whether a POSIX extended regular expression matches anywhere in a text.

Law: matching takes time in proportion to the text, whatever the pattern and the text are: all states are followed at
once, and what was once worked out is kept. Only patterns with back-references (and monstrous intervals) are followed
by `references.py`, whose work is bounded.
The locale is "C" (bytes) or, in newer releases of Asterisk, "C.UTF-8" (characters; invalid bytes match no class).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from unicodedata import category

from pjsipdiag.asterisk.ere import grammar as ere
from pjsipdiag.asterisk.ere.grammar import EreError
from pjsipdiag.asterisk.ere.references import Search
from pjsipdiag.dataclass import dataclass

__all__ = ["Ere", "EreError", "compile_ere"]

_MOST_STATES = 20_000
_MOST_KEPT = 20_000

Accepts = Callable[[str], bool]
Surroundings = tuple[bool, bool, bool, bool]
"""At the start, at the end, after a word character, before a word character."""


@dataclass(slots=True)
class _State:
    """One of: a character to take (`accepts`), an anchor to hold, or free ways on."""

    accepts: Accepts | None = None
    anchor: str = ""
    ways: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Ere:
    """A compiled pattern; `search` takes and answers what regexec() does."""

    pattern: str
    utf8: bool
    states: list[_State] = field(default_factory=list)
    final: int = 0
    """The state in which the pattern has matched, by its place in `states`."""
    references: ere.Node | None = None
    """The tree of a pattern that no automaton can follow."""
    _closures: dict[tuple[frozenset[int], Surroundings], frozenset[int]] = field(default_factory=dict)
    _steps: dict[tuple[frozenset[int], str], frozenset[int]] = field(default_factory=dict)

    def search(self, text: str) -> bool:
        """Whether the pattern matches anywhere in `text` (Latin-1: one character a byte).

        :raises UndecidedError: it has too many ways through the text.
        """
        # The pattern may begin anywhere: state 0 is added to the states at each character, and the first that reaches
        # the final state ends the search. REG_NOSUB asks for no more than that.
        text = _characters(text, self.utf8)
        if self.references is not None:
            return Search(text, self._holds_at, self._takes).matches(self.references)
        current: frozenset[int] = frozenset()
        before = False
        for at in range(len(text) + 1):
            ended = at == len(text)
            after = not ended and _is_word(text[at], self.utf8)
            closed = self._closure(current | {0}, (at == 0, ended, before, after))
            if self.final in closed:
                return True
            if not ended:
                current = self._step(closed, text[at])
                before = after
        return False

    def _holds_at(self, anchor: str, text: str, at: int) -> bool:
        before = at > 0 and _is_word(text[at - 1], self.utf8)
        after = at < len(text) and _is_word(text[at], self.utf8)
        return _holds(anchor, (at == 0, at == len(text), before, after))

    def _takes(self, characters: ere.CharacterSet, character: str) -> bool:
        return _accepts(characters, self.utf8)(character)

    def _closure(self, states: frozenset[int], context: Surroundings) -> frozenset[int]:
        # An anchor holds or not by what surrounds the place, so that a closure is kept for each surrounding, too.
        known = self._closures.get((states, context))
        if known is not None:
            return known
        found = set(states)
        waiting = list(states)
        while waiting:
            state = self.states[waiting.pop()]
            if state.accepts is None and _holds(state.anchor, context):
                new = [way for way in state.ways if way not in found]
                found.update(new)
                waiting += new
        if len(self._closures) > _MOST_KEPT:
            self._closures.clear()
        closed = self._closures[states, context] = frozenset(found)
        return closed

    def _step(self, closed: frozenset[int], character: str) -> frozenset[int]:
        known = self._steps.get((closed, character))
        if known is not None:
            return known
        states = (self.states[number] for number in closed)
        found = frozenset(way for s in states if s.accepts is not None and s.accepts(character) for way in s.ways)
        if len(self._steps) > _MOST_KEPT:
            self._steps.clear()
        self._steps[closed, character] = found
        return found


def compile_ere(pattern: str, utf8: bool = True) -> Ere:
    """The pattern as regcomp(REG_EXTENDED | REG_NOSUB) takes it; `pattern` is text of a configuration (UTF-8).

    :raises EreError: it does not compile; the text is the C library's.
    """
    pattern = _characters(pattern.encode("utf-8", "surrogateescape").decode("latin-1"), utf8)
    try:
        tree = ere.parse(pattern, utf8)
        if _has_reference(tree) or _size(tree) > _MOST_STATES:
            return Ere(pattern, utf8, references=tree)
        builder = _Builder(utf8)
        builder.build(tree)
    except (RecursionError, OverflowError):
        raise EreError("Memory exhausted") from None
    return Ere(pattern, utf8, builder.states, len(builder.states) - 1)


def _characters(text: str, utf8: bool) -> str:
    """Latin-1 text as the locale sees it; in UTF-8, bytes that are no character become lone surrogates."""
    return text if text.isascii() or not utf8 else text.encode("latin-1").decode("utf-8", "surrogateescape")


@dataclass(slots=True)
class _Builder:
    """Thompson's construction: each node is built after what precedes it and ends in a fresh state."""

    utf8: bool
    states: list[_State] = field(default_factory=lambda: [_State()])

    @property
    def last(self) -> int:
        return len(self.states) - 1

    def build(self, node: ere.Node) -> None:
        match node:
            case ere.Literal(character):
                self._take(lambda c: c == character)
            case ere.CharacterSet():
                self._take(_accepts(node, self.utf8))
            case ere.Anchor(kind):
                self.states[self.last].ways.append(self.last + 1)
                self.states[self.last].anchor = kind
                self.states.append(_State())
            case ere.Group(_, body):
                self.build(body)
            case ere.Concatenation(parts):
                for part in parts:
                    self.build(part)
            case ere.Choice(branches):
                self._choose(branches)
            case ere.Repeat(body, least, most):
                self._repeat(body, least, most)

    def _take(self, accepts: Accepts) -> None:
        self.states[self.last].accepts = accepts
        self._on()

    def _on(self) -> int:
        self.states[self.last].ways.append(self.last + 1)
        self.states.append(_State())
        return self.last

    def _choose(self, branches: tuple[ere.Node, ...]) -> None:
        fork = self.last
        ends = []
        for branch in branches:
            self.states.append(_State())
            self.states[fork].ways.append(self.last)
            self.build(branch)
            ends.append(self.last)
        self.states.append(_State())
        for end in ends:
            self.states[end].ways.append(self.last)

    def _repeat(self, body: ere.Node, least: int, most: int | None) -> None:
        # The body is built anew for each time it has to come, and for each time it may: automata cannot count. Fresh
        # states (`_on`) stand between, so that a way back or past leads to no state that another node gave ways.
        for _ in range(least):
            self.build(body)
            self._on()
        if most is None:
            loop = self._on()
            self._on()
            self.build(body)
            self.states[self.last].ways.append(loop)
            self.states.append(_State())
            self.states[loop].ways.append(self.last)
            self._on()
            return
        skips = []
        for _ in range(most - least):
            skips.append(self._on())
            self._on()
            self.build(body)
        end = self._on()
        for skip in skips:
            self.states[skip].ways.append(end)


def _holds(anchor: str, context: Surroundings) -> bool:
    start, end, before, after = context
    match anchor:
        case "start":
            return start
        case "end":
            return end
        case "b":
            return before != after
        case "B":
            return before == after
        case "<":
            return not before and after
        case ">":
            return before and not after
    return True


def _accepts(characters: ere.CharacterSet, utf8: bool) -> Accepts:
    def accepts(character: str) -> bool:
        if "\udc80" <= character <= "\udcff":
            return False
        inside = any(first <= character <= last for first, last in characters.ranges) or any(
            _in_class(character, name, utf8) for name in characters.classes
        )
        return inside != characters.is_negated

    return accepts


def _in_class(character: str, name: str, utf8: bool) -> bool:
    if not character.isascii() and not utf8:
        return False
    return _CLASSES[name](character)


def _is_space(c: str) -> bool:
    return c in " \t\n\v\f\r" or (c.isspace() and c not in "\x1c\x1d\x1e\x1f\x85\xa0\u2007\u202f")


def _is_alphanumeric(c: str) -> bool:
    """Superscripts and fractions are none, which str.isalnum counts."""
    return c.isalpha() or c.isdecimal()


def _is_graphic(c: str) -> bool:
    """Blanks that no line is broken at and marks of format are, which str.isprintable does not count."""
    return category(c) not in ("Cc", "Cn", "Cs", "Zl", "Zp") and not _is_space(c)


_CLASSES: dict[str, Accepts] = {
    "alnum": _is_alphanumeric,
    "alpha": str.isalpha,
    "blank": lambda c: c in " \t\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2008\u2009\u200a\u205f\u3000",
    "cntrl": lambda c: ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u2028\u2029",
    "digit": lambda c: c in "0123456789",
    "graph": _is_graphic,
    "lower": str.islower,
    "print": lambda c: _is_graphic(c) or category(c) == "Zs",
    "punct": lambda c: _is_graphic(c) and not _is_alphanumeric(c),
    "space": _is_space,
    "upper": str.isupper,
    "xdigit": lambda c: c in "0123456789abcdefABCDEF",
}
"""The characters of each class in glibc's locales: Python's own tests differ in a few of them."""


def _is_word(character: str, utf8: bool) -> bool:
    """Whether words are made of it; in UTF-8 a byte that is no character counts as the character of that number."""
    if not character.isascii():
        return utf8 and chr(ord(character) & 0xFF if "\udc80" <= character <= "\udcff" else ord(character)).isalnum()
    return character == "_" or character.isalnum()


def _has_reference(node: ere.Node) -> bool:
    match node:
        case ere.Reference():
            return True
        case ere.Group(_, body) | ere.Repeat(body, _, _):
            return _has_reference(body)
        case ere.Concatenation(parts) | ere.Choice(parts):
            return any(_has_reference(part) for part in parts)
    return False


def _size(node: ere.Node) -> int:
    match node:
        case ere.Group(_, body):
            return 1 + _size(body)
        case ere.Repeat(body, least, most):
            return 4 + (_size(body) + 2) * max(least + 1, most or 0)
        case ere.Concatenation(parts) | ere.Choice(parts):
            return 1 + sum(_size(part) + 1 for part in parts)
    return 1

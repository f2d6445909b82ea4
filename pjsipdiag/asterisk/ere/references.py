"""Patterns with back-references, and intervals too large for an automaton: every way through the pattern at once.

Law: a node of the pattern turns a set of ways into a set of ways, a way being a place in the text and what the groups
hold there. Equal ways are one, so that the work is bounded by their number; past a limit the answer is `UndecidedError`
(the C library itself may need hours for such a pattern).
"""

from __future__ import annotations

from collections.abc import Callable

from pjsipdiag.asterisk.ere import UndecidedError
from pjsipdiag.asterisk.ere import grammar as ere
from pjsipdiag.dataclass import dataclass

MOST_MATCH_STEPS = 300_000

Groups = tuple[tuple[int, int, int], ...]
"""(group, start, end) of the groups that hold something, sorted by group."""
Matched = tuple[int, Groups]


@dataclass(slots=True)
class Search:
    """One search in `text`; `holds` tells an anchor by its kind, `accepts` a bracket expression."""

    text: str
    holds: Callable[[str, str, int], bool]
    accepts: Callable[[ere.CharacterSet, str], bool]
    left: int = MOST_MATCH_STEPS
    """Steps that may still be taken."""

    def matches(self, tree: ere.Node) -> bool:
        """Whether `tree` matches anywhere.

        :raises UndecidedError: there are too many ways to follow.
        """
        return bool(self._through(tree, {(at, ()) for at in range(len(self.text) + 1)}))

    def _through(self, node: ere.Node, ways: set[Matched]) -> set[Matched]:
        # Each node is charged for the ways that enter it: the work of the whole search is bounded, however it nests.
        self.left -= len(ways)
        if self.left < 0:
            raise UndecidedError(
                "a regular expression has too many ways through the text: glibc may take it or give up"
            )
        match node:
            case ere.Literal(character):
                return {(at + 1, held) for at, held in ways if self.text[at : at + 1] == character}
            case ere.CharacterSet():
                taken = (
                    (at + 1, held) for at, held in ways if at < len(self.text) and self.accepts(node, self.text[at])
                )
                return set(taken)
            case ere.Anchor(kind):
                return {(at, held) for at, held in ways if self.holds(kind, self.text, at)}
            case ere.Group(number, body):
                return self._group(number, body, ways)
            case ere.Reference(number):
                return self._reference(number, ways)
            case ere.Choice(branches):
                return set().union(*(self._through(branch, ways) for branch in branches))
            case ere.Repeat(body, least, most):
                return self._repeat(body, least, most, ways)
            case ere.Concatenation(parts):
                for part in parts:
                    ways = self._through(part, ways)
        return ways

    def _group(self, number: int, body: ere.Node, ways: set[Matched]) -> set[Matched]:
        # A way does not hold where it came from: all that enter the group at one place go through it together, so that
        # this place is the start of what the group then holds.
        starts: dict[int, set[Matched]] = {}
        for way in ways:
            starts.setdefault(way[0], set()).add(way)
        return {
            (end, (*(span for span in held if span[0] != number), (number, start, end)))
            for start, here in starts.items()
            for end, held in self._through(body, here)
        }

    def _reference(self, number: int, ways: set[Matched]) -> set[Matched]:
        onward = set()
        for at, held in ways:
            for group, start, end in held:
                if group == number and self.text.startswith(self.text[start:end], at):
                    onward.add((at + end - start, held))
        return onward

    def _repeat(self, body: ere.Node, least: int, most: int | None, ways: set[Matched]) -> set[Matched]:
        for _ in range(least):
            if not ways:
                return ways
            ways = self._through(body, ways)
        # Only ways that are new go round once more: a body that takes nothing would go round for ever.
        found, new, times = set(ways), ways, least
        while new and (most is None or times < most):
            new = self._through(body, new) - found
            found |= new
            times += 1
        return found

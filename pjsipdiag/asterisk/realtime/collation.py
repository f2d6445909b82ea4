"""Objects by name where the database compares names: MariaDB finds `Trunk` and `trunk ` for the row `trunk`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from pjsipdiag.dataclass import NamedTuple

_T = TypeVar("_T")

PROBES = ("A", "á", "a ")
"""Texts that a column may take to be equal to `a`: the answers are the fields of a `Folding`."""


class Folding(NamedTuple):
    """The differences between two names that a database passes over when it compares them."""

    case: bool = False
    accents: bool = False
    blanks: bool = False

    def fold(self, name: str) -> str:
        """The same text for names that the database takes to be equal."""
        import unicodedata

        if self.blanks:
            name = name.rstrip(" ")
        if self.accents:
            name = "".join(c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c))
        return name.casefold() if self.case else name


EXACT = Folding()


class CaselessNames(dict[str, _T]):
    """A dictionary in which some of the objects are found by all names that their database takes to be equal."""

    def __init__(self, objects: dict[str, _T], folded: Iterable[tuple[Folding, str]]) -> None:
        super().__init__(objects)
        self._folded: dict[Folding, dict[str, _T]] = {}
        for folding, name in folded:
            self._folded.setdefault(folding, {}).setdefault(folding.fold(name), objects[name])

    def __missing__(self, name: str) -> _T:
        for folding, found in self._folded.items():
            folded = folding.fold(name)
            if folded in found:
                return found[folded]
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        if super().__contains__(name):
            return True
        return isinstance(name, str) and any(f.fold(name) in found for f, found in self._folded.items())

    def get(self, name: str, default: _T | None = None) -> _T | None:  # type: ignore[override]  # one type of default
        try:
            return self[name]
        except KeyError:
            return default

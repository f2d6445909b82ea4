"""Objects by name where the database compares names: MariaDB finds `Trunk` and `trunk ` for the row `trunk`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from pjsipdiag.asterisk.config import Loaded

_T = TypeVar("_T", bound=Loaded)


class Folded(dict[str, _T]):
    """A dictionary whose `folded` objects are found without case and trailing blanks, too."""

    def __init__(self, objects: dict[str, _T], folded: Iterable[_T]) -> None:
        super().__init__(objects)
        self._folded = {_fold(one.name): one for one in folded if objects.get(one.name) is one}

    def __missing__(self, name: str) -> _T:
        return self._folded[_fold(name)]

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and _fold(name) in self._folded)

    def get(self, name: str, default: _T | None = None) -> _T | None:  # type: ignore[override]  # one type of default
        if name not in self:
            return default
        return self[name]


def _fold(name: str) -> str:
    return name.rstrip(" ").casefold()

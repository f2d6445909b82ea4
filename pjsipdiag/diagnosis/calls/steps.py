"""What a call shows of its request's row, and its messages when somebody wants to see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, overload

from pjsipdiag.asterisk.forms.grammar import Fields

Step = tuple[int, str, str]
"""Time in nanoseconds, who sends, what."""


class RowFacts(NamedTuple):
    """Of a request, from its row alone: where it went, its flags, and if known the users of its URI and of its sender,
    with all that the row has of the sender."""

    destination: bytes
    flags: int
    users: tuple[str, str] | None
    sender: Fields = ()


class Steps(Sequence[Step]):
    """The messages of one call, looked up when somebody wants to see them."""

    __slots__ = ("_look_up",)

    def __init__(self, look_up: Callable[[], tuple[Step, ...]]) -> None:
        self._look_up = look_up

    def __len__(self) -> int:
        return len(self._look_up())

    @overload
    def __getitem__(self, at: int) -> Step: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Step, ...]: ...
    def __getitem__(self, at: int | slice) -> Step | tuple[Step, ...]:
        return self._look_up()[at]

    def __iter__(self) -> Iterator[Step]:
        return iter(self._look_up())

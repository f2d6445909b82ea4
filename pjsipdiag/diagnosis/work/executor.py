"""Where parts of captures are read: the seam behind --jobs.

An executor is given work and items and gives results in the order of the items: here or in processes forked here. A
result is a fold, never packets. Another one (machines instead of processes) needs these two methods and no more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from pjsipdiag.diagnosis.calls.merge import CapturePart, Merged, merge
from pjsipdiag.diagnosis.work.jobs import Shared

Item = TypeVar("Item")
Result = TypeVar("Result")


class Started(Protocol[Result]):
    """Work that has begun; left behind, it is ended."""

    def __exit__(self, *_: object) -> None: ...

    def results(self, look: Callable[[], None] = ...) -> list[Result]:
        """The results in the order of the items; `look` is called now and then while they are waited for."""
        ...


class Executor(Protocol):
    """`forks` says that workers are forked from this process: they see its memory and can fill its files."""

    forks: bool

    def submit(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Started[Result]:
        """Begins on `[work(item) for item in items]`."""
        ...

    def merge(self, parts: Sequence[CapturePart]) -> Merged:
        """What the folds of all parts come to."""
        ...


class Processes:
    """At most `jobs` processes on this machine; one alone works when its results are asked for."""

    forks = True

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs

    def submit(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Started[Result]:
        return Shared(work, items, self._jobs, least=1)

    def merge(self, parts: Sequence[CapturePart]) -> Merged:
        return merge(parts)

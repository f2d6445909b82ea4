"""Where parts of captures are read: the seam behind --jobs and --dask.

An executor is given work and items and gives results in the order of the items: here, in processes forked here, or on
other machines. A result is a fold, never packets; where it was made on another machine it stays there until all folds
are merged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.calls.fold_content import CapturePart, FoldContent, MergedFolds
from pjsipdiag.diagnosis.calls.merge import merge
from pjsipdiag.diagnosis.work.jobs import SharedWork

RESTARTS = 3
"""How often workers may be lost that others come in place of."""
Item = TypeVar("Item")
Result = TypeVar("Result")
Item_contra = TypeVar("Item_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)


@dataclass(slots=True)
class RemoteFold:
    """A fold on another machine: fold `number` of what `value` stands for, of so many bytes."""

    number: int
    size: int
    messages: int
    value: Any = None


AnyFold = FoldContent | RemoteFold


@dataclass(frozen=True, slots=True)
class PlacedFold:
    """One fold, the number of its capture and what its frames are counted from."""

    fold: AnyFold
    capture: int
    first_frame: int = 0


class Work(Protocol[Item_contra, Result_co]):
    """The work on an item; `result_when_lost` is its result where whoever worked on it was ended again and again."""

    def __call__(self, item: Item_contra, /) -> Result_co: ...

    def result_when_lost(self, item: Item_contra, reason: str, /) -> Result_co: ...


class StartedWork(Protocol[Result_co]):
    """Work that has begun; left behind, it is ended."""

    def __exit__(self, *_: object) -> None: ...

    def results(self, look: Callable[[], None] = ..., /) -> Iterator[Result_co]:
        """The results in the order of the items; `look` is called now and then while they are waited for."""
        ...


class Executor(Protocol):
    """`forks` says that workers are forked from this process: they see its memory and can fill its files."""

    forks: bool

    def submit(self, work: Work[Item, Result], items: Sequence[Item], /) -> StartedWork[Result]:
        """Begins on `[work(item) for item in items]`."""
        ...

    def merge(self, places: Sequence[PlacedFold], /) -> MergedFolds:
        """Merges all folds."""
        ...

    def another(self) -> Executor | None:
        """An executor in place of this one, whose workers were lost; None where none can come."""
        ...

    def close(self) -> None:
        """No more work comes."""
        ...


class Processes:
    """At most `jobs` processes on this machine; one alone works when its results are asked for."""

    forks = True

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs

    def submit(self, work: Work[Item, Result], items: Sequence[Item]) -> StartedWork[Result]:
        return _Started(SharedWork(work, items, self._jobs, least=1))

    def merge(self, places: Sequence[PlacedFold]) -> MergedFolds:
        return merge_here(places)

    def another(self) -> None:
        """A process that was ended would be ended again."""

    def close(self) -> None:
        """Nothing is left to end: whoever was at work ended with it."""


class _Started(StartedWork[Result]):
    def __init__(self, shared: SharedWork[Any, Result]) -> None:
        self._shared = shared

    def __exit__(self, *_: object) -> None:
        self._shared.__exit__()

    def results(self, look: Callable[[], None] = lambda: None) -> Iterator[Result]:
        return iter(self._shared.results(look))


def merge_here(places: Sequence[PlacedFold]) -> MergedFolds:
    """Merges folds that are all in this process."""
    return merge(
        [CapturePart(at.fold, at.capture, at.first_frame) for at in places if isinstance(at.fold, FoldContent)]
    )

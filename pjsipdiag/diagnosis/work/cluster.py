"""Captures read by the workers of a Dask cluster, which open them themselves: folds travel, packets do not.

A fold stays, as bytes, with the worker that made it; only its tally and what it could not finish come here, file by
file. Then workers merge folds that stand beside one another, until those are of a size that is worth a message, and
those come here: what is kept here grows with the calls, not with the files. A worker that dies is done without: Dask
gives its work to another one, and a worker says the same whenever it is asked.
"""

from __future__ import annotations

import gc
import os
import pickle
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import chain, islice
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic
from weakref import WeakValueDictionary

from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.calls.fold_content import CapturePart, FoldContent, MergedFolds
from pjsipdiag.diagnosis.calls.merge import alone, finish, merge_more
from pjsipdiag.diagnosis.calls.spool import Spool, SpoolView
from pjsipdiag.diagnosis.work.executor import Item, PlacedFold, RemoteFold, Result, Work
from pjsipdiag.diagnosis.work.jobs import LostError
from pjsipdiag.diagnosis.work.parcel import pack, pack_fold, unpack, unpack_fold
from pjsipdiag.diagnosis.work.reading import FileReader, PieceReader
from pjsipdiag.diagnosis.work.scheduler import (
    PATIENCE,
    VERSIONS,
    connect,
    in_one_line,
    other_versions,
    refuse_other_versions,
)
from pjsipdiag.errors import PjsipdiagError

if TYPE_CHECKING:
    from distributed import Client, Future

MOST_MERGED_FOLDS, MOST_MERGED_BYTES = 32, 16 << 20
"""Folds that a worker merges at once, and bytes from which on they are not merged any further there."""
CLUSTER_PAUSE = 0.5
"""Seconds between two looks at how far the workers are."""
MOST_HELD = 32 << 20
"""Bytes of folds and results that a worker holds in memory; more go to a file."""
RESULTS_AHEAD = 64
"""Results that are asked for before their turn."""


class DaskCluster:
    """Workers that a Dask scheduler knows: `address` is tcp://, tls://, `local` (on this machine) or `env`."""

    forks = False

    def __init__(self, address: str, patience: float = PATIENCE) -> None:
        self._address, self._process = address, os.getpid()
        self._client = connect(address, patience)
        try:
            with in_one_line(address):
                refuse_other_versions(self._client, address, patience)
        except BaseException:
            self.close()
            raise

    def submit(self, work: Work[Item, Result], items: Sequence[Item]) -> _StartedThere[Item, Result]:
        if self._client.status == "closed":
            raise LostError(f"--dask {self._address}: it was left already")
        return _StartedThere(self._client, self._address, work, items)

    def merge(self, places: Sequence[PlacedFold]) -> MergedFolds:
        """Workers merge neighbours, in a tree; what is left is merged here, one after the other."""
        with in_one_line(self._address):
            heard = not any(place.fold.messages for place in places)
            nodes = [node for group in _neighbours(places) for node in _leaves(self._client, group, heard)]
            while len(groups := _grouped(nodes)) < len(nodes):
                nodes = [_merged(self._client, group, heard) if len(group) > 1 else group[0] for group in groups]
            spool = Spool()
            nodes.reverse()
            parts = (merged for _ in range(len(nodes)) for merged in _here(nodes.pop(), spool, heard))
            return finish(parts, heard)

    def another(self) -> DaskCluster | None:
        """A scheduler that starts again under the same address is waited for as long as Dask says."""
        import dask

        if self._process == os.getpid():
            self.close()
        if self._address == "local":
            return None
        waiting = dask.config.get("distributed.comm.timeouts.connect", PATIENCE)
        return DaskCluster(self._address, dask.utils.parse_timedelta(waiting))

    def close(self) -> None:
        with suppress(Exception):  # it is left, whatever became of it
            cluster = self._client.cluster
            self._client.close(timeout=PATIENCE)
            if cluster is not None:
                cluster.close(timeout=PATIENCE)


@contextmanager
def one_for_all(address: str) -> Iterator[str]:
    """Where processes that are forked from here find the cluster, as long as this lasts: a local one is started once.

    :raises PjsipdiagError: nobody answers, or workers have other versions.
    """
    cluster = DaskCluster(address)
    try:
        yield str(cluster._client.scheduler.address) if address == "local" else address
    finally:
        cluster.close()


class _StartedThere(Generic[Item, Result]):
    """Work that the workers have; what it gave stays there, but for what is asked for in order."""

    def __init__(self, client: Client, address: str, work: Work[Item, Result], items: Sequence[Item]) -> None:
        self._address, self._work, self._items = address, work, items
        with in_one_line(address):
            self._values = [client.submit(_do, VERSIONS, work, item, pure=False) for item in items]
        self._client, self._results = client, deque[Any]()

    def __exit__(self, *_: object) -> None:
        with suppress(Exception):
            for future in (*self._results, *self._values):
                future.cancel()

    def results(self, look: Callable[[], None] = lambda: None) -> Iterator[Result]:
        values = iter(self._values)
        for item, value in zip(self._items, self._values, strict=True):
            with in_one_line(self._address):
                for one in islice(values, RESULTS_AHEAD - len(self._results)):
                    self._results.append(self._client.submit(_result_of, one, pure=False, priority=1))
                yield self._result(item, value, self._results.popleft(), look)

    def _result(self, item: Item, value: Future, future: Future, look: Callable[[], None]) -> Result:
        from distributed import TimeoutError as UnfinishedState
        from distributed.scheduler import KilledWorker

        while True:
            try:
                result: Result = future.result(timeout=CLUSTER_PAUSE)
            except UnfinishedState:
                look()
            except (KilledWorker, MemoryError):
                return self._work.result_when_lost(item, "the workers that read it were ended again and again")
            else:
                for one in _elsewhere(result):
                    one.value = value
                return result


class _KeptByWorker:
    """The folds of an item that a worker keeps, then its result, as bytes that are handed over one by one."""

    def __init__(self, contents: Iterable[bytes] = ()) -> None:
        with _KEEPING:
            self._spool = _SPOOLS.setdefault(0, Spool(MOST_HELD))
        self._places = list[tuple[int, int]]()
        for content in contents:
            self.append(content)

    def __reduce__(self) -> tuple[type[_KeptByWorker], tuple[list[bytes]]]:
        return _KeptByWorker, ([self[number] for number in range(len(self._places))],)

    def __sizeof__(self) -> int:
        return 100  # the rest is in a file, or soon will be

    def __getitem__(self, number: int) -> bytes:
        with _KEEPING:
            return self._spool.read(*self._places[number])

    def append(self, content: bytes) -> int:
        """Keeps it, and says under which number."""
        with _KEEPING:
            self._places.append((self._spool.append(content), len(content)))
        return len(self._places) - 1

    def keep(self, fold: FoldContent) -> RemoteFold:
        data = pack_fold(fold)
        return RemoteFold(self.append(data), len(data), fold.messages)


_KEEPING = Lock()
_SPOOLS: WeakValueDictionary[int, Spool] = WeakValueDictionary()
"""The one of this process, as long as something is in it."""


def _do(versions: tuple[str, str], work: Any, item: Any) -> _KeptByWorker:
    """Done by a worker."""
    if versions != VERSIONS:
        raise PjsipdiagError(other_versions("a worker", *VERSIONS))
    value = _KeptByWorker()
    if isinstance(work, PieceReader | FileReader):
        work = replace(work, keep=value.keep)
    threshold = gc.get_threshold()
    gc.set_threshold(1_000_000, 50, 100)  # as the command line does
    try:
        value.append(pickle.dumps(work(item), pickle.HIGHEST_PROTOCOL))
    finally:
        gc.set_threshold(*threshold)
    return value


def _result_of(value: _KeptByWorker) -> Any:
    return pickle.loads(value[-1])


def _taken(value: _KeptByWorker, number: int) -> bytes:
    return value[number]


def _elsewhere(result: object) -> Iterator[RemoteFold]:
    for one in result if isinstance(result, list) else [result]:
        yield from (fold for fold in getattr(one, "folds", ()) if isinstance(fold, RemoteFold))


@dataclass(frozen=True, slots=True)
class _HeldBytes:
    """Bytes that a worker has: of a fold and where it stands, or of what several come to."""

    data: Future
    size: int
    place: tuple[int, int] | None = None


def _neighbours(places: Sequence[PlacedFold]) -> Iterator[list[PlacedFold]]:
    """Folds that stand beside one another and are of one value, as many as one worker merges."""
    group: list[PlacedFold] = []
    size = 0
    for place in places:
        one = place.fold
        first = group[0].fold if group else None
        alike = isinstance(one, RemoteFold) and isinstance(first, RemoteFold) and one.value is first.value
        if group and not (alike and isinstance(one, RemoteFold) and size + one.size <= MOST_MERGED_BYTES):
            yield group
            group, size = [], 0
        group.append(place)
        size += one.size if isinstance(one, RemoteFold) else 0
    if group:
        yield group


def _leaves(client: Client, group: Sequence[PlacedFold], heard: bool) -> Iterator[_HeldBytes]:
    """Merges what several small files hold where they were read."""
    folds = [(place.fold, (place.capture, place.first_frame)) for place in group]
    taken = [(one.number, at) for one, at in folds if isinstance(one, RemoteFold)]
    first = group[0].fold
    if len(taken) < 2 or not isinstance(first, RemoteFold):
        yield from (_leaf(client, place) for place in group)
        return
    data = client.submit(_merge_there, first.value, taken, heard, pure=False)
    yield _HeldBytes(data, sum(one.size for one, _ in folds if isinstance(one, RemoteFold)))


def _merge_there(value: _KeptByWorker, taken: Sequence[tuple[int, tuple[int, int]]], heard: bool) -> bytes:
    """Done by a worker."""
    parts = (alone(CapturePart(unpack_fold(value[number]), *place), heard) for number, place in taken)
    return pack(merge_more(chain.from_iterable(parts), heard))


def _leaf(client: Client, place: PlacedFold) -> _HeldBytes:
    one, at = place.fold, (place.capture, place.first_frame)
    if isinstance(one, FoldContent):
        data = pack_fold(one)
        with warnings.catch_warnings(action="ignore"):  # that it is large: the scheduler keeps it, workers may die
            return _HeldBytes(client.submit(bytes, data, pure=False), len(data), at)
    return _HeldBytes(client.submit(_taken, one.value, one.number, pure=False), one.size, at)


def _grouped(nodes: Sequence[_HeldBytes]) -> list[list[_HeldBytes]]:
    """Neighbours that one worker merges."""
    groups: list[list[_HeldBytes]] = []
    for node in nodes:
        group = groups[-1] if groups else []
        if group and len(group) < MOST_MERGED_FOLDS and sum(one.size for one in group) + node.size <= MOST_MERGED_BYTES:
            group.append(node)
        else:
            groups.append([node])
    return groups


def _merged(client: Client, group: Sequence[_HeldBytes], heard: bool) -> _HeldBytes:
    places = [node.place for node in group]
    data = client.submit(_merge, [node.data for node in group], places, heard, pure=False)
    return _HeldBytes(data, sum(node.size for node in group))


def _merge(data: Sequence[bytes], places: Sequence[tuple[int, int] | None], heard: bool) -> bytes:
    """Done by a worker."""
    opened = (_opened(one, place, heard) for one, place in zip(data, places, strict=True))
    return pack(merge_more(chain.from_iterable(opened), heard))


def _opened(data: bytes, place: tuple[int, int] | None, heard: bool) -> Iterator[MergedFolds]:
    if place is None:
        yield unpack(data)
    else:
        yield from alone(CapturePart(unpack_fold(data), *place), heard)


def _here(node: _HeldBytes, spool: Spool, heard: bool) -> Iterator[MergedFolds]:
    """The fold of a node, its heads in `spool`."""
    for merged in _opened(node.data.result(), node.place, heard):
        for part in merged.parts:
            part.fold.spool = SpoolView(spool, spool.append(part.fold.spool.content()))
        yield merged

"""Work shared between processes: each item is done by a process forked for it, results come in the order of the items.

A forked process sees all that its parent holds without a copy, hashes alike, and sends back only its result.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pjsipdiag.errors import PjsipdiagError

if TYPE_CHECKING:
    from ctypes import CDLL

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
CHUNK = 1 << 20
"""Bytes of a result that are read at once."""
SMALLEST_SLICE = 20_000
"""Transactions that are worth a process: with fewer it gains nothing, as each judges every kind of call anew."""


class JobError(PjsipdiagError):
    """A process ended without a result (killed, out of memory)."""


class LostError(JobError):
    """The processes or machines that worked are gone, and others may come in their place."""


ENDED = "a process that shared the work was ended"
PAUSE = 0.2
"""Seconds between two looks at how far the processes are."""


def processors() -> int:
    """How many processes can work at the same time."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share(work: Callable[[_Item], _Result], items: Sequence[_Item], jobs: int) -> list[_Result]:
    """`[work(item) for item in items]` by at most `jobs` processes at a time. An exception of `work` is raised here."""
    with SharedWork(work, items, jobs) as shared:
        return shared.results()


class SharedWork(Generic[_Item, _Result]):
    """Work that processes have begun on: they go on while this one does something else, until `results` is asked for.

    Without `jobs` of at least 2, or with fewer than `least` items, the work is done when its results are asked for.
    `lost` gives the result for an item whose process was ended, and why; without it that ends all.
    """

    def __init__(
        self,
        work: Callable[[_Item], _Result],
        items: Sequence[_Item],
        jobs: int,
        least: int = 2,
        lost: Callable[[_Item, str], _Result] | None = None,
    ) -> None:
        self._work, self._items, self._jobs, self._lost = work, items, jobs, lost
        self._alone = jobs < 2 or len(items) < least or not hasattr(os, "fork")
        self._waiting = [] if self._alone else list(enumerate(items))[::-1]
        self._received: dict[int, bytearray] = {}
        self._done: dict[int, Any] = {}
        self._running: dict[int, int] = {}
        self._selector = selectors.DefaultSelector()
        self._fill()

    def __enter__(self) -> SharedWork[_Item, _Result]:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe, pid in self._running.items():
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
            os.close(pipe)
            _ended(pid)
        self._running.clear()
        self._selector.close()

    def results(self, look: Callable[[], None] = lambda: None) -> list[_Result]:
        """The results in the order of the items; `look` is called now and then while they are waited for."""
        if self._alone:
            return [self._work(item) for item in self._items]
        while self._running:
            for key, _ in self._selector.select(PAUSE):
                data = os.read(key.fd, CHUNK)
                self._received[key.data] += data
                if not data:
                    self._selector.unregister(key.fd)
                    os.close(key.fd)
                    pid = self._running.pop(key.fd)
                    self._fill()
                    self._done[key.data] = self._loaded(key.data, pid)  # while others are still at work
            look()
        return [_result(self._done.pop(number)) for number in range(len(self._items))]

    @property
    def done(self) -> int:
        """The number of items that are done."""
        return len(self._done)

    def _loaded(self, number: int, pid: int) -> tuple[bool, Any]:
        """(whether the work was done, its result or what was raised), read while the process that sent it ends."""
        import pickle

        data, error, found = self._received.pop(number), None, (False, None)
        try:
            found = pickle.loads(data)
        except Exception as raised:  # whatever comes of a result that is not whole
            error = raised
        if _ended(pid) and data:
            if error:
                raise error
            return found
        if self._lost is None:
            raise JobError(f"{ENDED}; try again with --jobs 1")
        return True, self._lost(self._items[number], ENDED)

    def _fill(self) -> None:
        """Starts as many processes as may run."""
        while self._waiting and len(self._running) < self._jobs:
            number, item = self._waiting.pop()
            pid, pipe = _start(self._work, item)
            self._running[pipe] = pid
            self._received[number] = bytearray()
            self._selector.register(pipe, selectors.EVENT_READ, number)


def share_range(work: Callable[[range], _Result], count: int, transactions: int, *, jobs: int) -> list[_Result]:
    """The results of `work` for the numbers below `count`, piece by piece: processes share them where there are so many
    transactions."""
    size = -(-count // _worth(transactions, jobs)) or 1
    return share(work, [range(count)[at : at + size] for at in range(0, count or 1, size)], jobs)


def slices(rows: Sequence[int], jobs: int) -> list[list[tuple[int, range]]]:
    """Pieces of work, about one for each process: each is (part, rows) in the order of the parts, of which each has as
    many rows as `rows` says."""
    size = sum(rows) // _worth(sum(rows), jobs) + 1
    pieces: list[list[tuple[int, range]]] = [[]]
    room = size
    for number, count in enumerate(rows):
        start = 0
        while start < count:
            if not room:
                pieces.append([])
                room = size
            taken = min(room, count - start)
            pieces[-1].append((number, range(start, start + taken)))
            start, room = start + taken, room - taken
    return pieces


def _worth(transactions: int, jobs: int) -> int:
    """How many processes are worth their start for so many transactions."""
    return max(min(jobs, transactions // SMALLEST_SLICE), 1)


def _ended(pid: int) -> bool:
    """Waits for a process; whether it did its work, as far as that can be told."""
    try:
        return os.waitpid(pid, 0)[1] == 0
    except ChildProcessError:  # SIGCHLD is ignored here, so that nobody keeps the status
        return True


def _start(work: Callable[[_Item], _Result], item: _Item) -> tuple[int, int]:
    """(process id, file descriptor that its result comes from)."""
    import ctypes
    import pickle  # both here, so that each process has them already

    system = ctypes.CDLL(None) if sys.platform == "linux" else None
    reading, writing = _pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    status = 1
    try:
        os.close(reading)
        _end_with(parent, system)
        result: tuple[bool, object]
        try:
            result = True, work(item)
        except Exception as error:
            result = False, error
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(result, pipe, pickle.HIGHEST_PROTOCOL)
        status = 0
    finally:
        os._exit(status)


def _end_with(parent: int, system: CDLL | None) -> None:
    """Has the system end this process when its parent ends, however that comes; the parent's own ways to end are its.

    prctl(2): PR_SET_PDEATHSIG is 1.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else signal.SIG_DFL)
    if system is not None:
        system.prctl(1, signal.SIGKILL)
    if os.getppid() != parent:  # it has ended meanwhile
        os._exit(1)


def _pipe() -> tuple[int, int]:
    """The two ends of a pipe that holds CHUNK bytes where that may be had: who fills it waits less."""
    ends = os.pipe()
    if sys.platform == "linux":
        from fcntl import F_SETPIPE_SZ, fcntl

        with suppress(OSError):  # more than a user may have
            fcntl(ends[1], F_SETPIPE_SZ, CHUNK)
    return ends


def _result(loaded: tuple[bool, Any]) -> Any:
    done, result = loaded
    if not done:
        raise result
    return result

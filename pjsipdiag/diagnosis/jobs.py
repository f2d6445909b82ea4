"""Work shared between processes: each item is done by a process forked for it, results come in the order of the items.

A forked process sees all that its parent holds without a copy, hashes alike, and sends back only its result.
"""

from __future__ import annotations

import os
import pickle
import selectors
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
CHUNK = 1 << 20


class JobError(RuntimeError):
    """A process ended without a result (killed, out of memory)."""


PAUSE = 0.2
"""Seconds between two looks at how far the processes are."""


def processors() -> int:
    """How many processes can work at the same time."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share(
    work: Callable[[Item], Result], items: Sequence[Item], jobs: int, look: Callable[[], None] = lambda: None
) -> list[Result]:
    """`[work(item) for item in items]` by at most `jobs` processes at a time. An exception of `work` is raised here.

    `look` is called now and then while they work.
    """
    if jobs < 2 or len(items) < 2 or not hasattr(os, "fork"):
        return [work(item) for item in items]
    received: dict[int, bytearray] = {}
    waiting = list(enumerate(items))[::-1]
    running: dict[int, int] = {}
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    number, item = waiting.pop()
                    pid, pipe = _start(work, item)
                    running[pipe] = pid
                    received[number] = bytearray()
                    selector.register(pipe, selectors.EVENT_READ, number)
                for key, _ in selector.select(PAUSE):
                    data = os.read(key.fd, CHUNK)
                    received[key.data] += data
                    if not data:
                        selector.unregister(key.fd)
                        os.close(key.fd)
                        os.waitpid(running.pop(key.fd), 0)
                look()
        finally:
            for pid in running.values():
                with suppress(ProcessLookupError):
                    os.kill(pid, 9)
                os.waitpid(pid, 0)
    return [_result(received.pop(number)) for number in range(len(items))]


def _start(work: Callable[[Item], Result], item: Item) -> tuple[int, int]:
    """(process id, file descriptor that its result comes from)."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    status = 1
    try:
        os.close(reading)
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


def _result(data: bytearray) -> Any:
    if not data:
        raise JobError("a process that shared the work was ended; try again with --jobs 1")
    done, result = pickle.loads(data)
    if not done:
        raise result
    return result

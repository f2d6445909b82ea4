"""`pjsipdiag watch` as a process of its own, as a person or the service manager runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

PATIENCE = 40.0
"""Seconds for what takes one on a machine without other work."""


class Process:
    """The process with these arguments; `line` waits for the next line that it prints."""

    def __init__(self, *arguments: str | Path, **environment: str) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "pjsipdiag", "watch", *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        )
        assert self._child.stdout is not None
        assert self._child.stderr is not None
        assert self._child.stdin is not None
        self.pid, self.stdin = self._child.pid, self._child.stdin
        self._lines: Queue[str] = Queue()
        self.said: list[str] = []
        """What it said on stderr."""
        streams = (self._child.stdout, self._lines.put), (self._child.stderr, self.said.append)
        self._readers = [Thread(target=_read, args=one, daemon=True) for one in streams]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.kill()
        self._child.wait()
        for stream in (self._child.stdin, self._child.stdout, self._child.stderr):
            if stream is not None:
                stream.close()

    def line(self, seconds: float = PATIENCE) -> str:
        try:
            return self._lines.get(timeout=seconds)
        except Empty:
            raise AssertionError(f"no line in {seconds} s; it said {self.said}") from None

    def wait_for(self, words: str) -> str:
        """What it says with these words, once it does."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for said in self.said:
                if words in said:
                    return said
            time.sleep(0.05)
        raise AssertionError(f"it never said {words!r}, but {self.said}")

    def end(self, number: int = signal.SIGTERM) -> int:
        """Has it end in order; its exit status."""
        self._child.send_signal(number)
        return self.status()

    def status(self) -> int:
        """Its exit status, once it has ended."""
        status = self._child.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        return status

    def rest(self) -> list[str]:
        """The lines that nobody has taken."""
        return [self._lines.get() for _ in range(self._lines.qsize())]

    def is_running(self) -> bool:
        return self._child.poll() is None

    def memory(self) -> float:
        """Megabytes that it holds; 0 where it has ended."""
        if not self.is_running():
            return 0.0
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def _read(stream: object, put: object) -> None:
    for raw in stream:  # type: ignore[attr-defined]  # a binary stream
        put(raw.decode().rstrip("\n"))  # type: ignore[operator]  # takes a line

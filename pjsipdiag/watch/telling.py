"""A command and a webhook that causes are handed to, by a thread of their own: neither holds the capture up.

The command is a list of arguments, run without a shell, with the cause as JSON on its standard input. The webhook gets
the same as a POST; it is tried a few times, and nothing is followed elsewhere. What waits is bounded: beyond, causes
are dropped and counted.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http.client import HTTPException
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

from pjsipdiag import __version__
from pjsipdiag.errors import LONGEST_REASON, PjsipdiagError, visible

QUEUED_CAUSES = 200
ATTEMPT_SECONDS, PAUSE_SECONDS = 10.0, (1.0, 5.0)
"""Seconds for one attempt, and those between attempts."""
POLL_SECONDS = 0.2
LAST = 8.0
"""Seconds at the end in which what waits may still go out."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Teller:
    """Hands causes to `command` and `url`, if there are any; `say` takes what a person has to know, once for each kind.

    Raises PjsipdiagError for a URL that is none.
    """

    def __init__(self, command: Sequence[str], url: str | None, say: Callable[[str], None]) -> None:
        if url is not None and not _is_address(url):
            raise PjsipdiagError(
                f"--webhook {url.partition('://')[0]}://... is no address, or holds a password: give it as"
                " https://host/path"
            )
        self.counts: Counter[str] = Counter()
        """Outcomes: told, failed, dropped."""
        self._command, self._url, self._say = command, url, say
        self._said = set[str]()
        self._queue: Queue[bytes] = Queue(QUEUED_CAUSES)
        self._closing, self._overdue = Event(), Event()
        self._opener = urllib.request.build_opener(_NoRedirects)
        self._thread = Thread(target=self._work, name="telling", daemon=True)
        if command or url:
            self._thread.start()

    def tell(self, cause: Mapping[str, Any]) -> None:
        """Puts a cause in the queue; it is dropped where that is full."""
        if not self._command and self._url is None:
            return
        try:
            self._queue.put_nowait(json.dumps(cause).encode())
        except Full:
            self._fail("dropped", "more causes wait to be told than are kept: some are dropped")

    def close(self) -> None:
        """Lets what waits go out, for a while."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(LAST)
            self._overdue.set()
            self._thread.join(1)
            if not self._queue.empty():
                self._fail("dropped", f"{self._queue.qsize()} causes could not be told in {LAST:.0f} s")

    def _work(self) -> None:
        while not (self._overdue.is_set() or (self._closing.is_set() and self._queue.empty())):
            try:
                cause = self._queue.get(timeout=POLL_SECONDS)
            except Empty:
                continue
            if self._command:
                self._run(cause)
            if self._url is not None:
                self._post(self._url, cause)

    def _run(self, cause: bytes) -> None:
        # A group of its own: Ctrl-C at the terminal ends the watch and not what tells of its last cause, and whatever
        # the command has started ends with it where that takes too long.
        try:
            child = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, process_group=0)
        except (OSError, ValueError) as error:
            self._fail("failed", f"--exec: {error}")
            return
        end = time.monotonic() + ATTEMPT_SECONDS
        unsent: bytes | None = cause
        while child.poll() is None and time.monotonic() < end and not self._overdue.is_set():
            with suppress(subprocess.TimeoutExpired):
                child.communicate(unsent, POLL_SECONDS)
            unsent = None  # from then on it goes on with what it has begun to send
        if child.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            self._fail("failed", f"--exec: {self._command[0]} did not end in time and was ended")
        elif child.returncode:
            self._fail("failed", f"--exec: {self._command[0]} ended with status {child.returncode}")
        else:
            self.counts["told"] += 1

    def _post(self, url: str, cause: bytes) -> None:
        headers = {"Content-Type": "application/json", "User-Agent": f"pjsipdiag/{__version__}"}
        why = ""
        for pause in (0.0, *PAUSE_SECONDS):
            time.sleep(0 if self._closing.is_set() else pause)
            try:
                request = urllib.request.Request(url, cause, headers)
                with self._opener.open(request, timeout=ATTEMPT_SECONDS):
                    self.counts["told"] += 1
                    return
            except urllib.error.HTTPError as error:
                why = f"it answered {error.code}"
                error.close()
                if error.code < 500 and error.code != 429:
                    break
            except (OSError, ValueError, HTTPException) as error:
                why = str(getattr(error, "reason", error))
        self._fail("failed", f"--webhook: {why}")

    def _fail(self, outcome: str, why: str) -> None:
        self.counts[outcome] += 1
        why = why[:LONGEST_REASON]
        if why not in self._said and len(self._said) < QUEUED_CAUSES:
            self._said.add(why)
            self._say(visible(why))


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and "@" not in parts.netloc

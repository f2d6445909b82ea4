"""tcpdump or dumpcap as a child: it has the rights to capture, this process needs none.

The filter takes fragments, too, for only the first of a datagram has ports. How many packets the kernel dropped the
child says at its end, and tcpdump whenever it gets SIGUSR1. On another machine the same tcpdump runs through the
system's ssh; it ends when ssh's standard input does, and then tells its count.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from time import monotonic

from pjsipdiag.capture.datagram import Tally
from pjsipdiag.capture.source import tcpdump
from pjsipdiag.errors import CaptureError, visible
from pjsipdiag.machine import PLACES, SSH
from pjsipdiag.watch.sources.source import Put, Records, reading

ASK = 60.0
"""Seconds between two questions for the count of drops."""
END_SECONDS = 5.0
"""Seconds in which a child has to end."""
KEPT_LINES = 5

_DROPPED = re.compile(r"(\d+) packets? dropped by (?:kernel|interface)")
_RECEIVED = re.compile(r"Packets received/dropped on interface .*: \d+/(\d+)")
_AT_THE_END = 'exec 3<&0; (cat <&3; kill "$$") >/dev/null 2>&1 & exec {command} 3<&-'
"""A command for a shell that ends when its standard input does."""


def here(interface: str, expression: str) -> list[str]:
    """The command that captures on this machine. Raises CaptureError where there is none."""
    programs = ("tcpdump", "dumpcap") if os.geteuid() == 0 else ("dumpcap", "tcpdump")
    for program in programs:
        path = shutil.which(program)
        if path is not None:
            return [path, *_arguments(program, interface, expression)]
    raise CaptureError("to capture takes tcpdump or dumpcap: apt install tcpdump")


def there(host: str, interface: str, expression: str) -> list[str]:
    """The command that captures on another machine."""
    if not host or host.startswith("-"):
        raise CaptureError(f"--on {host!r} names no host: give one as ssh takes it, as root@pbx.example")
    command = shlex.join(tcpdump.command(interface, expression))
    return [*SSH, "--", host, f"{PLACES}; {_AT_THE_END.format(command=command)}"]


def _arguments(program: str, interface: str, expression: str) -> list[str]:
    if program == "dumpcap":
        return ["-i", interface, "-q", "-s", "0", "-B", str(tcpdump.LIVE_BUFFER >> 10), "-w", "-", "-f", expression]
    return tcpdump.command(interface, expression)[1:]


class Child:
    """The messages that the capture of `command` holds."""

    def __init__(self, command: list[str], name: str) -> None:
        self.name, self.tally, self._command = name, Tally(name), command
        self._dropped: int | None = None
        self._said: list[str] = []

    def read(self, put: Put, stop: Event) -> None:
        process = self._start()
        assert process.stdout is not None
        assert process.stderr is not None
        listener = Thread(target=self._listen, args=(process.stderr.fileno(),), daemon=True)
        listener.start()
        Thread(target=self._end, args=(process, stop), daemon=True).start()
        records = Records(self.tally)
        # A cut off record at the end is no fault where the watch ended the child; where the child ended by itself, what
        # it said on stderr is the reason, and not the record.
        try:
            never = Event()  # what the child has captured by its end is read, too
            for datagram in records.datagrams(reading(process.stdout.fileno(), never)):
                put(datagram, None)
            for datagram in records.finish():
                put(datagram, None)
        except CaptureError:
            if not self._ended(process, listener, stop):
                raise
        self._ended(process, listener, stop)

    def count_lost(self) -> int | None:
        return self._dropped

    def _start(self) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=self._command[0] != "ssh",  # which may ask for a password at the terminal
            )
        except OSError as error:
            raise CaptureError(f"{self._command[0]}: {error.strerror}") from None

    def _listen(self, descriptor: int) -> None:
        """Notes what the child says, the count of drops most of all."""
        with open(descriptor, "rb", closefd=False) as stream:
            for raw in stream:
                line = raw.decode("utf-8", "replace").strip()
                found = _DROPPED.search(line) or _RECEIVED.search(line)
                if found:
                    self._dropped = int(found[1])
                elif line:
                    self._said = [*self._said, line][-KEPT_LINES:]

    def _end(self, process: subprocess.Popen[bytes], stop: Event) -> None:
        """Ends the child when the watch ends; until then asks it now and then what was dropped."""
        asked = monotonic()
        tells = "tcpdump" in Path(self._command[0]).name
        while not stop.wait(1) and process.poll() is None:
            if tells and monotonic() - asked > ASK:
                asked = monotonic()
                process.send_signal(signal.SIGUSR1)
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()
        if self._command[0] != "ssh":
            process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
            return
        process.kill()

    def _ended(self, process: subprocess.Popen[bytes], listener: Thread, stop: Event) -> bool:
        """Waits for the child. Raises CaptureError where it ended by itself, and says why."""
        status = process.wait()
        listener.join(END_SECONDS)
        if stop.is_set():
            return True
        said = visible("; ".join(self._said)) or f"it ended with status {status}"
        raise CaptureError(f"{self.name}: {said}")

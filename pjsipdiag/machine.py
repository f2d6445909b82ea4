"""Programs that run on this machine, or on another one through the system's own ssh. No shell of this side is asked."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryDirectory

from pjsipdiag.dataclass import dataclass
from pjsipdiag.errors import PjsipdiagError, visible

PLACES = 'PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"'
"""Where tcpdump and asterisk are; a login without a terminal may not look there."""
SSH = ("ssh", "-T", "-oClearAllForwardings=yes", "-oServerAliveInterval=15")


@dataclass(frozen=True, slots=True)
class Machine:
    """`ssh` are the words that reach it, none for this machine; with `sudo` its programs run as root."""

    name: str
    ssh: tuple[str, ...] = ()
    sudo: bool = False

    def words(self, *program: str) -> list[str]:
        """The argument list that runs a program there."""
        words = ["sudo", "-n", *program] if self.sudo else [*program]
        return [*self.ssh, f"{PLACES} {shlex.join(words)}"] if self.ssh else words


@contextmanager
def connect(host: str | None, *, sudo: bool = False) -> Iterator[Machine]:
    """The machine that ssh calls `host`, or this one: one login serves all that is asked until the end.

    :raises PjsipdiagError: ssh is missing, or does not get there.
    """
    if host is None:
        yield Machine("this machine", sudo=sudo)
        return
    if not host or host.startswith("-"):
        raise PjsipdiagError(f"--on {visible(host)!r} names no host: give one as ssh takes it, as root@pbx.example")
    with TemporaryDirectory(prefix="pjsipdiag-") as folder:
        # The first ssh logs in and stays in the background (-M, ControlPath): each program that is run later goes
        # through it, so that a password is asked for once.
        words = (*SSH, f"-oControlPath={folder}/ssh")
        try:
            status = subprocess.run([*words, "-fNM", "--", host], check=False).returncode
        except OSError as error:
            raise PjsipdiagError(f"cannot run ssh: {error.strerror}: apt install openssh-client") from None
        try:
            if status:
                raise PjsipdiagError(f"ssh {visible(host)}: no connection (exit status {status})")
            yield Machine(host, (*words, "--", host), sudo)
        finally:
            with suppress(OSError, subprocess.TimeoutExpired):
                end = [*words, "-O", "exit", "--", host]
                subprocess.run(end, check=False, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=5)

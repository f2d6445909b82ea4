"""The command line: arguments in, text and exit status out; no logic.

In come arguments; out goes what a renderer of `report` writes, notes and progress to stderr, and an exit status: 0 when
all is well, 1 for findings, 2 when something could not be read or decided, 130 for an interruption, 141 where nobody
reads on.

    group              the command itself, and how errors become one line
    commands           each command: a function with an example in its help
    help, completion, shared_options    how commands explain themselves; what the shell completes; options of several
    settings           what counts, and the settings of a folder
    live               --live: a running Asterisk beside the files
    bundles            what `collect` brought, in place of captures or configuration
    output             where results, notes and progress go

Imports: everything; nobody imports it. click is known here only.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

import click

from pjsipdiag.__main__ import end_on
from pjsipdiag.cli.commands import captures, comparison, configuration, fleet, handover, service, watching
from pjsipdiag.cli.group import main
from pjsipdiag.errors import visible

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["captures", "comparison", "configuration", "fleet", "handover", "main", "run", "service", "watching"]


INTERRUPTED, NO_READER = 128 + signal.SIGINT, 128 + signal.SIGPIPE


class _Notes(io.FileIO):
    """Standard error: what cannot be written there is lost, and the result is not."""

    def write(self, data: ReadableBuffer, /) -> int:
        with suppress(OSError):
            super().write(data)
        return memoryview(data).nbytes


def _open_streams() -> None:
    """A closed standard stream becomes one that holds and takes nothing: no file that is opened may take its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            handle = os.open(os.devnull, os.O_WRONLY if number == 2 else os.O_RDONLY)
            if handle != number:
                os.dup2(handle, number)
                os.close(handle)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))  # noqa: SIM115  (a handle, open to the end)
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # a sign that the terminal lacks ends no report
    notes = io.BufferedWriter(_Notes(2, "w", closefd=False))
    sys.stderr = io.TextIOWrapper(notes, sys.stderr.encoding, "backslashreplace", line_buffering=True)


def _report_loss(error: OSError) -> int:
    """Says why a result could not be written; the exit status."""
    why = "standard output is closed" if error.errno == errno.EBADF else error.strerror or str(error)
    with suppress(OSError):
        sys.stderr.write(f"pjsipdiag: {visible(why)}\n")
    return 2


def run() -> NoReturn:
    """The command as a process: it ends without tidying up what a million calls left, which the system does faster."""
    _open_streams()
    end_on(signal.SIGTERM, signal.SIGHUP)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        status: object = main(prog_name="pjsipdiag", standalone_mode=False) or 0
    except SystemExit as end:
        status = end.code
    except click.exceptions.Exit as end:
        status = end.exit_code
    except (click.Abort, KeyboardInterrupt):
        status = INTERRUPTED
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except OSError as error:
        status = _report_loss(error)
        sys.stdout = io.StringIO()  # what is left in it is lost, too
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError as error:
        status = NO_READER if error.errno == errno.EPIPE else _report_loss(error)
    os._exit(status if isinstance(status, int) else int(status is not None))

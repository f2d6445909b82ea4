"""The command `pjsipdiag` as a process, also `python -m pjsipdiag`: signals are heeded before anything is imported."""

import gc
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    """A signal to end unwinds all that is open, so that no other process and no half file stays."""
    sys.exit(128 + number)


def _end_at_once(number: int, _frame: FrameType | None) -> NoReturn:
    """A signal to end while modules are imported: nothing is open yet, and an exception in a callback of the import
    system would be shown and lost."""
    os._exit(128 + number)


def end_on(*numbers: int, end: Callable[[int, FrameType | None], NoReturn] = _end) -> None:
    """Lets these signals end the process from now on."""
    for number in numbers:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, end)


def run() -> NoReturn:
    """Ends with 130, 143 or 129 on SIGINT, SIGTERM and SIGHUP; else as `pjsipdiag.cli.run` does."""
    end_on(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, end=_end_at_once)
    # a capture makes millions of tuples and hardly a cycle: looking for cycles as often as usual costs a fifth, and
    # importing makes none
    gc.set_threshold(1_000_000, 50, 100)
    from pjsipdiag import cli

    cli.run()


if __name__ == "__main__":
    run()

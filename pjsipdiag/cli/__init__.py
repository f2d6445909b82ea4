"""The command line: arguments in, text and exit status out; no logic."""

import os
import sys
from typing import NoReturn

from pjsipdiag.cli import captures, configuration
from pjsipdiag.cli.group import main

__all__ = ["captures", "configuration", "main", "run"]


def run() -> NoReturn:
    """The command as a process: it ends without tidying up what a million calls left, which the system does faster."""
    try:
        main(prog_name="pjsipdiag")
        status: object = 0
    except SystemExit as end:
        status = end.code
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # nobody reads on
        status = status or 1
    os._exit(status if isinstance(status, int) else int(status is not None))

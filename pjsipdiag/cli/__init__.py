"""The command line: arguments in, text and exit status out; no logic."""

from pjsipdiag.cli import captures, configuration
from pjsipdiag.cli.group import main

__all__ = ["captures", "configuration", "main"]

"""`python -m pjsipdiag`: the same as the command `pjsipdiag`."""

from pjsipdiag.cli import run

run()

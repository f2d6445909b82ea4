"""`python -m pjsipdiag`: the same as the command `pjsipdiag`."""

from pjsipdiag.cli import main

main(prog_name="pjsipdiag")

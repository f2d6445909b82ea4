"""The command line in this process, and the capture and configuration that most of its tests give it."""

from pathlib import Path

from click.testing import CliRunner, Result

from pjsipdiag.cli import main

FIXTURES = Path(__file__).parents[2] / "fixtures"
SEED, ETC = str(FIXTURES / "seed/capture.pcap"), str(FIXTURES / "seed/etc")


def run(*arguments: str | Path) -> Result:
    result = CliRunner(env={"COLUMNS": "80"}).invoke(main, [str(argument) for argument in arguments])
    assert "fault of pjsipdiag" not in result.stderr
    return result

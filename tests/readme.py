"""The README's outputs and tables, made by the program: `python -m tests.readme` renews them, a test compares."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

from click.testing import CliRunner

from pjsipdiag.cli import main
from pjsipdiag.diagnosis.rules import RULES
from pjsipdiag.fleet.parquet import describe

README = Path(__file__).parent.parent / "README.md"
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
COLUMNS = re.compile(r"(<!-- columns -->\n).*?(<!-- /columns -->)", re.DOTALL)
RULE_TABLE = re.compile(r"(<!-- rules -->\n).*?(<!-- /rules -->)", re.DOTALL)


def renewed(text: str) -> str:
    """The README with every `console` block and the tables of rules and columns as the program makes them now."""
    text = CONSOLE.sub(lambda block: f"```console\n{_session(block[1])}```", text)
    text = COLUMNS.sub(lambda table: table[1] + _columns() + table[2], text)
    return RULE_TABLE.sub(lambda table: table[1] + _rules() + table[2], text)


def invocations(text: str) -> list[list[str]]:
    """The arguments of every `pjsipdiag` command in the README's shell and console blocks."""
    found = []
    for block in re.findall(r"```(?:sh|console)\n(.*?)```", text, re.DOTALL):
        for line in block.splitlines():
            for command in re.split(r"\s\|\s|\s#\s", line.removeprefix("$ ")):
                words = shlex.split(command.split(" > ")[0]) if command.strip().startswith("pjsipdiag") else []
                if words:
                    found.append(words[1:])
    return found


def _columns() -> str:
    rows = "".join(f"| `{name}` | {kind} | {meaning} |\n" for name, kind, meaning in describe())
    return f"\n| column | type | what it holds |\n|---|---|---|\n{rows}\n"


def _session(block: str) -> str:
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"{command}\n{_output(command[2:])}" for command in commands)


def _output(command: str) -> str:
    program, *arguments = shlex.split(command)
    assert program == "pjsipdiag"
    result = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"}).invoke(main, arguments)
    lines = [line.rstrip() for line in result.stdout.rstrip("\n").splitlines()]
    return "\n".join(lines) + "\n"


def _rules() -> str:
    rows = "".join(f"| `{rule.name}` | {rule.severity} | {rule.summary} |\n" for rule in RULES)
    return f"| rule | severity | the cause it names |\n|---|---|---|\n{rows}"


if __name__ == "__main__":
    README.write_text(renewed(README.read_text()))
    sys.exit(0)

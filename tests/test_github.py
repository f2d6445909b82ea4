"""What GitHub and pre-commit read is what they understand, and speaks of commands that there are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from pjsipdiag.cli import main

ROOT = Path(__file__).parent.parent
SCHEMAS = {
    ".github/workflows/tests.yml": "vendor.github-workflows",
    ".github/workflows/release.yml": "vendor.github-workflows",
    ".github/actions/check/action.yml": "vendor.github-actions",
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_files_are_of_their_schema(name: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMAS[name], str(ROOT / name)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_workflow_and_action_has_its_schema() -> None:
    found = {str(path.relative_to(ROOT)) for path in (ROOT / ".github").rglob("*.yml")}
    assert found == set(SCHEMAS)


def test_the_action_runs_a_command_that_there_is(tmp_path: Path) -> None:
    """Its script, with the inputs' defaults, against the demo; a word that looks like a command is only a word."""
    text = (ROOT / ".github/actions/check/action.yml").read_text()
    script = text.rsplit("run: |\n", 1)[1]
    lines = "\n".join(line.strip() for line in script.splitlines())
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "CONFIG": str(ROOT / "fixtures/demo/etc"),
        "FAIL_ON": "never",
        "ARGUMENTS": f"--ignore\nopen-door\n-o\n{tmp_path}/$(touch x)",
    }
    run = subprocess.run(
        ["bash", "-ec", lines], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["$(touch x)"]


def test_the_hook_is_a_command_that_there_is() -> None:
    entry = next(line for line in (ROOT / ".pre-commit-hooks.yaml").read_text().splitlines() if "entry:" in line)
    _, name = entry.split("entry:")[1].split()
    assert isinstance(main.commands[name], click.Command)

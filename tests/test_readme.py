"""The README tells the truth: its outputs are the program's, its commands exist, its example runs."""

import re
from pathlib import Path

import pytest

from pjsipdiag.cli import main
from pjsipdiag.report import FORMATS
from tests.readme import README, invocations, renewed

pytestmark = pytest.mark.usefixtures("extensions")

TEXT = README.read_text()


@pytest.fixture(autouse=True)
def _in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(README.parent)


def test_outputs_are_the_programs() -> None:
    assert renewed(TEXT) == TEXT, "run: python -m tests.readme"


@pytest.mark.parametrize("arguments", invocations(TEXT), ids=" ".join)
def test_commands_and_options_exist(arguments: list[str]) -> None:
    command = main.commands[arguments[0]]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert {word for word in arguments if word.startswith("-") and word != "-"} <= known


def test_every_command_is_shown() -> None:
    assert {arguments[0] for arguments in invocations(TEXT)} == set(main.commands)


def test_library_example_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(compile(example, str(README), "exec"), {"__name__": "readme"})


def test_every_format_is_named() -> None:
    told = section("Formats").partition("The same input")[0]
    assert sorted(re.findall(r"`(\w+)`", told)) == sorted(FORMATS)


def test_places_of_additions_exist() -> None:
    """The paths in the tables and steps for contributors, below the package, the tests or the repository."""
    told = section("Contributing")
    paths = re.findall(r"`([\w.]+(?:/[\w.*]+)+/?)`", told)
    assert len(paths) > 20
    roots = [Path(), Path("pjsipdiag"), Path("tests")]
    lost = [path for path in paths if not any(list(root.glob(path.replace("NAME", "*"))) for root in roots)]
    assert lost == []


def section(title: str) -> str:
    """The text below a heading, up to the next one of its level."""
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert Path(target).exists()

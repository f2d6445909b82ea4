"""What --help shows: every option in a group, every default, an example that runs."""

from __future__ import annotations

import shlex

import click
import pytest
from click.testing import CliRunner

from pjsipdiag.cli import main
from pjsipdiag.cli.help import OTHER_GROUP, group_of

COMMANDS = sorted(main.commands)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_group_and_help(name: str) -> None:
    for parameter in main.commands[name].params:
        if isinstance(parameter, click.Option):
            assert group_of(parameter.name or "") != OTHER_GROUP, parameter.name
            assert parameter.help or parameter.show_default, parameter.name


@pytest.mark.parametrize("name", COMMANDS)
def test_groups_stand_in_one_order_and_an_example_at_the_end(name: str) -> None:
    shown = CliRunner(env={"COLUMNS": "80"}).invoke(main, [name, "--help"]).stdout
    heads = [line for line in shown.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert heads[-1] == "Example:"
    assert heads[-2] == "Output:"
    assert len(heads) == len(set(heads))


@pytest.mark.parametrize("name", COMMANDS)
def test_an_example_is_a_command_that_is_understood(name: str) -> None:
    command = main.commands[name]
    assert command.epilog
    for line in command.epilog.splitlines():
        words = shlex.split(line.split("|")[0].split(">")[0])
        assert words[:2] == ["pjsipdiag", name]
        command.make_context(name, words[2:], parent=click.Context(main))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--extract", "x", "-o", "y", "-c", "etc"),
        ("--extract", "x", "-o", "y", "--since", "12:00"),
        ("--extract", "x", "-o", "y", "--redact"),
        ("--try", "match=192.0.2.1", "--in", "i", "--fail-on", "error"),
        ("--try", "match=192.0.2.1", "--in", "i", "--redact"),
        ("--try-file", "list", "--in", "i", "--ignore", "scanner"),
    ],
    ids=" ".join,
)
def test_an_option_that_would_do_nothing_is_refused(arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, ["diagnose", "calls.pcap", *arguments])
    assert (result.exit_code, "does nothing beside" in result.stderr) == (2, True)

"""The settings of a folder: .pjsipdiag.toml, through the command line."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pjsipdiag.cli import main

ETC = Path(__file__).parents[2] / "fixtures/demo/etc"
CAPTURE = str(ETC.parent / "capture.pcap")
SETTINGS = 'config = "asterisk"\nignore = ["open-door"]\n'


def run(*arguments: str) -> Result:
    result = CliRunner(env={"COLUMNS": "80"}).invoke(main, arguments)
    assert "fault of pjsipdiag" not in result.stderr
    return result


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Path]:
    before = Path.cwd()
    shutil.copytree(ETC, tmp_path / "asterisk")
    (tmp_path / ".git").mkdir()
    (tmp_path / "deeper").mkdir()
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(before)


def test_settings_hold_in_the_repository_and_are_said(repository: Path) -> None:
    (repository / ".pjsipdiag.toml").write_text(SETTINGS)
    for folder in (repository, repository / "deeper"):
        os.chdir(folder)
        result = run("check")
        assert result.exit_code == 0, result.output
        assert f"settings: {repository}/.pjsipdiag.toml" in result.stderr
    assert run("check", "--ignore", "wide-match").exit_code == 1, "the command line comes first"


def test_settings_above_a_folder_without_repository_do_not_hold(repository: Path) -> None:
    (repository / ".pjsipdiag.toml").write_text(SETTINGS)
    (repository / ".git").rmdir()
    os.chdir(repository / "deeper")
    assert run("check", "-c", "../asterisk").exit_code == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ignore = [", "end of document"),
        ('ignor = "x"', "Did you mean ignore?"),
        ('live = "sh -c true"', "cannot be set here"),
        ("ignore = 1", "wants text"),
        ('asterisk = ["18", "22"]', "wants one text"),
        ('fail-on = "sometimes"', "sometimes"),
        ('ignore = "open-dor"', "Did you mean open-door?"),
    ],
)
def test_a_mistake_is_one_line(repository: Path, text: str, said: str) -> None:
    (repository / ".pjsipdiag.toml").write_text(text)
    result = run("check", "-c", "asterisk")
    assert result.exit_code == 2
    assert said in result.stderr


def test_places_are_those_of_the_repository(repository: Path) -> None:
    os.chdir(repository / "deeper")
    assert '"uri": "asterisk/pjsip.conf"' in run("check", "-c", "../asterisk", "--format", "sarif").stdout
    shown = run("check", "-c", "../asterisk", "--format", "github").stdout
    assert shown.startswith("::warning file=asterisk/pjsip.conf,line=6,title=pjsipdiag%3A open-door::")


def test_junit_names_what_was_checked(repository: Path) -> None:
    shown = run("check", "-c", "asterisk", "--format", "junit").stdout
    assert 'name="wide-match"' in shown
    assert 'name="open-door at pjsip.conf:6' in shown
    assert repository.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("check",),
        ("explain", "203.0.113.10"),
        ("suggest", CAPTURE),
        ("diagnose", CAPTURE),
        ("compare", CAPTURE, "--asterisk", "18", "--asterisk", "22"),
        ("compare", "--asterisk", "18", "--asterisk", "22"),
    ],
    ids=" ".join,
)
def test_every_command_takes_the_configuration_and_says_so_once(repository: Path, arguments: tuple[str, ...]) -> None:
    (repository / ".pjsipdiag.toml").write_text('config = "asterisk"\n')
    result = run(*arguments)
    assert result.exit_code in (0, 1), result.stderr
    assert result.stderr.count("settings: ") == 1
    assert "/etc/asterisk" not in result.stderr

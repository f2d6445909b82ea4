"""Completion in real shells: what README's line gives when Tab is pressed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

ROOT = Path(__file__).parents[2]
SHELLS = ("bash", "zsh", "fish")
CASES = {
    "a command": ("sugg", "suggest"),
    "a rule": ("rules unmatched-s", "unmatched-source"),
    "a line of releases": ("check --asterisk certified-18", "certified-18.9"),
    "a release": ("check --asterisk 16.28", "16.28.0"),
    "a section": ("diagnose -c fixtures/demo/etc --in provider-i", "provider-identify"),
    "a format": ("diagnose --format mark", "markdown"),
    "an option": ("compare --aster", "--asterisk"),
    "a capture": ("diagnose fixtures/demo/capture.p", "fixtures/demo/capture.pcap"),
    "a capture without a command": ("fixtures/demo/capture.p", "fixtures/demo/capture.pcap"),
    "a configuration": ("check -c fixtures/demo/et", "fixtures/demo/etc"),
    "a table of names": ("check --hosts fixtures/demo/capture.p", "fixtures/demo/capture.pcap"),
    "a report": ("check -o fixtures/demo/capture.p", "fixtures/demo/capture.pcap"),
}
"""What is typed behind `pjsipdiag`, and what stands there after Tab."""
STARTS = {
    "bash": ("--norc --noprofile -i", "PS1=ready; bind 'set enable-bracketed-paste off'"),
    "zsh": ("-f -i", "PS1=ready; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -D"),
}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("case", CASES)
def test_tab_completes(shell: str, case: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell} (Debian's package {shell})")
    typed, wanted = CASES[case]
    completed = (_by_fish if shell == "fish" else _at_terminal)(shell, f"pjsipdiag {typed}", wanted, tmp_path)
    assert wanted in completed


def _environment(home: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "HOME": str(home), "TERM": "xterm", "LC_ALL": "C.UTF-8", "HISTFILE": ""}


def _by_fish(shell: str, typed: str, _wanted: str, home: Path) -> str:
    script = f"_PJSIPDIAG_COMPLETE=fish_source pjsipdiag | source; complete -C '{typed}'"
    run = subprocess.run([shell, "-c", script], cwd=ROOT, env=_environment(home), capture_output=True, text=True,
                         timeout=60, check=True)  # fmt: skip
    return run.stdout


def _at_terminal(shell: str, typed: str, wanted: str, home: Path) -> str:
    """What the line holds once Tab was pressed at a real terminal."""
    arguments, setup = STARTS[shell]
    with pexpect.spawn(
        f"{shutil.which(shell)} {arguments}", cwd=str(ROOT), env=_environment(home), encoding="utf-8", timeout=30
    ) as terminal:
        terminal.setwinsize(24, 200)
        terminal.sendline(f'{setup}; eval "$(_PJSIPDIAG_COMPLETE={shell}_source pjsipdiag)"; echo do"ne"')
        terminal.expect("done\r\n")
        terminal.expect("ready")
        terminal.send(f"{typed}\t")
        rest = wanted.removeprefix(typed.rpartition(" ")[2])
        terminal.expect([re.escape(rest), pexpect.TIMEOUT])
        terminal.sendcontrol("c")
        return wanted if terminal.after == rest else f"{terminal.before}"

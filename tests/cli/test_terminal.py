"""Hostile names, files and arguments: what reaches a terminal of them."""

from __future__ import annotations

import os
import pty
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "fixtures/demo"
CAPTURE, ETC = DEMO / "capture.pcap", DEMO / "etc"
FOREIGN = "\x1b[38;5;99m"
"""A colour that is not ours."""
NASTY = f"x\x1b]0;pwn\x07{FOREIGN}\u202e\u2066\x9b\x7f"


def nasty(make: Callable[[Path], tuple[str | Path, ...]], tmp_path: Path) -> bytes:
    """What a command writes to a terminal."""
    arguments = [sys.executable, "-m", "pjsipdiag", *map(str, make(tmp_path))]
    child, terminal = pty.fork()
    if not child:
        os.environ.update(TERM="xterm-256color", COLUMNS="120")
        os.execv(arguments[0], arguments)
    shown = b""
    try:
        while data := os.read(terminal, 65536):
            shown += data
    except OSError:  # Linux says EIO at the end
        pass
    os.waitpid(child, 0)
    os.close(terminal)
    return shown


def named(tmp_path: Path, name: str, text: str = "") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def configured(tmp_path: Path) -> Path:
    (tmp_path / "pjsip.conf").write_text(
        f"[a{NASTY}]\ntype=endpoint\n{NASTY}={NASTY}\n[i]\ntype=identify\nendpoint={NASTY}\n"
        f"match=203.0.113.12 ; {NASTY}\nmatch={NASTY}\n#include {NASTY}\n#{NASTY}\n"
    )
    return tmp_path


def noted(tmp_path: Path) -> Path:
    """A configuration in which a comment stands where a line is to be added."""
    text = (ETC / "pjsip.conf").read_text().replace("match=203.0.113.12", f"match=203.0.113.12 ; {NASTY}")
    return named(tmp_path, "pjsip.conf", text).parent


TERMINAL: dict[str, Callable[[Path], tuple[str | Path, ...]]] = {
    "a capture that is missing": lambda path: ("diagnose", path / NASTY, "-c", ETC),
    "a capture that is none": lambda path: ("diagnose", named(path, NASTY, "no capture"), "-c", ETC),
    "a capture": lambda path: ("diagnose", shutil.copy(CAPTURE, path / NASTY), "-c", ETC, "-v"),
    "a folder": lambda path: ("diagnose", named(path, NASTY, "no").parent, "-c", ETC),
    "a configuration that is missing": lambda path: ("check", "-c", path / NASTY),
    "hosts": lambda path: ("check", "-c", ETC, "--hosts", path / NASTY),
    "resolved": lambda path: ("check", "-c", ETC, "--resolved", path / NASTY),
    "database": lambda path: ("check", "-c", ETC, "--database", f"{NASTY}=sqlite:///{path}/{NASTY}"),
    "live": lambda path: ("check", "-c", ETC, "--live", path / NASTY),
    "live that answers": lambda path: ("check", "-c", ETC, "--live", named(path, "live", f"{{{NASTY}")),
    "output": lambda path: ("diagnose", CAPTURE, "-c", ETC, "-o", path / NASTY / NASTY),
    "output as": lambda path: ("diagnose", CAPTURE, "-c", ETC, "-o", path / f"{NASTY}.docx"),
    "written": lambda path: ("diagnose", CAPTURE, "-c", ETC, "-o", path / f"{NASTY}.json"),
    "redacted": lambda path: ("redact", CAPTURE, "-o", path / NASTY),
    "changed": lambda path: ("suggest", CAPTURE, "-c", ETC, "-o", path / NASTY),
    "a section": lambda _: ("diagnose", CAPTURE, "-c", ETC, "--try", f"{NASTY}=1", "--in", NASTY),
    "a line": lambda _: ("diagnose", CAPTURE, "-c", ETC, "--try", NASTY, "--in", "provider"),
    "an order": lambda _: ("diagnose", CAPTURE, "-c", ETC, "--try-order", NASTY),
    "a release": lambda _: ("check", "-c", ETC, "--asterisk", NASTY),
    "a format": lambda _: ("check", "-c", ETC, "--format", NASTY),
    "an option": lambda _: ("check", f"--{NASTY}"),
    "a command": lambda _: (NASTY,),
    "a rule": lambda _: ("rules", NASTY),
    "a time": lambda _: ("diagnose", CAPTURE, "-c", ETC, "--since", NASTY),
    "a source": lambda _: ("explain", NASTY, "-c", ETC),
    "a header": lambda _: ("explain", "192.0.2.9", "-c", ETC, "--header", f"{NASTY}: 1", "--from", NASTY),
    "a URI": lambda _: ("explain", "192.0.2.9", "-c", ETC, "--uri", NASTY),
    "a number": lambda _: ("diagnose", CAPTURE, "--jobs", NASTY),
    "a filter": lambda _: ("diagnose", CAPTURE, "-c", ETC, "--source", NASTY),
    "what is configured": lambda path: ("check", "-c", configured(path), "-v"),
    "explained": lambda path: ("explain", "203.0.113.13", "-c", configured(path)),
    "suggested": lambda path: ("suggest", CAPTURE, "-c", configured(path), "--unconfirmed"),
    "a diff": lambda path: ("suggest", CAPTURE, "-c", noted(path), "--diff"),
    "compared": lambda path: ("compare", CAPTURE, "-c", configured(path), "-c", ETC),
}  # fmt: skip


@pytest.mark.parametrize("name", TERMINAL)
def test_no_control_character_reaches_a_terminal(name: str, tmp_path: Path) -> None:
    """But for colours and line ends, which are our own."""
    shown = nasty(TERMINAL[name], tmp_path).decode("utf-8", "backslashreplace")
    assert shown.strip()
    assert FOREIGN not in shown
    own = re.sub(r"\x1b\[[0-9;]*m|\x1b\[K|[\r\n\t]", "", shown)
    assert not {char for char in own if not char.isprintable()}, shown

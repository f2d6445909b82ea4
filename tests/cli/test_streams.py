"""Standard streams that are full, closed, read by nobody or of another encoding. Only a result that is lost is told."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pjsipdiag.report import FORMATS
from tests.command import CAPTURE, ETC, command, run


def test_a_full_stream_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("diagnose", CAPTURE, "-c", ETC), stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp037"])
@pytest.mark.parametrize("form", FORMATS)
def test_what_a_terminal_cannot_show_ends_no_report(form: str, encoding: str) -> None:
    shown = {
        name: subprocess.run(
            command("diagnose", CAPTURE, "-c", ETC, "--format", form),
            env={**os.environ, "PYTHONIOENCODING": name},
            capture_output=True,
            check=False,
        )
        for name in (encoding, "utf-8")
    }
    assert [one.returncode for one in shown.values()] == [1, 1], shown[encoding].stderr
    if form != "text":
        assert shown[encoding].stdout == shown["utf-8"].stdout


def test_nobody_reads_on() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command("man"), stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(
    ("arguments", "status", "streams"),
    [
        (("diagnose", CAPTURE, "-c", ETC), 1, (0, 1, 2)),
        (("diagnose", "/nonexistent", "-c", ETC), 2, (1, 2)),
        (("diagnose", "-", "-c", ETC), 2, (0,)),
        (("check", "-c", ETC), 1, (0, 1)),
        (("rules",), 0, (1,)),
        (("suggest", CAPTURE, "-c", ETC, "--diff"), 1, (1,)),
    ],
)
def test_closed_streams_are_no_fault(arguments: tuple[str | Path, ...], status: int, streams: tuple[int, ...]) -> None:
    """Only a result that is lost changes the status, in one line."""
    for closed in streams:
        with_closed(arguments, status, closed)


def with_closed(arguments: tuple[str | Path, ...], status: int, closed: int) -> None:
    done = run(*arguments, stdin=subprocess.DEVNULL, preexec_fn=lambda: os.close(closed))
    assert done.returncode == (2 if closed == 1 else status), done.stderr
    if closed == 1 and status != 2:
        assert done.stderr == "pjsipdiag: standard output is closed\n"


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("diagnose", CAPTURE, "-c", ETC), 1),
        (("diagnose", "/nonexistent", "-c", ETC), 2),
        (("check", "--no-such-option"), 2),
        (("rules",), 0),
        (("redact", CAPTURE, "-c", ETC, "-o", "{}/copy"), 0),
        (("evidence", CAPTURE, "--source", "203.0.113.13", "-o", "{}/evidence.zip"), 0),
    ],
)
def test_notes_that_cannot_be_written_change_no_status(
    arguments: tuple[str | Path, ...], status: int, tmp_path: Path
) -> None:
    with Path("/dev/full").open("w") as full:
        filled = command(*(str(one).format(tmp_path) for one in arguments))
        done = subprocess.run(filled, stdout=subprocess.DEVNULL, stderr=full, check=False)
    assert done.returncode == status

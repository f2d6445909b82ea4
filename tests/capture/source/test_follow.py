"""A capture that grows while it is read."""

from __future__ import annotations

import os
import time
from pathlib import Path
from threading import Event, Timer

import pytest

from pjsipdiag.capture.source.follow import GrowingFile, PipeStream
from pjsipdiag.errors import CaptureError


def test_what_is_appended_is_read_until_stopped(tmp_path: Path) -> None:
    path, stop = tmp_path / "growing", Event()
    path.write_bytes(b"one")

    def append() -> None:
        with path.open("ab") as file:
            file.write(b"two")
        stop.set()

    with GrowingFile(path, stop) as file:
        assert file.read(10) == b"one"
        Timer(0.15, append).start()
        assert file.read(10) == b"two"
        assert file.read(10) == b""


@pytest.mark.parametrize("kind", ["renamed", "cut", "gone for a while"])
def test_what_follows_a_rotation_is_read(tmp_path: Path, kind: str) -> None:
    path, stop = tmp_path / "growing", Event()
    path.write_bytes(b"one")

    def rotate() -> None:
        with path.open("ab") as file:
            file.write(b"two")
        if kind == "cut":
            time.sleep(0.3)  # who cuts a file has copied it before
            path.write_bytes(b"")
        else:
            path.rename(tmp_path / "growing.1")
        time.sleep(0.3 if kind == "gone for a while" else 0)
        path.write_bytes(b"3")
        stop.set()

    with GrowingFile(path, stop) as file:
        assert file.read(10) == b"one"
        Timer(0.05, rotate).start()
        assert file.readall() == b"two3"


def test_a_pipe_without_a_writer_holds_nothing_up(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with GrowingFile(path, Event(), seconds=0.2) as file:
        assert file.readall() == b""


def test_ends_by_itself_after_the_given_time(tmp_path: Path) -> None:
    path = tmp_path / "growing"
    path.write_bytes(b"one")
    with GrowingFile(path, Event(), seconds=0) as file:
        assert file.readall() == b"one"


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="No such file"):
        GrowingFile(tmp_path / "none", Event())


def test_a_pipe_ends_with_its_writer_or_after_the_given_time() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"one")
    with PipeStream(reading, Event(), seconds=0.2) as file:
        assert file.readall() == b"one"
    os.write(writing, b"two")
    os.close(writing)
    with PipeStream(reading, Event()) as file:
        assert file.readall() == b"two"
    os.close(reading)

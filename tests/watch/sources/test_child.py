"""tcpdump and dumpcap themselves, on the loopback interface; ssh in the place of which a script stands."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pjsipdiag.capture.source import tcpdump
from pjsipdiag.errors import CaptureError
from pjsipdiag.watch.sources.child import there
from tests.watch.process import Process
from tests.watch.traffic import BAD, CONF, PBX, call

LOCAL = "127.0.0.9"
"""Where the telephone system is said to be."""

needs_rights = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("tcpdump") is None, reason="needs root and tcpdump: apt install tcpdump"
)


@pytest.fixture
def here(etc: Path, ends: tuple[socket.socket, socket.socket]) -> Path:
    port = ends[1].getsockname()[1]
    (etc / "pjsip.conf").write_text(CONF.replace("192.0.2.10:5060", f"{LOCAL}:{port}"))
    return etc


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A caller and the telephone system, as sockets."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pbx,
    ):
        caller.bind(("127.0.0.13", 0))
        pbx.bind((LOCAL, 0))
        yield caller, pbx


def send(ends: tuple[socket.socket, socket.socket], name: str, size: int = 0) -> None:
    """A refused call, over real sockets; with `size` more bytes in its first packet."""
    caller, pbx = ends
    for one in call(0, BAD, name, "401 Unauthorized"):
        payload = one.payload.replace(BAD.encode(), b"127.0.0.13").replace(PBX.encode(), LOCAL.encode())
        payload = payload.replace(b"User-Agent: Trunk", b"User-Agent: Trunk\r\nX-Filler: " + b"x" * size)
        if one.source.startswith(socket.inet_aton(BAD)):
            caller.sendto(payload, pbx.getsockname())
        else:
            pbx.sendto(payload, caller.getsockname())
        time.sleep(0.02)


def told(watch: Process, ends: tuple[socket.socket, socket.socket], size: int = 0) -> str:
    """The first line, for calls that go on until it is there."""
    watch.wait_for("watching")
    for number in range(40):
        send(ends, f"call{number}", size)
        try:
            return watch.line(1)
        except AssertionError:
            continue
    return watch.line(1)


@needs_rights
@pytest.mark.parametrize("size", [0, 4000], ids=["whole", "in fragments"])
def test_a_refused_call_on_the_loopback_interface(
    here: Path, ends: tuple[socket.socket, socket.socket], size: int
) -> None:
    with Process("-i", "lo", "-c", here) as watch:
        line = told(watch, ends, size)
        assert "127.0.0.13 is in no match= of any identify" in line
        assert watch.end(signal.SIGINT) == 1
        assert "the kernel dropped 0 packets" in watch.said[-1]


@needs_rights
@pytest.mark.skipif(shutil.which("dumpcap") is None, reason="needs dumpcap: apt install wireshark-common")
def test_dumpcap_in_its_place(here: Path, ends: tuple[socket.socket, socket.socket], tmp_path: Path) -> None:
    (tmp_path / "dumpcap").symlink_to(shutil.which("dumpcap") or "")
    with Process("-i", "lo", "-c", here, PATH=str(tmp_path)) as watch:
        assert "127.0.0.13 is in no match= of any identify" in told(watch, ends)
        assert watch.end() == 1
        assert "the kernel dropped 0 packets" in watch.said[-1]


@needs_rights
def test_another_machine_through_ssh(here: Path, ends: tuple[socket.socket, socket.socket], tmp_path: Path) -> None:
    """The script runs what the far shell would get; the far tcpdump ends and tells its count, as ssh's end closes."""
    script = tmp_path / "bin/ssh"
    script.parent.mkdir()
    script.write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\n[ "$2" = pbx ] || exit 255\nexec sh -c "$3"\n')
    script.chmod(0o755)
    with Process("--on", "pbx", "-i", "lo", "-c", here, PATH=f"{script.parent}:{os.environ['PATH']}") as watch:
        assert "127.0.0.13 is in no match= of any identify" in told(watch, ends)
        assert watch.end() == 1
        assert "the kernel dropped 0 packets" in watch.said[-1]


@needs_rights
def test_an_interface_that_is_not_there_is_said(here: Path) -> None:
    with Process("-i", "nowhere0", "-c", here) as watch:
        assert watch.status() == 2
        assert "nowhere0" in watch.said[-1]
        assert "No such device" in watch.said[-1] or "doesn't exist" in watch.said[-1]


def test_the_filter_takes_fragments_and_every_port() -> None:
    expression = tcpdump.expression([5070])
    assert "port 5070" in expression
    if shutil.which("tcpdump"):
        subprocess.run(["tcpdump", "-d", "-y", "LINUX_SLL2", expression], check=False, capture_output=True)
        found = subprocess.run(["tcpdump", "-d", expression], capture_output=True, text=True, check=False)
        assert found.returncode == 0 or "permission" in found.stderr


def test_a_host_is_no_option() -> None:
    with pytest.raises(CaptureError, match="names no host"):
        there("-oProxyCommand=id", "any", "port 5060")

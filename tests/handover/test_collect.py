"""`collect` over a real ssh, with the system's own tar and tcpdump; the answers of Asterisk are recorded ones."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pjsipdiag.cli import main
from tests.asterisk.live.servers import command
from tests.handover import remote

FIXTURES = Path(__file__).parents[2] / "fixtures"
PROGRAM = str(Path(sys.executable).with_name("pjsipdiag"))
ASTERISK = f'shift; exec {command("22")} "$@"'
INVITE = (
    "INVITE sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5099;branch=z9hG4bK{0}\r\n"
    "From: <sip:a@b>;tag={0}\r\nTo: <sip:100@127.0.0.1>\r\n"
    "Call-ID: call-{0}\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
)


class Pbx:
    """The machine behind ssh, and pjsipdiag on this side of it."""

    def __init__(self, folder: Path, path: str) -> None:
        self.folder, self.path = folder, path
        self.temporary = folder / "tmp"
        self.temporary.mkdir()

    def program(self, name: str, text: str) -> None:
        (self.folder / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.folder / "bin" / name).chmod(0o755)

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PATH": self.path, "TMPDIR": str(self.temporary), "COLUMNS": "100"}
        done = subprocess.run(
            [PROGRAM, *map(str, arguments)],
            capture_output=True, text=True, env=environment, cwd=self.folder, check=False, timeout=60,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        assert not [*self.temporary.iterdir()], "a temporary file stayed"
        return done

    def here(self, *arguments: str | Path) -> Result:
        """The same in this process, where nobody else is asked."""
        with chdir(self.folder):
            return CliRunner(env={"COLUMNS": "100"}).invoke(main, [*map(str, arguments)])

    def collect(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return self.run("collect", "--on", remote.NAME, *arguments)


@pytest.fixture(scope="module")
def pbx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pbx]:
    folder = tmp_path_factory.mktemp("pbx")
    with remote.machine(folder) as path:
        made = Pbx(folder, path)
        made.program("asterisk", ASTERISK)
        made.program("sudo", '[ "$1" = -n ] && shift && echo "$@" >> "$HOME_OF_TEST" ; exec "$@"')
        yield made


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """A configuration with what no diagnosis needs beside it, and a link as FreePBX has them."""
    folder = Path(shutil.copytree(FIXTURES / "live/etc22", tmp_path / "etc"))
    (folder / "manager.conf").write_text("[admin]\nsecret=top-secret\n")
    (folder / "keys").mkdir()
    (folder / "keys/asterisk.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
    (folder / "acl.conf").rename(tmp_path / "elsewhere.conf")
    (folder / "acl.conf").symlink_to(tmp_path / "elsewhere.conf")
    (folder / "gone.conf").symlink_to(tmp_path / "nowhere")
    return folder


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may capture")
def test_a_call_that_comes_while_it_captures_is_in_the_bundle(pbx: Pbx, etc: Path, tmp_path: Path) -> None:
    over = threading.Event()

    def call() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
            for number in range(100):
                caller.sendto(INVITE.format(number).encode(), ("127.0.0.1", 5080))
                if over.wait(0.1):
                    return

    threading.Thread(target=call).start()
    bundle = tmp_path / "bundle.tgz"
    done = pbx.collect("-c", etc, "-i", "lo", "--for", "2", "-o", bundle)
    over.set()
    assert done.returncode == 0, done.stderr
    assert "ports 5060, 5061, 5080" in done.stderr  # that of the transport, too
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600
    with tarfile.open(bundle) as archive:
        names = {name.removeprefix("pjsipdiag-bundle/") for name in archive.getnames()}
    assert names == {"about.txt", "capture.pcap", "asterisk.live", *(f"etc/{name}.conf" for name in OF_CALLS)}
    report = pbx.run("diagnose", bundle)
    assert "on pbx.test; a capture of 2 s on lo" in report.stderr
    assert "the running Asterisk is 22.10.1" in report.stdout
    assert "bundle.tgz/capture.pcap: " in report.stdout
    assert "1 source is not matched" in report.stdout or "127.0.0.1" in report.stdout


RELEASES = ("--asterisk", "16", "--asterisk", "22")
OF_CALLS = ("pjsip", "pjsip_wizard", "acl")


def test_the_newest_of_a_rotating_capture(pbx: Pbx, etc: Path, tmp_path: Path) -> None:
    spool = tmp_path / "it's $(touch ran) spool"
    spool.mkdir()
    for age, name in enumerate(("cap 3;touch ran.pcap", "-cap*.pcap", "cap1.pcap", "cap0.pcap")):
        shutil.copy(FIXTURES / "demo/capture.pcap", spool / name)
        os.utime(spool / name, (1_700_000_000 - age,) * 2)
    (spool / "notes.txt").write_text("no capture")
    bundle = tmp_path / "bundle.tgz"
    done = pbx.collect("-c", etc, "--rotated", spool / "*.pcap", "--newest", "2", "-o", bundle)
    assert done.returncode == 0, done.stderr
    assert "the newest 2 of 4 captures" in done.stderr
    assert not [*pbx.folder.rglob("ran*"), *tmp_path.glob("ran*")]
    first, again = (pbx.here("diagnose", bundle, "-c", FIXTURES / "demo/etc", "--format", "json") for _ in range(2))
    assert first.stdout == again.stdout
    assert '"file": "bundle.tgz/capture-1.pcap"' in first.stdout
    whole = pbx.collect("-c", etc, "--rotated", spool, "--newest", "9", "-o", tmp_path / "whole.tgz")
    assert "passed over: notes.txt: " in whole.stderr


def test_it_can_be_posted(pbx: Pbx, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.tgz"
    demo = FIXTURES / "demo"
    done = pbx.collect("-c", demo / "etc", "--rotated", demo / "*.pcap", "--redact", "-o", bundle)
    assert "15 of 15 requests replay to the same verdict" in done.stderr
    with tarfile.open(bundle) as archive:
        held = b"".join(file.read() for member in archive if (file := archive.extractfile(member)))
    assert not [word for word in (b"203.0.113.13", b"15559870001", b"Provider-SBC", b"pbx.test") if word in held]
    assert "2 of 5 sources are not matched" in pbx.here("diagnose", bundle).stdout


def test_every_command_takes_it(pbx: Pbx, tmp_path: Path) -> None:
    bundle, demo = tmp_path / "bundle.tgz", FIXTURES / "demo"
    pbx.program("asterisk", "echo 'Unable to connect to remote asterisk'; exit 1")
    try:
        done = pbx.collect("-c", demo / "etc", "--rotated", demo / "*.pcap", "-o", bundle)
    finally:
        pbx.program("asterisk", ASTERISK)
    assert "the running Asterisk told nothing: " in done.stderr
    etc, capture = demo / "etc", demo / "capture.pcap"
    pairs: list[tuple[list[str | Path], list[str | Path]]] = [
        (["diagnose", bundle], ["diagnose", capture, "-c", etc]),
        (["suggest", bundle], ["suggest", capture, "-c", etc]),
        (["explain", "203.0.113.13", "-c", bundle], ["explain", "203.0.113.13", "-c", etc]),
        (["check", "-c", bundle], ["check", "-c", etc]),
        (["compare", bundle, *RELEASES], ["compare", capture, "-c", etc, *RELEASES]),
        (["compare", "-c", bundle, *RELEASES], ["compare", "-c", etc, *RELEASES]),
        (["compare", "-c", bundle, "-c", etc], ["compare", "-c", etc, "-c", etc]),
    ]
    for there, here in pairs:
        brought, own = pbx.here(*there), pbx.here(*here)
        assert brought.exit_code == own.exit_code, brought.stderr
        shown = own.stdout.replace(str(capture), "bundle.tgz/capture-1.pcap").replace(str(etc), "bundle.tgz/etc")
        assert brought.stdout.replace(str(etc), "bundle.tgz/etc").split() == shown.split()
    again = pbx.here("diagnose", bundle, "-o", bundle, "--force", "--format", "json")
    assert (again.exit_code, "is an input" in again.stderr) == (2, True)
    both = pbx.here("diagnose", bundle, shutil.copy(bundle, tmp_path / "second.tgz"))
    assert (both.exit_code, "give one with -c" in both.stderr) == (2, True)


def test_what_exists_is_refused_before_a_call_is_waited_for(pbx: Pbx, tmp_path: Path) -> None:
    (tmp_path / "bundle.tgz").write_text("KEEP")
    done = pbx.here("collect", "--on", "nowhere.invalid", "-o", tmp_path / "bundle.tgz")
    assert (done.exit_code, done.stderr.count("\n"), "--force replaces it" in done.stderr) == (2, 1, True)


def test_sudo_there(pbx: Pbx, etc: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    pbx.program("sudo", f'[ "$1" = -n ] || exit 9; shift; echo "$1" >> {ran}; exec "$@"')
    done = pbx.collect("--sudo", "-c", etc, "--rotated", FIXTURES / "demo/*.pcap", "-o", tmp_path / "bundle.tgz")
    assert done.returncode == 0, done.stderr
    assert set(ran.read_text().split()) == {"tar", "find", "asterisk"}


def test_a_running_asterisk_behind_ssh_is_asked_whole_questions(pbx: Pbx) -> None:
    etc = FIXTURES / "live/etc22"
    there = pbx.run("check", "-c", etc, "--live", f"ssh {remote.NAME} asterisk -rx")
    here = pbx.run("check", "-c", etc, "--live", command("22"))
    assert (there.stdout, there.returncode) == (here.stdout, here.returncode)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--on", "nobody@127.0.0.1", "-c", "/x"], "ssh nobody@127.0.0.1: no connection"),
        (["--on", "-oProxyCommand=touch ran"], "names no host"),
        (["--on", remote.NAME, "-c", "/no/where"], "/no/where on pbx.test: tar: "),
        (["--on", remote.NAME, "-c", FIXTURES / "demo/etc", "--rotated", "/no/where"], "/no/where on pbx.test: find: "),
        (["--on", remote.NAME, "-c", FIXTURES / "demo/etc", "-i", "none0"], "tcpdump on pbx.test: tcpdump: none0: "),
        (["-c", FIXTURES / "demo/etc", "--newest", "2"], "--newest says"),
        (["-c", FIXTURES / "demo/etc", "--rotated", "/x", "--for", "2"], "--for says"),
    ],
)
def test_what_cannot_be_had_is_one_line(pbx: Pbx, tmp_path: Path, words: list[str | Path], said: str) -> None:
    done = pbx.run("collect", *words, "-o", tmp_path / "bundle.tgz")
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "bundle.tgz").exists()
    assert not [*pbx.folder.rglob("ran")]


def test_a_configuration_that_is_no_text_is_named_where_it_lies(pbx: Pbx, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/pjsip.conf").write_text("[a]\ntype=endpoint\n", "utf-16")
    done = pbx.run("collect", "--on", remote.NAME, "-c", tmp_path / "etc", "-o", tmp_path / "bundle.tgz")
    assert done.returncode == 2
    assert done.stderr.startswith(f"pjsipdiag: {tmp_path}/etc/pjsip.conf is UTF-16 ")
    assert done.stderr.endswith(" (on pbx.test)\n")


def test_a_configuration_that_may_not_be_read_is_not_said_to_be_missing(pbx: Pbx, etc: Path, tmp_path: Path) -> None:
    refused = "tar: ./pjsip.conf: Cannot open: Permission denied"
    pbx.program("tar", f"echo '{refused}' >&2; exec {shutil.which('tar')} --exclude=pjsip.conf \"$@\"")
    try:
        done = pbx.collect("-c", etc, "--for", "1", "-o", tmp_path / "bundle.tgz")
    finally:
        (pbx.folder / "bin/tar").unlink()
    assert done.returncode == 2
    assert f"not readable there without --sudo: {refused}" in done.stderr

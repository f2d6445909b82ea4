"""Real servers of files on the loopback address: S3 (moto's), sftp (OpenSSH's), the web with ranges and without."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.ports import free_port

PATIENCE = 60
"""Seconds in which a server starts on a machine that has much to do."""
BUCKET = "captures"
SECRET = "d0-not-print"


class Store(NamedTuple):
    """What is in `folder` is at `url`; `environment` is what a client needs."""

    url: str
    folder: Path
    environment: dict[str, str]

    def put(self) -> None:
        """Makes the store hold what is in the folder."""


class Bucket(Store):
    def put(self) -> None:
        import boto3

        session = boto3.Session("testing", SECRET, region_name="us-east-1")
        client = session.client("s3", endpoint_url=self.environment["AWS_ENDPOINT_URL"])
        client.create_bucket(Bucket=BUCKET)
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                client.upload_file(str(path), BUCKET, str(path.relative_to(self.folder)))


@contextmanager
def _server(folder: Path, port: int, *command: str | Path) -> Iterator[None]:
    """A process that listens at `port`, ended whatever happens."""
    log = folder / "server.log"
    with log.open("wb") as stream, subprocess.Popen(list(map(str, command)), stdout=stream, stderr=stream) as server:
        try:
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until and server.poll() is None:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            else:
                raise AssertionError(log.read_text())
            yield
        finally:
            server.kill()


def _folder(folder: Path) -> Path:
    files = folder / "files"
    files.mkdir()
    return files


@contextmanager
def s3(folder: Path) -> Iterator[Store]:
    for needed in ("moto", "boto3", "s3fs"):
        pytest.importorskip(needed, reason=f"S3 is asked through {needed}: pip install 'pjsipdiag[dev]'")
    port = free_port()
    with _server(folder, port, sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)):
        place = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_DEFAULT_REGION": "us-east-1"}
        secrets = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": SECRET}
        yield Bucket(f"s3://{BUCKET}", _folder(folder), place | secrets)


@contextmanager
def sftp(folder: Path) -> Iterator[Store]:
    """OpenSSH's server as this user, with keys of its own; nothing of the system's configuration is read."""
    pytest.importorskip("sshfs", reason="sftp is asked through sshfs: pip install 'pjsipdiag[dev]'")
    sshd, keygen = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin"), shutil.which("ssh-keygen")
    if sshd is None or keygen is None:
        pytest.skip("sftp is served by OpenSSH: apt install openssh-server")
    home, port = folder / "home", free_port()
    ssh = home / ".ssh"
    ssh.mkdir(parents=True, mode=0o700)
    for key in (folder / "host", ssh / "id_ed25519"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    public = (folder / "host.pub").read_text().split()[:2]
    (ssh / "known_hosts").write_text(f"[127.0.0.1]:{port} {' '.join(public)}\n")
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\nStrictModes no\n"
        f"AuthorizedKeysFile {ssh}/id_ed25519.pub\nPasswordAuthentication no\nSubsystem sftp internal-sftp\n"
    )
    if os.geteuid() == 0:  # where a server of root puts its children; its unit would make it
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with _server(folder, port, sshd, "-D", "-e", "-f", folder / "sshd_config"):
        files = _folder(folder)
        yield Store(f"sftp://{getpass.getuser()}@127.0.0.1:{port}{files}", files, {"HOME": str(home)})


@contextmanager
def web(folder: Path, module: str = "RangeHTTPServer") -> Iterator[Store]:
    """A web server that gives parts of files; `http.server` gives whole ones only."""
    pytest.importorskip(module, reason=f"the web is served by {module}: pip install 'pjsipdiag[dev]'")
    pytest.importorskip("aiohttp", reason="the web is asked through aiohttp: pip install 'pjsipdiag[dev]'")
    port, files = free_port(), _folder(folder)
    at = ("--directory", files) if module == "http.server" else ()
    command = (sys.executable, "-m", module, str(port), "--bind", "127.0.0.1", *at)
    before = Path.cwd()
    os.chdir(files)
    try:
        serving = _server(folder, port, *command)
        serving.__enter__()
    finally:
        os.chdir(before)
    try:
        yield Store(f"http://127.0.0.1:{port}", files, {})
    finally:
        serving.__exit__(None, None, None)


@contextmanager
def whole(folder: Path) -> Iterator[Store]:
    with web(folder, "http.server") as store:
        yield store


STORES = {"s3": s3, "sftp": sftp, "web": web, "whole": whole}

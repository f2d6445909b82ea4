"""What every tshark since 3.4 makes of the same captures, recorded, so that each machine can try them all.

`python -m tests.capture.tshark COMMAND...` records the tshark that COMMAND starts, `chroot /debian-11 tshark` for
example, under its version in fixtures/tshark.
"""

from __future__ import annotations

import gzip
import os
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.formats.wireshark import read_wireshark

FIXTURES = Path(__file__).parents[2] / "fixtures"
RECORDED = FIXTURES / "tshark"
VERSIONS = sorted(path.name for path in RECORDED.iterdir() if path.is_dir())
CAPTURES = {
    FIXTURES / "demo" / "capture.pcap": "",
    RECORDED / "frames.pcapng": "",
    RECORDED / "tunnels.pcapng": "",
    FIXTURES / "tls" / "sip-5061.pcap": "sip-5061.keylog",
    FIXTURES / "tls" / "sip-5063.pcap": "sip-5063.keylog",
    FIXTURES / "tls" / "sip-5061-secrets.pcapng": "",
    FIXTURES / "log" / "logger-22.pcap": "",
}
"""Capture -> the key log beside it."""

PLAY = """#!/bin/sh
for word; do
    [ "$before" = -r ] && capture=${{word##*/}}
    before=$word
done
[ -n "$capture" ] || exec cat {folder}/version
exec gzip -dc {folder}/"$capture.ek.gz"
"""

RECORD = """#!/bin/sh
case " $* " in
    *' -r '*) {command} "$@" | tee {folder}/ek;;
    *) {command} "$@" | tee {folder}/version;;
esac
"""


needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark (apt install tshark)")


def through_tshark(path: Path, keylog: Path | None = None) -> tuple[list[Datagram], Tally]:
    tally = Tally(str(path))
    return list(read_wireshark(path, tally, keylog)), tally


def play(version: str, folder: Path) -> str:
    """A PATH with a tshark in `folder` that says what the one of this version said."""
    return put(folder, PLAY.format(folder=shlex.quote(str(RECORDED / version))))


def record(command: list[str]) -> None:
    command[0] = shutil.which(command[0]) or command[0]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PATH"] = put(Path(folder), RECORD.format(folder=folder, command=shlex.join(command)))
        version = subprocess.check_output(["tshark", "-v"], text=True).split()[2].rstrip(".")
        kept = RECORDED / version
        kept.mkdir(exist_ok=True)
        for capture, keylog in CAPTURES.items():
            found, tally = through_tshark(capture, capture.parent / keylog if keylog else None)
            raw = (Path(folder) / "ek").read_bytes()
            (kept / f"{capture.name}.ek.gz").write_bytes(gzip.compress(raw, mtime=0))
            sys.stdout.write(f"{version} {capture.name}: {len(found)} messages, {dict(tally.undecoded)}\n")
        first = (Path(folder) / "version").read_text().splitlines()[0]
        (kept / "version").write_text(first + "\n")


def put(folder: Path, script: str) -> str:
    """A PATH on which tshark is this script."""
    program = folder / "tshark"
    program.write_text(script)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return f"{folder}:{os.environ['PATH']}"


if __name__ == "__main__":
    record(sys.argv[1:])

"""What is timed: pjsipdiag and the tools that people would reach for, each a process of its own, from start to end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"TZ": "UTC", "LC_ALL": "C"}
"""Without TZ, tcpdump asks the system for /etc/localtime at every line; in another locale grep is slower."""
PLAIN = {"PJSIPDIAG_NO_EXTENSIONS": "1"}
READER = "import sys; from pjsipdiag.capture import Tally, read; sum(1 for _ in read(sys.argv[1], Tally('x')))"
"""The library's reader alone."""


class Run(NamedTuple):
    """Wall time and processor time in seconds, memory at most."""

    seconds: float
    cpu: float
    megabytes: float


class Tool(NamedTuple):
    """A command, in which FILE and CONFIG stand for a capture and for a configuration."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = MappingProxyType({})
    once: bool = False
    """It takes minutes, and is run once."""


def _diagnose(jobs: int) -> tuple[str, ...]:
    program = str(Path(sys.executable).with_name("pjsipdiag"))
    return (
        program,
        "diagnose",
        "FILE",
        "-c",
        "CONFIG",
        "--format",
        "json",
        "--output",
        "/dev/null",
        "--jobs",
        str(jobs),
    )


ISAL = (sys.executable, "-m", "isal.igzip", "-d", "-c", "FILE")
INVITES = ("-Y", 'sip.Method=="INVITE"', "-T", "fields", "-e", "sip.Call-ID")
TOOLS = {
    "reader": Tool("reader alone", (sys.executable, "-c", READER, "FILE")),
    "one": Tool("diagnose --jobs 1", _diagnose(1)),
    "two": Tool("diagnose --jobs 2", _diagnose(2)),
    "plain": Tool("diagnose --jobs 1, nothing compiled", _diagnose(1), PLAIN),
    "filter": Tool("tcpdump, filter to /dev/null", ("tcpdump", "-r", "FILE", "-w", "/dev/null", "udp port 5060")),
    "print": Tool("tcpdump -nr, printing", ("tcpdump", "-nr", "FILE")),
    # grep reads no further than the first match where its output goes to /dev/null
    "grep": Tool("grep -c INVITE", ("sh", "-c", 'grep -c INVITE "$0" | cat', "FILE")),
    # without -l it stops at 20,000 dialogs
    "sngrep": Tool("sngrep -N -q", ("sngrep", "-I", "FILE", "-N", "-q", "-l", "1000000"), once=True),
    "gunzip": Tool("python-isal alone", ISAL),
    "tshark": Tool("tshark -Y INVITE", ("tshark", "-r", "FILE", *INVITES), once=True),
}


def run(tool: Tool, path: Path, config: Path) -> Run:
    """Runs a tool on a capture. Memory is that of its largest process."""
    command = [str({"FILE": path, "CONFIG": config}.get(word, word)) for word in tool.command]
    environment = {**os.environ, **ENVIRONMENT, **tool.environment}
    start = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT, env=environment
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        sys.exit(f"exit status {process.returncode}: {' '.join(command)}")
    return Run(time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def make(path: Path, module: str, kind: str, *options: str) -> None:
    """Makes a capture in a process of its own: what this one holds would count as memory of those that it starts."""
    sys.stderr.write(f"making {path}\n")
    command = [sys.executable, "-m", f"tests.bench.{module}", kind, str(path), *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)


def configuration(directory: Path) -> Path:
    """pjsip.conf with 300 endpoints, each with an identify."""
    found = directory / "etc"
    found.mkdir(exist_ok=True)
    sections = ["[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n"]
    for number in range(300):
        ip = f"203.0.{113 + number // 250}.{number % 250 + 1}"
        sections.append(
            f"[trunk{number}]\ntype=endpoint\ncontext=from-trunk\ndisallow=all\nallow=ulaw\naors=trunk{number}\n"
        )
        sections.append(f"[trunk{number}]\ntype=aor\ncontact=sip:{ip}\n")
        sections.append(f"[trunk{number}-identify]\ntype=identify\nendpoint=trunk{number}\nmatch={ip}\n")
    (found / "pjsip.conf").write_text("\n".join(sections))
    return found

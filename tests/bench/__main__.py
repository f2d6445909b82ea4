"""Times pjsipdiag against the tools that people would reach for, on captures made for it; `make bench`.

Each round runs the other tool and ours in turn on the same file, whose pages are in memory, so that both figures of a
ratio come from the same minute. Ratios are shown as median (smallest-largest). Beside another tool 0.3 s of start-up
are not counted; where we are compared with ourselves, both times are whole.

    python -m tests.bench [--rounds N] [--scale F] [--only NAME] [--directory DIR] [--big] [--readme]
"""

from __future__ import annotations

import argparse
import compileall
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
START_UP = 0.3
MARKS = "<!-- bench -->", "<!-- /bench -->"


class Capture(NamedTuple):
    """A capture to make: about `packets` packets of a kind."""

    kind: str
    packets: int
    ending: str = "pcap"
    link: str = "ethernet"
    six: bool = False


CAPTURES = {
    "mixed 1 GB": Capture("mixed", 4_620_000),
    "mixed 1 GB, VLAN": Capture("mixed", 4_540_000, link="vlan"),
    "mixed 1 GB, IPv6": Capture("mixed", 4_250_000, six=True),
    "mixed 1 GB, raw IP": Capture("mixed", 4_920_000, link="raw"),
    "mixed 1 GB, pcapng, SLL2": Capture("mixed", 4_230_000, "pcapng", "sll2"),
    "mixed 1 GB, gzip": Capture("mixed", 4_620_000, "pcap.gz"),
    "varied 1.4 GB": Capture("varied", 4_000_000),
    "siponly, 1,000,000 messages": Capture("siponly", 1_000_000, link="sll2"),
    "scan, 1,000,000 sources": Capture("scan", 1_000_000),
    "tcp, 200,000 segments": Capture("tcp", 200_000),
    "frag, 200,000 packets": Capture("frag", 200_000),
    "mixed 4 GB": Capture("mixed", 18_500_000),
}
BIG = {"mixed 4 GB"}


class Row(NamedTuple):
    """One ratio: what of ours is timed against what, by their names in `commands`."""

    capture: str
    ours: str
    theirs: str
    goal: float


OURS = {"reader": "reader alone", "one": "diagnose --jobs 1", "two": "diagnose --jobs 2"}
ROWS = [
    Row("mixed 1 GB", "reader", "filter", 1.0),
    Row("mixed 1 GB", "one", "filter", 1.5),
    Row("mixed 1 GB", "two", "filter", 1.0),
    Row("mixed 1 GB, VLAN", "reader", "filter", 1.0),
    Row("mixed 1 GB, IPv6", "reader", "filter", 1.0),
    Row("mixed 1 GB, raw IP", "reader", "filter", 1.0),
    Row("mixed 1 GB, pcapng, SLL2", "reader", "filter", 1.0),
    Row("mixed 1 GB, gzip", "one", "gunzip", 1.2),
    Row("mixed 1 GB, gzip", "two", "gunzip", 1.2),
    Row("varied 1.4 GB", "one", "filter", 3.0),
    Row("varied 1.4 GB", "two", "filter", 1.6),
    Row("siponly, 1,000,000 messages", "one", "print", 1 / 2),
    Row("siponly, 1,000,000 messages", "two", "print", 1 / 2),
    Row("siponly, 1,000,000 messages", "two", "one", 1 / 1.6),
    Row("siponly, 1,000,000 messages", "two", "sngrep", 1 / 6),
    Row("siponly, 1,000,000 messages", "two", "tshark", 1 / 60),
    Row("scan, 1,000,000 sources", "one", "print", 1.0),
    Row("scan, 1,000,000 sources", "two", "print", 1.0),
    Row("tcp, 200,000 segments", "one", "messages", 5.0),
    Row("frag, 200,000 packets", "one", "messages", 5.0),
    Row("mixed 4 GB", "reader", "filter", 1.0),
    Row("mixed 4 GB", "one", "filter", 1.5),
    Row("mixed 4 GB", "two", "filter", 1.0),
]
NAMES = {
    "filter": "tcpdump, filter to /dev/null",
    "print": "tcpdump -nr, printing",
    "sngrep": "sngrep -N -q",
    "tshark": "tshark -Y INVITE",
    "gunzip": "python-isal alone",
    "messages": "as many messages in single UDP packets",
    **OURS,
}
STARTED, OWN = {"one", "two"}, {"one", "two", "messages"}
"""Whose time begins with the start of the interpreter, and what is ours on the other side of a ratio."""
ONCE = {"tshark", "sngrep"}
"""Tools that take minutes are run once."""


class Run(NamedTuple):
    seconds: float
    megabytes: float


def run(command: Sequence[str]) -> Run:
    """Wall time and peak memory of a command (the largest of its processes)."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        sys.exit(f"exit status {process.returncode}: {' '.join(command)}")
    return Run(time.perf_counter() - start, used.ru_maxrss / 1024)


def reader(path: Path) -> Run:
    """The library's reader alone, timed inside its process."""
    program = (
        "import resource, sys, time; from pjsipdiag.capture import Tally, read; start = time.perf_counter();"
        "sum(1 for _ in read(sys.argv[1], Tally('x'))); print(time.perf_counter() - start);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    command = [sys.executable, "-c", program, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    seconds, megabytes = map(float, done.stdout.split())
    return Run(seconds, megabytes)


def diagnose(path: Path, config: Path, jobs: int) -> Run:
    program = Path(sys.executable).with_name("pjsipdiag")
    command = [str(program), "diagnose", str(path), "-c", str(config), "--format", "json"]
    return run([*command, "--output", "/dev/null", "--jobs", str(jobs)])


def make(path: Path, kind: str, packets: int, link: str = "ethernet", six: bool = False) -> None:
    """Makes a capture in a process of its own: what this one holds would count as memory of those that it starts."""
    options = ["--packets", str(packets), "--link", link, *(["--ipv6"] if six else [])]
    command = [sys.executable, "-m", "tests.bench.captures", kind, str(path), *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)


def commands(directory: Path, config: Path) -> dict[str, Callable[[Path], Run]]:
    def messages(path: Path) -> Run:
        count = messages_in(path)
        plain = directory / f"plain-{count}.pcap"
        if not plain.exists():
            make(plain, "siponly", count)
        return diagnose(plain, config, 1)

    return {
        "reader": reader,
        "one": lambda path: diagnose(path, config, 1),
        "two": lambda path: diagnose(path, config, 2),
        "filter": lambda path: run(["tcpdump", "-r", str(path), "-w", "/dev/null", "udp port 5060"]),
        "print": lambda path: run(["tcpdump", "-nr", str(path)]),
        # without -l it stops at 20,000 dialogs
        "sngrep": lambda path: run(["sngrep", "-I", str(path), "-N", "-q", "-l", "1000000"]),
        "gunzip": lambda path: run([sys.executable, "-m", "isal.igzip", "-d", "-c", str(path)]),
        "tshark": lambda path: run(
            ["tshark", "-r", str(path), "-Y", 'sip.Method=="INVITE"', "-T", "fields", "-e", "sip.Call-ID"]
        ),
        "messages": messages,
    }


def messages_in(path: Path) -> int:
    from pjsipdiag.capture import Tally, read

    return sum(1 for _ in read(path, Tally(str(path))))


def configuration(directory: Path) -> Path:
    """pjsip.conf with 300 endpoints, each with an identify."""
    found = directory / "etc"
    found.mkdir(exist_ok=True)
    sections = ["[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n"]
    for number in range(300):
        sections.append(
            f"[trunk{number}]\ntype=endpoint\ncontext=from-trunk\ndisallow=all\nallow=ulaw\naors=trunk{number}\n"
        )
        sections.append(f"[trunk{number}]\ntype=aor\ncontact=sip:203.0.{113 + number // 250}.{number % 250 + 1}\n")
        ip = f"203.0.{113 + number // 250}.{number % 250 + 1}"
        sections.append(f"[trunk{number}-identify]\ntype=identify\nendpoint=trunk{number}\nmatch={ip}\n")
    (found / "pjsip.conf").write_text("\n".join(sections))
    return found


def measure(row: Row, path: Path, tools: dict[str, Callable[[Path], Run]], rounds: int) -> tuple[str, str]:
    """The table's line for `row`, and its goal, with whether it was missed."""
    run(["cat", str(path)])
    start_up = START_UP if row.ours in STARTED and row.theirs not in OWN else 0.0
    pairs = []
    for _ in range(1 if row.theirs in ONCE else rounds):
        theirs = tools[row.theirs](path)
        ours = tools[row.ours](path)
        pairs.append((ours._replace(seconds=max(ours.seconds - start_up, 0.001)), theirs))
    ratios = sorted(ours.seconds / theirs.seconds for ours, theirs in pairs)
    middle = statistics.median(ratios)
    spread = f"{middle:.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})" if middle >= 0.1 else f"1/{1 / middle:.0f}"
    goal = f"<= {row.goal:.2g}" if row.goal >= 0.1 else f"<= 1/{1 / row.goal:.0f}"
    ours_s, theirs_s = (statistics.median(pair[side].seconds for pair in pairs) for side in (0, 1))
    memory = max(pair[0].megabytes for pair in pairs)
    cells = [row.capture, NAMES[row.ours], f"{ours_s:.2f}", NAMES[row.theirs], f"{theirs_s:.2f}", spread]
    line = f"| {' | '.join([*cells, f'{memory:.0f}'])} |"
    return line, f"(goal {goal}{'' if middle <= row.goal else ', missed'})"


HEAD = "| capture | pjsipdiag | s | compared with | s | ratio | MB |\n|---|---|---|---|---|---|---|"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="size of the captures, 1 being the table's")
    parser.add_argument("--only", default="", help="a regular expression for the captures")
    parser.add_argument("--directory", type=Path, default=Path(os.environ.get("TMPDIR", "/tmp")) / "pjsipdiag-bench")
    parser.add_argument("--big", action="store_true", help="with the capture of 4 GB")
    parser.add_argument("--keep", action="store_true", help="keep the captures")
    parser.add_argument("--readme", action="store_true", help="write the table into README.md")
    given = parser.parse_args()
    compileall.compile_dir(str(ROOT / "pjsipdiag"), quiet=1)  # as an installation has it
    given.directory.mkdir(parents=True, exist_ok=True)
    config = configuration(given.directory)
    tools = commands(given.directory, config)
    lines = []
    for name, capture in CAPTURES.items():
        rows = [row for row in ROWS if row.capture == name]
        if not re.search(given.only, name) or (name in BIG and not given.big):
            continue
        path = given.directory / f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}.{capture.ending}"
        if not path.exists():
            sys.stderr.write(f"making {path}\n")
            make(path, capture.kind, int(capture.packets * given.scale), capture.link, capture.six)
        for row in rows:
            if row.theirs in ("sngrep", "tshark") and shutil.which(row.theirs) is None:
                sys.stderr.write(f"{row.theirs} is not installed: left out\n")
                continue
            line, verdict = measure(row, path, tools, given.rounds)
            sys.stdout.write(f"{line} {verdict}\n")
            sys.stdout.flush()
            lines.append(line)
        if not given.keep:
            path.unlink()
    if given.readme:
        renew(lines, given.scale)


def renew(lines: Sequence[str], scale: float) -> None:
    readme = ROOT / "README.md"
    text = readme.read_text()
    before, rest = text.split(MARKS[0], 1)
    after = rest.split(MARKS[1], 1)[1]
    where = f"Python {platform.python_version()}, {os.cpu_count()} cores"
    where += "" if scale == 1 else f", captures of {scale:g} the size"
    lead = f"{where}; the ratio is the median of the rounds (smallest-largest). Beside other tools {START_UP} s of "
    lead += "start-up are not counted:"
    table = "\n".join([HEAD, *lines])
    readme.write_text(f"{before}{MARKS[0]}\n{lead}\n\n{table}\n{MARKS[1]}{after}")


if __name__ == "__main__":
    main()

"""Times pjsipdiag against the tools that people would reach for, on captures made for it; `make bench`.

Each round runs the tools one after the other on the same file, whose pages are in memory, so that both figures of a
ratio come from the same minute. Times are whole, from the start of a process to its end, with TZ=UTC for all. Ratios
are those of wall times, as median (smallest-largest); processor time is more to be trusted where others are at work.

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
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.bench import growth, logs, picture
from tests.bench.rows import BIG, TABLE, Capture, Row
from tests.bench.runs import ROOT, TOOLS, Run, configuration, make, run

MARKS = "<!-- bench -->", "<!-- /bench -->"
WIDTH = 140
"""Of a line of words in README.md."""
HEAD = "| capture | pjsipdiag | s | CPU s | MB | MB/s | compared with | s | CPU s | ratio |\n" + "|---" * 10 + "|\n"


class Bench(NamedTuple):
    """How everything is timed: where captures are made and of what scale, how often each is read."""

    directory: Path
    config: Path
    scale: float
    rounds: int
    keep: bool

    def capture(self, name: str, capture: Capture) -> Path:
        """Makes a capture, if it is not there, and has it in memory."""
        path = self.directory / f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}-{self.scale:g}.{capture.ending}"
        size = str(int(capture.size * self.scale))
        if not path.exists():
            if capture.kind in logs.KINDS:
                make(path, "logs", capture.kind, "--bytes", size)
            else:
                six = ["--ipv6"] if capture.six else []
                make(path, "captures", capture.kind, "--packets", size, "--link", capture.link, *six)
        with path.open("rb") as file:
            while file.read(1 << 24):
                pass
        return path

    def alone(self, name: str, capture: Capture) -> Run:
        """One diagnosis of a capture that is needed once."""
        path = self.capture(name, capture)
        found = run(TOOLS["one"], path, self.config)
        self.done(path)
        return found

    def done(self, path: Path) -> None:
        if not self.keep:
            path.unlink()

    def rows(
        self, name: str, capture: Capture, rows: Sequence[Row]
    ) -> Iterator[tuple[Row, list[tuple[Run, Run]], int]]:
        """Each row with its pairs of runs (ours, theirs), and the size of the capture in bytes."""
        wanted = dict.fromkeys(tool for row in rows for tool in (row.theirs, row.ours))
        for tool in [tool for tool in wanted if shutil.which(TOOLS[tool].command[0]) is None]:
            sys.stderr.write(f"{tool} is not installed: left out\n")
            del wanted[tool]
        path = self.capture(name, capture)
        runs: dict[str, list[Run]] = {tool: [] for tool in wanted}
        for number in range(self.rounds):
            for tool, found in runs.items():
                if not (number and TOOLS[tool].once):
                    found.append(run(TOOLS[tool], path, self.config))
        for row in rows:
            if row.theirs in runs and row.ours in runs:
                yield row, list(zip(runs[row.ours], runs[row.theirs], strict=False)), path.stat().st_size
        self.done(path)


def line_of(name: str, row: Row, pairs: Sequence[tuple[Run, Run]], size: int) -> tuple[str, list[str]]:
    """The table's line for `row`, and which of its goals are missed."""
    ratios = sorted(ours.seconds / theirs.seconds for ours, theirs in pairs)
    middle = statistics.median(ratios)
    spread = f" ({ratios[0]:.2f}-{ratios[-1]:.2f})" if len(ratios) > 1 else ""
    ratio = f"{middle:.2f}{spread}" if middle >= 0.1 else f"1/{1 / middle:.0f}"
    wall, cpu, their_wall, their_cpu = (
        statistics.median(getattr(pair[side], name) for pair in pairs) for side in (0, 1) for name in ("seconds", "cpu")
    )
    memory, speed = max(ours.megabytes for ours, _ in pairs), size / wall / 1e6
    ours_cells = [TOOLS[row.ours].name, f"{wall:.2f}", f"{cpu:.2f}", f"{memory:.0f}", f"{speed:.0f}"]
    their_cells = [TOOLS[row.theirs].name, f"{their_wall:.2f}", f"{their_cpu:.2f}", ratio]
    goals = {
        f"ratio {middle:.2f} <= {row.ratio:.2f}": middle <= row.ratio,
        f"{wall:.2f} <= {row.seconds:g} s": wall <= row.seconds,
        f"{memory:.0f} <= {row.memory:g} MB": memory <= row.memory,
        f"{speed:.0f} >= {row.speed:g} MB/s": speed >= row.speed,
    }
    return f"| {' | '.join([name, *ours_cells, *their_cells])} |\n", [
        goal for goal, holds in goals.items() if not holds
    ]


def said(measured: Mapping[tuple[str, str], tuple[float, float]]) -> str:
    """What the README says in words, from the (wall seconds, ratio) of (capture, tool of ours) beside other tools."""
    calls, ratio = measured["mixed 1 GB", "one"]
    plain, _ = measured["mixed 1 GB", "plain"]
    messages = measured["siponly, 1,000,000 messages", "one"][0]
    log = 1000 / measured["log 1 GB, one line in ten SIP", "one"][0]
    return (
        f"A diagnosis of 1 GB of calls takes {calls:.1f} s, {ratio:.1f} times what `tcpdump` needs to filter them"
        f" ({plain:.1f} s where nothing is compiled); captures of nothing but SIP cost {messages:.1f} microseconds a"
        f" message, a log is read at {log:.0f} MB/s. All processors are used where that pays, unless `--jobs` says a"
        " limit."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="size of the captures, 1 being the table's")
    parser.add_argument("--only", default="", help="a regular expression for the captures; 'growth' is one of them")
    parser.add_argument("--directory", type=Path, default=Path(os.environ.get("TMPDIR", "/tmp")) / "pjsipdiag-bench")
    parser.add_argument("--big", action="store_true", help="with the capture of 4 GB")
    parser.add_argument("--keep", action="store_true", help="keep the captures")
    parser.add_argument("--readme", action="store_true", help="write what was measured into README.md")
    given = parser.parse_args()
    compileall.compile_dir(str(ROOT / "pjsipdiag"), quiet=1)  # as an installation has it
    given.directory.mkdir(parents=True, exist_ok=True)
    bench = Bench(given.directory, configuration(given.directory), given.scale, given.rounds, given.keep)
    table, measured = HEAD, dict[tuple[str, str], tuple[float, float]]()
    for name, (capture, rows) in TABLE.items():
        if not re.search(given.only, name) or (name in BIG and not given.big):
            continue
        for row, pairs, size in bench.rows(name, capture, rows):
            line, missed = line_of(name, row, pairs, size)
            _tell(line, missed)
            table += line
            if row.theirs != "one":
                ours, theirs = (statistics.median(pair[side].seconds for pair in pairs) for side in (0, 1))
                measured.setdefault((name, row.ours), (ours, ours / theirs))
    grown = ""
    if re.search(given.only, "growth"):
        runs = growth.measure(given.scale, bench.alone)
        grown, missed = growth.tell(given.scale, runs)
        _tell(grown, missed)
        if given.readme:
            (ROOT / PICTURE).write_text(picture.draw(runs))
            grown += f"\n{PICTURED}\n"
    if given.readme:
        words = "\n\n".join(textwrap.fill(text, WIDTH) for text in (said(measured), _where(given.scale, given.rounds)))
        _renew(f"{words}\n\n{table}\n{GROWN}\n\n{grown}")


PICTURE = "fixtures/growth.svg"
PICTURED = f"![The same as lines: what grows in proportion is as steep as the dashed line]({PICTURE})"
GROWN = "What one process takes (processor time and memory) as captures of media, of calls and of a scan grow:"


def _tell(text: str, missed: Sequence[str]) -> None:
    sys.stdout.write(text + "".join(f"  missed: {goal}\n" for goal in missed))
    sys.stdout.flush()


def _where(scale: float, rounds: int) -> str:
    where = f"Python {platform.python_version()}, {os.cpu_count()} cores"
    where += "" if scale == 1 else f", captures of {scale:g} the size"
    taken = "of one round" if rounds == 1 else f"medians of {rounds} rounds (smallest-largest)"
    return f"{where}; whole times, `TZ=UTC` for all; ratios of wall times, {taken}:"


def _renew(text: str) -> None:
    readme = ROOT / "README.md"
    before, rest = readme.read_text().split(MARKS[0], 1)
    after = rest.split(MARKS[1], 1)[1]
    readme.write_text(f"{before}{MARKS[0]}\n{text}{MARKS[1]}{after}")


if __name__ == "__main__":
    main()

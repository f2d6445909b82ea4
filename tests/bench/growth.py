"""How time and memory grow with what is in a capture: the same kind of capture in several sizes, one process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from tests.bench.rows import Capture
from tests.bench.runs import Run


class Growth(NamedTuple):
    """Captures of `kind` of several sizes; in the largest each further `unit` takes at most `most` times what it takes
    between the two before it, and at most `memory` bytes."""

    kind: str
    unit: str
    sizes: tuple[int, ...]
    memory: float
    most: float = 1.5


GROWTH = {
    "media": Growth("mixed", "record", (10**4, 10**5, 10**6, 10**7), memory=8),
    "calls": Growth("siponly", "message", (10**4, 10**5, 10**6, 10**7), memory=150),
    "sources": Growth("scan", "source", (10**4, 10**5, 10**6), memory=450),
}
HEAD = "| what grows | {} | each further one |\n|---|{}---|\n"


def measure(scale: float, timed: Callable[[str, Capture], Run]) -> dict[str, dict[int, Run]]:
    """What grows: the sizes, and a diagnosis of each; `timed` makes a capture of that name and diagnoses it."""
    return {
        name: {size: timed(f"{name} {size}", Capture(growth.kind, int(size * scale))) for size in growth.sizes}
        for name, growth in GROWTH.items()
    }


def tell(scale: float, measured: Mapping[str, Mapping[int, Run]]) -> tuple[str, list[str]]:
    """The table, and what does not hold of the goals."""
    columns = sorted({size for runs in measured.values() for size in runs})
    titles = " | ".join(f"{int(size * scale):,}" for size in columns)
    table, missed = HEAD.format(titles, "---|" * len(columns)), []
    for name, runs in measured.items():
        growth = GROWTH[name]
        micro, each = (found / scale for found in _slope(runs, -1))
        cells = [f"{runs[size].cpu:.2f} s, {runs[size].megabytes:.0f} MB" if size in runs else "" for size in columns]
        table += f"| {name} | {' | '.join(cells)} | {micro:.2f} µs, {each:.0f} bytes a {growth.unit} |\n"
        if each > growth.memory:
            missed.append(f"{name}: {each:.0f} bytes a {growth.unit} (goal <= {growth.memory})")
        if micro > growth.most * _slope(runs, -2)[0] / scale:
            missed.append(f"{name}: time grows faster than their number")
    return table, missed


def _slope(runs: Mapping[int, Run], step: int) -> tuple[float, float]:
    """Microseconds of processor time and bytes that each further one takes in the last step (-1) or one before it."""
    small, large = sorted(runs)[step - 1 :][:2]
    cpu, memory = runs[large].cpu - runs[small].cpu, runs[large].megabytes - runs[small].megabytes
    return cpu / (large - small) * 1e6, memory / (large - small) * 2**20

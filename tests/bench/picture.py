"""The picture of how time and memory grow: two panels whose axes are logarithmic, so that what grows in proportion is a
straight line as steep as the dashed one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from math import ceil, floor, log10

from tests.bench.runs import Run

COLOURS = "#0072b2", "#d55e00", "#009e73"
"""Of Okabe and Ito, whom who does not see all colours can tell apart."""
WIDTH, HEIGHT, TOP, LEFT, APART = 300, 230, 46, 58, 130
"""Of a panel, what stands above it and before the first, and between two, in pixels."""
BELOW = 56
"""What stands below: numbers and what they count."""
HEAD = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + 2 * (WIDTH + APART) - 50} {TOP + HEIGHT + BELOW}" '
    'font-family="system-ui, sans-serif" font-size="12" fill="#333">\n<rect width="100%" height="100%" fill="#fff"/>\n'
)

Runs = Mapping[str, Mapping[int, Run]]
"""What grows: how many there were, and what a run took."""
PANELS: tuple[tuple[str, Callable[[Run], float]], ...] = (
    ("Processor time in seconds", lambda run: run.cpu),
    ("Memory in MB", lambda run: run.megabytes),
)


def draw(runs: Runs) -> str:
    """An SVG of what each run took, over how many records, messages or sources its capture held."""
    panels = (
        line
        for number, (title, value) in enumerate(PANELS)
        for line in _panel(LEFT + number * (WIDTH + APART), title, runs, value)
    )
    return HEAD + "".join(f"{line}\n" for line in panels) + "</svg>\n"


def _panel(left: int, title: str, runs: Runs, value: Callable[[Run], float]) -> Iterator[str]:
    xs = _decades(size for grown in runs.values() for size in grown)
    ys = _decades(value(run) for grown in runs.values() for run in grown.values())

    def place(size: float, found: float) -> tuple[float, float]:
        across, up = (log10(size) - xs[0]) / (xs[-1] - xs[0]), (log10(found) - ys[0]) / (ys[-1] - ys[0])
        return left + WIDTH * across, TOP + HEIGHT * (1 - up)

    yield f'<text x="{left}" y="{TOP - 22}" font-size="14" font-weight="600">{title}</text>'
    for power in ys:
        _, y = place(10 ** xs[0], 10**power)
        yield f'<path d="M{left} {y:.1f}h{WIDTH}" stroke="#ddd"/>'
        yield f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{10**power:,g}</text>'
    for power in xs:
        x, _ = place(10**power, 10 ** ys[0])
        yield f'<text x="{x:.1f}" y="{TOP + HEIGHT + 20}" text-anchor="middle">{10**power:,}</text>'
    steps = min(len(xs), len(ys)) - 1
    (x, y), (x2, y2) = place(10 ** xs[0], 10 ** ys[0]), place(10 ** (xs[0] + steps), 10 ** (ys[0] + steps))
    yield f'<path d="M{x:.1f} {y:.1f}L{x2:.1f} {y2:.1f}" stroke="#999" stroke-dasharray="4 4"/>'
    yield (
        f'<text x="{left + WIDTH / 2}" y="{TOP + HEIGHT + 42}" text-anchor="middle">'
        "records, messages or sources in the capture</text>"
    )
    for (name, grown), colour in zip(runs.items(), COLOURS, strict=True):
        places = [place(size, value(run)) for size, run in sorted(grown.items())]
        way = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        yield f'<path d="M{way}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places)
        x, y = places[-1]
        yield (
            f'<text x="{x:.1f}" y="{y - 10:.1f}" text-anchor="middle" fill="{colour}" font-weight="600" '
            f'paint-order="stroke" stroke="#fff" stroke-width="4">{name}</text>'
        )


def _decades(values: Iterable[float]) -> list[int]:
    """The powers of ten from the one below the least value to the one above the greatest, at least two."""
    logs = [log10(value) for value in values]
    first = floor(min(logs))
    return list(range(first, max(ceil(max(logs)), first + 1) + 1))

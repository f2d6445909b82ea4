"""The flow: how calls go from their source through identifier, identify and endpoint to the answer.

Five columns of nodes with bands between them, as in a Sankey diagram; a band has the colour of its verdict. What a
call does not have (an identify, an endpoint) is a node without a name that its band passes through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from pjsipdiag.dataclass import dataclass
from pjsipdiag.report import wording
from pjsipdiag.report.drawing.tally import KINDS_OF_CALLS, CallsTally, Path

FLOW_COLUMNS = ("Source", "Identifier", "Identify", "Endpoint", "Answer")
MOST_NODES = 9
"""Nodes of one column; the smaller ones are drawn together."""
MOST_WAYS = 12
"""Ways that are told in words."""
WIDTH = 960
TOP = 30
BAR = 7
GAP = 16
LEAST_HEIGHT = 20.0
"""Height of the smallest node: its name fits."""
REST = "rest"
NodeKey = tuple[str, str]
"""(label, verdict where there is no label, or REST): nodes of unnamed parts are kept apart by verdict."""


@dataclass(frozen=True, slots=True)
class FlowNode:
    """A node of the picture: its upper left corner and height in pixels, its name, and how many calls go through it."""

    x: float
    y: float
    height: float
    label: str
    calls: int
    last: bool


@dataclass(frozen=True, slots=True)
class Band:
    """`path` is the outline as SVG path data."""

    path: str
    verdict: str
    title: str


@dataclass(frozen=True, slots=True)
class PathWords:
    """The path in words, for screens and paper on which the picture has no room: the names from left to right."""

    names: tuple[str, ...]
    verdict: str
    calls: int


@dataclass(frozen=True, slots=True)
class CallFlow:
    """The picture of all calls from their sources to their answers; sizes in pixels."""

    nodes: tuple[FlowNode, ...]
    bands: tuple[Band, ...]
    titles: tuple[tuple[float, str, bool], ...]
    width: int
    height: int
    ways: tuple[PathWords, ...] = ()
    """The paths of the most calls."""
    ways_left: int = 0


def flow(counted: CallsTally) -> CallFlow:
    """The flow of all calls."""
    routes = _routes(counted)
    columns = [_column(routes, at) for at in range(len(FLOW_COLUMNS))]
    tallest = max(
        sum(max(LEAST_HEIGHT, _scaled(calls, routes)) + GAP for calls in column.values()) for column in columns
    )
    places = [_place(column, routes, at, tallest) for at, column in enumerate(columns)]
    nodes = tuple(
        FlowNode(*place, key[0], columns[at][key], at == len(FLOW_COLUMNS) - 1)
        for at, column in enumerate(places)
        for key, place in column.items()
        if key[0]
    )
    titles = tuple((_x(at), title, at == len(FLOW_COLUMNS) - 1) for at, title in enumerate(FLOW_COLUMNS))
    ways = tuple(
        PathWords(tuple(name for name, _ in keys if name), verdict, calls)
        for (keys, verdict), calls in sorted(
            routes.items(), key=lambda one: (KINDS_OF_CALLS.index(one[0][1]), -one[1], one[0])
        )
    )
    bands = tuple(_bands(routes, columns, places))
    return CallFlow(nodes, bands, titles, WIDTH, round(TOP + tallest), ways[:MOST_WAYS], max(0, len(ways) - MOST_WAYS))


Route = tuple[tuple[NodeKey, ...], str]
"""The nodes of a call from left to right, and its verdict."""
Link = tuple[NodeKey, NodeKey, str]
Box = tuple[float, float, float]
"""(x, y, height) of a node."""


def _routes(counted: CallsTally) -> Counter[Route]:
    whole: Counter[Route] = Counter()
    for address, source in counted.sources.items():
        for path, calls in source.paths.items():
            whole[_route((address, ""), path)] += calls
    for path, calls in counted.rest.items():
        whole[_route(("more", REST), path)] += calls
    for at in range(len(FLOW_COLUMNS)):
        needy = {keys[at] for keys, verdict in whole if verdict not in ("matched", "refused")}
        sizes = _column(whole, at)
        named = sorted((key for key in sizes if not key[1]), key=lambda key: (key not in needy, -sizes[key], key))
        rest = set(named[MOST_NODES:]) if len(named) > MOST_NODES + 1 or ("more", REST) in sizes else set()
        more = len(rest) + (counted.rest_sources if not at else 0)
        merged: Counter[Route] = Counter()
        for (keys, verdict), calls in whole.items():
            key = (f"{more:,} more", REST) if keys[at] in rest or keys[at][1] == REST else keys[at]
            merged[(*keys[:at], key, *keys[at + 1 :]), verdict] += calls
        whole = merged
    return whole


def _route(source: NodeKey, path: Path) -> Route:
    identifier, identify, endpoint, answer, verdict = path
    said = identifier or {"unmatched": "none matches", "refused": "none matches", "unknown": "undecided"}.get(
        verdict, ""
    )
    labels = (said, identify, endpoint, answer)
    return (source, *((label, "" if label else verdict) for label in labels)), verdict


def _column(routes: Counter[Route], at: int) -> dict[NodeKey, int]:
    """Nodes of a column with their calls, in the order of their own first routes so that bands cross little."""
    calls: Counter[NodeKey] = Counter()
    for (keys, _), number in routes.items():
        calls[keys[at]] += number
    rank = {verdict: place for place, verdict in enumerate(KINDS_OF_CALLS)}
    first: dict[NodeKey, tuple[int, tuple[NodeKey, ...]]] = {}
    for keys, verdict in routes:
        place = (rank[verdict], keys[: at + 1])
        first[keys[at]] = min(first.get(keys[at], place), place)
    return {key: calls[key] for key in sorted(calls, key=lambda key: (key[1] == REST, first[key]))}


def _scaled(calls: int, routes: Counter[Route]) -> float:
    return 220.0 * calls / routes.total()


def _x(at: int) -> float:
    return (WIDTH - BAR) * at / (len(FLOW_COLUMNS) - 1)


def _place(column: dict[NodeKey, int], routes: Counter[Route], at: int, tallest: float) -> dict[NodeKey, Box]:
    """(x, y, height) of each node; the column is centred."""
    heights = {key: max(LEAST_HEIGHT, _scaled(calls, routes)) for key, calls in column.items()}
    y = TOP + (tallest - sum(heights.values()) - GAP * len(heights)) / 2 + GAP / 2
    placed = {}
    for key, height in heights.items():
        placed[key] = (round(_x(at), 1), round(y, 1), round(height, 1))
        y += height + GAP
    return placed


def _bands(routes: Counter[Route], columns: list[dict[NodeKey, int]], places: list[dict[NodeKey, Box]]) -> list[Band]:
    bands = []
    for at in range(len(FLOW_COLUMNS) - 1):
        order = {key: place for place, key in enumerate(columns[at])}
        after = {key: place for place, key in enumerate(columns[at + 1])}
        links: Counter[Link] = Counter()
        for (keys, verdict), calls in routes.items():
            links[keys[at], keys[at + 1], verdict] += calls
        into = sorted(links, key=lambda link: (after[link[1]], order[link[0]], link[2]))
        out = sorted(links, key=lambda link: (order[link[0]], after[link[1]], link[2]))
        right = _stack(links, into, lambda link: link[1], columns[at + 1], places[at + 1])
        left = _stack(links, out, lambda link: link[0], columns[at], places[at])
        for link in out:
            start, end = left[link], right[link]
            names = f"{link[0][0] or 'nothing'} \u2192 {link[1][0] or 'nothing'}"
            title = f"{names}: {wording.plural(links[link], 'call')} {link[2]}"
            # Half a unit of overlap: bands that meet at a node without a name show no seam.
            x1, x2 = _x(at) + (BAR if link[0][0] else -0.5), _x(at + 1)
            bands.append(Band(_outline(x1, start, x2, end), link[2], title))
    return bands


def _stack(
    links: Counter[Link],
    order: list[Link],
    node: Callable[[Link], NodeKey],
    column: dict[NodeKey, int],
    places: dict[NodeKey, Box],
) -> dict[Link, tuple[float, float]]:
    """(y, height) of each band at its node, in `order` from the node's top."""
    used: dict[NodeKey, float] = {}
    stacked = {}
    for link in order:
        key = node(link)
        _, y, height = places[key]
        size = height * links[link] / column[key]
        stacked[link] = (y + used.get(key, 0.0), size)
        used[key] = used.get(key, 0.0) + size
    return stacked


def _outline(x1: float, start: tuple[float, float], x2: float, end: tuple[float, float]) -> str:
    middle = (x1 + x2) / 2
    (y1, h1), (y2, h2) = start, end
    return (
        f"M{x1:.1f} {y1:.1f}C{middle:.1f} {y1:.1f} {middle:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
        f"V{y2 + h2:.1f}C{middle:.1f} {y2 + h2:.1f} {middle:.1f} {y1 + h1:.1f} {x1:.1f} {y1 + h1:.1f}Z"
    )

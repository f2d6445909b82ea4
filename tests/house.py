"""The house in figures: what each folder holds, how long its modules and functions are, and how tangled.

    python -m tests.house

Lines count as they stand; complexity is McCabe's without boolean operators: one, and one more for each branch, loop,
handler, case and comprehension.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "pjsipdiag"
BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.comprehension, ast.match_case)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """One module: where it is, its lines, and (lines, complexity, has a docstring if public) of its functions."""

    path: Path
    lines: int
    map: int
    functions: tuple[tuple[int, int, bool], ...]


def module(path: Path) -> Module:
    """What a module's text shows."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    return Module(
        path.relative_to(PACKAGE),
        text.count("\n"),
        len((ast.get_docstring(tree) or "").splitlines()),
        tuple((lines_of(node), complexity(node), is_told(node)) for node in functions),
    )


def lines_of(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def complexity(node: Function) -> int:
    return 1 + sum(isinstance(one, BRANCHES) for one in ast.walk(node))


def is_told(node: Function) -> bool:
    return node.name.startswith("_") or ast.get_docstring(node) is not None


def spread(values: list[int]) -> str:
    """Median, 90th percentile and the most."""
    ordered = sorted(values) or [0]
    return f"{ordered[len(ordered) // 2]} / {ordered[len(ordered) * 9 // 10]} / {ordered[-1]}"


def main() -> None:
    modules = [module(path) for path in sorted(PACKAGE.rglob("*.py"))]
    folders: dict[str, list[Module]] = defaultdict(list)
    for one in modules:
        folders[str(one.path.parent)].append(one)
    rows = [("folder", "modules", "lines", "map", "lines a module", "lines a function", "complexity", "documented")]
    for folder, inside in [*sorted(folders.items()), ("all", modules)]:
        functions = [function for one in inside for function in one.functions]
        told = sum(function[2] for function in functions)
        rows.append((
            folder,
            str(sum(one.path.name != "__init__.py" for one in inside)),
            str(sum(one.lines for one in inside)),
            str(next((one.map for one in inside if one.path.name == "__init__.py"), 0)) if folder != "all" else "",
            spread([one.lines for one in inside]),
            spread([function[0] for function in functions]),
            spread([function[1] for function in functions]),
            f"{told * 100 // max(len(functions), 1)} %",
        ))  # fmt: skip
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        sys.stdout.write("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() + "\n")


if __name__ == "__main__":
    main()

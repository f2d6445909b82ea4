"""The mutants of a checkout: what cosmic-ray's operators make of the modules of each area, and a sample of them."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

AREAS = {
    "identification": (
        80,
        ("asterisk/addresses", "asterisk/ere", "asterisk/forms", "asterisk/pjsip", "asterisk/replay"),
    ),
    "suggestions": (50, ("diagnosis/edits", "diagnosis/repairs")),
    "folds": (50, ("diagnosis/calls",)),
    "joins": (30, ("capture/joining", "diagnosis/work")),
}
"""How many mutants are taken of which folders."""


def folders() -> tuple[str, ...]:
    """The folders that mutants are made in."""
    return tuple(f"pjsipdiag/{folder}/" for _, of_area in AREAS.values() for folder in of_area)


OPERATORS = tuple(
    f"core/{name}"
    for name in (
        *(
            f"ReplaceComparisonOperator_{pair}"
            for pair in ("Eq_NotEq", "NotEq_Eq", "Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Is_IsNot", "IsNot_Is")
        ),
        *(
            f"ReplaceBinaryOperator_{pair}"
            for pair in (
                "Add_Sub",
                "Sub_Add",
                "Mul_FloorDiv",
                "FloorDiv_Mul",
                "Mod_FloorDiv",
                "BitOr_BitAnd",
                "BitAnd_BitOr",
                "LShift_RShift",
                "RShift_LShift",
            )
        ),
        "ReplaceUnaryOperator_Delete_Not",
        "ReplaceUnaryOperator_USub_UAdd",
        "AddNot",
        "NumberReplacer",
        "ReplaceTrueWithFalse",
        "ReplaceFalseWithTrue",
        "ReplaceAndWithOr",
        "ReplaceOrWithAnd",
        "ReplaceBreakWithContinue",
        "ReplaceContinueWithBreak",
        "ExceptionReplacer",
        "ZeroIterationForLoop",
    )
)
"""One change for each operator: `+` as `**` or `<<` as well would only be noticed by the same tests again. What differs
in speed alone and `==` as `is` are left out."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one place; lines are those of the change, as they were and as they are."""

    area: str
    path: str
    operator: str
    occurrence: int
    line: int
    before: str
    after: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is told by where lines have moved."""
        return self.path, self.before, self.after


class _Place(NamedTuple):
    """Where an operator can change something."""

    path: str
    operator: str
    occurrence: int
    line: int
    text: str
    column: int


def sample(root: Path, seed: int, share: float) -> list[Mutant]:
    """So many mutants of each area, spread over its lines: of one line no second one while others have none.

    The draw goes by what stands there, so that another module's changes leave it as it is.
    """

    def draw(place: _Place) -> bytes:
        told = f"{seed} {place.path} {place.text} {place.column} {place.operator}"
        return hashlib.sha256(told.encode()).digest()

    found: list[Mutant] = []
    for area, (count, folders) in AREAS.items():
        lines: dict[tuple[str, int], list[_Place]] = {}
        for path in sorted(path for folder in folders for path in (root / "pjsipdiag" / folder).rglob("*.py")):
            for place in _places(path, str(path.relative_to(root))):
                lines.setdefault((place.path, place.line), []).append(place)
        drawn = sorted((min(of_line, key=draw) for of_line in lines.values()), key=draw)
        found += [_mutant(area, root, place) for place in drawn[: round(count * share)]]
    return found


def _places(path: Path, name: str) -> Iterator[_Place]:
    """All of a module, but those of annotations, which nothing evaluates, and of decorators: whether objects may be
    changed and results are remembered shows in no result."""
    source = path.read_text()
    left_out, nodes, lines = _left_out(source), list(ast_nodes(get_ast(source))), source.split("\n")
    for operator_name in OPERATORS:
        operator = get_operator(operator_name)()
        # in the order in which cosmic-ray counts occurrences
        places = [start for node in nodes for start, _ in operator.mutation_positions(node)]
        for occurrence, start in enumerate(places):
            if not any(first <= start < last for first, last in left_out):
                line, column = start
                yield _Place(name, operator_name, occurrence, line, lines[line - 1], column)


def _mutant(area: str, root: Path, place: _Place) -> Mutant:
    source = (root / place.path).read_text()
    line, before, after = _difference(source, _changed(source, place.operator, place.occurrence))
    return Mutant(area, place.path, place.operator, place.occurrence, line, before, after)


def mutated(source: str, mutant: Mutant) -> str:
    """The module with the change."""
    return _changed(source, mutant.operator, mutant.occurrence)


def _changed(source: str, operator: str, occurrence: int) -> str:
    changed = mutate_code(source, get_operator(operator)(), occurrence)
    assert isinstance(changed, str)
    return changed


def _difference(source: str, changed: str) -> tuple[int, str, str]:
    """The number of the first line that differs, and the line before and after."""
    old, new = source.split("\n"), changed.split("\n")
    at = next(number for number, lines in enumerate(zip(old, new, strict=False)) if lines[0] != lines[1])
    return at + 1, old[at].strip(), new[at].strip()


def _left_out(source: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Annotations, decorators and `if TYPE_CHECKING`."""
    found: list[ast.expr] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found += node.decorator_list
        if isinstance(node, ast.FunctionDef) and node.returns:
            found.append(node.returns)
        elif isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            found.append(node.annotation)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            found.append(node.test)
    return [((n.lineno, n.col_offset), (n.end_lineno or n.lineno, n.end_col_offset or 0)) for n in found]

"""Reasons are data: every kind is made with the fields of its sentence, and no decision reads a sentence."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

from pjsipdiag.asterisk.reasons import FileReason, LoadReason, Reason, ReasonKind, ValueReason, WalkReason, quote_words

PACKAGE = Path(__file__).parents[2] / "pjsipdiag"
FAMILIES: dict[str, type[ReasonKind]] = {one.__name__: one for one in (FileReason, LoadReason, ValueReason, WalkReason)}
KINDS = [kind for family in FAMILIES.values() for kind in family]
OF_TEXT = {"startswith", "endswith", "partition", "rpartition", "split", "find", "index", "replace", "removeprefix"}


@cache
def trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


def teardown_module() -> None:
    trees.cache_clear()


def fields(kind: ReasonKind) -> set[str]:
    """The fields that the sentence names; `{rule.text}` is one of the field `rule`."""
    return {name.partition(".")[0] for _, name, _, _ in Formatter().parse(kind.value) if name}


def made() -> Iterator[tuple[ReasonKind, set[str], bool, str]]:
    """(kind, fields, whether more come from a mapping, where) of every place that makes a reason."""
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            family = node.func.value
            if isinstance(family, ast.Name) and family.id in FAMILIES:
                names = {keyword.arg for keyword in node.keywords if keyword.arg}
                mapped = any(keyword.arg is None for keyword in node.keywords)
                kind = FAMILIES[family.id][node.func.attr]
                yield kind, names, mapped, f"{path.relative_to(PACKAGE)}:{node.lineno}"


def test_a_reason_has_the_fields_of_its_sentence() -> None:
    wrong = [
        f"{where}: {kind}: {names ^ fields(kind)}"
        for kind, names, mapped, where in made()
        if not (names <= fields(kind) if mapped else names == fields(kind))
    ]
    assert not wrong


def test_every_kind_is_made_somewhere() -> None:
    named = {node.attr for tree in trees().values() for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not {kind.name for kind in KINDS} - named


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_each_kind_has_a_sentence_of_its_own(family: type[ReasonKind]) -> None:
    assert len(family) == len(family.__members__)


def sentences(node: ast.AST) -> bool:
    """Whether an expression is the sentence of a reason or of a finding."""
    return any(isinstance(part, ast.Attribute) and part.attr in ("reason", "message") for part in ast.walk(node))


def looks_into(node: ast.AST) -> bool:
    """Whether an expression decides by the words of a sentence."""
    if isinstance(node, ast.Compare):
        signs = zip(node.ops, node.comparators, strict=True)
        return any(isinstance(sign, ast.In | ast.NotIn) and sentences(right) for sign, right in signs)
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    text = isinstance(node.func.value, ast.Attribute) and sentences(node.func.value)
    searches = node.func.attr in ("match", "search", "fullmatch", "sub") and any(map(sentences, node.args))
    return (text and node.func.attr in OF_TEXT) or searches


def test_no_decision_looks_into_a_sentence() -> None:
    """It looks at the kind and the fields of the reason."""
    nodes = ((path, node) for path, tree in trees().items() for node in ast.walk(tree))
    assert not [f"{path}:{getattr(node, 'lineno', 0)}" for path, node in nodes if looks_into(node)]


def test_a_reason_is_a_sentence_when_somebody_reads_it() -> None:
    inner = WalkReason.FITS(what=WalkReason.HEADER(header="X-Trunk", value="{a}"), pattern="match_header=X-Trunk: {a}")
    reason = WalkReason.ENDPOINT_IS_MISSING(why=inner, endpoint="lost")
    assert str(reason) == (
        "X-Trunk: {a} fits match_header=X-Trunk: {a}, but endpoint=lost does not exist; no other identify is asked"
    )
    assert reason.first is inner
    assert [*reason.texts] == ["X-Trunk", "{a}", "match_header=X-Trunk: {a}", "lost"]
    assert reason.get("pattern") is None
    assert str(ValueReason.NOT_ONE_OF(option="dtmf_mode", words=("info", "auto"), value="x")) == (
        "dtmf_mode is one of info, auto, not 'x'"
    )
    assert str(reason.map_texts(str.upper)).endswith("but endpoint=LOST does not exist; no other identify is asked")
    assert quote_words("{x}") == quote_words("{x}") != quote_words("")
    assert isinstance({quote_words("a"): 1}, dict)
    assert isinstance(quote_words("a"), Reason)

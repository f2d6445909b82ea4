"""Imports go one way: errors <- sip <- {capture, asterisk} <- diagnosis <- report <- cli; inside, as `ORDER` says."""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "pjsipdiag"
MAY_IMPORT = {
    "dataclass": set[str](),  # which every other may import
    "errors": set[str](),
    "extensions": set[str](),
    "digest": set[str](),
    "sip": {"errors"},
    "inputs": {"errors"},
    "outputs": {"errors"},
    "storage": {"errors", "inputs"},
    "capture": {"digest", "errors", "extensions", "sip", "storage", "capture"},
    "asterisk": {"errors", "inputs", "sip", "storage", "asterisk"},
    "diagnosis": {
        "digest",
        "errors",
        "extensions",
        "inputs",
        "outputs",
        "sip",
        "storage",
        "capture",
        "asterisk",
        "diagnosis",
    },
    "report": {"errors", "sip", "asterisk", "diagnosis", "report"},
    "machine": {"errors"},
    "page": {"errors", "asterisk", "diagnosis", "report", "handover", "page"},
    "agents": {"errors", "asterisk", "diagnosis", "redact", "report", "agents"},
    "handover": {
        *("errors", "inputs", "outputs", "sip", "machine"),
        *("capture", "asterisk", "diagnosis", "report", "redact", "handover"),
    },
    "firewall": {"errors", "sip", "asterisk", "diagnosis", "report", "firewall"},
    "watch": {
        *("errors", "inputs", "outputs", "sip", "machine"),
        *("capture", "asterisk", "diagnosis", "report", "watch"),
    },
    "fleet": {"errors", "inputs", "outputs", "storage", "sip", "asterisk", "diagnosis", "report", "fleet"},
    "redact": {"errors", "inputs", "outputs", "sip", "storage", "capture", "asterisk", "diagnosis", "redact"},
}
ORDER = {
    "asterisk": [
        "reasons",
        "releases",
        "addresses",
        "ere",
        "files",
        "pjsip",
        "dialplan",
        "loading",
        "live",
        "forms",
        "replay",
    ],
    "capture": ["source", "streams", "packets", "fast", "text", "formats", "rotated", "joining"],
    "diagnosis": ["model", "evidence", "calls", "edits", "space", "rules", "repairs"],
}
"""Packages in each world, lowest first: none imports one that stands behind it."""

MOST_MODULES = 15
"""In one folder: more are no longer one idea."""

MOST_LINES = 330
LONGEST_FUNCTION = 60
"""In lines."""

ONLY_IN = {"mcp": {"agents"}, "click": {"cli"}, "scapy": {"capture"}, "pyshark": {"capture"}}
MODULES = sorted(PACKAGE.rglob("*.py"))


def part(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports(path: Path) -> list[tuple[str, bool]]:
    """(module, whether it is imported when the file is) of every import in the file."""
    tree = ast.parse(path.read_text())
    top = {id(node) for node in tree.body}
    found: list[tuple[str, bool]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) in top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.append((node.module or "", id(node) in top))
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    here = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for module, _ in imports(path):
        if module.startswith("pjsipdiag.") and here in MAY_IMPORT:
            assert part(module) in {*MAY_IMPORT[here], "dataclass"}, f"{here} imports {module}"
        root = module.split(".")[0]
        if root in ONLY_IN:
            assert here in ONLY_IN[root], f"{root} is imported in {here}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_slow_packages_are_imported_where_used(path: Path) -> None:
    """`scapy.all` alone costs 0.75 s."""
    slow = {module for module, at_top in imports(path) if at_top and module.split(".")[0] in ("scapy", "pyshark")}
    assert not slow


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_packages_of_a_world_import_downwards(path: Path) -> None:
    world, *inner = path.relative_to(PACKAGE).with_suffix("").parts
    order = ORDER.get(world, [])
    if not inner or inner[0] not in order:
        return
    above = order[order.index(inner[0]) + 1 :]
    for module, _ in imports(path):
        name = module.split(".")
        assert name[:2] != ["pjsipdiag", world] or len(name) < 3 or name[2] not in above, f"{inner[0]} imports {module}"


@pytest.mark.parametrize("folder", sorted({path.parent for path in MODULES}), ids=str)
def test_a_folder_holds_one_idea(folder: Path) -> None:
    assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= MOST_MODULES


PACKAGES = sorted(path for path in MODULES if path.name == "__init__.py" and path.parent != PACKAGE)


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: str(path.parent.relative_to(PACKAGE)))
def test_a_package_has_a_map(path: Path) -> None:
    """Of 10 to 20 lines, with every module and package that it holds."""
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert 10 <= len(text.splitlines()) <= 20
    held = {one.stem for one in path.parent.glob("*.py")}
    held |= {one.parent.name for one in path.parent.glob("*/__init__.py")}
    assert held - {"__init__"} <= set(re.findall(r"\w+", text)), f"name them in the docstring of {path}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_and_functions_are_small(path: Path) -> None:
    """ruff's C901 holds the complexity."""
    text = path.read_text()
    assert len(text.splitlines()) <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, node.name


SEVERAL = {"Name", "Item", "Lines"}
"""Names that mean different things in two modules."""


def test_a_name_of_a_class_means_one_thing() -> None:
    """A class or an alias of types is defined in one module (private ones and type variables are its own affair)."""
    found: dict[str, set[str]] = {}
    for path in MODULES:
        for node in ast.parse(path.read_text()).body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            names = [one.id for one in targets if isinstance(one, ast.Name) and re.match(r"[A-Z][a-z]", one.id)]
            names = [] if isinstance(node, ast.Assign) and "TypeVar" in ast.unparse(node.value) else names
            for name in [node.name] if isinstance(node, ast.ClassDef) else names:
                found.setdefault(name, set()).add(str(path.relative_to(PACKAGE)))
    several = {name: paths for name, paths in found.items() if len(paths) > 1 and not name.startswith("_")}
    assert set(several) <= SEVERAL, several


TESTS = PACKAGE.parent / "tests"
OF_THE_WHOLE = {
    "": {"architecture", "conformance", "dist", "faults", "github", "readme", "situations"},
    "asterisk/realtime": {"recordings"},
    "capture": {"carriers", "cost", "faults", "hostile", "truth"},
    "cli": {"bad_input", "terminal"},
    "diagnosis": {"adversary", "cut_off", "incidents", "many", "refusals"},
    "redact": {"secrets", "verdicts"},
    "report": {"golden", "hostile", "machine", "unread"},
}
"""Tests of no module or package alone, by folder: what a whole run reads, costs and says."""


@pytest.mark.parametrize("path", sorted(TESTS.rglob("test_*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_tests_mirror_the_tree(path: Path) -> None:
    """A test stands where its module or package does, under its name."""
    folder = path.parent.relative_to(TESTS)
    if folder.parts[:1] in (("bench",), ("fuzz",)):
        return
    tested = {one.stem for one in (PACKAGE / folder).glob("*.py")}
    tested |= {one.parent.name for one in (PACKAGE / folder).glob("*/__init__.py")}
    assert (PACKAGE / folder / "__init__.py").exists()
    assert path.stem.removeprefix("test_") in tested | OF_THE_WHOLE.get("" if not folder.parts else str(folder), set())

"""Imports go one way: errors <- sip <- {capture, asterisk} <- diagnosis <- report <- cli; inside, as `ORDER` says."""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.house import complexity

PACKAGE = Path(__file__).parent.parent / "pjsipdiag"
MAY_IMPORT = {
    "dataclass": set[str](),  # which every other may import
    "errors": set[str](),
    "extensions": set[str](),
    "digest": set[str](),
    "digits": set[str](),
    "sip": {"digits", "errors"},
    "inputs": {"errors"},
    "outputs": {"errors"},
    "storage": {"errors", "inputs"},
    "capture": {"digest", "errors", "extensions", "sip", "storage", "capture"},
    "asterisk": {"digits", "errors", "inputs", "sip", "storage", "asterisk"},
    "diagnosis": {
        "digest",
        "digits",
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
        *("digits", "errors", "inputs", "outputs", "sip", "machine"),
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
    "diagnosis": ["model", "evidence", "calls", "edits", "space", "rules", "repairs", "basis"],
}
"""Packages in each world, lowest first: none imports one that stands behind it."""

MOST_MODULES = 15
"""In one folder: more are no longer one idea."""

MOST_LINES = 330
LONGEST_FUNCTION = 60
"""In lines."""
MOST_COMPLEX = 20

ONLY_IN = {"mcp": {"agents"}, "click": {"cli"}, "scapy": {"capture"}, "pyshark": {"capture"}}
SLOW = ("scapy", "pyshark")
MODULES = sorted(PACKAGE.rglob("*.py"))


def part(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def teardown_module() -> None:
    tree.cache_clear()


@cache
def imports(path: Path) -> tuple[tuple[str, bool], ...]:
    """(module, whether it is imported when the file is) of every import in the file."""
    top = {id(node) for node in tree(path).body}
    found: list[tuple[str, bool]] = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) in top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.append((node.module or "", id(node) in top))
    return tuple(found)


def test_imports_go_one_way() -> None:
    wrong = []
    for path in MODULES:
        here = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for module, _ in imports(path):
            root = module.split(".")[0]
            may = MAY_IMPORT.get(here, {part(module)}) | {"dataclass"}
            beyond = root == "pjsipdiag" != module and part(module) not in may
            if beyond or (root in ONLY_IN and here not in ONLY_IN[root]):
                wrong.append(f"{path}: {here} imports {module}")
    assert not wrong


def test_slow_packages_are_imported_where_used() -> None:
    """`scapy.all` alone costs 0.75 s."""
    slow = [(path, name) for path in MODULES for name, at_top in imports(path) if at_top and name.startswith(SLOW)]
    assert not slow


def test_packages_of_a_world_import_downwards() -> None:
    wrong = []
    for path in MODULES:
        world, *inner = path.relative_to(PACKAGE).with_suffix("").parts
        order = ORDER.get(world, [])
        if not inner or inner[0] not in order:
            continue
        above = order[order.index(inner[0]) + 1 :]
        for module, _ in imports(path):
            name = module.split(".")
            if name[:2] == ["pjsipdiag", world] and len(name) > 2 and name[2] in above:
                wrong.append(f"{path}: {inner[0]} imports {module}")
    assert not wrong


def test_a_folder_holds_one_idea() -> None:
    modules = Counter(path.parent for path in MODULES if path.name != "__init__.py")
    assert {folder: count for folder, count in modules.items() if count > MOST_MODULES} == {}


PACKAGES = [path for path in MODULES if path.name == "__init__.py" and path.parent != PACKAGE]


def test_a_package_has_a_map() -> None:
    """Of 10 to 20 lines, with every module and package that it holds."""
    wrong = []
    for path in PACKAGES:
        text = ast.get_docstring(tree(path)) or ""
        held = {one.stem for one in path.parent.glob("*.py")}
        held |= {one.parent.name for one in path.parent.glob("*/__init__.py")}
        unnamed = held - {"__init__"} - set(re.findall(r"\w+", text))
        if unnamed or not 10 <= len(text.splitlines()) <= 20:
            wrong.append(f"{path}: {len(text.splitlines())} lines; name {unnamed} in its docstring")
    assert not wrong


def test_modules_and_functions_are_small() -> None:
    """And plain, by the measure of `tests.house`; ruff's C901 counts otherwise and holds the same bound."""
    wrong = [f"{path}: {lines} lines" for path in MODULES if (lines := path.read_text().count("\n")) > MOST_LINES]
    for path in MODULES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                wrong += [f"{path}: {node.name}: {lines} lines"] if lines > LONGEST_FUNCTION else []
                tangled = complexity(node)
                wrong += [f"{path}: {node.name}: complexity {tangled}"] if tangled > MOST_COMPLEX else []
    assert not wrong


def test_docstrings_say_what_a_thing_is() -> None:
    """As "The endpoints that ...", "Parses ...", "Whether ...": one that begins with "What" leaves open what it is."""
    strings = (
        (path, node.value)
        for path in MODULES
        for holder in ast.walk(tree(path))
        for node in (holder.body if isinstance(holder, ast.Module | ast.ClassDef | ast.FunctionDef) else ())
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )
    assert [f"{path}:{text.lineno}" for path, text in strings if re.match("What ", str(text.value))] == []


MODULES_OF_SEVERAL = {
    "admission",  # as Asterisk decides it, and the rules about that
    "configuration",  # a report about one, and its commands
    "files",  # what stands in them, and why it does not count
    *("csv", "html", "json", "model", "text", "wording"),  # of one PBX, and of a fleet
}
"""Names of two modules that are about one thing, each in its own way."""


def test_a_name_of_a_module_means_one_thing() -> None:
    """In the whole package: who reads an import knows which is meant."""
    names = Counter(path.stem for path in MODULES if path.stem != "__init__")
    assert {name for name, count in names.items() if count > 1} == MODULES_OF_SEVERAL


SEVERAL = {"Name", "Item", "Lines"}
"""Names that mean different things in two modules."""


def test_a_name_of_a_class_means_one_thing() -> None:
    """A class or an alias of types is defined in one module (private ones and type variables are its own affair)."""
    found: dict[str, set[str]] = {}
    for path in MODULES:
        for node in tree(path).body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            names = [one.id for one in targets if isinstance(one, ast.Name) and re.match(r"[A-Z][a-z]", one.id)]
            names = [] if isinstance(node, ast.Assign) and "TypeVar" in ast.unparse(node.value) else names
            for name in [node.name] if isinstance(node, ast.ClassDef) else names:
                found.setdefault(name, set()).add(str(path.relative_to(PACKAGE)))
    several = {name: paths for name, paths in found.items() if len(paths) > 1 and not name.startswith("_")}
    assert set(several) <= SEVERAL, several


CONSTANTS_OF_SEVERAL = {"TOKEN"}
"""The token of RFC 3261 in two notations."""


def constants(path: Path) -> Iterator[str]:
    """The public constants of a module; numbered ones of one line (`A, B = range(2)`) are its own affair."""
    for node in tree(path).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                each = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
                for name in target.elts if each and isinstance(target, ast.Tuple) else [target]:
                    if re.fullmatch(r"[A-Z][A-Z0-9_]+", ast.unparse(name)):
                        yield ast.unparse(name)


def test_a_constant_means_one_thing() -> None:
    """It is defined in one module: two of one value are one fact in two places, two of several values mislead."""
    found: dict[str, set[str]] = {}
    for path in MODULES:
        for name in constants(path):
            found.setdefault(name, set()).add(str(path.relative_to(PACKAGE)))
    several = {name: paths for name, paths in found.items() if len(paths) > 1}
    assert set(several) == CONSTANTS_OF_SEVERAL, several


TESTS = PACKAGE.parent / "tests"
OF_THE_WHOLE = {
    "": {"architecture", "conformance", "dist", "faults", "github", "readme", "situations"},
    "asterisk/realtime": {"recordings"},
    "capture": {"carriers", "cost", "faults", "hostile", "truth"},
    "cli": {"bad_input", "streams", "terminal"},
    "diagnosis": {"adversary", "cut_off", "incidents", "many", "refusals"},
    "redact": {"secrets", "verdicts"},
    "report": {"golden", "hostile", "machine", "unread"},
}
"""Tests of no module or package alone, by folder: what a whole run reads, costs and says."""


def test_tests_mirror_the_tree() -> None:
    """A test stands where its module or package does, under its name."""
    wrong = []
    for path in TESTS.rglob("test_*.py"):
        folder = path.parent.relative_to(TESTS)
        if folder.parts[:1] in (("bench",), ("fuzz",)):
            continue
        tested = {one.stem for one in (PACKAGE / folder).glob("*.py")}
        tested |= {one.parent.name for one in (PACKAGE / folder).glob("*/__init__.py")}
        named = tested | OF_THE_WHOLE.get("" if not folder.parts else str(folder), set())
        if path.stem.removeprefix("test_") not in named or not (PACKAGE / folder / "__init__.py").exists():
            wrong.append(str(path))
    assert not wrong


def test_changes_that_no_test_could_notice_are_of_lines_that_are() -> None:
    rows = tomllib.loads((Path(__file__).parent / "mutants" / "equivalent.toml").read_text())["mutant"]
    lines = {
        row["path"]: [line.strip() for line in (PACKAGE.parent / row["path"]).read_text().splitlines()] for row in rows
    }
    assert [row["before"] for row in rows if row["before"] not in lines[row["path"]]] == []

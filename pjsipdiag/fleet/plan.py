"""FLEET.toml: which PBXs there are, and where what is known of them lies.

Each `[[pbx]]` is one; `[fleet]` says what holds for all of them, with `{name}` for the name of each. Paths are relative
to the file's folder. Credentials have no place in it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from pjsipdiag.asterisk.releases import release
from pjsipdiag.dataclass import dataclass
from pjsipdiag.diagnosis.calls.pbx.inference import parse_addresses
from pjsipdiag.diagnosis.calls.selection import selection
from pjsipdiag.errors import PjsipdiagError, visible
from pjsipdiag.inputs import read_text
from pjsipdiag.outputs import named_files
from pjsipdiag.storage import SCHEME, locate

PBX_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
"""Names are those of files, too."""
_TABLE = re.compile(r"\s*(\[\[?)\s*([^\]]*?)\s*\]")
_KEY = re.compile(r"\s*[\"']?([\w-]+)[\"']?\s*=")


@dataclass(frozen=True, slots=True)
class Pbx:
    """One PBX: see `Options` and `diagnose`, whose words these are; `addresses` are its own."""

    name: str
    captures: tuple[str, ...]
    config: str | None = None
    live: str | None = None
    databases: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    mirrors: tuple[str, ...] = ()
    asterisk: str | None = None
    hosts: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The file at `path`."""

    path: str
    pbxs: tuple[Pbx, ...]


def read_plan(path: str) -> Plan:
    """The PBXs of a file.

    :raises PjsipdiagError: it cannot be read, or there is a mistake in it, which is named with its line.
    """
    if Path(path).is_dir():
        raise PjsipdiagError(
            f"{visible(path)} is a directory: give a file with a [[pbx]] for each PBX (pjsipdiag fleet --help)"
        )
    text = read_text(path)
    try:
        said = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        found = re.search(r"\(at line (\d+)", str(error))
        why = re.sub(r"\s*\(at .*", "", str(error))
        raise PjsipdiagError(f"{visible(path)}{f':{found[1]}' if found else ''}: {visible(why)}") from None
    return _Reader(path, text).plan(said)


class _Reader:
    """One file: `tables` are the lines of each `[fleet]` and `[[pbx]]`, with those of their keys."""

    def __init__(self, path: str, text: str) -> None:
        self._path, self._folder = path, Path(path).parent
        self._tables: list[tuple[str, int, dict[str, int]]] = [("", 1, {})]
        for number, line in enumerate(text.split("\n"), 1):
            if head := _TABLE.match(line):
                self._tables.append((head[2], number, {}))
            elif key := _KEY.match(line):
                self._tables[-1][2].setdefault(key[1], number)

    def plan(self, said: Mapping[str, Any]) -> Plan:
        for name, value in said.items():
            if name not in ("fleet", "pbx"):
                self._refuse(f"{visible(name)}: a fleet has [fleet] and [[pbx]] only", name, 0, name)
            if not isinstance(value, dict if name == "fleet" else list):
                self._refuse("write [fleet], once, and [[pbx]] for each PBX", name, 0, name)
        common = said.get("fleet", {})
        self._check_keys(common, "fleet", 0)
        rows = said.get("pbx", [])
        if not rows:
            self._refuse("there is no [[pbx]]", "", 0)
        pbxs: list[Pbx] = []
        for number, row in enumerate(rows):
            if not isinstance(row, dict):
                self._refuse("write [[pbx]] for each PBX", "pbx", number)
            self._check_keys(row, "pbx", number)
            one = self._pbx(common, row, number)
            if any(one.name.lower() == other.name.lower() for other in pbxs):
                self._refuse(f"there is a PBX {one.name} already", "pbx", number, "name")
            pbxs.append(one)
        return Plan(self._path, tuple(pbxs))

    def _check_keys(self, table: Mapping[str, Any], kind: str, number: int) -> None:
        for key, value in table.items():
            form = _FORMS.get(key)
            if form is None or (kind == "fleet" and key == "name"):
                known = ", ".join(name for name in _FORMS if kind == "pbx" or name != "name")
                self._refuse(f"{visible(key)} is nothing that [{kind}] may say: {known}", kind, number, key)
            texts = value if isinstance(value, list) and form else [value]
            if not all(isinstance(text, str) and text for text in texts) or not texts:
                self._refuse(f"{key} wants {'a text or a list of texts' if form else 'a text'}", kind, number, key)

    def _pbx(self, common: Mapping[str, Any], row: Mapping[str, Any], number: int) -> Pbx:
        name = row.get("name")
        if name is None:
            self._refuse("it has no name", "pbx", number)
        if not PBX_NAME.fullmatch(name):
            self._refuse("a name has letters, digits, '.', '_' and '-', and begins with one of the first two", "pbx",
                         number, "name")  # fmt: skip
        found: dict[str, Any] = {"name": name}
        for key, several in _FORMS.items():
            source, at = (row, ("pbx", number)) if key in row else (common, ("fleet", 0))
            if key == "name" or key not in source:
                continue
            texts = source[key] if isinstance(source[key], list) else [source[key]]
            texts = [text.replace("{name}", name) for text in texts]
            with_place = self._check_texts(key, texts, *at)
            found[key] = tuple(with_place) if several else with_place[0]
        if "captures" not in found:
            self._refuse(f"{name} has no captures", "pbx", number)
        if "config" not in found and "live" not in found:
            self._refuse(f"{name} has neither config nor live: with what are its calls judged?", "pbx", number)
        return Pbx(**found)

    def _check_texts(self, key: str, texts: Sequence[str], kind: str, number: int) -> list[str]:
        """The texts with paths as seen from here; what nothing can be made of is a mistake."""
        try:
            if key in ("captures", "config", "hosts"):
                return [text if SCHEME.match(locate(text)) else str(self._folder / locate(text)) for text in texts]
            _CHECKS.get(key, list)(texts)
        except PjsipdiagError as error:
            self._refuse(str(error), kind, number, key)
        if key == "databases" and any(re.search(r"://[^/@]*:[^/@]*@", text) for text in texts):
            self._refuse("leave the password out: databases are asked as the environment lets one", kind, number, key)
        return [*texts]

    def _refuse(self, what: str, kind: str, number: int, key: str = "") -> NoReturn:
        tables = [(line, keys) for name, line, keys in self._tables if name == kind] or [(1, {})]
        line, keys = tables[min(number, len(tables) - 1)]
        raise PjsipdiagError(f"{visible(self._path)}:{keys.get(key, line)}: {what}")


_FORMS: dict[str, bool] = {
    "name": False,
    "captures": True,
    "config": False,
    "live": False,
    "databases": True,
    "addresses": True,
    "mirrors": True,
    "asterisk": False,
    "hosts": False,
}
"""Key of a table -> whether its value may be a list."""
_CHECKS: dict[str, Callable[[Sequence[str]], object]] = {
    "addresses": parse_addresses,
    "mirrors": lambda texts: selection({"mirrors": texts}),
    "asterisk": lambda texts: release(texts[0]),
}


def inputs_of(plan: Plan) -> Iterator[str]:
    """Every file that the plan names, those in folders among them, and its own."""
    yield plan.path
    for one in plan.pbxs:
        yield from named_files((*one.captures, *filter(None, (one.config, one.hosts))))

"""The cases of fixtures/options: values of options, and whole sections, with what real Asterisk made of each.

A `<type>.toml` holds the lines that every section of the type needs (`base`) and, for each option, the values that
both releases take or refuse, and those that only one of them takes. `sections.toml` holds whole sections and, for
each release, the last line that Asterisk logged before it gave the object up ("" where it took it).
Run as a command, the module asks real Asterisk anew and rewrites the files; without a difference, git shows none:

    python -m tests.asterisk.loading.values.cases /path/to/oracle.py [endpoint.toml ...]
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

from pjsipdiag.asterisk.section import Section, Variable, Where

FOLDER = Path(__file__).parents[4] / "fixtures" / "options"
RELEASES = {"16": "16.28.0", "22": "22.10.1"}
KEYS = {frozenset({"16", "22"}): "taken", frozenset({"16"}): "only_16", frozenset({"22"}): "only_22"}
PER_CONFIGURATION = 100
READABLE = {"/etc/asterisk", "/etc/asterisk/pjsip.conf"}
"""What of the paths in the cases there is where the cases were recorded."""
PROFILES = frozenset[str]()
"""The geolocation profiles there."""

Lines = list[tuple[str, str]]
Options = dict[str, dict[str, list[str]]]


@cache
def read(name: str) -> dict[str, object]:
    with (FOLDER / name).open("rb") as file:
        return tomllib.load(file)


def option_files() -> list[str]:
    return sorted(path.name for path in FOLDER.glob("*.toml") if path.name != "sections.toml")


def options(name: str) -> Options:
    found = read(name)["option"]
    assert isinstance(found, dict)
    return found


def base(name: str) -> Lines:
    found = read(name).get("base", [])
    assert isinstance(found, list)
    return [split(line) for line in found]


def sections() -> list[dict[str, object]]:
    found = read("sections.toml")["section"]
    assert isinstance(found, list)
    return found


def split(line: str) -> tuple[str, str]:
    name, _, value = line.partition("=")
    return name, value


def expected(values: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, frozenset[str]]]:
    """Each value with the keys of the releases that take it."""
    for takers, key in ((frozenset[str](), "refused"), *KEYS.items()):
        yield from ((value, takers) for value in values.get(key, ()))


def section(object_type: str, name: str, lines: Lines) -> Section:
    """The section as the file grammar leaves it, its header on line 1 of pjsip.conf."""
    numbered = enumerate([("type", object_type), *lines], 2)
    variables = tuple(
        Variable(key, value.replace("PORT", "5070"), Where("pjsip.conf", number, name))
        for number, (key, value) in numbered
    )
    return Section(name, Where("pjsip.conf", 1, name), variables)


def with_option(lines: Lines, option: str, value: str) -> Lines:
    """`lines` with that option last, in place of its own value there."""
    return [(name, old) for name, old in lines if name != option] + [(option, value)]


# Recording


def _written(object_type: str, name: str, lines: Lines, number: int) -> str:
    text = "".join(f"{key}={value.replace(';', chr(92) + ';')}\n" for key, value in [("type", object_type), *lines])
    return f"[{name}]\n{text}".replace("PORT", str(6000 + number))


def _configurations(object_type: str, every: list[tuple[str, Lines]]) -> Iterator[dict[str, object]]:
    # A single object, and a transport that must not find its port taken, has a configuration of its own.
    step = 1 if object_type in ("global", "system") else PER_CONFIGURATION
    before = "" if object_type == "transport" else "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n"
    if object_type in ("identify", "registration"):
        before += "[e]\ntype=endpoint\n"
    for start in range(0, len(every), step):
        part = enumerate(every[start : start + step])
        text = before + "".join(_written(object_type, name, lines, number) for number, (name, lines) in part)
        yield {"id": f"{object_type}-{start}", "files": {"pjsip.conf": text}, "requests": []}


def _given_up(oracle: ModuleType, object_type: str, every: list[tuple[str, Lines]], branch: str) -> dict[str, str]:
    """The last line that was logged before each object that Asterisk gave up, by the section's name."""
    found: dict[str, str] = {}
    cases = list(_configurations(object_type, every))
    for result in oracle.run_cases(cases, asterisk=branch, jobs=2):
        if result["error"]:
            raise SystemExit(f"{result['id']} on {branch}: {result['error']}")
        before = ""
        for line in result["config_log"]:
            message = line.split(": ", 1)[-1]
            created = re.match(r"Could not create an object of type '[^']*' with id '(.*)' from", message)
            if created:
                found[created[1]] = before
            before = "" if created else message
    return found


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _record_options(oracle: ModuleType, name: str) -> None:
    object_type, lines = name.removesuffix(".toml"), base(name)
    values = [(option, value) for option, known in options(name).items() for value, _ in expected(known)]
    every = [(f"s{i}", with_option(lines, option, value)) for i, (option, value) in enumerate(values)]
    refused = {branch: _given_up(oracle, object_type, every, branch) for branch in RELEASES}
    found: Options = {}
    for i, (option, value) in enumerate(values):
        takers = frozenset(branch for branch in RELEASES if f"s{i}" not in refused[branch])
        found.setdefault(option, {}).setdefault(KEYS.get(takers, "refused"), []).append(value)
    with (FOLDER / name).open("w", encoding="utf-8") as file:
        file.write("base = [" + ", ".join(_toml("=".join(line)) for line in lines) + "]\n")
        for option, known in found.items():
            file.write(f"\n[option.{_toml(option)}]\n")
            for key in ("taken", "refused", "only_16", "only_22"):
                if key in known:
                    file.write(f"{key} = [{', '.join(map(_toml, known[key]))}]\n")


def _record_sections(oracle: ModuleType) -> None:
    known = sections()
    answers: dict[int, dict[str, str]] = {number: {} for number in range(len(known))}
    for object_type in dict.fromkeys(str(case["type"]) for case in known):
        every = [
            (f"s{number}", [split(line) for line in case["lines"]])  # type: ignore[attr-defined] # a list in TOML
            for number, case in enumerate(known)
            if case["type"] == object_type
        ]
        for branch in RELEASES:
            given_up = _given_up(oracle, object_type, every, branch)
            for name, _ in every:
                log = given_up.get(name)
                answers[int(name[1:])][branch] = "" if log is None else log.replace(name, "NAME") or "(silent)"
    with (FOLDER / "sections.toml").open("w", encoding="utf-8") as file:
        for number, case in enumerate(known):
            lines = ", ".join(map(_toml, case["lines"]))  # type: ignore[call-overload] # a list in TOML
            file.write(f"[[section]]\ntype = {_toml(str(case['type']))}\nlines = [{lines}]\n")
            file.write("".join(f"log_{branch} = {_toml(log)}\n" for branch, log in answers[number].items()) + "\n")


def main(path: str, *names: str) -> None:
    spec = importlib.util.spec_from_file_location("oracle", path)
    assert spec is not None
    assert spec.loader is not None
    oracle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    for name in names or [*option_files(), "sections.toml"]:
        if name == "sections.toml":
            _record_sections(oracle)
        else:
            _record_options(oracle, name)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Changes of configuration files as text: a line in the style of its neighbours, a unified diff, a changed copy.

Nothing but the named lines changes: line ends, comments, blanks and bytes that are not UTF-8 stay as they are.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.secrets import is_secret
from pjsipdiag.asterisk.section import Where
from pjsipdiag.diagnosis.model import Edit, Suggestion
from pjsipdiag.errors import ConfigError, visible
from pjsipdiag.outputs import Content, mode_of, write_folder

SQL_FILE = "suggested.sql"
"""The file of a changed copy that has the statements for tables."""

_LINE = re.compile(
    r"(?P<indent>[\x01- ]*)(?P<name>[^=;\x01- ]+)(?P<sign>[\x01- ]*(?:=>|\+=|=)[\x01- ]*)"
    r"(?P<value>(?:\\;|[^;])*?)(?P<rest>[\x01- ]*(?:;.*)?)\Z",
    re.DOTALL,
)


def lines_of(config: Config, file: str) -> Sequence[str]:
    """The lines of a loaded file, or those of the rows of a table, with their line ends; empty when there is no such
    file."""
    stored = next((stored.text for stored in config.stored_tables if stored.name == file), None)
    return _lines(config.texts.get(file, b"") if stored is None else stored)


@lru_cache(maxsize=64)
def _lines(data: bytes | str) -> Sequence[str]:
    return tuple(_split(data if isinstance(data, str) else data.decode("utf-8", "surrogateescape")))


def line_at(config: Config, where: Where) -> str:
    """The text of one line without its end; empty where the file has no such line."""
    lines = lines_of(config, where.file)
    return lines[where.line - 1].rstrip("\r\n") if 0 < where.line <= len(lines) else ""


def style_line(model: str, name: str, value: str) -> str:
    """`name=value` with the blanks and the sign of the line `model`."""
    found = _LINE.match(model.rstrip("\r\n"))
    return f"{found['indent']}{name}{found['sign'].replace('+=', '=')}{value}" if found else f"{name}={value}"


def with_value(line: str, value: str) -> str:
    """The line with another value; its comment stays."""
    found = _LINE.match(line.rstrip("\r\n"))
    return f"{found['indent']}{found['name']}{found['sign']}{value}{found['rest']}" if found else line.rstrip("\r\n")


def set_value(config: Config, where: Where, value: str) -> Edit:
    """Gives the line at `where` another value."""
    line = line_at(config, where)
    return Edit(where.file, where.line, (line,), (with_value(line, value),))


def with_name(line: str, name: str) -> str:
    """The line with another option name."""
    found = _LINE.match(line.rstrip("\r\n"))
    return f"{found['indent']}{name}{found['sign']}{found['value']}{found['rest']}" if found else line.rstrip("\r\n")


def value_of(line: str) -> str:
    """The value that stands in the line, without its comment."""
    found = _LINE.match(line.rstrip("\r\n"))
    return found["value"] if found else ""


def option_of(line: str) -> str:
    """The name of the option that the line sets, in lower case."""
    return line.partition("=")[0].strip().removesuffix("+").strip().lower()


def apply_edits(config: Config, edits: Iterable[Edit]) -> dict[str, str]:
    """{file: its text after the edits}; edits that two suggestions share are made once."""
    by_file: dict[str, list[Edit]] = {}
    for edit in dict.fromkeys(edits):
        by_file.setdefault(edit.file, []).append(edit)
    return {file: "".join(_applied([*lines_of(config, file)], found)) for file, found in by_file.items()}


def diff(suggestions: Sequence[Suggestion], config: Config) -> str:
    """A unified diff of all edits, for `patch -p1` in the configuration directory; empty without edits."""
    parts = []
    for file, text in apply_edits(config, _all(suggestions)).items():
        before = lines_of(config, file)
        name = patchable(file)
        old = f"a/{name}" if before else "/dev/null"
        hunks = list(difflib.unified_diff(before, _split(text), old, f"b/{name}"))
        if any(map(_holds_secret, hunks[2:])):
            # without context lines: patch takes it all the same, at the lines that it names
            hunks = list(difflib.unified_diff(before, _split(text), old, f"b/{name}", n=0))
        if any(map(_holds_secret, hunks[2:])):
            raise ConfigError(f"{visible(file)}: the change is in a line that holds a secret: use -o DIR")
        parts += [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in hunks]
    return "".join(parts)


def _holds_secret(line: str) -> bool:
    """Whether a line of a diff sets an option that holds a secret, or may be one that lost its sign."""
    return not line.startswith("@@") and is_secret(re.split(r"[=;]", line[1:])[0])


def patchable(file: str) -> str:
    """The name of a file as it stands in a diff: a tab ends one that holds a blank, as in GNU diff.

    Raises ConfigError for a name that `patch` could take for another file or for more of the diff.
    """
    if not file.isprintable() or file.startswith(("/", '"')) or "\\" in file or ".." in file.split("/"):
        raise ConfigError(
            f"{visible(file)}: no diff can name this file safely; use -o DIR, or give the file another name"
        )
    return f"{file}\t" if " " in file else file


def write(suggestions: Sequence[Suggestion], config: Config, directory: Path, *, force: bool = False) -> list[str]:
    """Writes every file of the configuration to `directory`, the edited ones changed; returns the names of the changed.

    Raises ConfigError when a file would come to lie elsewhere, and as `outputs.write_folder` does.
    """
    texts: Mapping[str, str] = apply_edits(config, _all(suggestions))
    names = list(dict.fromkeys((*config.files, *texts)))
    outside = [file for file in names if file.startswith("/") or ".." in file.split("/")]
    if outside:
        raise ConfigError(f"{visible(outside[0])} lies outside of the configuration: no changed copy is written")
    files = {
        file: Content(
            (texts[file] if file in texts else "".join(lines_of(config, file))).encode("utf-8", "surrogateescape"),
            mode_of(_path(config, file)),
        )
        for file in names
    }
    statements = [statement for suggestion in suggestions for statement in suggestion.sql]
    if statements:
        files[SQL_FILE] = Content(
            "".join(f"{one}\n" for one in dict.fromkeys(statements)).encode("utf-8", "surrogateescape")
        )
    write_folder(directory, files, inputs=[_path(config, file) for file in (".", *names)], force=force)
    return [*texts, *([SQL_FILE] if statements else [])]


def _all(suggestions: Sequence[Suggestion]) -> list[Edit]:
    return [edit for suggestion in suggestions for edit in suggestion.edits]


def _applied(lines: list[str], edits: list[Edit]) -> list[str]:
    """The lines after all edits, made from the end so that line numbers stay true; a line is edited once."""
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    taken: set[int] = set()
    for edit in sorted(edits, key=lambda edit: -edit.line):
        at = edit.line - 1
        places = set(range(at, at + len(edit.old)))
        if taken & places:
            continue
        taken |= places
        if at and at <= len(lines) and not lines[at - 1].endswith("\n"):
            lines[at - 1] += end
        lines[at : at + len(edit.old)] = [line + end for line in edit.new]
    return lines


def _split(text: str) -> list[str]:
    """Lines as Asterisk counts them: a newline ends one and nothing else (main/config.c, fgets)."""
    lines = text.split("\n")
    return [*(f"{line}\n" for line in lines[:-1]), *filter(None, lines[-1:])]


def _path(config: Config, file: str) -> Path:
    root = Path(config.directory)
    return (root.parent if root.is_file() else root) / file

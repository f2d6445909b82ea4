"""The files of one configuration directory, as Asterisk would open them: by name below it, by absolute path or by glob.

Everything that the loader reads goes through `Files`, so that a changed file can be laid over the directory (a what-if
replay) or a whole configuration can stand in memory.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath

from pjsipdiag.errors import ConfigError

ETC = "/etc/asterisk"
"""Where Asterisk looks for its files unless asterisk.conf says otherwise (`astetcdir`)."""

MOST_BYTES = 256 << 20
"""A larger file is refused: no telephone system has one, and all of it would have to fit into memory."""

_MAGIC = re.compile(r"[*?\[\\]")
_ASTETCDIR = re.compile(r"^\s*astetcdir\s*=>?\s*([^\s;]+)", re.MULTILINE)
_EXECINCLUDES = re.compile(r"^\s*execincludes\s*=>?\s*(\w+)", re.MULTILINE)
_TRUE = ("yes", "true", "y", "t", "1", "on")
_MOST_ALTERNATIVES = 1000


class Files:
    """Files below `directory` (None: only the overlay), with `overlay` (name -> text) in front of them.

    Names are relative to the directory, with `/`; a file outside it keeps its absolute path.
    """

    def __init__(self, directory: Path | None, overlay: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        self.overlay = {
            str(PurePosixPath(name)): text.encode("utf-8", "surrogateescape") for name, text in (overlay or {}).items()
        }

    @cached_property
    def etc(self) -> str:
        """The directory that the configuration calls its own: `astetcdir` of its asterisk.conf, or /etc/asterisk."""
        found = _ASTETCDIR.search(self._asterisk_conf)
        return found[1].rstrip("/") if found else ETC

    @cached_property
    def runs_programs(self) -> bool:
        """Whether asterisk.conf allows `#exec` (`execincludes=yes`)."""
        found = _EXECINCLUDES.search(self._asterisk_conf)
        return found is not None and found[1].lower() in _TRUE

    @cached_property
    def _asterisk_conf(self) -> str:
        return (self.read("asterisk.conf") or b"").decode("utf-8", "replace")

    def name(self, wanted: str) -> str:
        """`wanted` as Asterisk resolves it (main/config.c, config_text_file_load), as a name of this directory.

        A path below the directory that the configuration calls its own is taken below `directory`, wherever that lies.
        """
        if not wanted.startswith("/"):
            return os.path.normpath(wanted) if wanted.strip("/.") else wanted
        path = os.path.normpath(wanted)
        own = [ETC, *([self.etc] if not wanted.endswith("/asterisk.conf") else [])]
        if self.directory is not None:
            own.append(str(self.directory.absolute()))
        for root in own:
            if path.startswith(root + "/"):
                return path[len(root) + 1 :]
        return path

    def shown(self, name: str) -> str:
        """The path that Asterisk writes to its log for a file."""
        return name if name.startswith("/") else f"{self.etc}/{name}"

    def exists(self, name: str) -> bool:
        return name in self.overlay or self._path_is_file(name)

    def read(self, name: str) -> bytes | None:
        """The bytes of a file, None when there is no regular file of that name.

        :raises ConfigError: the file is there and cannot be read.
        """
        if name in self.overlay:
            return self.overlay[name]
        if not self._path_is_file(name):
            return None
        path = self._path(name)
        try:
            if path.stat().st_size > MOST_BYTES:
                raise ConfigError(f"{path} is larger than {MOST_BYTES >> 20} MiB: that is no configuration file")
            return path.read_bytes()
        except OSError as error:
            raise ConfigError(f"cannot read {path}: {error.strerror}") from error

    def expand(self, pattern: str) -> list[str]:
        """The names that a pattern stands for, in the order of glob(3) with GLOB_NOMAGIC and GLOB_BRACE."""
        names: list[str] = []
        for alternative in _braces(pattern):
            wanted = self.name(alternative)
            if alternative.endswith("/"):
                continue
            if _MAGIC.search(wanted):
                names += self._glob(wanted)
            elif self.exists(wanted):
                names.append(wanted)
        return names

    def _path(self, name: str) -> Path:
        return Path(name) if self.directory is None or name.startswith("/") else self.directory / name

    def _path_is_file(self, name: str) -> bool:
        if "\0" in name or (self.directory is None and not name.startswith("/")):
            return False
        path = self._path(name)
        try:
            return stat.S_ISREG(path.stat().st_mode)
        except PermissionError as error:
            raise ConfigError(f"cannot read {path}: {error.strerror}") from error
        except OSError:
            return False

    def _glob(self, pattern: str) -> list[str]:
        root, parts = ("/", pattern[1:].split("/")) if pattern.startswith("/") else ("", pattern.split("/"))
        found = [root]
        for part in parts:
            match = _translate(part)
            found = [
                _join(parent, entry) for parent in found for entry in self._entries(parent) if match.fullmatch(entry)
            ]
        return sorted((name for name in found if self.exists(name)), key=os.fsencode)

    def _entries(self, parent: str) -> set[str]:
        below = f"{parent}/" if parent not in ("", "/") else parent
        entries = {name[len(below) :].split("/")[0] for name in self.overlay if name.startswith(below)}
        if self.directory is not None or parent.startswith("/"):
            with contextlib.suppress(OSError):
                entries.update(entry.name for entry in self._path(parent or ".").iterdir())
        return entries


def _join(parent: str, entry: str) -> str:
    return f"{parent}{entry}" if parent in ("", "/") else f"{parent}/{entry}"


def _translate(part: str) -> re.Pattern[str]:
    """One path component of a glob as a regular expression: a leading dot is only matched by a dot."""
    text = "" if part.startswith(".") else r"(?!\.)"
    position = 0
    while position < len(part):
        character = part[position]
        position += 1
        if character == "*":
            text += ".*"
        elif character == "?":
            text += "."
        elif character == "\\" and position < len(part):
            text += re.escape(part[position])
            position += 1
        elif character == "[" and (found := _BRACKET.match(part, position)):
            text += f"[{'^' if found['negated'] else ''}{_members(found['members'])}]"
            position = found.end()
        else:
            text += re.escape(character)
    try:
        return re.compile(text, re.DOTALL)
    except re.error:  # a range that runs backwards matches nothing
        return re.compile(r"(?!)")


_BRACKET = re.compile(r"(?P<negated>[!^]?)(?P<members>\]?(?:\[:[a-z]+:\]|\\.|[^\]\\])*)\]", re.DOTALL)
_MEMBER = re.compile(r"\[:(?P<kind>[a-z]+):\]|(?P<low>\\?.)-(?P<high>\\?.)|\\?(?P<single>.)", re.DOTALL)
_CLASSES = {
    "digit": "0-9",
    "alpha": "a-zA-Z",
    "alnum": "a-zA-Z0-9",
    "lower": "a-z",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
    "space": r"\s",
    "punct": r"!-/:-@\[-`{-~",
}


def _members(text: str) -> str:
    """What stands between the brackets of a glob, as it stands between those of a regular expression."""
    members = ""
    for found in _MEMBER.finditer(text):
        if found["kind"]:
            members += _CLASSES.get(found["kind"], "")
        elif found["single"]:
            members += re.escape(found["single"])
        else:
            members += f"{re.escape(found['low'][-1])}-{re.escape(found['high'][-1])}"
    return members


def _braces(pattern: str) -> Iterator[str]:
    """`a{b,c}d` as `abd`, `acd` (nested too); braces without a partner or a comma stand for themselves."""
    waiting = [pattern]
    for _ in range(_MOST_ALTERNATIVES):
        if not waiting:
            return
        text = waiting.pop()
        parts = _first_braces(text)
        if parts is None:
            yield text
        else:
            before, alternatives, after = parts
            waiting += [before + alternative + after for alternative in reversed(alternatives)]


def _first_braces(text: str) -> tuple[str, list[str], str] | None:
    start = text.find("{")
    if start < 0:
        return None
    depth, alternatives, begin = 0, [], start + 1
    for position in range(start, len(text)):
        character = text[position]
        if character == "{":
            depth += 1
        elif character == "," and depth == 1:
            alternatives.append(text[begin:position])
            begin = position + 1
        elif character == "}":
            depth -= 1
            if not depth:
                alternatives.append(text[begin:position])
                lonely = len(alternatives) == 1 and alternatives[0]
                return None if lonely else (text[:start], alternatives, text[position + 1 :])
    return None

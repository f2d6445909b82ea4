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
_OPTION = re.compile(r"\s*(?:\[(?P<section>[^\]]*)\]|(?P<name>\w+)\s*=>?\s*(?P<value>[^\s;]+))")
_COMMENT = re.compile(r";--(?!-).*?--;", re.DOTALL)
_TRUE = ("yes", "true", "y", "t", "1", "on")
_MOST_ALTERNATIVES = 1000
MOST_LOOKED = 300_000
"""Names that all patterns of a configuration are held against: links to folders above multiply them without end."""


class Files:
    """Files below `directory` (None: only the overlay), with `overlay` (name -> text) in front of them.

    Names are relative to the directory, with `/`; a file outside it keeps its absolute path.
    """

    def __init__(self, directory: Path | None, overlay: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        self.overlay = {
            str(PurePosixPath(name)): text.encode("utf-8", "surrogateescape") for name, text in (overlay or {}).items()
        }

        self.given_up = ""
        """Why the last pattern was not followed to its end."""
        self._looked = 0
        self._listed: dict[tuple[int, int], list[str]] = {}

    @cached_property
    def etc(self) -> str:
        """The directory that the configuration calls its own: `astetcdir` of its asterisk.conf, or /etc/asterisk."""
        return self._options.get(("directories", "astetcdir"), ETC).rstrip("/")

    @cached_property
    def runs_programs(self) -> bool | None:
        """Whether asterisk.conf allows `#exec` (`execincludes=yes`); None where a directory lacks asterisk.conf."""
        if self.directory is not None and not self.exists("asterisk.conf"):
            return None
        return self._options.get(("options", "execincludes"), "").lower() in _TRUE

    @cached_property
    def _options(self) -> dict[tuple[str, str], str]:
        """What asterisk.conf says, by section and option in small letters; the last line of an option counts."""
        text = _COMMENT.sub("", (self.read("asterisk.conf") or b"").decode("utf-8", "replace"))
        section, found = "", dict[tuple[str, str], str]()
        for line in map(_OPTION.match, text.split("\n")):
            if line and line["name"] is None:
                section = line["section"].lower()
            elif line:
                found[section, line["name"].lower()] = line["value"]
        return found

    def name(self, wanted: str) -> str:
        """`wanted` as Asterisk resolves it (main/config.c, config_text_file_load), as a name of this directory.

        A path below the directory that the configuration calls its own is taken below `directory`, wherever that lies.
        """
        if not wanted.startswith("/"):
            if ".." not in wanted.split("/"):
                return os.path.normpath(wanted) if wanted.strip("/.") else wanted
            below = os.path.normpath(f"{self.etc}/{wanted}")
            return below[len(self.etc) + 1 :] if below.startswith(self.etc + "/") else os.path.normpath(wanted)
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
        if self._leads_out(name) or not self._path_is_file(name):
            return None
        path = self._path(name)
        try:
            data = _read(path)
        except FileNotFoundError:  # it went away meanwhile
            return None
        except BlockingIOError:
            self.given_up = f"{path} is no plain file"
            return None
        except OSError as error:
            raise ConfigError(f"cannot read {path}: {error.strerror}") from error
        if len(data) > MOST_BYTES:
            raise ConfigError(f"{path} is larger than {MOST_BYTES >> 20} MiB: that is no configuration file")
        return data

    def _leads_out(self, name: str) -> bool:
        """Whether a name leads out of the directory, by itself or through links; then `given_up` says so.

        Somebody else's configuration may not have this machine's files read; this machine's own may.
        """
        if self.directory is None or name in self.overlay or "\0" in name:
            return False
        place = os.path.realpath(self._path(name))
        root = os.path.realpath(self.directory)
        if place.startswith(("/proc/", "/sys/", "/dev/")):
            self.given_up = f"{name} is no plain file"
        elif root != os.path.realpath(ETC) and not f"{place}/".startswith(f"{root.rstrip('/')}/"):
            self.given_up = f"{name} lies outside of {self.directory}: copy it into that directory"
        else:
            return False
        return True

    def expand(self, pattern: str) -> list[str]:
        """The names that a pattern stands for, in the order of glob(3) with GLOB_NOMAGIC and GLOB_BRACE."""
        names: list[str] = []
        self.given_up = ""
        for alternative in _braces(pattern):
            wanted = self.name(alternative)
            if alternative.endswith("/"):
                continue
            if self._leads_out(wanted):
                return names
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
            below: list[str] = []
            for parent in found:
                entries = self._entries(parent)
                self._looked += 1 + len(entries)
                if self._looked > MOST_LOOKED:
                    self.given_up = f"{pattern} leads to more than {MOST_LOOKED:,} names"
                    return []
                below += [_join(parent, entry) for entry in entries if match.fullmatch(entry)]
            found = below
        return sorted((name for name in found if self.exists(name)), key=os.fsencode)

    def _entries(self, parent: str) -> set[str]:
        below = f"{parent}/" if parent not in ("", "/") else parent
        entries = {name[len(below) :].split("/")[0] for name in self.overlay if name.startswith(below)}
        if self.directory is not None or parent.startswith("/"):
            with contextlib.suppress(OSError):
                path = self._path(parent or ".")
                place = path.stat()
                key = place.st_dev, place.st_ino
                if key not in self._listed:
                    self._listed[key] = [entry.name for entry in path.iterdir()]
                entries.update(self._listed[key])
        return entries


def _read(path: Path) -> bytes:
    """The bytes of a file, never waiting for one that blocks; one more than MOST_BYTES at most."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, "rb") as file:  # noqa: PTH123  (a handle)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise BlockingIOError
        return file.read(MOST_BYTES + 1)


def _join(parent: str, entry: str) -> str:
    return f"{parent}{entry}" if parent in ("", "/") else f"{parent}/{entry}"


def _translate(part: str) -> re.Pattern[str]:
    """One path component of a glob as a regular expression: a leading dot is only matched by a dot."""
    text = "" if part.startswith(".") else r"(?!\.)"
    position = stars = 0
    closing = ""
    while position < len(part):
        character = part[position]
        position += 1
        if character == "*":
            # What follows a star is found at its first place: no way is ever tried twice (as in Python's fnmatch).
            text += f"{closing}(?=(?P<g{stars}>.*?"
            closing, stars = f"))(?P=g{stars})", stars + 1
            while part[position : position + 1] == "*":
                position += 1
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
    if closing:  # the last star takes the rest, which has to end as the pattern does
        head, _, tail = text.rpartition(f"(?=(?P<g{stars - 1}>.*?")
        text = f"{head}.*{tail}"
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

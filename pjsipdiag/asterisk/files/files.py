"""The files of one configuration directory, as Asterisk would open them: by name below it, by absolute path or by glob.

Everything that the loader reads goes through `Files`, so that a changed file can be laid over the directory (a what-if
replay) or a whole configuration can stand in memory.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Hashable, Mapping, Sequence, Set
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from pjsipdiag import storage
from pjsipdiag.asterisk.files.asterisk_conf import read_options
from pjsipdiag.asterisk.files.glob import WILDCARD, alternatives, one_part
from pjsipdiag.asterisk.files.lines import parse_bool, why_no_text
from pjsipdiag.errors import ConfigError, shown_name
from pjsipdiag.inputs import LARGEST_WHOLE, read_plain, read_whole
from pjsipdiag.storage import Url

ETC = "/etc/asterisk"
"""Where Asterisk looks for its files unless asterisk.conf says otherwise (`astetcdir`)."""

MOST_LOOKED = 300_000
"""Names that all patterns of a configuration are held against: links to folders above multiply them without end."""


_T = TypeVar("_T")
FileStamp = tuple[int, int, int, int]
"""Device, inode, size in bytes and time of change in nanoseconds: while they stay, the file or folder is the same."""


class Disk:
    """The disk, each file and folder of it read once: a configuration that is loaded again is the same one.

    Each method raises OSError as it did at first. Includes may read below the folders `beyond`, too.
    """

    def __init__(self, beyond: Sequence[str | Path] = ()) -> None:
        self.beyond = tuple(map(os.path.realpath, beyond))
        self._modes: dict[Path, int | OSError] = {}
        self._read: dict[Path, bytes | OSError] = {}
        self._listed: dict[Hashable, Sequence[str]] = {}
        self._mounted: tuple[Path, Url] | None = None
        self._marks: dict[Path, FileStamp | None] = {}
        self.made: dict[Hashable, tuple[Any, Mapping[str, bytes]]] = {}
        """The results of `Files.once`, with the texts that were read for each."""

    def has_changed(self) -> bool:
        """Whether a file or folder of this machine that was looked at is another one now, came or went."""
        return any(_mark(path) != mark for path, mark in self._marks.items())

    def mount(self, url: Url) -> Path:
        """The path under which a folder or file behind a URL is known here from now on."""
        self._mounted = Path(url), url
        return self._mounted[0]

    def mode(self, path: Path) -> int:
        """The kind of the file and its permissions (`st_mode` of stat(2))."""
        return _once(self._modes, path, self._mode)

    def read(self, path: Path) -> bytes:
        """The bytes of a regular file, one more than LARGEST_WHOLE at most."""
        return _once(self._read, path, self._bytes)

    def text(self, path: Path) -> str:
        """The text of a file that was named by the user, of any kind: a pipe can be read once only."""
        return _once(self._read, path, read_whole).decode("utf-8", "replace")

    def entries(self, path: Path) -> Sequence[str]:
        """The names in a folder; one that links lead to in several ways is listed once."""
        url = self._url(path)
        found = self._stat(path) if url is None else None
        key = (found.st_dev, found.st_ino) if found else path
        if key not in self._listed:
            self._listed[key] = [entry.name for entry in path.iterdir()] if url is None else storage.entries(url)
        return self._listed[key]

    def _mode(self, path: Path) -> int:
        url = self._url(path)
        if url is None:
            return self._stat(path).st_mode
        return stat.S_IFDIR if storage.entry(url).is_folder else stat.S_IFREG

    def _stat(self, path: Path) -> os.stat_result:
        self._marks.setdefault(path, _mark(path))
        return path.stat()

    def _bytes(self, path: Path) -> bytes:
        url = self._url(path)
        return read_plain(path) if url is None else storage.read_url(url)

    def _url(self, path: Path) -> Url | None:
        """The URL that a path stands for; None for a path of this machine."""
        root, url = self._mounted or (None, None)
        if root is None or url is None or not path.is_relative_to(root):
            return None
        return url if path == root else Url("/".join((url.rstrip("/"), *path.relative_to(root).parts)))


class Files:
    """Files below `directory` (None: only the overlay), with `overlay` (name -> text) in front of them.

    Names are relative to the directory, with `/`; a file outside it keeps its absolute path. `texts` are the files that
    were read, as they were. What `disk` has read before is not read again.
    """

    def __init__(
        self, directory: Path | None, overlay: Mapping[str, str] | None = None, disk: Disk | None = None
    ) -> None:
        self.directory = directory
        self.texts: dict[str, bytes] = {}
        self._disk = disk or Disk()
        self.overlay = {
            str(PurePosixPath(name)): text.encode("utf-8", "surrogateescape") for name, text in (overlay or {}).items()
        }

        self.given_up = ""
        """Why the last pattern was not followed to its end."""
        self.dangling: list[str] = []
        """Links that lead nowhere among the names that the last pattern fits."""
        self._looked = 0

    @cached_property
    def etc(self) -> str:
        """The directory that the configuration calls its own: `astetcdir` of its asterisk.conf, or /etc/asterisk."""
        return self._options.get(("directories", "astetcdir"), ETC).rstrip("/")

    @cached_property
    def runs_programs(self) -> bool | None:
        """Whether asterisk.conf allows `#exec` (`execincludes=yes`); None where a directory lacks asterisk.conf."""
        if self.directory is not None and not self.exists("asterisk.conf"):
            return None
        return parse_bool(self._options.get(("options", "execincludes"), ""))

    @cached_property
    def _options(self) -> dict[tuple[str, str], str]:
        return read_options(self.read("asterisk.conf") or b"")

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

    def log_path(self, name: str) -> str:
        """The path that Asterisk writes to its log for a file."""
        return name if name.startswith("/") else f"{self.etc}/{name}"

    def once(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """The result of `make` from these files: the same again where the disk was asked for `key` before. The files
        that it has read count as read."""
        if self.overlay:
            return make()
        known = self._disk.made.get((self.directory, key))
        if known is None:
            before = {*self.texts}
            made, read = make(), {name: text for name, text in self.texts.items() if name not in before}
            known = self._disk.made[self.directory, key] = made, read
        self.texts |= known[1]
        return known[0]

    def exists(self, name: str) -> bool:
        return name in self.overlay or self._path_is_file(name)

    def read(self, name: str) -> bytes | None:
        """The bytes of a file, None when there is no regular file of that name.

        :raises ConfigError: the file is there and cannot be read, or is no text.
        """
        found = self.overlay[name] if name in self.overlay else self._from_disk(name)
        if found is not None:
            self.texts[name] = found
        return found

    def others(self, pattern: str, read: Set[str]) -> dict[str, bytes]:
        """The files of a pattern that are not `read` ones, as far as they can be read: they count as not read."""
        found: dict[str, bytes] = {}
        for name in self._glob(pattern):
            with contextlib.suppress(ConfigError):
                text = self._from_disk(name) if name not in read else None
                found |= {name: text} if text is not None else {}
        return found

    def _from_disk(self, name: str) -> bytes | None:
        if self._leads_out(name) or not self._path_is_file(name):
            return None
        path = self._path(name)
        try:
            data = self._disk.read(path)
        except BlockingIOError:
            self.given_up = f"{path} is no plain file"
            return None
        except OSError as error:
            raise ConfigError(f"cannot read {path}: {error.strerror}") from error
        if len(data) > LARGEST_WHOLE:
            raise ConfigError(f"{path} is larger than {LARGEST_WHOLE >> 20} MiB: that is no configuration file")
        if why := why_no_text(data):
            raise ConfigError(f"{path} {why}")
        return data

    def _leads_out(self, name: str) -> bool:
        """Whether a name leads out of the directory, by itself or through links; then `given_up` says so.

        Somebody else's configuration has this machine's files read only where the user says so; this machine's own may.
        """
        if self.directory is None or name in self.overlay or "\0" in name:
            return False
        path = self._path(name)
        place = os.path.realpath(path)
        root = os.path.realpath(self.directory)
        allowed = any(_is_below(one, place) for one in (root, *self._disk.beyond)) or root == os.path.realpath(ETC)
        if is_of_kernel(path):
            self.given_up = f"{name} is no plain file"
        elif not allowed:
            outside = f"{name} lies outside of {shown_name(str(self.directory))}"
            self.given_up = f"{outside}: copy it into that directory, or name its own with --include-from"
        else:
            return False
        return True

    def expand(self, pattern: str) -> list[str]:
        """The names that a pattern stands for, in the order of glob(3) with GLOB_NOMAGIC and GLOB_BRACE."""
        names: list[str] = []
        self.given_up, self.dangling = "", []
        for alternative in alternatives(pattern):
            wanted = self.name(alternative)
            if alternative.endswith("/"):
                continue
            if self._leads_out(wanted):
                return names
            if WILDCARD.search(wanted):
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
            return stat.S_ISREG(self._disk.mode(path))
        except PermissionError as error:
            raise ConfigError(f"cannot read {path}: {error.strerror}") from error
        except OSError:
            return False

    def _glob(self, pattern: str) -> list[str]:
        root, parts = ("/", pattern[1:].split("/")) if pattern.startswith("/") else ("", pattern.split("/"))
        found = [root]
        # Folder by folder, as glob(3) goes: what one part of the pattern fits is where the next part is looked for.
        for part in parts:
            match = one_part(part)
            below: list[str] = []
            for parent in found:
                entries = self._entries(parent)
                self._looked += 1 + len(entries)
                if self._looked > MOST_LOOKED:
                    self.given_up = f"{pattern} leads to more than {MOST_LOOKED:,} names"
                    return []
                below += [_join(parent, entry) for entry in entries if match.fullmatch(entry)]
            found = below
        there = {name: self.exists(name) for name in found}
        gone = (name for name, is_there in there.items() if not is_there)
        self.dangling += [name for name in gone if (path := self._path(name)).is_symlink() and not path.exists()]
        return sorted((name for name, is_there in there.items() if is_there), key=os.fsencode)

    def _entries(self, parent: str) -> set[str]:
        below = f"{parent}/" if parent not in ("", "/") else parent
        entries = {name[len(below) :].split("/")[0] for name in self.overlay if name.startswith(below)}
        if self.directory is not None or parent.startswith("/"):
            with contextlib.suppress(OSError):
                entries.update(self._disk.entries(self._path(parent or ".")))
        return entries


def _is_below(root: str, place: str) -> bool:
    return f"{place}/".startswith(f"{root.rstrip('/')}/")


def _once(known: dict[Path, _T | OSError], path: Path, ask: Callable[[Path], _T]) -> _T:
    if path not in known:
        try:
            known[path] = ask(path)
        except OSError as error:
            known[path] = error
    found = known[path]
    if isinstance(found, OSError):
        raise found.with_traceback(None)
    return found


def _mark(path: Path) -> FileStamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def is_of_kernel(path: str | Path) -> bool:
    """Whether a path leads to what the kernel makes up: such files may wait for events, or never end."""
    return os.path.realpath(path).startswith(("/proc/", "/sys/", "/dev/"))


def _join(parent: str, entry: str) -> str:
    return f"{parent}{entry}" if parent in ("", "/") else f"{parent}/{entry}"

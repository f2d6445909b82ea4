"""Where results are written: one rule for every command that has -o.

An input is never replaced, by whatever name or link it is given; what exists is replaced only when asked (`force`);
a file is written beside its place and then renamed, so that it is the whole new one or the untouched old one.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, TextIO

from pjsipdiag.dataclass import dataclass
from pjsipdiag.errors import PjsipdiagError, visible

PRIVATE_MODE, USUAL_MODE = 0o600, 0o666
"""The mode of what may hold secrets, and of what does not (the umask takes from it)."""


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a file, or the file that holds them, and the widest mode that it may have."""

    data: bytes | Path
    mode: int = USUAL_MODE


def mode_of(path: Path) -> int:
    """The mode of a file as the widest one of its copy; that of secrets where the file is not there."""
    try:
        return stat.S_IMODE(path.stat().st_mode) & 0o666
    except OSError:
        return PRIVATE_MODE


def named_files(paths: Iterable[str]) -> Iterator[str]:
    """The paths, the files that those with `*`, `?` or `[` mean, and all that lies below folders."""
    for path in paths:
        yield path
        for place in glob.glob(path) if glob.has_magic(path) else (path,):  # noqa: PTH207  (also absolute patterns)
            yield place
            for folder, _, names in os.walk(place):
                yield from (f"{folder}/{name}" for name in names)


def refuse_taken(path: str, *, inputs: Iterable[str | Path] = (), force: bool = False) -> None:
    """Demands that `write_bytes` may write there, before the work for it begins. Raises PjsipdiagError."""
    target = Path(os.path.realpath(path))
    _refuse_input(path, target, inputs)
    if target.is_dir():
        raise PjsipdiagError(f"{visible(path) or repr(path)} is a directory: name a file")
    if (target.is_file() or (os.path.lexists(target) and not target.exists())) and not force:
        raise PjsipdiagError(f"{visible(path)} exists already: --force replaces it")


@contextmanager
def write_file(
    path: str, *, inputs: Iterable[str | Path] = (), force: bool = False, mode: int = PRIVATE_MODE
) -> Iterator[TextIO]:
    """The file `path` for text; see `write_bytes`."""
    with write_bytes(path, inputs=inputs, force=force, mode=mode) as raw:
        stream = TextIOWrapper(raw, encoding="utf-8", newline="")
        try:
            yield stream
            stream.flush()
        finally:
            with suppress(OSError, ValueError):
                stream.detach()


@contextmanager
def write_bytes(
    path: str, *, inputs: Iterable[str | Path] = (), force: bool = False, mode: int = PRIVATE_MODE
) -> Iterator[BinaryIO]:
    """The file `path` for writing; a device or a pipe is written to as it is. Raises PjsipdiagError."""
    target = Path(os.path.realpath(path))
    try:
        refuse_taken(path, inputs=inputs, force=force)
        if target.exists() and not target.is_file():
            with target.open("wb") as stream:
                yield stream
            return
        beside = str(target.with_name(f".{target.name[:100]}.{os.urandom(8).hex()}"))
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_MODE)
        try:
            with open(handle, "wb") as stream:  # noqa: PTH123  (a handle)
                yield stream
            _settle(beside, target, mode, force)
        finally:
            with suppress(FileNotFoundError):
                Path(beside).unlink()
    except OSError as error:
        raise PjsipdiagError(f"{visible(path)}: cannot be written: {error.strerror}") from None


def write_folder(
    directory: Path, files: Mapping[str, Content], *, inputs: Iterable[str | Path] = (), force: bool = False
) -> None:
    """Writes `files` (name below the directory: content), all of them or none. Raises PjsipdiagError."""
    for name in files:
        if name.startswith("/") or ".." in name.split("/") or "\0" in name:
            raise PjsipdiagError(f"{visible(name)} lies outside of {visible(str(directory))}: nothing is written")
    try:
        _refuse_input(str(directory), directory, inputs)
        if directory.is_dir():
            if any(directory.iterdir()) and not force:
                raise PjsipdiagError(
                    f"{visible(str(directory))} exists already and is not empty: name a new directory, or say --force"
                )
        elif os.path.lexists(directory):
            raise PjsipdiagError(f"{visible(str(directory))} exists already and is no directory: name a new one")
        _refuse_links(directory, files, inputs)
        made = [parent for parent in (directory, *directory.parents) if not parent.exists()]
        directory.mkdir(parents=True, exist_ok=True)
        try:
            _stage(directory, files)
        except BaseException:
            for parent in made:
                with suppress(OSError):
                    parent.rmdir()
            raise
    except OSError as error:
        raise PjsipdiagError(f"{visible(str(directory))}: cannot be written: {error.strerror}") from None


def _stage(directory: Path, files: Mapping[str, Content]) -> None:
    """All files beside their places first, then each is renamed; where one cannot be, all are again as they were."""
    import shutil
    from tempfile import mkdtemp

    staging = Path(mkdtemp(dir=directory, prefix=".writing."))
    before: list[tuple[Path, Path]] = []
    """Files that are replaced, and where what was there is kept."""
    folders: list[Path] = []
    try:
        for number, content in enumerate(files.values()):
            if isinstance(content.data, Path):
                shutil.copyfile(content.data, staging / str(number))
            else:
                (staging / str(number)).write_bytes(content.data)
        for number, (name, content) in enumerate(files.items()):
            target, kept = directory / name, staging / f"before-{number}"
            folders += [parent for parent in target.parents if not parent.exists()]
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_file():
                _keep(target, kept)
            before.append((target, kept))
            _settle(str(staging / str(number)), target, content.mode, force=True)
    except BaseException:
        for target, kept in reversed(before):
            with suppress(OSError):
                if kept.exists():
                    kept.replace(target)
                else:
                    target.unlink()
        for folder in sorted(folders, key=lambda folder: len(folder.parts), reverse=True):
            with suppress(OSError):
                folder.rmdir()
        raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _keep(file: Path, place: Path) -> None:
    try:
        place.hardlink_to(file)
    except OSError:  # a file system without links, or another one
        from shutil import copy2

        copy2(file, place)


def _settle(beside: str, target: Path, mode: int, force: bool) -> None:
    # A temporary file is its owner's alone, whatever the umask says: the mode is set here, by the umask, which can only
    # be read by setting it.
    mask = os.umask(0)
    os.umask(mask)
    Path(beside).chmod(mode & ~mask)
    if force:
        Path(beside).replace(target)
        return
    try:
        target.hardlink_to(beside)  # unlike a rename, it replaces nothing that came meanwhile
    except FileExistsError:
        raise PjsipdiagError(f"{visible(str(target))} exists already: --force replaces it") from None
    except OSError:  # a file system without links
        Path(beside).replace(target)


def _refuse_input(shown: str, target: Path, inputs: Iterable[str | Path]) -> None:
    for given in inputs:
        with suppress(OSError, ValueError):
            if target.exists() and Path(given).samefile(target):
                raise PjsipdiagError(f"{visible(shown)} is an input: name another place for the result")


def _refuse_links(directory: Path, files: Mapping[str, Content], inputs: Iterable[str | Path]) -> None:
    """No folder on the way may lead outside, and no file may be an input."""
    root = os.path.realpath(directory)
    given = tuple(inputs)
    for name in files:
        place = directory / name
        if not f"{os.path.realpath(place.parent)}/".startswith(f"{root}/"):
            raise PjsipdiagError(f"{visible(str(place))} lies outside of {visible(str(directory))}: nothing is written")
        _refuse_input(str(place), place, given)
        if place.is_dir():
            raise PjsipdiagError(f"{visible(str(place))} is a directory: nothing is written")

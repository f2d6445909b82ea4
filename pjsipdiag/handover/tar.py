"""Archives (tar) from others: plain files are taken out, below one folder and in bounded size.

Only the first form of headers (ustar) is read. What later ones add, long names and sparse files among it, could make a
small archive large.
"""

from __future__ import annotations

import tarfile
from gzip import GzipFile
from io import BufferedReader
from pathlib import Path
from typing import IO, BinaryIO

from pjsipdiag.errors import PjsipdiagError, visible

BLOCK = 512
MOST_FILES = 20_000
_PIECE = 1 << 20


def unpack(stream: IO[bytes] | BufferedReader, folder: Path, root: str, most_bytes: int) -> list[str]:
    """Writes the plain files whose names begin with `root` below `folder`; the rests of their names, in order.

    :raises PjsipdiagError: a name leads out of the folder, a size is beyond all measure, or the archive is damaged.
    """
    names: list[str] = []
    left = most_bytes
    for _ in range(MOST_FILES):
        header = stream.read(BLOCK)
        if not header.strip(b"\0"):
            return names
        try:
            member = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise PjsipdiagError(f"the archive is damaged: {error}") from None
        left -= member.size
        if member.size < 0 or left < 0:
            raise PjsipdiagError(f"the archive holds more than {most_bytes >> 20} MB")
        if member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and member.name.startswith(root):
            names.append(_below(member.name.removeprefix(root)))
            with _create(folder, names[-1]) as target:
                _copy(stream, member.size, target)
        else:
            _copy(stream, member.size, None)
        stream.read(-member.size % BLOCK)
    raise PjsipdiagError(f"the archive holds more than {MOST_FILES:,} files")


def pack(stream: IO[bytes] | GzipFile, files: dict[str, Path]) -> None:
    """Writes files as such an archive, readable by their owner only; their times and owners stay out.

    :raises PjsipdiagError: a name is longer than the form allows.
    """
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, path in files.items():
            member = tarfile.TarInfo(name)
            member.mode, member.size = 0o600, path.stat().st_size
            try:
                with path.open("rb") as content:
                    archive.addfile(member, content)
            except ValueError as error:
                raise PjsipdiagError(f"{visible(name)}: {error}") from None


def _below(name: str) -> str:
    if not {"", ".", ".."}.isdisjoint(name.split("/")):
        raise PjsipdiagError(f"{visible(name)} in the archive leads out of it")
    return name


def _create(folder: Path, name: str) -> BinaryIO:
    place = folder / name
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        return place.open("xb")
    except (FileExistsError, NotADirectoryError):
        raise PjsipdiagError(f"{visible(name)} is twice in the archive") from None


def _copy(stream: IO[bytes] | BufferedReader, size: int, target: BinaryIO | None) -> None:
    while size:
        piece = stream.read(min(size, _PIECE))
        if not piece:
            raise PjsipdiagError("the archive is cut off")
        size -= len(piece)
        if target is not None:
            target.write(piece)

"""A bundle: captures, configuration and what the running Asterisk told, in one archive that `diagnose` takes.

pjsipdiag-bundle/about.txt        when, where and how it was collected
pjsipdiag-bundle/capture*.pcap
pjsipdiag-bundle/etc/...          of /etc/asterisk what decides on calls
pjsipdiag-bundle/asterisk.live    as --save-live writes it
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from pjsipdiag.capture.source.compressed import decompress
from pjsipdiag.dataclass import dataclass
from pjsipdiag.errors import UNPACKED, PjsipdiagError, visible
from pjsipdiag.handover import tar
from pjsipdiag.outputs import write_bytes
from pjsipdiag.redact.redacted_files import LIVE_FILE

ROOT = "pjsipdiag-bundle"
ABOUT = "about.txt"
LARGEST_BUNDLE = 4 << 30
"""Bytes of the files in a bundle, unpacked."""
_MOST_TOLD = 2000
_MOST_BEHIND = 1 << 20
"""Bytes behind the last file that are read, for the checksum follows them."""
_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Bundle:
    """The content of one, as paths: `config` a directory, `live` a file of --save-live, each None where it lacks them.
    `about` is one line of text."""

    captures: tuple[str, ...]
    config: str | None
    live: str | None
    about: str


def is_bundle(path: str) -> bool:
    """Whether a file starts as a bundle does; False for what cannot be read."""
    try:
        if not Path(path).is_file():
            return False
        with Path(path).open("rb") as file:
            if file.read(2) != _MAGIC:
                return False
            file.seek(0)
            return gzip.GzipFile(fileobj=file).read(tar.BLOCK).startswith(f"{ROOT}/".encode())
    except (OSError, EOFError, zlib.error):
        return False


@contextmanager
def unpack_bundle(path: str, *, any_ratio: bool = False) -> Iterator[Bundle]:
    """A bundle in a private folder, which is removed at the end; `any_ratio`: see `decompress`.

    :raises PjsipdiagError: it is damaged, or holds what none does.
    """
    with TemporaryDirectory(prefix="pjsipdiag-") as temporary:
        damage: list[str] = []
        folder = Path(f"{temporary}{UNPACKED}{Path(path).name}")
        try:
            with Path(path).open("rb") as file, decompress(file, damage, any_ratio=any_ratio) as content:
                stream = io.BufferedReader(content)
                names = tar.unpack(stream, folder, f"{ROOT}/", LARGEST_BUNDLE)
                stream.read(_MOST_BEHIND)
        except PjsipdiagError as error:
            raise PjsipdiagError(f"{visible(path)}: {damage[0] if damage else error}") from None
        if damage:
            raise PjsipdiagError(f"{visible(path)}: {damage[0]}")
        captures = tuple(str(folder / name) for name in names if name.startswith("capture") and "/" not in name)
        config = str(folder / "etc") if any(name.startswith("etc/") for name in names) else None
        about = (folder / ABOUT).read_bytes()[:_MOST_TOLD].decode("utf-8", "replace") if ABOUT in names else ""
        live = str(folder / LIVE_FILE) if LIVE_FILE in names else None
        yield Bundle(captures, config, live, "; ".join(about.strip().split("\n")))


def write_bundle(folder: Path, about: Sequence[str], path: str, *, force: bool) -> None:
    """Writes the files below `folder` as a bundle that only its owner can read.

    :raises PjsipdiagError: `path` cannot be written.
    """
    (folder / ABOUT).write_text("".join(f"{visible(line)}\n" for line in about), encoding="utf-8")
    names = sorted((str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()), key=_first)
    with write_bytes(path, force=force) as stream, gzip.GzipFile(fileobj=stream, mode="wb", filename="") as packed:
        tar.pack(packed, {f"{ROOT}/{name}": folder / name for name in names})


def _first(name: str) -> tuple[bool, str]:
    return name != ABOUT, name

"""The path that was given as a configuration: a directory, a single file, or something that is none."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from pjsipdiag.asterisk.files.files import Disk, Files, is_of_kernel
from pjsipdiag.asterisk.loading.object_options import OBJECT_TYPES
from pjsipdiag.asterisk.loading.sources.sorcery import MAIN_FILE
from pjsipdiag.asterisk.section import Section
from pjsipdiag.errors import ConfigError
from pjsipdiag.storage import Url, locate

CAPTURE_MAGICS = (
    b"\xa1\xb2\xc3\xd4",
    b"\xd4\xc3\xb2\xa1",
    b"\xa1\xb2\x3c\x4d",
    b"\x4d\x3c\xb2\xa1",
    b"\x0a\x0d\x0d\x0a",
)
"""The first bytes of pcap and pcapng."""
PACKED_MAGICS = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ", b"BZh", b"PK\x03\x04")
"""The first bytes of gzip, zstd, xz, bzip2 and zip."""
TAR = b"ustar"
TRACE = re.compile(rb"<--- (?:Received|Transmitting) SIP|^(?:INVITE|REGISTER|OPTIONS) sips?:\S+ SIP/2\.0", re.MULTILINE)
"""A line that only a log of SIP messages has."""
HEAD_BYTES = 65536
"""Bytes at the head of a file that tell what it is."""


def _recognise(path: str, file: Path, disk: Disk) -> None:
    """Names a file that is none of a configuration, and where it belongs."""
    try:
        head = disk.read(file)[:HEAD_BYTES]
    except PermissionError:
        return  # told where it is read
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    if head.startswith(CAPTURE_MAGICS) or TRACE.search(head):
        what = "a capture" if head.startswith(CAPTURE_MAGICS) else "a log"
        raise ConfigError(f"{path} is {what}, no configuration: captures stand without -c, and -c takes the directory")
    if head.startswith(PACKED_MAGICS) or head[257:262] == TAR:
        raise ConfigError(
            f"{path} is compressed or an archive, no configuration: unpack it and give its directory with -c; a capture"
            " stands without -c"
        )


def require_objects(name: str, sections: Sequence[Section]) -> None:
    """Demands that a file under another name than pjsip.conf is one of PJSIP all the same.

    :raises ConfigError: none of its sections is an object.
    """
    types = {found.value.lower() for section in sections if (found := section.first("type"))}
    if name != MAIN_FILE and sections and types.isdisjoint(OBJECT_TYPES):
        raise ConfigError(
            f"{name} holds no object of PJSIP (type=endpoint, type=identify and the like): give its directory with -c"
        )


def no_main_file(path: str | Path | None) -> ConfigError:
    """The error that there is neither the main file nor a table in its place."""
    if path is not None and os.path.lexists(Path(path) / MAIN_FILE):
        return ConfigError(f"{MAIN_FILE} in {path} is no plain file: it is a folder, or a link that leads nowhere")
    return ConfigError(f"no {MAIN_FILE} in {path or 'the given files'}: is it Asterisk's configuration directory?")


def open_path(
    path: str | Path | None, overlay: Mapping[str, str] | None, main: str = MAIN_FILE, disk: Disk | None = None
) -> tuple[str, Files, bool]:
    """The name of the main file, the files, and whether the main file is all that is known. `main` is another name for
    pjsip.conf."""
    disk = disk or Disk()
    if path is None:
        files = Files(None, overlay)
    else:
        place = locate(str(path))
        path = disk.mount(place) if isinstance(place, Url) else Path(place)
        try:
            kind = disk.mode(path)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ConfigError(
                f"no configuration at {place} ({reason}): give Asterisk's configuration directory or a pjsip.conf"
            ) from error
        if stat.S_ISREG(kind) and not is_of_kernel(path):
            _recognise(place, path, disk)
            return path.name, Files(path.parent, overlay, disk), True
        if not stat.S_ISDIR(kind):
            raise ConfigError(f"{path} cannot be read: it is neither a directory nor a plain file")
        files = Files(path, overlay, disk)
    if not files.exists(main) and not files.exists("extconfig.conf"):
        raise no_main_file(path)
    return main, files, False
